//! Small pieces of syntax, and questions about them.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, OrderByExpr, Select, SelectItem, SetExpr, TableFactor, Value, ValueWithSpan,
};

/// An identifier as it is looked up: in lower case unless it was quoted.
pub fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

/// The parts of a dotted name as they are looked up.
pub fn parts(name: &ObjectName) -> Vec<String> {
    name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect()
}

/// The bare name of a function, when it has no schema or PostgreSQL's own.
pub fn function_name(function: &Function) -> Option<String> {
    match parts(&function.name).as_slice() {
        [name] => Some(name.clone()),
        [schema, name] if is_system(schema) => Some(name.clone()),
        _ => None,
    }
}

/// Whether a schema is PostgreSQL's own.
pub fn is_system(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema")
}

/// `name(arguments)`.
pub fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    ordered_call(name, arguments, Vec::new())
}

/// `name(arguments ORDER BY …)`.
pub fn ordered_call(name: &str, arguments: Vec<Expr>, order: Vec<OrderByExpr>) -> Expr {
    let args =
        arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    let clauses = if order.is_empty() {
        Vec::new()
    } else {
        vec![datafusion::sql::sqlparser::ast::FunctionArgumentClause::OrderBy(order)]
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The plain arguments of a call.
pub fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    list.args
        .iter()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// A text literal.
pub fn text(value: &str) -> Expr {
    Expr::Value(ValueWithSpan::from(Value::SingleQuotedString(value.to_owned())))
}

/// A number literal.
pub fn number(digits: &str) -> Expr {
    Expr::Value(ValueWithSpan::from(Value::Number(digits.to_owned(), false)))
}

/// `NULL`.
pub fn null() -> Expr {
    Expr::Value(ValueWithSpan::from(Value::Null))
}

/// `true` or `false`.
pub fn boolean(value: bool) -> Expr {
    Expr::Value(ValueWithSpan::from(Value::Boolean(value)))
}

/// The text of a literal.
pub fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan {
            value: Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text),
            ..
        }) => Some(text),
        _ => None,
    }
}

/// Takes an expression out of its place.
pub fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, null())
}

/// The conjuncts of a condition.
pub fn conjuncts(condition: Expr) -> Vec<Expr> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = conjuncts(*left);
            all.extend(conjuncts(*right));
            all
        }
        Expr::Nested(inner) if matches!(*inner, Expr::BinaryOp { op: BinaryOperator::And, .. }) => {
            conjuncts(*inner)
        }
        other => vec![other],
    }
}

/// All of the conditions; none for none.
pub fn all_of(conditions: Vec<Expr>) -> Option<Expr> {
    conditions.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::And,
        right: Box::new(right),
    })
}

/// The SELECT of a query that is nothing but one.
pub fn select_of(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) if query.order_by.is_none() && query.limit_clause.is_none() => {
            select_of(&query.body)
        }
        _ => None,
    }
}

/// The expression of an output column.
pub fn item_expr(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The expression of an output column, to change.
pub fn item_expr_mut(item: &mut SelectItem) -> Option<&mut Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The catalog table that a table factor names, as (schema, name).
pub fn catalog_table(factor: &TableFactor) -> Option<(String, String)> {
    let TableFactor::Table { name, args: None, .. } = factor else {
        return None;
    };
    match parts(name).as_slice() {
        [table] => Some(("pg_catalog".to_owned(), table.clone())),
        [schema, table] if is_system(schema) => Some((schema.clone(), table.clone())),
        _ => None,
    }
}
