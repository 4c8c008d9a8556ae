//! What makes up the store's contents: immutable segments, and the deltas over them.
//!
//! A [`State`] never changes in what a reader at a given CSN sees of it: commits add versions with higher CSNs to its
//! newest delta. A fold makes a new state; readers of the old one keep it by its `Arc`.

use std::{collections::HashMap, sync::Arc};

use roaring::RoaringBitmap;

use crate::{
    catalog::{Catalog, Table, TableId},
    delta::{DeltaTable, Generation, Version},
    error::Result,
    history::Archive,
    log::LogStart,
    rowset::RowSet,
    segment::Segment,
    term::Term,
    value::Row,
};

/// So few rows are looked up among the deleted one by one; for more, the bitmap of the deleted is made.
const ONE_BY_ONE: u64 = 256;

/// Catalog, segments and deltas.
#[derive(Clone)]
pub(crate) struct State {
    pub catalog: Arc<Catalog>,
    pub segments: HashMap<TableId, Arc<Vec<SegmentPart>>>,
    /// All entries there ever were.
    pub archive: Arc<Archive>,
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
            segments: self.segments.get(&table.id).cloned().unwrap_or_default(),
            deltas: deltas.collect::<Result<_>>()?,
            csn,
        })
    }

    /// The same rows under a newer catalog.
    pub fn with_catalog(&self, catalog: Catalog) -> State {
        State {
            generations: self.generations.iter().map(|old| Arc::new(old.redefined(&catalog))).collect(),
            catalog: Arc::new(catalog),
            segments: self.segments.clone(),
            archive: self.archive.clone(),
            folded: self.folded,
            frozen: self.frozen,
        }
    }

    /// Bytes of the delta that takes the writes, roughly.
    pub fn newest_bytes(&self) -> u64 {
        self.generations.last().map_or(0, |generation| generation.bytes())
    }

    /// Bytes of the deltas, roughly.
    pub fn delta_bytes(&self) -> u64 {
        self.generations.iter().map(|generation| generation.bytes()).sum()
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

    /// The row of a key.
    pub fn find(&self, key: &str) -> Result<Option<Found>> {
        for (number, delta) in self.deltas.iter().enumerate().rev() {
            if let Some(Version { at, row, begin }) = delta.find(key, self.csn) {
                return Ok(Some(Found {
                    place: Place::Delta(number, at),
                    row: Some(row),
                    begin: Some(begin),
                }));
            }
        }
        for (number, part) in self.segments.iter().enumerate().rev() {
            if let Some(row) = part.segment.find(key)?
                && !self.is_deleted(part, row)
            {
                return Ok(Some(Found { place: Place::Segment(number, row), row: None, begin: None }));
            }
        }
        Ok(None)
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

    /// Rows whose column has one of these values.
    pub fn lookup(&self, column: usize, terms: &[Term]) -> Result<RowSet> {
        let mut found = RowSet::default();
        for (number, part) in self.segments.iter().enumerate() {
            let mut rows = part.segment.lookup(&self.table, column, terms)?;
            if rows.len() > ONE_BY_ONE {
                rows -= self.deleted(part);
            } else {
                rows = rows.iter().filter(|row| !self.is_deleted(part, *row)).collect();
            }
            found.add(self.part_of(Place::Segment(number, 0)).0, rows);
        }
        for (number, delta) in self.deltas.iter().enumerate() {
            found.add(self.part_of(Place::Delta(number, 0)).0, delta.lookup(column, terms, self.csn));
        }
        Ok(found)
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

    fn is_deleted(&self, part: &SegmentPart, row: u32) -> bool {
        let since = |delta: &Arc<DeltaTable>| delta.is_deleted_in(part.segment.id(), row, self.csn);
        part.deleted.contains(row) || self.deltas.iter().any(since)
    }
}
