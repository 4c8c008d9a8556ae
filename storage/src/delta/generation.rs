//! The deltas of all tables between two folds.

use std::sync::Arc;

use super::{DeltaTable, Gauge, Held};
use crate::{
    catalog::{Catalog, Table, TableId},
    error::{Error, Result},
};

/// Rows that came after a fold began, and before the next one does. At most two are alive: one that is being folded,
/// and the newest, which takes the writes.
pub(crate) struct Generation {
    /// By the numbers of the tables, which have no gap.
    tables: Vec<Arc<DeltaTable>>,
    rows: Arc<Held>,
}

impl Generation {
    /// An empty generation; `rows` tells how many rows a table has by now.
    pub fn new(catalog: &Catalog, rows: impl Fn(TableId) -> u64, gauge: &Gauge) -> Generation {
        let delta = |table: &Arc<Table>| Arc::new(DeltaTable::new(table.clone(), rows(table.id), gauge));
        Generation { tables: catalog.tables().iter().map(delta).collect(), rows: Arc::new(gauge.hold(0)) }
    }

    /// The same rows under a newer catalog.
    pub fn redefined(&self, catalog: &Catalog) -> Generation {
        let gauge = self.gauge();
        let delta = |table: &Arc<Table>| match self.get(table.id) {
            Some(delta) if delta.table().spec == table.spec => delta.clone(),
            Some(delta) => Arc::new(delta.redefined(table.clone(), gauge)),
            None => Arc::new(DeltaTable::new(table.clone(), 0, gauge)),
        };
        Generation { tables: catalog.tables().iter().map(delta).collect(), rows: self.rows.clone() }
    }

    /// The delta of a table.
    ///
    /// # Errors
    ///
    /// `Internal`: every table of the catalog has one.
    pub fn must_get(&self, table: TableId) -> Result<&Arc<DeltaTable>> {
        self.get(table).ok_or_else(|| Error::Internal(format!("no delta for table number {}", table.0)))
    }

    fn get(&self, table: TableId) -> Option<&Arc<DeltaTable>> {
        self.tables.get(usize::try_from(table.0).ok()?)
    }

    /// What the store holds, this generation included.
    pub fn gauge(&self) -> &Gauge {
        self.rows.gauge()
    }

    /// Rows held, roughly, in bytes.
    pub fn bytes(&self) -> u64 {
        self.rows.bytes()
    }

    /// More rows are held.
    pub fn add_bytes(&self, bytes: u64) {
        self.rows.add(bytes);
    }

    /// Less is held.
    pub fn take_bytes(&self, bytes: u64) {
        self.rows.take(bytes);
    }

    /// Does it hold nothing at all?
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0
    }
}
