//! Constraints of a transaction, against the newest state with the transaction applied.

use std::{collections::HashMap, sync::Arc};

use crate::{
    apply::NEWEST,
    catalog::{Table, TableId, Unique},
    error::{Error, Result},
    state::{State, TableParts},
    term::term,
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
        for (key, change) in changes {
            let (old, new) = match change {
                Change::Insert(new) => (None, Some(new)),
                Change::Update { old, new } => (Some(old), Some(new)),
                Change::Delete(_) => (None, None),
            };
            match new {
                Some(new) => {
                    checker.unique(table, key, old, new)?;
                    checker.references(table, key, old, new)?;
                }
                None => checker.referrers(table, key)?,
            }
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
    for row in rows {
        checker.unique(table, row.key()?, None, row)?;
        checker.references(table, row.key()?, None, row)?;
    }
    Ok(())
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

    fn unique(&mut self, table: &Arc<Table>, key: &Key, old: Option<&Row>, new: &Row) -> Result<()> {
        for constraint in &table.unique {
            let holds_null = constraint.columns.iter().any(|at| new.get(*at).is_null());
            let with_key = constraint.columns.contains(&0);
            let same = |old: &Row| constraint.columns.iter().all(|at| old.get(*at) == new.get(*at));
            if holds_null || with_key || old.is_some_and(same) {
                continue;
            }
            if self.rows_with(table, constraint, new)? > 1 {
                let columns = constraint.columns.iter().filter_map(|at| table.spec.columns.get(*at));
                return Err(Error::UniqueViolation {
                    table: table.spec.name.to_string(),
                    constraint: constraint.name.to_string(),
                    columns: columns.map(|column| column.name.to_string()).collect(),
                    key: key.to_string(),
                });
            }
        }
        Ok(())
    }

    fn rows_with(&mut self, table: &Arc<Table>, constraint: &Unique, row: &Row) -> Result<u64> {
        let parts = self.parts(table)?;
        let mut found = None;
        for at in &constraint.columns {
            let with = parts.lookup(*at, &[term(row.get(*at))])?;
            let both = match found {
                None => with,
                Some(found) => with.and(&found),
            };
            if both.len() <= 1 {
                return Ok(both.len());
            }
            found = Some(both);
        }
        Ok(found.map_or(0, |rows| rows.len()))
    }

    fn references(&mut self, table: &Arc<Table>, key: &Key, old: Option<&Row>, new: &Row) -> Result<()> {
        for (column, target) in &table.references {
            let value = new.get(*column);
            if old.is_some_and(|old| old.get(*column) == value) {
                continue;
            }
            let Value::Text(target_key) = value else { continue };
            let target = self.state.catalog.must_by_id(*target)?;
            if self.parts(target)?.find(target_key)?.is_none() {
                return Err(Error::ReferenceViolation {
                    table: table.spec.name.to_string(),
                    column: column_name(table, *column),
                    key: key.to_string(),
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
            let value = [term(&Value::Text(key.clone()))];
            if !self.parts(child)?.lookup(*column, &value)?.is_empty() {
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

fn column_name(table: &Table, at: usize) -> String {
    table.spec.columns.get(at).map(|column| column.name.to_string()).unwrap_or_default()
}
