//! Functions that give sets, arrays compared with text, struct fields: what the catalog questions of tools use.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::{
    ast::{
        AccessExpr, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Select, Subscript, TableFactor,
        Value, ValueWithSpan, VisitorMut,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use super::build::{self, arguments, call, function_name, item_expr_mut, literal_text, take};
use crate::catalog::{RewriteError, column::Shape, facts, functions::parse_array};

/// Functions that give a list here and a set in PostgreSQL.
const SETS: [&str; 4] =
    ["generate_subscripts", "generate_series", "_pg_expandarray", "pg_partition_ancestors"];

/// The visitor.
pub struct Sets;

impl VisitorMut for Sets {
    type Break = RewriteError;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        expand_outputs(select);
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        match computed_series(factor) {
            Ok(Some(derived)) => *factor = derived,
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        part_of_value(expr);
        text_as_array(expr);
        vector_subscripts(expr);
        ControlFlow::Continue(())
    }
}

/// A set function as an output becomes `unnest(list)`; DataFusion unnests several side by side, as PostgreSQL does.
fn expand_outputs(select: &mut Select) {
    for item in &mut select.projection {
        if let Some(expr) = item_expr_mut(item) {
            expand(expr);
        }
    }
}

/// DataFusion's `generate_series` in FROM takes numbers only: one whose bounds are computed becomes a subquery.
fn computed_series(factor: &TableFactor) -> Result<Option<TableFactor>, RewriteError> {
    let TableFactor::Table { name, args: Some(args), alias, .. } = factor else {
        return Ok(None);
    };
    let is_number = |argument: &FunctionArg| {
        matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(_) | Expr::UnaryOp { .. })))
    };
    if build::parts(name) != ["generate_series"] || args.args.iter().all(is_number) {
        return Ok(None);
    }
    let bounds: Vec<String> = args.args.iter().map(ToString::to_string).collect();
    let text = format!("SELECT unnest(generate_series({})) AS generate_series", bounds.join(", "));
    let subquery =
        Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).and_then(|mut parser| parser.parse_query());
    let subquery = subquery.map_err(|error| RewriteError(error.to_string()))?;
    Ok(Some(TableFactor::Derived { lateral: false, subquery, alias: alias.clone(), sample: None }))
}

fn expand(expr: &mut Expr) {
    match expr {
        Expr::Function(function)
            if function_name(function).is_some_and(|name| SETS.contains(&name.as_str())) =>
        {
            *expr = call("unnest", vec![take(expr)]);
        }
        Expr::Nested(inner) => expand(inner),
        Expr::CompoundFieldAccess { root, .. } => expand(root),
        _ => {}
    }
}

/// `int2vector` and `oidvector` count from 0.
fn is_vector(expr: &Expr) -> bool {
    column_shape(expr).is_some_and(|(pg_type, _)| pg_type.ends_with("vector"))
}

/// `(x).n` and `(information_schema._pg_expandarray(k)).n`; `indoption[0]` is the first.
fn part_of_value(expr: &mut Expr) {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else {
        return;
    };
    if let [AccessExpr::Subscript(Subscript::Index { index })] = access_chain.as_mut_slice()
        && is_vector(root)
    {
        let one = Expr::Value(ValueWithSpan::from(Value::Number("1".to_owned(), false)));
        *index =
            Expr::BinaryOp { left: Box::new(take(index)), op: BinaryOperator::Plus, right: Box::new(one) };
        return;
    }
    let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice() else {
        return;
    };
    let field = build::text(&build::folded(field));
    *expr = call("get_field", vec![take(root), field]);
}

/// The shape of a catalog column by its name.
fn column_shape(expr: &Expr) -> Option<(&'static str, Shape)> {
    let name = match expr {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(names) => names.last()?,
        Expr::Nested(inner) => return column_shape(inner),
        _ => return None,
    };
    let pg_type = facts::column_type(&build::folded(name))?;
    Some((pg_type, Shape::of(pg_type)))
}

/// `polroles = '{0}'`: the text is an array; both are compared as text.
fn text_as_array(expr: &mut Expr) {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } = expr else {
        return;
    };
    let (column, literal) = if literal_text(right).is_some() { (left, right) } else { (right, left) };
    let is_list = column_shape(column).is_some_and(|(_, shape)| {
        matches!(shape, Shape::TextList | Shape::OidList | Shape::Int2List | Shape::Int4List)
    });
    let Some(items) = literal_text(literal).filter(|text| is_list && text.starts_with('{')) else {
        return;
    };
    let joined = parse_array(items).into_iter().flatten().collect::<Vec<_>>().join(",");
    **literal = build::text(&joined);
    let listed = take(column);
    **column = call("array_to_string", vec![listed, build::text(",")]);
}

/// The subscripts of such a vector.
fn vector_subscripts(expr: &mut Expr) {
    let Expr::Function(function) = expr else {
        return;
    };
    if function_name(function).as_deref() != Some("generate_subscripts") {
        return;
    }
    let all: Vec<Expr> = arguments(function).into_iter().cloned().collect();
    if all.first().is_some_and(is_vector) {
        *expr = call("generate_vector_subscripts", all);
    }
}
