//! What makes up the store's contents: immutable segments, and the deltas over them.
//!
//! A [`State`] never changes in what a reader at a given CSN sees of it: commits add versions with higher CSNs to its
//! newest delta. A fold makes a new state; readers of the old one keep it by its `Arc`.

mod find;

use std::{collections::HashMap, sync::Arc};

use roaring::RoaringBitmap;

pub(crate) use self::find::{Gone, Located};
use crate::{
    catalog::{Catalog, Table, TableId},
    changes::Changes,
    delta::{DeltaTable, Generation},
    error::Result,
    history::Archive,
    log::LogStart,
    segment::Segment,
    value::Row,
};

/// Catalog, segments and deltas.
#[derive(Clone)]
pub(crate) struct State {
    pub catalog: Arc<Catalog>,
    pub segments: HashMap<TableId, Arc<Vec<SegmentPart>>>,
    /// All entries there ever were.
    pub archive: Arc<Archive>,
    /// When its tables were changed last; the same for all states of a store.
    pub changes: Arc<Changes>,
    /// Oldest first: perhaps one that is being folded, then the one that takes the writes.
    pub generations: Vec<Arc<Generation>>,
    /// Up to here all is in the segments.
    pub folded: LogStart,
    /// Up to here all is in the segments and the first of two generations.
    pub frozen: Option<LogStart>,
}

/// A segment of a table.
#[derive(Clone)]
pub(crate) struct SegmentPart {
    pub segment: Arc<Segment>,
    /// Rows that had been replaced when the manifest was written.
    pub deleted: Arc<RoaringBitmap>,
    /// The CSN that made all its rows, of a segment that was loaded: what is in it does not tell.
    pub loaded_at: Option<u64>,
}

impl SegmentPart {
    /// A segment of which no row was replaced.
    pub fn new(segment: Arc<Segment>) -> SegmentPart {
        SegmentPart { segment, deleted: Arc::default(), loaded_at: None }
    }

    /// May a reader at this CSN see it?
    pub fn is_there_at(&self, csn: u64) -> bool {
        self.loaded_at.is_none_or(|at| at <= csn)
    }

    /// A CSN that is behind `base` if and only if the row was made behind it.
    pub fn begin_after(&self, row: u32, base: u64) -> Result<u64> {
        match self.loaded_at {
            Some(csn) => Ok(csn),
            None => self.segment.begin_after(row, base),
        }
    }
}

/// The parts of one table at one CSN. Parts are numbered: segments, then deltas, oldest first.
#[derive(Clone)]
pub(crate) struct TableParts {
    pub table: Arc<Table>,
    pub segments: Arc<Vec<SegmentPart>>,
    pub deltas: Vec<Arc<DeltaTable>>,
    pub csn: u64,
}

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The segment's number in the table, the row's number in it.
    Segment(usize, u32),
    /// The delta's number, the version's place in it.
    Delta(usize, u32),
}

/// A row found by its key.
pub(crate) struct Found {
    pub place: Place,
    /// The row, where it lies in memory.
    pub row: Option<Row>,
    /// The CSN that made it, where known without a read.
    pub begin: Option<u64>,
}

impl State {
    /// A table's parts, to be read at a CSN.
    pub fn parts(&self, table: &Arc<Table>, csn: u64) -> Result<TableParts> {
        let deltas = self.generations.iter().map(|generation| generation.must_get(table.id).cloned());
        Ok(TableParts {
            table: table.clone(),
            segments: self.segments_at(table.id, csn),
            deltas: deltas.collect::<Result<_>>()?,
            csn,
        })
    }

    /// A table's segments, without those that were loaded behind a CSN.
    fn segments_at(&self, table: TableId, csn: u64) -> Arc<Vec<SegmentPart>> {
        let Some(all) = self.segments.get(&table) else { return Arc::default() };
        if all.iter().all(|part| part.is_there_at(csn)) {
            return all.clone();
        }
        Arc::new(all.iter().filter(|part| part.is_there_at(csn)).cloned().collect())
    }

    /// Was anything loaded behind a CSN?
    pub fn has_loads_behind(&self, csn: u64) -> bool {
        self.segments.values().any(|parts| parts.iter().any(|part| !part.is_there_at(csn)))
    }

    /// With more segments.
    pub fn with_segments(&self, more: impl Iterator<Item = (TableId, Vec<SegmentPart>)>) -> State {
        let mut state = self.clone();
        for (table, parts) in more {
            let all = Arc::make_mut(state.segments.entry(table).or_default());
            all.extend(parts);
        }
        state
    }

    /// The same rows under a newer catalog.
    pub fn with_catalog(&self, catalog: Catalog) -> State {
        State {
            generations: self.generations.iter().map(|old| Arc::new(old.redefined(&catalog))).collect(),
            catalog: Arc::new(catalog),
            segments: self.segments.clone(),
            archive: self.archive.clone(),
            changes: self.changes.clone(),
            folded: self.folded,
            frozen: self.frozen,
        }
    }

    /// Bytes of the delta that takes the writes, roughly.
    pub fn newest_bytes(&self) -> u64 {
        self.generations.last().map_or(0, |generation| generation.bytes())
    }
}

impl TableParts {
    /// How many parts there are.
    pub fn len(&self) -> usize {
        self.segments.len() + self.deltas.len()
    }

    /// The number of the part a row is in.
    pub fn part_of(&self, place: Place) -> (u32, u32) {
        let (part, row) = match place {
            Place::Segment(number, row) => (number, row),
            Place::Delta(number, row) => (self.segments.len() + number, row),
        };
        (u32::try_from(part).unwrap_or(u32::MAX), row)
    }

    /// Rows of the table.
    pub fn rows(&self) -> u64 {
        self.deltas.last().map_or(0, |delta| delta.count(self.csn))
    }

    /// The values of a row that was found.
    pub fn row(&self, found: Found) -> Result<Row> {
        match (found.row, found.place) {
            (Some(row), _) => Ok(row),
            (None, Place::Segment(number, row)) => self.must_segment(number)?.segment.row(&self.table, row),
            (None, Place::Delta(number, at)) => {
                let version = self.deltas.get(number).and_then(|delta| delta.version(at));
                version
                    .map(|version| version.row)
                    .ok_or_else(|| crate::Error::Internal(format!("no version {at}")))
            }
        }
    }

    /// A segment of the table.
    pub fn must_segment(&self, number: usize) -> Result<&SegmentPart> {
        self.segments.get(number).ok_or_else(|| crate::Error::Internal(format!("no segment number {number}")))
    }

    /// Rows of a segment that are not current.
    pub fn deleted(&self, part: &SegmentPart) -> RoaringBitmap {
        let mut all = RoaringBitmap::clone(&part.deleted);
        for delta in &self.deltas {
            all |= &*delta.deleted_in(part.segment.id(), self.csn);
        }
        all
    }
}
