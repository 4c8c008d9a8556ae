//! How large a statement is when each common table is written out where it is named.
//!
//! The planner writes them out, and walks over the whole again for each step that it adds. `WITH a AS (…), b AS (SELECT * FROM a
//! UNION ALL SELECT * FROM a), c AS (… b … b), …` is twice as large with each table: so the tables that it would read are
//! counted on the parsed statement, before anything is planned.

use std::{collections::HashMap, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, Statement, Visit, Visitor};

use crate::{
    error::{Error, Result},
    planner::PlannerOptions,
};

/// Refuses a statement that names more tables than a plan may have operators, those of common tables counted wherever they
/// are named; and one of which a table stands upon more tables than a plan may have levels.
///
/// # Errors
///
/// `Limited`.
pub(super) fn check(statement: &Statement, options: &PlannerOptions) -> Result<()> {
    let most = |limit: usize| u64::try_from(limit).unwrap_or(u64::MAX);
    let most = Size { tables: most(options.plan_operators_max), depth: most(options.plan_depth_max) };
    let mut counting = Counting { most, around: Vec::new(), names: HashMap::new() };
    let ControlFlow::Break(size) = statement.visit(&mut counting) else { return Ok(()) };
    let message = if size.tables > most.tables {
        format!("reads more than {} tables (plan_operators_max)", most.tables)
    } else {
        format!("has tables upon tables, more than {} levels (plan_depth_max)", most.depth)
    };
    let message = format!(
        "the question is too complex: with its common tables written out it {message}; ask for less at once, or in parts"
    );
    Err(Error::limited("", message))
}

/// How large a query is.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// Tables that it names.
    tables: u64,
    /// Tables that stand upon each other.
    depth: u64,
}

struct Counting {
    most: Size,
    /// Of the queries around, from the outermost: their common tables so far, and the tables that they name.
    around: Vec<Level>,
    /// What the query at an address is called: it is the body of a common table.
    names: HashMap<usize, String>,
}

#[derive(Default)]
struct Level {
    common: HashMap<String, Size>,
    size: Size,
}

fn address(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}

/// A name as the planner looks it up: in lower case unless it was quoted.
fn looked_up(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

impl Counting {
    fn add(&mut self, more: Size) -> ControlFlow<Size> {
        let Some(level) = self.around.last_mut() else { return ControlFlow::Continue(()) };
        level.size.tables = level.size.tables.saturating_add(more.tables);
        level.size.depth = level.size.depth.max(more.depth);
        let is_too_large = level.size.tables > self.most.tables || level.size.depth > self.most.depth;
        if is_too_large { ControlFlow::Break(level.size) } else { ControlFlow::Continue(()) }
    }
}

impl Visitor for Counting {
    type Break = Size;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Size> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.names.insert(address(&table.query), looked_up(&table.alias.name));
        }
        self.around.push(Level::default());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Size> {
        let Some(Level { size, .. }) = self.around.pop() else { return ControlFlow::Continue(()) };
        match (self.names.remove(&address(query)), self.around.last_mut()) {
            (Some(name), Some(outer)) => {
                outer.common.insert(name, Size { tables: size.tables.max(1), depth: size.depth + 1 });
                ControlFlow::Continue(())
            }
            _ => self.add(size),
        }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Size> {
        let parts = relation.0.iter().map(|part| part.as_ident().map(looked_up));
        let name = parts.collect::<Option<Vec<_>>>().map(|parts| parts.join("."));
        let known = name.and_then(|name| self.around.iter().rev().find_map(|level| level.common.get(&name)));
        let size = known.copied().unwrap_or(Size { tables: 1, depth: 1 });
        self.add(size)
    }
}
