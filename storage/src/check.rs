//! Constraints of a transaction, against the newest state with the transaction applied.

use std::{collections::HashMap, sync::Arc};

use crate::{
    apply::NEWEST,
    catalog::{Table, TableId, Unique},
    error::{Error, Result},
    state::{State, TableParts},
    term::{Term, term},
    value::{Key, Row, Value},
    write::{Change, WriteSet},
};

/// Unique values, references to keys, references from others.
///
/// # Errors
///
/// The first violation, in the order of tables and keys.
pub(crate) fn constraints(state: &State, writes: &WriteSet) -> Result<()> {
    let mut checker = Checker { state, parts: HashMap::new() };
    for (name, changes) in writes.tables() {
        let table = state.catalog.must_get(name)?;
        let put: Vec<Put<'_>> = changes.values().filter_map(Put::of).collect();
        checker.unique(table, &put)?;
        for put in &put {
            checker.references(table, put)?;
        }
        for (key, _) in changes.iter().filter(|(_, change)| change.new_row().is_none()) {
            checker.referrers(table, key)?;
        }
    }
    Ok(())
}

/// Unique values and references of rows that are there, for constraints that are new.
///
/// # Errors
///
/// The first violation.
pub(crate) fn rows(state: &State, table: &Arc<Table>, rows: &[Row]) -> Result<()> {
    let mut checker = Checker { state, parts: HashMap::new() };
    let put: Vec<Put<'_>> = rows.iter().map(|new| Put { old: None, new }).collect();
    checker.unique(table, &put)?;
    put.iter().try_for_each(|put| checker.references(table, put))
}

/// A row that was put, in place of another perhaps.
struct Put<'a> {
    old: Option<&'a Row>,
    new: &'a Row,
}

impl Put<'_> {
    fn of(change: &Change) -> Option<Put<'_>> {
        match change {
            Change::Insert(new) => Some(Put { old: None, new }),
            Change::Update { old, new } => Some(Put { old: Some(old), new }),
            Change::Delete(_) => None,
        }
    }
}

struct Checker<'a> {
    state: &'a State,
    parts: HashMap<TableId, TableParts>,
}

impl Checker<'_> {
    fn parts(&mut self, table: &Arc<Table>) -> Result<&TableParts> {
        if !self.parts.contains_key(&table.id) {
            self.parts.insert(table.id, self.state.parts(table, NEWEST)?);
        }
        self.parts.get(&table.id).ok_or_else(|| Error::Internal("no parts".into()))
    }

    /// One question for all rows: each is found by its own term, so where no more rows are found than terms were asked
    /// for, no two share one.
    fn unique(&mut self, table: &Arc<Table>, put: &[Put<'_>]) -> Result<()> {
        for constraint in table.unique.iter().filter(|constraint| !constraint.index.columns.contains(&0)) {
            let mut terms: Vec<_> = put.iter().filter_map(|put| new_term(constraint, put)).collect();
            terms.sort_unstable();
            terms.dedup();
            if terms.is_empty()
                || self.parts(table)?.lookup(&constraint.index, &terms)?.len() <= count(&terms)
            {
                continue;
            }
            for put in put {
                let Some(term) = new_term(constraint, put) else { continue };
                if self.parts(table)?.lookup(&constraint.index, &[term])?.len() > 1 {
                    return Err(violation(table, constraint, put.new.key()?));
                }
            }
        }
        Ok(())
    }

    fn references(&mut self, table: &Arc<Table>, put: &Put<'_>) -> Result<()> {
        for (column, target) in &table.references {
            let value = put.new.get(*column);
            if put.old.is_some_and(|old| old.get(*column) == value) {
                continue;
            }
            let Value::Text(target_key) = value else { continue };
            let target = self.state.catalog.must_by_id(*target)?;
            if self.parts(target)?.find(target_key)?.is_none() {
                return Err(Error::ReferenceViolation {
                    table: table.spec.name.to_string(),
                    column: column_name(table, *column),
                    key: put.new.key()?.to_string(),
                    target: target.spec.name.to_string(),
                    target_key: target_key.to_string(),
                });
            }
        }
        Ok(())
    }

    fn referrers(&mut self, table: &Arc<Table>, key: &Key) -> Result<()> {
        for (child, column) in &table.referrers {
            let child = self.state.catalog.must_by_id(*child)?;
            let index = child
                .column_index(*column)
                .ok_or_else(|| Error::Internal("a reference has no index".into()))?;
            let value = [term(&Value::Text(key.clone()))];
            if !self.parts(child)?.lookup(index, &value)?.is_empty() {
                return Err(Error::StillReferenced {
                    table: table.spec.name.to_string(),
                    key: key.to_string(),
                    child: child.spec.name.to_string(),
                    column: column_name(child, *column),
                });
            }
        }
        Ok(())
    }
}

/// The term by which a constraint finds a row that was put, unless nothing changed in that. Null is no value.
fn new_term(constraint: &Unique, put: &Put<'_>) -> Option<Term> {
    let is_null = |row: &Row| constraint.index.columns.iter().any(|at| row.get(*at).is_null());
    let term = |row: &Row| constraint.index.term(row).filter(|_| !is_null(row));
    let new = term(put.new)?;
    let old = put.old.and_then(term);
    (old.as_ref() != Some(&new)).then_some(new)
}

fn count(terms: &[Term]) -> u64 {
    u64::try_from(terms.len()).unwrap_or(u64::MAX)
}

pub(crate) fn violation(table: &Table, constraint: &Unique, key: &Key) -> Error {
    Error::UniqueViolation {
        table: table.spec.name.to_string(),
        constraint: constraint.name.to_string(),
        columns: constraint.index.columns.iter().map(|at| column_name(table, *at)).collect(),
        key: key.to_string(),
    }
}

pub(crate) fn column_name(table: &Table, at: usize) -> String {
    table.spec.columns.get(at).map(|column| column.name.to_string()).unwrap_or_default()
}
