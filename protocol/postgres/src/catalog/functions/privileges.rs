//! `has_…_privilege`: what a session may do with some records of an object by its permission sets; it defines nothing. What is
//! only looked at is not changed, and neither is the catalog.

use std::sync::Arc;

use datafusion::{error::Result, logical_expr::ScalarUDF};

use super::{CatalogFunction, argument, invalid, names::relation_of};
use crate::catalog::{
    CatalogSession,
    cell::Cell,
    column::Shape,
    facts,
    model::{Column, Model, Relation},
    only_read,
};

/// What a question about a relation is about, how many arguments it has without a user.
#[derive(Clone, Copy, PartialEq)]
enum About {
    Table,
    AnyColumn,
    Column,
}

const OF_RELATIONS: [(&str, usize, About); 3] = [
    ("has_table_privilege", 2, About::Table),
    ("has_any_column_privilege", 2, About::AnyColumn),
    ("has_column_privilege", 3, About::Column),
];

/// The function, how many arguments it has without a user, what may be done.
const GRANTS: [(&str, usize, &[&str]); 7] = [
    ("has_schema_privilege", 2, &["USAGE"]),
    ("has_database_privilege", 2, &["CONNECT"]),
    ("has_function_privilege", 2, &["EXECUTE"]),
    ("has_type_privilege", 2, &["USAGE"]),
    ("has_language_privilege", 2, &["USAGE"]),
    ("has_sequence_privilege", 2, &[]),
    ("has_tablespace_privilege", 2, &[]),
];

pub fn functions(model: &Arc<Model>, session: &CatalogSession) -> Vec<Arc<ScalarUDF>> {
    let mut functions: Vec<_> = GRANTS
        .iter()
        .map(|(name, least, granted)| {
            CatalogFunction::new(name, Shape::Bool, *least..=least + 1, |arguments| {
                decide(arguments, granted)
            })
            .udf()
        })
        .collect();
    functions.extend(OF_RELATIONS.map(|(name, least, about)| {
        let model = Arc::clone(model);
        let decide = move |arguments: &[Cell]| of_relation(&model, arguments, (least, about));
        CatalogFunction::new(name, Shape::Bool, least..=least + 1, decide).udf()
    }));
    let user = session.user.clone();
    functions.push(
        CatalogFunction::new("pg_has_role", Shape::Bool, 2..=3, move |arguments| {
            let role = arguments.iter().rev().nth(1).and_then(Cell::as_text).unwrap_or_default();
            Ok(Cell::Bool(role == user))
        })
        .udf(),
    );
    functions
}

/// As [`decide`], about a relation or its columns; null for an oid or a column number that nothing has.
///
/// # Errors
///
/// Plan error for a name of nothing.
fn of_relation(model: &Model, arguments: &[Cell], (least, about): (usize, About)) -> Result<Cell> {
    // The user comes first, where one is named.
    let of = arguments.len().saturating_sub(least);
    let name = argument(arguments, of);
    let unknown = |what: String| match name.as_oid() {
        Some(_) => Ok(Cell::Null),
        None => Err(invalid(format!("{what} does not exist"))),
    };
    let shown = name.display().unwrap_or_default();
    let Some(oid) = relation_of(model, name)? else { return unknown(format!("relation \"{shown}\"")) };
    let Some(relation) = model.relation(oid).or_else(|| Some(model.index(oid)?.0)) else {
        return match facts::relations().any(|fact| fact.oid == oid) {
            true => decide(arguments, only_read::READ),
            false => unknown(format!("relation \"{shown}\"")),
        };
    };
    let granted: Vec<&str> = match about {
        About::Table => relation.grants.to_vec(),
        About::AnyColumn => {
            relation.columns.iter().flat_map(|column| relation.grants_on(&column.name)).collect()
        }
        About::Column => match column_of(relation, argument(arguments, of + 1)) {
            Some(column) => relation.grants_on(&column.name).collect(),
            None => {
                let column = argument(arguments, of + 1);
                if column.as_text().is_none() {
                    return Ok(Cell::Null);
                }
                let column = column.display().unwrap_or_default();
                let message = format!("column \"{column}\" of relation \"{shown}\" does not exist");
                return Err(invalid(message));
            }
        },
    };
    decide(arguments, &granted)
}

fn column_of<'a>(relation: &'a Relation, name: &Cell) -> Option<&'a Column> {
    match name.as_text() {
        Some(text) => relation.columns.iter().find(|column| column.name == text),
        None => relation.column(i16::try_from(name.as_int()?).ok()?),
    }
}

/// Whether any privilege of the last argument's list (`SELECT, UPDATE`) is granted; `WITH GRANT OPTION` never is.
///
/// # Errors
///
/// Plan error for a privilege that PostgreSQL has not either.
fn decide(arguments: &[Cell], granted: &[&str]) -> Result<Cell> {
    const KNOWN: [&str; 13] = [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "TRUNCATE",
        "REFERENCES",
        "TRIGGER",
        "USAGE",
        "CREATE",
        "CONNECT",
        "TEMPORARY",
        "TEMP",
        "EXECUTE",
    ];
    let asked = arguments.last().and_then(Cell::as_text).unwrap_or_default().to_uppercase();
    let mut any = false;
    for privilege in asked.split(',').map(str::trim) {
        let bare = privilege.trim_end_matches("WITH GRANT OPTION").trim();
        if !KNOWN.contains(&bare) {
            return Err(invalid(format!("unrecognized privilege type: \"{privilege}\"")));
        }
        any |= bare == privilege && granted.contains(&bare);
    }
    Ok(Cell::Bool(any))
}
