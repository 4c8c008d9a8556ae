//! Which segments, less which rows, make each table, and up to which CSN: one file, published whole.
//!
//! Manifests are numbered; the highest one holds. A new one is put there only if none of its number is there
//! ([`Objects::put_if_absent`]): that one step makes a fold count. Those before it stay for a while, for who asks for a past
//! state ([`crate::retained`]).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    catalog::TableId,
    error::{Error, Result},
    log::LogStart,
    objects::{ObjectName, Objects},
    schema::TableSpec,
    segment::SegmentId,
};

const MAGIC: &[u8; 8] = b"QUARRYMF";
/// 1 did not tell the time, nor loads; no release wrote 2.
const VERSION: u32 = 3;
const HEADER_BYTES: usize = 16;

/// The store at the CSN up to which all is in segments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub number: u64,
    /// Up to this log entry all is in the segments; its hash ties the log to them.
    pub folded_csn: u64,
    pub folded_hash: [u8; 32],
    /// The latest instant of all transactions up to it, microseconds; the smallest number there is where there is none.
    pub folded_time_micros: i64,
    /// The next segment's number.
    pub next_segment: u64,
    pub catalog: Vec<Arc<TableSpec>>,
    pub tables: Vec<ManifestTable>,
}

/// The segments of a table, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ManifestTable {
    pub table: TableId,
    pub segments: Vec<ManifestSegment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ManifestSegment {
    pub id: SegmentId,
    /// The CRC-32C of its `segment.meta`.
    pub meta_crc: u32,
    /// Rows that are not current: a roaring bitmap in its portable format.
    pub deleted: Vec<u8>,
    /// The CSN that made all its rows, of a segment that was loaded.
    pub loaded_at: Option<u64>,
}

/// Format 1.
mod older {
    use super::{Arc, Deserialize, SegmentId, TableId, TableSpec};

    #[derive(Deserialize)]
    pub struct Version1 {
        number: u64,
        folded_csn: u64,
        folded_hash: [u8; 32],
        next_segment: u64,
        catalog: Vec<Arc<TableSpec>>,
        tables: Vec<Table>,
    }

    #[derive(Deserialize)]
    struct Table {
        table: TableId,
        segments: Vec<Segment>,
    }

    #[derive(Deserialize)]
    struct Segment {
        id: SegmentId,
        meta_crc: u32,
        deleted: Vec<u8>,
    }

    impl From<Version1> for super::Manifest {
        fn from(old: Version1) -> super::Manifest {
            let Version1 { number, folded_csn, folded_hash, next_segment, catalog, tables } = old;
            let tables = tables.into_iter().map(Table::now).collect();
            let empty = super::Manifest::default();
            super::Manifest { number, folded_csn, folded_hash, next_segment, catalog, tables, ..empty }
        }
    }

    impl Table {
        fn now(self) -> super::ManifestTable {
            let segment = |Segment { id, meta_crc, deleted }| super::ManifestSegment {
                id,
                meta_crc,
                deleted,
                loaded_at: None,
            };
            super::ManifestTable {
                table: self.table,
                segments: self.segments.into_iter().map(segment).collect(),
            }
        }
    }
}

impl Default for Manifest {
    /// The empty store.
    fn default() -> Manifest {
        Manifest {
            number: 0,
            folded_csn: 0,
            folded_hash: [0; 32],
            folded_time_micros: i64::MIN,
            next_segment: 0,
            catalog: Vec::new(),
            tables: Vec::new(),
        }
    }
}

impl Manifest {
    /// Up to where all is in its segments.
    pub fn folded(&self) -> LogStart {
        LogStart { csn: self.folded_csn, hash: self.folded_hash, time_micros: self.folded_time_micros }
    }

    /// Publishes it.
    ///
    /// # Errors
    ///
    /// `Unavailable` when someone else has published this number; `Io`. It may be there all the same, so what it names
    /// must stay until a later one is published.
    pub fn publish(&self, objects: &Objects) -> Result<()> {
        let payload =
            postcard::to_stdvec(self).map_err(|error| Error::Internal(format!("manifest: {error}")))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
        bytes.extend_from_slice(&payload);
        objects.put_if_absent(&name(self.number), bytes)
    }
}

fn folder() -> ObjectName {
    ObjectName::from("manifest")
}

/// The object of a manifest.
pub(crate) fn name(number: u64) -> ObjectName {
    folder().join(format!("{number:020}"))
}

/// What is found may never have been made durable: it must be, before anything is built on it.
pub(crate) fn sync_names(objects: &Objects) -> Result<()> {
    objects.sync_names_in(&folder())
}

/// Manifests by number.
pub(crate) fn all(objects: &Objects) -> Result<Vec<(u64, ObjectName)>> {
    let mut found = Vec::new();
    for name in objects.list(&folder())? {
        if name.extension() == Some("new") {
            objects.delete(&name)?; // an earlier program crashed before it was published
            continue;
        }
        let number = name.filename().and_then(|name| name.parse().ok());
        let number = number.ok_or_else(|| damaged(objects, &name, "this is no manifest".into()))?;
        found.push((number, name));
    }
    Ok(found)
}

/// Reads a manifest.
///
/// # Errors
///
/// `Damaged`; `Invalid` for a newer format.
pub(crate) fn read(objects: &Objects, name: &ObjectName, number: u64) -> Result<Manifest> {
    let bytes = objects.get(name)?;
    let damaged = |what: String| damaged(objects, name, what);
    let Some((head, payload)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(damaged("it is too short".into()));
    };
    let field =
        |at: usize| head.get(at..at + 4).and_then(|field| field.try_into().ok()).map(u32::from_le_bytes);
    if !head.starts_with(MAGIC) {
        return Err(damaged("this is no manifest".into()));
    }
    let version = field(8);
    if !matches!(version, Some(1 | VERSION)) {
        let place = objects.place(name);
        let what = format!("{place} has a format this program does not read; use a newer program");
        return Err(Error::Invalid(what));
    };
    if field(12) != Some(crc32c::crc32c(payload)) {
        return Err(damaged("the checksum does not match".into()));
    }
    let manifest = match version {
        Some(1) => postcard::from_bytes::<older::Version1>(payload).map(Manifest::from),
        _ => postcard::from_bytes(payload),
    };
    let manifest = manifest.map_err(|error| damaged(error.to_string()))?;
    if manifest.number != number {
        return Err(damaged(format!("it says that it is number {}", manifest.number)));
    }
    Ok(manifest)
}

fn damaged(objects: &Objects, name: &ObjectName, what: String) -> Error {
    Error::Damaged { file: objects.place(name), offset: 0, what }
}
