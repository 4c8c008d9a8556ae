//! How large a statement is when each common table is written out where it is named.
//!
//! The planner writes them out, and walks over the whole again for each step that it adds. `WITH a AS (…), b AS (SELECT * FROM a
//! UNION ALL SELECT * FROM a), c AS (… b … b), …` is twice as large with each table: so the tables that it would read are
//! counted on the parsed statement, before anything is planned.

use std::{collections::HashMap, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{ObjectName, Query, Statement, Visit, Visitor};

use crate::error::{Error, Result};

/// Refuses a statement that names more than so many tables, those of common tables counted wherever they are named.
///
/// # Errors
///
/// `Limited`.
pub(super) fn check(statement: &Statement, tables_max: usize) -> Result<()> {
    let mut counting = Counting { max: u64::try_from(tables_max).unwrap_or(u64::MAX), ..Counting::default() };
    match statement.visit(&mut counting) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            let message = format!(
                "the question is too complex: with its common tables written out it reads more than {tables_max} tables \
                 (plan_operators_max); ask for less at once, or in parts"
            );
            Err(Error::limited("", message))
        }
    }
}

#[derive(Default)]
struct Counting {
    max: u64,
    /// Of the queries around, from the outermost: their common tables so far, and the tables that they name.
    around: Vec<Level>,
    /// What the query at an address is called: it is the body of a common table.
    names: HashMap<usize, String>,
}

#[derive(Default)]
struct Level {
    common: HashMap<String, u64>,
    tables: u64,
}

fn address(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}

impl Counting {
    fn add(&mut self, tables: u64) -> ControlFlow<()> {
        let Some(level) = self.around.last_mut() else { return ControlFlow::Continue(()) };
        level.tables = level.tables.saturating_add(tables);
        if level.tables > self.max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Visitor for Counting {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.names.insert(address(&table.query), table.alias.name.value.to_lowercase());
        }
        self.around.push(Level::default());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let Some(level) = self.around.pop() else { return ControlFlow::Continue(()) };
        match (self.names.remove(&address(query)), self.around.last_mut()) {
            (Some(name), Some(outer)) => {
                outer.common.insert(name, level.tables.max(1));
                ControlFlow::Continue(())
            }
            _ => self.add(level.tables),
        }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = match &relation.0[..] {
            [part] => part.as_ident().map(|name| name.value.to_lowercase()),
            _ => None,
        };
        let known = name.and_then(|name| self.around.iter().rev().find_map(|level| level.common.get(&name)));
        let tables = known.copied().unwrap_or(1);
        self.add(tables)
    }
}
