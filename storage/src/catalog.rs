//! Which tables there are. The catalog is immutable; a change makes a new one, and is an entry of the log.
//!
//! Columns are known by their position for ever: a later version of a table may only append columns. So rows in the
//! log and in segments are positional, and a row shorter than its table ends in nulls.

mod indexed;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

pub(crate) use self::indexed::Indexed;
use crate::{
    error::{Error, Result},
    schema::{ColumnType, TableName, TableSpec},
};

/// Names that columns made by the store itself have.
const RESERVED: [&str; 2] = ["_csn", "_score"];

/// A table's number: its place in the order of definition, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct TableId(pub u32);

/// A table with what follows from its spec.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub id: TableId,
    pub spec: Arc<TableSpec>,
    pub schema: SchemaRef,
    /// What rows are found by: indexed columns, references, and what unique constraints put together.
    pub indexed: Vec<Indexed>,
    /// Unique constraints over one column or more.
    pub unique: Vec<Unique>,
    /// Columns that refer to keys of a table.
    pub references: Vec<(usize, TableId)>,
    /// Columns of tables that refer to this one.
    pub referrers: Vec<(TableId, usize)>,
    /// Columns of full-text search.
    pub searchable: Vec<usize>,
}

/// A unique constraint with the index that tells whether it holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unique {
    pub name: Arc<str>,
    pub index: Indexed,
}

impl Table {
    /// The index of one column.
    pub fn column_index(&self, at: usize) -> Option<&Indexed> {
        self.indexed.iter().find(|index| index.single() == Some(at))
    }
}

/// All tables at one CSN.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    tables: Vec<Arc<Table>>,
    by_name: HashMap<TableName, TableId>,
}

impl Catalog {
    /// The catalog of these specs, numbered in order.
    ///
    /// # Errors
    ///
    /// `Invalid`, naming what does not hold.
    pub fn new(specs: Vec<Arc<TableSpec>>) -> Result<Catalog> {
        Self::beside(specs, &[])
    }

    /// As [`Self::new`], where the tables of some of the very same specs, numbered alike, are known.
    fn beside(specs: Vec<Arc<TableSpec>>, known: &[Arc<Table>]) -> Result<Catalog> {
        let mut by_name = HashMap::new();
        for (number, spec) in specs.iter().enumerate() {
            let id = TableId(u32::try_from(number).map_err(|_| invalid("too many tables"))?);
            if by_name.insert(spec.name.clone(), id).is_some() {
                return Err(invalid(format!("table {:?} is defined twice", spec.name)));
            }
        }
        let mut tables = Vec::with_capacity(specs.len());
        for (at, spec) in specs.iter().enumerate() {
            let known = known.get(at).filter(|known| Arc::ptr_eq(&known.spec, spec)).cloned();
            tables.push(known.map_or_else(|| resolve(spec, &by_name).map(Arc::new), Ok)?);
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
        Ok(Catalog { tables, by_name })
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
        if changed { Catalog::beside(specs, &self.tables).map(Some) } else { Ok(None) }
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

fn resolve(spec: &Arc<TableSpec>, by_name: &HashMap<TableName, TableId>) -> Result<Table> {
    let name = &spec.name;
    check_columns(spec)?;
    let mut columns: BTreeSet<usize> =
        spec.columns.iter().enumerate().filter(|(at, c)| *at > 0 && c.indexed).map(|(at, _)| at).collect();
    let mut unique = Vec::new();
    for constraint in &spec.unique {
        let index = Indexed::unique(spec, constraint)?;
        unique.push(Unique { name: constraint.name.clone(), index });
    }
    columns.extend(unique.iter().filter_map(|unique| unique.index.single()).filter(|at| *at > 0));
    let references = references(spec, by_name)?;
    columns.extend(references.iter().map(|(at, _)| *at));
    let mut indexed: Vec<Indexed> = columns.into_iter().map(Indexed::column).collect();
    for Unique { index, .. } in &unique {
        // A key is unique as it is, with whatever beside it.
        if !index.columns.contains(&0) && !indexed.contains(index) {
            indexed.push(index.clone());
        }
    }
    let searchable =
        spec.columns.iter().enumerate().filter(|(_, c)| c.searchable).map(|(at, _)| at).collect();
    let id = by_name.get(name).copied().ok_or_else(|| Error::Internal(format!("no number for {name:?}")))?;
    Ok(Table {
        id,
        spec: spec.clone(),
        schema: spec.arrow(),
        indexed,
        unique,
        references,
        referrers: Vec::new(),
        searchable,
    })
}

fn references(spec: &TableSpec, by_name: &HashMap<TableName, TableId>) -> Result<Vec<(usize, TableId)>> {
    let name = &spec.name;
    let mut references = Vec::new();
    for reference in &spec.references {
        let at = spec.position(&reference.column).ok_or_else(|| Error::UnknownColumn {
            table: name.to_string(),
            column: reference.column.to_string(),
        })?;
        if spec.columns.get(at).map(|c| c.column_type) != Some(ColumnType::Text) {
            return Err(invalid(format!(
                "reference {:?} of {name:?} must be a text column",
                reference.column
            )));
        }
        let target = by_name.get(&reference.target).ok_or_else(|| {
            invalid(format!(
                "{:?} of {name:?} refers to {:?}, which is no table",
                reference.column, reference.target
            ))
        })?;
        references.push((at, *target));
    }
    Ok(references)
}

fn check_columns(spec: &TableSpec) -> Result<()> {
    let name = &spec.name;
    if spec.columns.first().map(|key| key.column_type) != Some(ColumnType::Text) {
        return Err(invalid(format!("column 0 of {name:?} must be its key, a text")));
    }
    let mut names = BTreeSet::new();
    for column in &spec.columns {
        if !names.insert(&column.name) {
            return Err(invalid(format!("column {:?} of {name:?} is defined twice", column.name)));
        }
        if column.name.is_empty() || column.name.contains('\0') || RESERVED.contains(&&*column.name) {
            return Err(invalid(format!("column {:?} of {name:?}: the name is taken or empty", column.name)));
        }
        if column.searchable && column.column_type != ColumnType::Text {
            return Err(invalid(format!(
                "column {:?} of {name:?} is searchable but not a text",
                column.name
            )));
        }
        if let ColumnType::Decimal { precision, scale } = column.column_type
            && (precision == 0 || precision > 38 || scale < 0 || scale.unsigned_abs() > precision)
        {
            return Err(invalid(format!(
                "column {:?} of {name:?}: no decimal({precision}, {scale})",
                column.name
            )));
        }
    }
    Ok(())
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
