//! Turns a question over `pg_catalog` and `information_schema` into one that DataFusion can plan.
//!
//! Two depths. **Every** statement gets what PostgreSQL spells in its own way and means one thing only ([`spelling`]):
//! `pg_catalog.f(x)`, `OPERATOR(pg_catalog.~)`, `COLLATE pg_catalog.default`, casts to `regclass` and its kin, to `oid`, `name`,
//! `"char"`, array literals. Statements whose tables are **all** catalog tables ([`scope`]) are changed further, in ways that are right
//! because of what is known about these tables: `tableoid` and `xmin` ([`system_columns`]), subqueries in expressions ([`subqueries`]), functions that give sets
//! ([`sets`]). A form that nothing here knows goes on unchanged: DataFusion refuses
//! it, and the refusal is told to the client and logged as an unanswered probe.

mod build;
mod scope;
mod sets;
mod spelling;
mod subqueries;
mod system_columns;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Statement, VisitorMut};

pub use scope::{Scope, of as scope_of};

use super::RewriteError;
use crate::walk;

/// See [`super::rewrite`].
///
/// # Errors
///
/// A form that is known and can't be answered.
pub fn rewrite(mut statement: Statement) -> Result<Statement, RewriteError> {
    let scope = scope::of(&statement);
    let is_catalog = scope == Scope::Catalog;
    run(&mut statement, &mut spelling::Spelling { is_catalog })?;
    if is_catalog {
        run(&mut statement, &mut system_columns::SystemColumns)?;
        run(&mut statement, &mut sets::Sets)?;
        run(&mut statement, &mut subqueries::Subqueries)?;
    }
    if let Statement::Query(query) = &mut statement {
        spelling::show_names(query, is_catalog);
    }
    Ok(statement)
}

fn run(
    statement: &mut Statement,
    visitor: &mut impl VisitorMut<Break = RewriteError>,
) -> Result<(), RewriteError> {
    match walk::change(statement, visitor) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}
