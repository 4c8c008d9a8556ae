//! What a frame's payload says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::frame::{Hash, PAYLOAD_BYTES_MAX};
use crate::{
    catalog::TableId,
    error::{Error, Result},
    schema::TableSpec,
    segment::SegmentId,
    store::CommitOrigin,
    value::{Key, Row, Value},
};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// The catalog from here on: all tables in the order of their numbers.
    Catalog(Vec<Arc<TableSpec>>),
    /// A transaction.
    Transaction(TransactionEntry),
    /// New rows that lie in segments.
    Load(LoadEntry),
    /// History before was let go of.
    Checkpoint(CheckpointEntry),
}

/// An entry as it is written: where it was sent from is told before what was sent, in kinds of entry of their own, so that entries of
/// before read as they always did. A program that does not know them stops there.
#[derive(Serialize)]
enum Written<'a> {
    Catalog(&'a [Arc<TableSpec>]),
    Transaction(&'a TransactionEntry),
    Load(&'a LoadEntry),
    SentTransaction(&'a CommitOrigin, &'a TransactionEntry),
    SentLoad(&'a CommitOrigin, &'a LoadEntry),
    Checkpoint(&'a CheckpointEntry),
}

/// The same, read.
#[derive(Deserialize)]
enum Read {
    Catalog(Vec<Arc<TableSpec>>),
    Transaction(TransactionEntry),
    Load(LoadEntry),
    SentTransaction(CommitOrigin, TransactionEntry),
    SentLoad(CommitOrigin, LoadEntry),
    Checkpoint(CheckpointEntry),
}

/// Who changed what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TransactionEntry {
    pub actor: String,
    pub time_micros: i64,
    pub transaction: String,
    pub package_version: String,
    pub tables: Vec<TableEntry>,
    /// From where it was sent, where that is known. Written before the rest, see [`Written`].
    #[serde(skip)]
    pub origin: Option<CommitOrigin>,
}

/// What remains of the entries up to one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CheckpointEntry {
    /// Who let go of them, when and why; it changes nothing.
    pub by: TransactionEntry,
    /// The last of them, and its hash.
    pub csn: u64,
    pub hash: Hash,
    /// The rows that tables had behind it, by their numbers; tables without rows may be left out.
    pub rows: Vec<(TableId, u64)>,
}

/// Who loaded what: every row of these segments is new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadEntry {
    /// Who, when and why; it changes nothing by itself.
    pub by: TransactionEntry,
    pub tables: Vec<LoadedTable>,
}

/// The segments of one table, in the order of keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadedTable {
    pub table: TableId,
    pub segments: Vec<LoadedSegment>,
}

/// A segment that was loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadedSegment {
    pub id: SegmentId,
    /// The CRC-32C of its `segment.meta`.
    pub meta_crc: u32,
    pub rows: u32,
}

/// The changes of one table, in the order of keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableEntry {
    pub table: TableId,
    pub changes: Vec<ChangeEntry>,
}

/// One change with old and new values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ChangeEntry {
    /// The new row.
    Insert(Row),
    /// The changed columns: position, old value, new value.
    Update { key: Key, fields: Vec<(u32, Value, Value)> },
    /// The row that was there.
    Delete(Row),
}

impl ChangeEntry {
    /// The update that makes `new` of `old`.
    pub fn update(key: Key, old: &Row, new: &Row) -> ChangeEntry {
        let columns = old.0.len().max(new.0.len());
        let changed = (0..columns).filter(|at| old.get(*at) != new.get(*at));
        let field =
            |at: usize| (u32::try_from(at).unwrap_or(u32::MAX), old.get(at).clone(), new.get(at).clone());
        ChangeEntry::Update { key, fields: changed.map(field).collect() }
    }
}

/// `old` with the changed fields of an update.
pub(crate) fn patched(old: &Row, fields: &[(u32, Value, Value)]) -> Row {
    let mut values = old.0.to_vec();
    for (at, _, new) in fields {
        let at = usize::try_from(*at).unwrap_or(usize::MAX);
        if at >= values.len() {
            values.resize(at + 1, Value::Null);
        }
        if let Some(value) = values.get_mut(at) {
            *value = new.clone();
        }
    }
    Row(values.into())
}

impl Entry {
    /// Who made it, and when; a change of the catalog does not tell.
    pub fn by(&self) -> Option<&TransactionEntry> {
        match self {
            Entry::Catalog(_) => None,
            Entry::Transaction(by) => Some(by),
            Entry::Load(LoadEntry { by, .. }) | Entry::Checkpoint(CheckpointEntry { by, .. }) => Some(by),
        }
    }

    /// By how many rows it changes each table.
    pub fn count(&self, mut more: impl FnMut(TableId, i64)) {
        match self {
            Entry::Catalog(_) | Entry::Checkpoint(_) => {}
            Entry::Load(load) => {
                for table in &load.tables {
                    more(table.table, table.segments.iter().map(|segment| i64::from(segment.rows)).sum());
                }
            }
            Entry::Transaction(transaction) => {
                for table in &transaction.tables {
                    let rows = table.changes.iter().map(|change| match change {
                        ChangeEntry::Insert(_) => 1,
                        ChangeEntry::Delete(_) => -1,
                        ChangeEntry::Update { .. } => 0,
                    });
                    more(table.table, rows.sum());
                }
            }
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    ///
    /// `Limited` when it is too large for a frame: what recovery would refuse must not be written.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let written = match self {
            Entry::Catalog(specs) => Written::Catalog(specs),
            Entry::Transaction(entry) => match &entry.origin {
                Some(origin) => Written::SentTransaction(origin, entry),
                None => Written::Transaction(entry),
            },
            Entry::Load(entry) => match &entry.by.origin {
                Some(origin) => Written::SentLoad(origin, entry),
                None => Written::Load(entry),
            },
            Entry::Checkpoint(entry) => Written::Checkpoint(entry),
        };
        let bytes = postcard::to_stdvec(&written);
        let bytes =
            bytes.map_err(|error| Error::Internal(format!("a log entry can't be encoded: {error}")))?;
        if bytes.len() > PAYLOAD_BYTES_MAX {
            let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let (asked, allowed) = (number(bytes.len()), number(PAYLOAD_BYTES_MAX));
            return Err(Error::Limited { limit: "transaction_bytes_max", asked, allowed });
        }
        Ok(bytes)
    }

    /// The entry in these bytes.
    pub fn decode(payload: &[u8]) -> Result<Entry, postcard::Error> {
        Ok(match postcard::from_bytes(payload)? {
            Read::Catalog(specs) => Entry::Catalog(specs),
            Read::Transaction(entry) => Entry::Transaction(entry),
            Read::Load(entry) => Entry::Load(entry),
            Read::SentTransaction(origin, entry) => {
                Entry::Transaction(TransactionEntry { origin: Some(origin), ..entry })
            }
            Read::SentLoad(origin, mut entry) => {
                entry.by.origin = Some(origin);
                Entry::Load(entry)
            }
            Read::Checkpoint(entry) => Entry::Checkpoint(entry),
        })
    }
}
