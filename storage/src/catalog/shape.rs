//! What follows from a table's spec by itself, whichever store has the table.
//!
//! A thousand tenants over the same packages have the same tables: each spec, its Arrow schema and its indexes are in memory
//! once for all of them, wherever the spec came from: a definition, a log or a manifest.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Weak},
};

use arrow::datatypes::SchemaRef;
use parking_lot::Mutex;

use super::{Indexed, invalid};
use crate::{
    error::{Error, Result},
    schema::{ColumnSpec, ColumnType, TableSpec},
};

/// Names that columns made by the store itself have.
const RESERVED: [&str; 2] = ["_csn", "_score"];
/// With so few shapes it is not looked for those that have gone.
const SHAPES_MIN: usize = 64;

/// A table's spec with what follows from it.
#[derive(Debug)]
pub(crate) struct TableShape {
    pub spec: Arc<TableSpec>,
    pub schema: SchemaRef,
    /// What rows are found by: indexed columns, references, and what unique constraints put together.
    pub indexed: Vec<Indexed>,
    /// Unique constraints over one column or more.
    pub unique: Vec<Unique>,
    /// The columns of the spec's references, in their order.
    pub referring: Vec<usize>,
    /// Columns of full-text search.
    pub searchable: Vec<usize>,
}

/// A unique constraint with the index that tells whether it holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unique {
    pub name: Arc<str>,
    pub index: Indexed,
}

impl TableShape {
    /// The index of one column.
    pub fn column_index(&self, at: usize) -> Option<&Indexed> {
        self.indexed.iter().find(|index| index.single() == Some(at))
    }

    /// What follows from a spec.
    ///
    /// # Errors
    ///
    /// `Invalid`, `UnknownColumn`, naming what does not hold.
    fn of(spec: Arc<TableSpec>) -> Result<TableShape> {
        check_columns(&spec)?;
        let mut columns: BTreeSet<usize> = positions(&spec, |column| column.indexed).collect();
        columns.remove(&0);
        let mut unique = Vec::with_capacity(spec.unique.len());
        for constraint in &spec.unique {
            let index = Indexed::unique(&spec, constraint)?;
            unique.push(Unique { name: constraint.name.clone(), index });
        }
        columns.extend(unique.iter().filter_map(|unique| unique.index.single()).filter(|at| *at > 0));
        let referring = referring(&spec)?;
        columns.extend(&referring);
        let mut indexed: Vec<Indexed> = columns.into_iter().map(Indexed::column).collect();
        for Unique { index, .. } in &unique {
            // A key is unique as it is, with whatever beside it.
            if !index.columns.contains(&0) && !indexed.contains(index) {
                indexed.push(index.clone());
            }
        }
        let searchable = positions(&spec, |column| column.searchable).collect();
        Ok(TableShape { schema: spec.arrow(), indexed, unique, referring, searchable, spec })
    }
}

/// The shapes that the stores of a process have, each once. A shape goes with the last table that has it.
#[derive(Debug, Default)]
pub(crate) struct Shapes(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_spec: HashMap<Arc<TableSpec>, Weak<TableShape>>,
    /// With so many it is looked for those that have gone.
    look_at: usize,
}

impl Shapes {
    /// The shape of a spec.
    ///
    /// # Errors
    ///
    /// `Invalid`, `UnknownColumn`, naming what does not hold.
    pub fn of(&self, spec: Arc<TableSpec>) -> Result<Arc<TableShape>> {
        let mut known = self.0.lock();
        if let Some(shape) = known.by_spec.get(&spec).and_then(Weak::upgrade) {
            return Ok(shape);
        }
        let shape = Arc::new(TableShape::of(spec)?);
        if known.by_spec.len() >= known.look_at {
            known.by_spec.retain(|_, shape| shape.strong_count() > 0);
            known.look_at = SHAPES_MIN.max(known.by_spec.len().saturating_mul(2));
        }
        // The key goes with the shape: a spec that is equal to one that has gone must not stay as the key.
        known.by_spec.remove(&shape.spec);
        known.by_spec.insert(shape.spec.clone(), Arc::downgrade(&shape));
        Ok(shape)
    }

    /// How many there are, those that have gone and were not looked for included.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.lock().by_spec.len()
    }
}

fn positions(spec: &TableSpec, is_one: impl Fn(&ColumnSpec) -> bool) -> impl Iterator<Item = usize> {
    spec.columns.iter().enumerate().filter(move |(_, column)| is_one(column)).map(|(at, _)| at)
}

fn referring(spec: &TableSpec) -> Result<Vec<usize>> {
    let name = &spec.name;
    let mut referring = Vec::with_capacity(spec.references.len());
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
        referring.push(at);
    }
    Ok(referring)
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
