//! The deltas of all tables between two folds.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::DeltaTable;
use crate::{
    catalog::{Catalog, Table, TableId},
    error::{Error, Result},
};

/// Rows that came after a fold began, and before the next one does. At most two are alive: one that is being folded,
/// and the newest, which takes the writes.
pub(crate) struct Generation {
    tables: HashMap<TableId, Arc<DeltaTable>>,
    bytes: Arc<AtomicU64>,
}

impl Generation {
    /// An empty generation; `rows` tells how many rows a table has by now.
    pub fn new(catalog: &Catalog, rows: impl Fn(TableId) -> u64) -> Generation {
        let delta = |table: &Arc<Table>| Arc::new(DeltaTable::new(table.clone(), rows(table.id)));
        Generation {
            tables: catalog.tables().iter().map(|table| (table.id, delta(table))).collect(),
            bytes: Arc::default(),
        }
    }

    /// The same rows under a newer catalog.
    pub fn redefined(&self, catalog: &Catalog) -> Generation {
        let delta = |table: &Arc<Table>| match self.tables.get(&table.id) {
            Some(delta) if delta.table().spec == table.spec => delta.clone(),
            Some(delta) => Arc::new(delta.redefined(table.clone())),
            None => Arc::new(DeltaTable::new(table.clone(), 0)),
        };
        Generation {
            tables: catalog.tables().iter().map(|table| (table.id, delta(table))).collect(),
            bytes: self.bytes.clone(),
        }
    }

    /// The delta of a table.
    ///
    /// # Errors
    ///
    /// `Internal`: every table of the catalog has one.
    pub fn must_get(&self, table: TableId) -> Result<&Arc<DeltaTable>> {
        self.tables
            .get(&table)
            .ok_or_else(|| Error::Internal(format!("no delta for table number {}", table.0)))
    }

    /// Rows held, roughly, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// More rows are held.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Less is held.
    pub fn take_bytes(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Does it hold nothing at all?
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0
    }
}
