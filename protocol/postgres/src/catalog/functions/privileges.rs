//! `has_…_privilege`: until there are permissions, a session may read and change every record it sees and define nothing.

use std::sync::Arc;

use datafusion::{error::Result, logical_expr::ScalarUDF};

use super::{CatalogFunction, invalid};
use crate::catalog::{CatalogSession, cell::Cell, column::Shape};

/// The function, how many arguments it has without a user, what may be done.
const GRANTS: [(&str, usize, &[&str]); 10] = [
    ("has_table_privilege", 2, &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("has_any_column_privilege", 2, &["SELECT", "INSERT", "UPDATE"]),
    ("has_column_privilege", 3, &["SELECT", "INSERT", "UPDATE"]),
    ("has_schema_privilege", 2, &["USAGE"]),
    ("has_database_privilege", 2, &["CONNECT"]),
    ("has_function_privilege", 2, &["EXECUTE"]),
    ("has_type_privilege", 2, &["USAGE"]),
    ("has_language_privilege", 2, &["USAGE"]),
    ("has_sequence_privilege", 2, &[]),
    ("has_tablespace_privilege", 2, &[]),
];

pub fn functions(session: &CatalogSession) -> Vec<Arc<ScalarUDF>> {
    let mut functions: Vec<_> = GRANTS
        .iter()
        .map(|(name, least, granted)| {
            CatalogFunction::new(name, Shape::Bool, *least..=least + 1, |arguments| {
                decide(arguments, granted)
            })
            .udf()
        })
        .collect();
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
