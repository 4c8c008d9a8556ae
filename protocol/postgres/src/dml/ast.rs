//! Questions made of the parts of a change: trees, never text.

use datafusion::sql::sqlparser::{
    ast::{
        Expr, Ident, ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins,
        Value,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use crate::{
    error::{PgError, Result},
    names::hidden,
    sqlstate::SqlState,
};

/// `SELECT projection FROM from WHERE selection`.
pub fn select(
    projection: Vec<SelectItem>,
    from: Vec<TableWithJoins>,
    selection: Option<Expr>,
) -> Result<Statement> {
    let (mut query, mut select) = template()?;
    select.projection = projection;
    select.from = from;
    select.selection = selection;
    query.body = Box::new(SetExpr::Select(select));
    Ok(Statement::Query(query))
}

/// An empty SELECT to fill: its many fields are the parser's business.
fn template() -> Result<(Box<Query>, Box<Select>)> {
    let broken = || PgError::new(SqlState::INTERNAL, "a question could not be made");
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, "SELECT NULL").map_err(|_| broken())?;
    match statements.pop() {
        Some(Statement::Query(query)) => match query.body.as_ref() {
            SetExpr::Select(select) => Ok((query.clone(), select.clone())),
            _ => Err(broken()),
        },
        _ => Err(broken()),
    }
}

/// `expr AS name`, with a name that nothing else has.
pub fn named(expr: Expr, name: &str, number: usize) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: hidden(name, number) }
}

/// `qualifier.column`, exactly as written.
pub fn column(qualifier: &Ident, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![qualifier.clone(), Ident::with_quote('"', name)])
}

/// A table alone.
pub fn table(factor: TableFactor) -> TableWithJoins {
    TableWithJoins { relation: factor, joins: Vec::new() }
}

/// `$n`.
pub fn parameter(number: usize) -> Expr {
    Expr::Value(Value::Placeholder(format!("${number}")).into())
}

/// `left = right`.
pub fn equals(left: Expr, right: Expr) -> Expr {
    binary(left, datafusion::sql::sqlparser::ast::BinaryOperator::Eq, right)
}

/// `left AND right`.
pub fn and(left: Expr, right: Expr) -> Expr {
    binary(left, datafusion::sql::sqlparser::ast::BinaryOperator::And, right)
}

fn binary(left: Expr, op: datafusion::sql::sqlparser::ast::BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// `expr IN ('a', 'b')`.
pub fn is_one_of(expr: Expr, texts: &[String]) -> Expr {
    let list = texts.iter().map(|t| Expr::Value(Value::SingleQuotedString(t.clone()).into())).collect();
    Expr::InList { expr: Box::new(expr), list, negated: false }
}

/// The identifiers of a dotted name.
pub fn parts(name: &ObjectName) -> Vec<&Ident> {
    name.0.iter().filter_map(|p| p.as_ident()).collect()
}
