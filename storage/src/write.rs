//! The changes of one transaction before they are committed.
//!
//! A [`WriteSet`] is a pointer to its changes that copies them only when a clone is still held elsewhere: laying one
//! over a snapshot costs nothing, and a journal of what each step replaced makes savepoints.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Csn,
    error::{Error, Result},
    schema::TableName,
    value::{Key, Row},
};

/// A transaction's changes, by table and key, each key once: later changes of a row fold into earlier ones
/// (insert + update = insert, insert + delete = nothing, delete + insert = update). Cheap to clone (rows are
/// shared), so that a snapshot can be laid under it: [`crate::Snapshot::with_writes`].
#[derive(Clone, Debug)]
pub struct WriteSet {
    base: Csn,
    changes: Arc<Changes>,
}

/// A mark to come back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savepoint(pub(crate) usize);

/// What becomes of one row, seen from the state the transaction was decided on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Insert(Row),
    Update { old: Row, new: Row },
    Delete(Row),
}

impl Change {
    /// The row as it shall be.
    pub(crate) fn new_row(&self) -> Option<&Row> {
        match self {
            Change::Insert(new) | Change::Update { new, .. } => Some(new),
            Change::Delete(_) => None,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Changes {
    tables: BTreeMap<TableName, BTreeMap<Key, Change>>,
    rows: usize,
    /// What each step replaced, oldest first.
    journal: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    table: TableName,
    key: Key,
    before: Option<Change>,
}

impl WriteSet {
    /// Changes that were decided on the state at `base`: at commit, a row of it changed by someone since is a conflict.
    pub fn new(base: Csn) -> Self {
        Self { base, changes: Arc::default() }
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
        let key = row.key()?.clone();
        let change = match self.change(table, &key) {
            None => Change::Insert(row),
            Some(Change::Delete(old)) => Change::Update { old: old.clone(), new: row },
            Some(_) => {
                return Err(Error::DuplicateKey { table: table.to_string(), key: key.to_string() });
            }
        };
        self.put(table, key, Some(change));
        Ok(())
    }

    /// A row as it shall be, in place of `old`, the row as this transaction sees it.
    ///
    /// # Errors
    ///
    /// `MissingKey` when this transaction has deleted it; `Invalid` when the keys differ.
    pub fn update(&mut self, table: &TableName, old: Row, new: Row) -> Result<()> {
        let key = new.key()?.clone();
        if old.key()? != &key {
            return Err(Error::Invalid(format!(
                "the key of a row can't change: {:?} to {key:?}",
                old.key()?
            )));
        }
        let change = match self.change(table, &key) {
            None => Change::Update { old, new },
            Some(Change::Insert(_)) => Change::Insert(new),
            Some(Change::Update { old, .. }) => Change::Update { old: old.clone(), new },
            Some(Change::Delete(_)) => return Err(missing(table, &key)),
        };
        self.put(table, key, Some(change));
        Ok(())
    }

    /// No such row any more; `old` is the row as this transaction sees it.
    ///
    /// # Errors
    ///
    /// `MissingKey` when this transaction has deleted it.
    pub fn delete(&mut self, table: &TableName, old: Row) -> Result<()> {
        let key = old.key()?.clone();
        let change = match self.change(table, &key) {
            None => Some(Change::Delete(old)),
            Some(Change::Insert(_)) => None,
            Some(Change::Update { old, .. }) => Some(Change::Delete(old.clone())),
            Some(Change::Delete(_)) => return Err(missing(table, &key)),
        };
        self.put(table, key, change);
        Ok(())
    }

    /// What this transaction did to a key: `None` nothing, `Some(None)` deleted, `Some(Some(row))` put.
    pub fn get(&self, table: &str, key: &Key) -> Option<Option<&Row>> {
        self.change(table, key).map(Change::new_row)
    }

    /// Changed rows in all tables.
    pub fn len(&self) -> usize {
        self.changes.rows
    }

    /// No change at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A mark of the state now.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint(self.changes.journal.len())
    }

    /// Forgets all that came after the mark.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        let changes = Arc::make_mut(&mut self.changes);
        while changes.journal.len() > savepoint.0 {
            let Some(step) = changes.journal.pop() else { return };
            changes.replace(&step.table, step.key, step.before);
        }
    }

    /// The changes by table, in the order of names and keys.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&TableName, &BTreeMap<Key, Change>)> {
        self.changes.tables.iter().filter(|(_, rows)| !rows.is_empty())
    }

    /// The changes of one table.
    pub(crate) fn table(&self, table: &str) -> Option<&BTreeMap<Key, Change>> {
        self.changes.tables.get(table).filter(|rows| !rows.is_empty())
    }

    fn change(&self, table: &str, key: &Key) -> Option<&Change> {
        self.changes.tables.get(table)?.get(key)
    }

    fn put(&mut self, table: &TableName, key: Key, change: Option<Change>) {
        let changes = Arc::make_mut(&mut self.changes);
        let before = changes.replace(table, key.clone(), change);
        changes.journal.push(Step { table: table.clone(), key, before });
    }
}

impl Changes {
    fn replace(&mut self, table: &TableName, key: Key, change: Option<Change>) -> Option<Change> {
        let rows = self.tables.entry(table.clone()).or_default();
        let before = match change {
            Some(change) => rows.insert(key, change),
            None => rows.remove(&key),
        };
        self.rows = self.tables.values().map(BTreeMap::len).sum();
        before
    }
}

fn missing(table: &str, key: &Key) -> Error {
    Error::MissingKey { table: table.to_string(), key: key.to_string() }
}
