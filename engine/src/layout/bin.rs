//! How a deleted record lies in the columns of its object's recycle bin.

use std::sync::Arc;

use quarry_metadata::Object;
use quarry_planner::lower::{DELETED_AT, DELETED_BY, DELETION, bin_table};
use quarry_storage::{Key, Row, Snapshot, TableName, TableSpec, Value};

use crate::error::{Error, Result};

/// What went together, and who deleted it when.
#[derive(Clone, Debug)]
pub(crate) struct Deletion {
    /// All that a record takes with it has its id.
    pub id: Key,
    pub at_micros: i64,
    pub by: Key,
}

/// The recycle bin of an object.
pub(crate) struct Bin {
    pub table: TableName,
    pub spec: Arc<TableSpec>,
    /// Per column of the bin.
    places: Vec<Place>,
    /// How many columns the object's own table has.
    width: usize,
}

/// Where the value of a column of the bin comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A column of the object's own table.
    Record(usize),
    DeletedAt,
    DeletedBy,
    Deletion,
    /// One that the object does not have any more.
    Nowhere,
}

impl Bin {
    /// Matches the columns by name.
    ///
    /// # Errors
    ///
    /// `Internal` when there is no such table: it is defined before a registry serves.
    pub fn new(object: &Object, own: &TableSpec, snapshot: &Snapshot) -> Result<Self> {
        let table = snapshot.table(&bin_table(object))?;
        let place = |name: &str| match name {
            DELETED_AT => Place::DeletedAt,
            DELETED_BY => Place::DeletedBy,
            DELETION => Place::Deletion,
            name => own.position(name).map_or(Place::Nowhere, Place::Record),
        };
        let places: Vec<Place> = table.spec().columns.iter().map(|column| place(&column.name)).collect();
        let missing = [Place::DeletedAt, Place::DeletedBy, Place::Deletion];
        if missing.iter().any(|place| !places.contains(place)) {
            return Err(Error::internal(format!("the recycle bin of {} lacks a column", object.name)));
        }
        let spec = table.spec().clone();
        Ok(Self { table: spec.name.clone(), spec, places, width: own.columns.len() })
    }

    /// A record as it is kept.
    pub fn row(&self, record: &Row, deletion: &Deletion) -> Row {
        let value = |place: &Place| match place {
            Place::Record(column) => record.get(*column).clone(),
            Place::DeletedAt => Value::Timestamp(deletion.at_micros),
            Place::DeletedBy => Value::Text(deletion.by.clone()),
            Place::Deletion => Value::Text(deletion.id.clone()),
            Place::Nowhere => Value::Null,
        };
        Row(self.places.iter().map(value).collect())
    }

    /// A kept record's values, by column of the object's own table.
    pub fn values(&self, kept: &Row) -> Vec<Value> {
        let mut values = vec![Value::Null; self.width];
        for (column, place) in self.places.iter().enumerate() {
            if let Place::Record(own) = place
                && let Some(value) = values.get_mut(*own)
            {
                *value = kept.get(column).clone();
            }
        }
        values
    }

    /// What a kept record went with.
    pub fn deletion(&self, kept: &Row) -> Option<Key> {
        let column = self.places.iter().position(|place| *place == Place::Deletion)?;
        match kept.get(column) {
            Value::Text(id) => Some(id.clone()),
            _ => None,
        }
    }
}
