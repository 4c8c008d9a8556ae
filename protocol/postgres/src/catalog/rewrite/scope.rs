//! Which tables a statement asks: only the catalog's, none, or others too.

use std::{collections::HashSet, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{Query, Statement, TableFactor, Visitor};

use super::build::{folded, parts};
use crate::{catalog::facts, walk};

/// What a statement asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// No table at all.
    Nothing,
    /// Catalog tables and no other.
    Catalog,
    /// Some other table.
    Other,
}

/// The scope of a statement.
pub fn of(statement: &Statement) -> Scope {
    if !matches!(statement, Statement::Query(_) | Statement::Explain { .. }) {
        return Scope::Other;
    }
    let mut names = CteNames::default();
    // Neither visitor breaks.
    let ControlFlow::Continue(()) = walk::look(statement, &mut names);
    let mut tables = Tables { ctes: names.0, catalog: false, other: false };
    let ControlFlow::Continue(()) = walk::look(statement, &mut tables);
    match (tables.catalog, tables.other) {
        (_, true) => Scope::Other,
        (true, false) => Scope::Catalog,
        (false, false) => Scope::Nothing,
    }
}

#[derive(Default)]
struct CteNames(HashSet<String>);

impl Visitor for CteNames {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(ctes.map(|cte| folded(&cte.alias.name)));
        ControlFlow::Continue(())
    }
}

struct Tables {
    ctes: HashSet<String>,
    catalog: bool,
    other: bool,
}

impl Visitor for Tables {
    type Break = std::convert::Infallible;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        let TableFactor::Table { name, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        match parts(name).as_slice() {
            [table] if self.ctes.contains(table) => {}
            [table] if facts::table("pg_catalog", table).is_some() => self.catalog = true,
            [schema, table] if facts::table(schema, table).is_some() => self.catalog = true,
            _ => self.other = true,
        }
        ControlFlow::Continue(())
    }
}
