//! Which tables there are. The catalog is immutable; a change makes a new one, and is an entry of the log.
//!
//! Columns are known by their position for ever: a later version of a table may only append columns. So rows in the
//! log and in segments are positional, and a row shorter than its table ends in nulls.
//!
//! What follows from a spec by itself is its [`TableShape`], which all stores of a process hold once ([`Shapes`]). What a
//! store has of its own for each table is its number, and who refers to whom.

mod indexed;
mod shape;

use std::{
    collections::{BTreeSet, HashMap},
    ops::Deref,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    indexed::Indexed,
    shape::{Shapes, TableShape, Unique},
};
use crate::{
    error::{Error, Result},
    schema::{TableName, TableSpec},
};

/// A table's number: its place in the order of definition, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct TableId(pub u32);

/// A table of a store: its shape, and its place among the others.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub id: TableId,
    pub shape: Arc<TableShape>,
    /// Columns that refer to keys of a table.
    pub references: Vec<(usize, TableId)>,
    /// Columns of tables that refer to this one.
    pub referrers: Vec<(TableId, usize)>,
}

impl Deref for Table {
    type Target = TableShape;

    fn deref(&self) -> &TableShape {
        &self.shape
    }
}

/// All tables at one CSN.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    tables: Vec<Arc<Table>>,
    by_name: HashMap<TableName, TableId>,
    shapes: Arc<Shapes>,
}

impl Catalog {
    /// The catalog of these specs, numbered in order; shapes that are known are held once.
    ///
    /// # Errors
    ///
    /// `Invalid`, naming what does not hold.
    pub fn new(specs: Vec<Arc<TableSpec>>, shapes: &Arc<Shapes>) -> Result<Catalog> {
        Self::beside(specs, &[], shapes)
    }

    /// The catalog of these specs in place of this one.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn replaced(&self, specs: Vec<Arc<TableSpec>>) -> Result<Catalog> {
        Self::beside(specs, &self.tables, &self.shapes)
    }

    /// As [`Self::new`], where the tables of some of the specs, numbered alike, are known.
    fn beside(specs: Vec<Arc<TableSpec>>, known: &[Arc<Table>], shapes: &Arc<Shapes>) -> Result<Catalog> {
        let mut by_name = HashMap::with_capacity(specs.len());
        let mut shaped = Vec::with_capacity(specs.len());
        for (number, spec) in specs.into_iter().enumerate() {
            let id = TableId(u32::try_from(number).map_err(|_| invalid("too many tables"))?);
            let known = known.get(number);
            let shape = match known.filter(|known| Arc::ptr_eq(&known.spec, &spec)) {
                Some(known) => known.shape.clone(),
                None => shapes.of(spec)?,
            };
            let name = &shape.spec.name;
            if by_name.insert(name.clone(), id).is_some() {
                return Err(invalid(format!("table {name:?} is defined twice")));
            }
            shaped.push((id, shape, known));
        }
        let mut tables = Vec::with_capacity(shaped.len());
        for (id, shape, known) in shaped {
            let known = known.filter(|known| Arc::ptr_eq(&known.shape, &shape)).cloned();
            tables.push(known.map_or_else(|| table(id, shape, &by_name).map(Arc::new), Ok)?);
        }
        let mut referrers: HashMap<TableId, Vec<(TableId, usize)>> = HashMap::new();
        for table in &tables {
            for (column, target) in &table.references {
                referrers.entry(*target).or_default().push((table.id, *column));
            }
        }
        for table in &mut tables {
            let referrers = referrers.remove(&table.id).unwrap_or_default();
            if table.referrers != referrers {
                Arc::make_mut(table).referrers = referrers;
            }
        }
        Ok(Catalog { tables, by_name, shapes: shapes.clone() })
    }

    /// This catalog with `tables` in place of, or added to, its own; `None` when nothing changes.
    ///
    /// # Errors
    ///
    /// `Invalid` when a column is missing or changed, naming it.
    pub fn with(&self, tables: Vec<TableSpec>) -> Result<Option<Catalog>> {
        let mut specs = self.specs();
        let mut seen = BTreeSet::new();
        let mut changed = false;
        for spec in tables {
            if !seen.insert(spec.name.clone()) {
                return Err(invalid(format!("table {:?} is defined twice", spec.name)));
            }
            let place = self.by_name.get(&spec.name).and_then(|id| specs.get_mut(index(*id)));
            match place {
                Some(old) if **old == spec => {}
                Some(old) => {
                    check_evolution(old, &spec)?;
                    *old = Arc::new(spec);
                    changed = true;
                }
                None => {
                    specs.push(Arc::new(spec));
                    changed = true;
                }
            }
        }
        if changed { self.replaced(specs).map(Some) } else { Ok(None) }
    }

    /// The specs in the order of their numbers.
    pub fn specs(&self) -> Vec<Arc<TableSpec>> {
        self.tables.iter().map(|table| table.spec.clone()).collect()
    }

    /// All tables.
    pub fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    /// A table by name.
    ///
    /// # Errors
    ///
    /// `UnknownTable`.
    pub fn must_get(&self, name: &str) -> Result<&Arc<Table>> {
        let found = self.by_name.get(name).and_then(|id| self.tables.get(index(*id)));
        found.ok_or_else(|| Error::UnknownTable(name.to_string()))
    }

    /// A table by number.
    ///
    /// # Errors
    ///
    /// `Internal`: numbers come from the catalog itself.
    pub fn must_by_id(&self, id: TableId) -> Result<&Arc<Table>> {
        self.tables.get(index(id)).ok_or_else(|| Error::Internal(format!("no table number {}", id.0)))
    }
}

fn index(id: TableId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

fn invalid(what: impl Into<String>) -> Error {
    Error::Invalid(what.into())
}

/// A table of a shape among those of these names.
fn table(id: TableId, shape: Arc<TableShape>, by_name: &HashMap<TableName, TableId>) -> Result<Table> {
    let mut references = Vec::with_capacity(shape.referring.len());
    for (at, reference) in shape.referring.iter().zip(&shape.spec.references) {
        let target = by_name.get(&reference.target).ok_or_else(|| {
            invalid(format!(
                "{:?} of {:?} refers to {:?}, which is no table",
                reference.column, shape.spec.name, reference.target
            ))
        })?;
        references.push((*at, *target));
    }
    Ok(Table { id, shape, references, referrers: Vec::new() })
}

fn check_evolution(old: &TableSpec, new: &TableSpec) -> Result<()> {
    for (at, column) in old.columns.iter().enumerate() {
        let table = &old.name;
        let Some(now) = new.columns.get(at) else {
            return Err(invalid(format!(
                "column {:?} of {table:?} is missing; columns can't be removed",
                column.name
            )));
        };
        if now.name != column.name {
            return Err(invalid(format!(
                "column {at} of {table:?} is {:?} and can't become {:?}; new columns go to the end",
                column.name, now.name
            )));
        }
        if now.column_type != column.column_type {
            return Err(invalid(format!(
                "column {:?} of {table:?} is {:?} and can't become {:?}",
                column.name, column.column_type, now.column_type
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
