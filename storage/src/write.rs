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

/// What a transaction may hold before it is committed, unless told otherwise: it must fit into one log entry with room to
/// spare.
pub const TRANSACTION_BYTES_MAX: u64 = 256 << 20;

/// A transaction's changes, by table and key, each key once: later changes of a row fold into earlier ones
/// (insert + update = insert, insert + delete = nothing, delete + insert = update). Cheap to clone (rows are
/// shared), so that a snapshot can be laid under it: [`crate::Snapshot::with_writes`].
#[derive(Clone, Debug)]
pub struct WriteSet {
    base: Csn,
    bytes_max: u64,
    /// See [`Self::frees_room`].
    is_freeing: bool,
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
    /// What tables and journal hold, roughly.
    bytes: u64,
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
    /// They may hold [`TRANSACTION_BYTES_MAX`].
    pub fn new(base: Csn) -> Self {
        Self::limited(base, TRANSACTION_BYTES_MAX)
    }

    /// As [`Self::new`], but rows and the journal of its savepoints may hold `bytes_max` bytes, roughly.
    pub fn limited(base: Csn, bytes_max: u64) -> Self {
        Self { base, bytes_max, is_freeing: false, changes: Arc::default() }
    }

    /// It is there to make room, or is the owner's own: it is committed however full the store is ([`crate::StoreQuota`]).
    #[must_use]
    pub fn frees_room(mut self) -> Self {
        self.is_freeing = true;
        self
    }

    /// See [`Self::frees_room`].
    pub(crate) fn is_freeing(&self) -> bool {
        self.is_freeing
    }

    /// Bytes that it holds, roughly.
    pub fn bytes(&self) -> u64 {
        self.changes.bytes
    }

    /// The state it was decided on.
    pub fn base(&self) -> Csn {
        self.base
    }

    /// A new row.
    ///
    /// # Errors
    ///
    /// `DuplicateKey` when this transaction has put a row of that key already (those committed are checked at commit);
    /// `Limited` when it would hold too much. Nothing is changed then.
    pub fn insert(&mut self, table: &TableName, row: Row) -> Result<()> {
        let key = row.key()?.clone();
        let change = match self.change(table, &key) {
            None => Change::Insert(row),
            Some(Change::Delete(old)) => Change::Update { old: old.clone(), new: row },
            Some(_) => {
                return Err(Error::DuplicateKey { table: table.to_string(), key: key.to_string() });
            }
        };
        self.put(table, key, Some(change))
    }

    /// A row as it shall be, in place of `old`, the row as this transaction sees it.
    ///
    /// # Errors
    ///
    /// `MissingKey` when this transaction has deleted it; `Invalid` when the keys differ; `Limited` as for
    /// [`Self::insert`].
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
        self.put(table, key, Some(change))
    }

    /// No such row any more; `old` is the row as this transaction sees it.
    ///
    /// # Errors
    ///
    /// `MissingKey` when this transaction has deleted it; `Limited` as for [`Self::insert`].
    pub fn delete(&mut self, table: &TableName, old: Row) -> Result<()> {
        let key = old.key()?.clone();
        let change = match self.change(table, &key) {
            None => Some(Change::Delete(old)),
            Some(Change::Insert(_)) => None,
            Some(Change::Update { old, .. }) => Some(Change::Delete(old.clone())),
            Some(Change::Delete(_)) => return Err(missing(table, &key)),
        };
        self.put(table, key, change)
    }

    /// What this transaction did to a key: `None` nothing, `Some(None)` deleted, `Some(Some(row))` put.
    pub fn get(&self, table: &str, key: &Key) -> Option<Option<&Row>> {
        self.change(table, key).map(Change::new_row)
    }

    /// The rows it puts, by table and in the order of keys, if it does nothing but put new ones: such a transaction may
    /// become part of a bulk load.
    pub fn new_rows(&self) -> Option<Vec<(TableName, Row)>> {
        let mut rows = Vec::with_capacity(self.len());
        for (table, changes) in self.tables() {
            for change in changes.values() {
                let Change::Insert(row) = change else { return None };
                rows.push((table.clone(), row.clone()));
            }
        }
        Some(rows)
    }

    /// The rows it puts into one table, new and changed, in the order of keys.
    pub fn rows_put(&self, table: &str) -> impl Iterator<Item = &Row> {
        self.table(table).into_iter().flatten().filter_map(|(_, change)| change.new_row())
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
            changes.undo(step);
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

    fn put(&mut self, table: &TableName, key: Key, change: Option<Change>) -> Result<()> {
        let asked = self.changes.bytes + step_bytes(&key, self.change(table, &key), change.as_ref());
        if asked > self.bytes_max {
            return Err(Error::Limited { limit: "transaction_bytes_max", asked, allowed: self.bytes_max });
        }
        let changes = Arc::make_mut(&mut self.changes);
        changes.bytes = asked;
        let before = changes.replace(table, key.clone(), change);
        changes.journal.push(Step { table: table.clone(), key, before });
        Ok(())
    }
}

impl Changes {
    fn replace(&mut self, table: &TableName, key: Key, change: Option<Change>) -> Option<Change> {
        let rows = self.tables.entry(table.clone()).or_default();
        let was = rows.len();
        let before = match change {
            Some(change) => rows.insert(key, change),
            None => rows.remove(&key),
        };
        self.rows = self.rows + rows.len() - was;
        before
    }

    fn undo(&mut self, Step { table, key, before }: Step) {
        let undone = self.tables.get(&table).and_then(|rows| rows.get(&key));
        self.bytes = self.bytes.saturating_sub(step_bytes(&key, before.as_ref(), undone));
        self.replace(&table, key, before);
    }
}

/// What a step takes beside the values of its rows: two places in trees, a place in the journal.
const STEP_BYTES: u64 = 256;

/// What a step adds: its key, its new row, and the old row where none of this transaction's is replaced. What it replaces
/// stays in the journal.
fn step_bytes(key: &Key, before: Option<&Change>, change: Option<&Change>) -> u64 {
    let new = change.and_then(Change::new_row).map_or(0, Row::bytes);
    let old = match (before, change) {
        (None, Some(Change::Update { old, .. } | Change::Delete(old))) => old.bytes(),
        _ => 0,
    };
    STEP_BYTES + u64::try_from(key.len()).unwrap_or(u64::MAX) + new + old
}

fn missing(table: &str, key: &Key) -> Error {
    Error::MissingKey { table: table.to_string(), key: key.to_string() }
}
