//! The changes of one transaction before they are committed.

use crate::{Csn, error::Result, schema::TableName, value::{Key, Row}};

/// A transaction's changes, by table and key, each key once: later changes of a row fold into earlier ones
/// (insert + update = insert, insert + delete = nothing, delete + insert = update). Cheap to clone (rows are
/// shared), so that a snapshot can be laid under it: [`crate::Snapshot::with_writes`].
#[derive(Clone, Debug)]
pub struct WriteSet {
    base: Csn,
}

/// A mark to come back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savepoint(pub(crate) usize);

impl WriteSet {
    /// Changes that were decided on the state at `base`: at commit, a row of it changed by someone since is a conflict.
    pub fn new(base: Csn) -> Self {
        Self { base }
    }

    /// The state it was decided on.
    pub fn base(&self) -> Csn {
        self.base
    }

    /// A new row.
    ///
    /// # Errors
    ///
    /// `DuplicateKey` when this transaction has put a row of that key already (those committed are checked at commit).
    pub fn insert(&mut self, table: &TableName, row: Row) -> Result<()> {
        let _ = (table, row);
        todo!()
    }

    /// A row as it shall be, in place of `old`, the row as this transaction sees it.
    ///
    /// # Errors
    ///
    /// `MissingKey` when this transaction has deleted it; `Invalid` when the keys differ.
    pub fn update(&mut self, table: &TableName, old: Row, new: Row) -> Result<()> {
        let _ = (table, old, new);
        todo!()
    }

    /// No such row any more; `old` is the row as this transaction sees it.
    ///
    /// # Errors
    ///
    /// `MissingKey` when this transaction has deleted it.
    pub fn delete(&mut self, table: &TableName, old: Row) -> Result<()> {
        let _ = (table, old);
        todo!()
    }

    /// What this transaction did to a key: `None` nothing, `Some(None)` deleted, `Some(Some(row))` put.
    pub fn get(&self, table: &str, key: &Key) -> Option<Option<&Row>> {
        let _ = (table, key);
        todo!()
    }

    /// Changed rows in all tables.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// No change at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A mark of the state now.
    pub fn savepoint(&self) -> Savepoint {
        todo!()
    }

    /// Forgets all that came after the mark.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        let _ = savepoint;
        todo!()
    }
}
