//! Output names as PostgreSQL gives them (`count`, `?column?`), and the same name twice.
//!
//! DataFusion wants the columns of one SELECT to differ. What would repeat gets a mark and a number behind its name; [`shown`] cuts them off
//! again when the columns are announced.

use std::{collections::HashSet, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{
    Expr, Function, Ident, ObjectName, Select, SelectItem, Statement, Value, VisitorMut,
};

use crate::walk;

/// Unit separator: in no name that a person writes.
const MARK: char = '\u{1f}';

/// The name for the client.
pub fn shown(name: &str) -> &str {
    name.split(MARK).next().unwrap_or(name)
}

/// An internal name that nothing else has: for columns this door adds itself.
pub fn hidden(name: &str, number: usize) -> Ident {
    Ident::with_quote('"', format!("{name}{MARK}{number}"))
}

/// Names every output column of every SELECT in the statement.
pub fn name_outputs(statement: &mut Statement) {
    // The visitor never breaks.
    let ControlFlow::Continue(()) = walk::change(statement, &mut Namer);
}

struct Namer;

impl VisitorMut for Namer {
    type Break = std::convert::Infallible;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        name_select(select);
        ControlFlow::Continue(())
    }
}

/// Names the columns of one SELECT list.
pub fn name_items(items: &mut [SelectItem]) {
    let has_wildcard =
        items.iter().any(|i| matches!(i, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
    let mut taken = HashSet::new();
    for (number, item) in items.iter_mut().enumerate() {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = name_of(expr);
                let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
                let is_free = taken.insert(name.clone());
                if is_column && is_free && !has_wildcard {
                    continue;
                }
                let alias = if is_free && !has_wildcard {
                    Ident::with_quote('"', name)
                } else {
                    hidden(&name, number)
                };
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
            SelectItem::ExprWithAlias { alias, .. } => {
                let name = folded(alias);
                if !taken.insert(name.clone()) {
                    *alias = hidden(&name, number);
                }
            }
            _ => {}
        }
    }
}

fn name_select(select: &mut Select) {
    name_items(&mut select.projection);
}

/// An identifier as it is looked up: in lower case unless it was quoted.
pub fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

/// The last part of a dotted name, as it is looked up.
pub fn last_part(name: &ObjectName) -> String {
    name.0.last().and_then(|p| p.as_ident()).map(folded).unwrap_or_default()
}

/// PostgreSQL's rule (`FigureColname`): a column's own name, a function's, what is cast, else `?column?`.
fn name_of(expr: &Expr) -> String {
    figure(expr).unwrap_or_else(|| "?column?".to_owned())
}

fn figure(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(folded(ident)),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        Expr::Function(Function { name, .. }) => Some(last_part(name)),
        Expr::Cast { expr, data_type, .. } => {
            figure(expr).or_else(|| Some(type_name(&data_type.to_string().to_ascii_lowercase())))
        }
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => figure(inner),
        Expr::AtTimeZone { .. } => Some("timezone".to_owned()),
        Expr::CompoundFieldAccess { root, .. } => figure(root),
        Expr::Case { else_result, .. } => {
            Some(else_result.as_deref().and_then(figure_of_else).unwrap_or_else(|| "case".to_owned()))
        }
        Expr::Exists { .. } => Some("exists".to_owned()),
        Expr::Array(_) => Some("array".to_owned()),
        Expr::Extract { .. } => Some("extract".to_owned()),
        Expr::Substring { .. } => Some("substring".to_owned()),
        Expr::Position { .. } => Some("position".to_owned()),
        Expr::Trim { .. } => Some("btrim".to_owned()),
        Expr::Ceil { .. } => Some("ceil".to_owned()),
        Expr::Floor { .. } => Some("floor".to_owned()),
        Expr::Overlay { .. } => Some("overlay".to_owned()),
        Expr::Value(value) => match value.value {
            Value::Boolean(_) => Some("bool".to_owned()),
            _ => None,
        },
        Expr::Interval(_) => Some("interval".to_owned()),
        Expr::TypedString(typed) => Some(type_name(&typed.data_type.to_string().to_ascii_lowercase())),
        Expr::Subquery(query) => match query.body.as_ref() {
            datafusion::sql::sqlparser::ast::SetExpr::Select(select) => match select.projection.first()? {
                SelectItem::UnnamedExpr(expr) => figure(expr),
                SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// CASE takes its name from a column in ELSE, not from a constant there.
fn figure_of_else(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(_) | Expr::Cast { .. } => None,
        other => figure(other),
    }
}

/// PostgreSQL's own name of a type that was cast to.
fn type_name(written: &str) -> String {
    let bare = written.split('(').next().unwrap_or(written).trim();
    match bare {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "double precision" | "double" | "float" => "float8",
        "real" => "float4",
        "decimal" | "dec" => "numeric",
        "character varying" => "varchar",
        "char" | "character" => "bpchar",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests;
