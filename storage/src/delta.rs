//! Rows newer than the segments, in memory.
//!
//! Per table an append-only list of row versions: a version is visible from the CSN that made it up to the CSN that
//! replaced it. Nothing is ever overwritten, so a reader needs no lock to look at a version, and a snapshot is just
//! a number. Hash maps find versions by key and by the values of indexed, unique and referring columns. A row of a
//! segment that is replaced or deleted is remembered here with the CSN.
//!
//! Versions live in blocks; columns and text indexes over them are built when a reader wants them, in
//! pieces that are merged as they grow ([`pieces`]), so that a table which changes all the time is never built anew
//! as a whole.
//!
//! One writer (the committer) changes a table; any number of readers look on. A table that was not written since the last
//! fold, as most of a store's are at any time, has no more than its number of rows.

mod block;
mod changes;
mod decided;
mod generation;
mod held;
mod index;
mod lazy;
mod pieces;
mod sorted;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, OnceLock},
};

use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use roaring::RoaringBitmap;

use self::{
    block::{BLOCK_ROWS, Block},
    decided::Decided,
    index::{Slots, ValueIndex},
    pieces::{Piece, Pieces},
    sorted::Sorted,
};
pub(crate) use self::{
    decided::Known,
    generation::Generation,
    held::{Gauge, Held},
    lazy::LazyColumns,
};
use crate::{
    catalog::{Indexed, Table},
    error::{Error, Result},
    scan::Extent,
    segment::SegmentId,
    term::Term,
    text::TextPart,
    value::{Key, Row},
};

/// A version that nothing has replaced.
pub(crate) const NEVER: u64 = u64::MAX;

/// The newer rows of one table.
pub(crate) struct DeltaTable {
    table: Arc<Table>,
    /// Rows of the table before its first change that this delta knows.
    rows: u64,
    gauge: Gauge,
    /// Made with the first change.
    written: OnceLock<Box<Written>>,
}

/// A delta that something was written to.
struct Written {
    inner: RwLock<Inner>,
    columns: Mutex<Pieces<Arc<LazyColumns>>>,
    text: Mutex<Pieces<Arc<TextPart>>>,
    sorted: Mutex<Sorted>,
    decided: Decided,
}

#[derive(Clone, Default)]
struct Inner {
    blocks: Vec<Arc<Block>>,
    rows: u32,
    keys: HashMap<Key, Slots>,
    values: ValueIndex,
    segments: HashMap<SegmentId, SegmentDeletes>,
    /// Rows of the generation before (which is being folded) that were replaced, with the CSN.
    replaced: Vec<(u32, u64)>,
    /// What is known of each column in all versions, also those replaced or taken back.
    extents: Vec<Extent>,
    /// Rows of the whole table behind each CSN that changed their number; ascending.
    counts: Vec<(u64, u64)>,
}

/// Rows of a segment that were replaced since it was written.
#[derive(Default)]
struct SegmentDeletes {
    by_row: HashMap<u32, u64>,
    /// In the order of CSNs.
    in_order: Vec<(u64, u32)>,
    /// So many of them as a bitmap.
    kept: Mutex<(usize, Arc<RoaringBitmap>)>,
}

impl SegmentDeletes {
    /// Rows replaced up to a CSN. The last answer is kept: the next one mostly adds a few rows to it.
    fn bitmap(&self, csn: u64) -> Arc<RoaringBitmap> {
        let count = self.in_order.partition_point(|(at, _)| *at <= csn);
        let kept = self.kept.lock().clone();
        if kept.0 == count {
            return kept.1;
        }
        let (from, mut rows) =
            if kept.0 < count { (kept.0, RoaringBitmap::clone(&kept.1)) } else { Default::default() };
        rows.extend(self.in_order.iter().take(count).skip(from).map(|(_, row)| *row));
        let rows = Arc::new(rows);
        *self.kept.lock() = (count, rows.clone());
        rows
    }
}

impl Clone for SegmentDeletes {
    fn clone(&self) -> Self {
        SegmentDeletes {
            by_row: self.by_row.clone(),
            in_order: self.in_order.clone(),
            kept: Mutex::default(),
        }
    }
}

/// A version found, and where.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub at: u32,
    pub row: Row,
    pub begin: u64,
}

impl Piece for Arc<TextPart> {
    fn bytes(&self) -> u64 {
        u64::try_from(TextPart::bytes(self)).unwrap_or(u64::MAX)
    }
}

impl DeltaTable {
    /// An empty delta of a table that has `rows` rows in its segments.
    pub fn new(table: Arc<Table>, rows: u64, gauge: &Gauge) -> DeltaTable {
        DeltaTable { table, rows, gauge: gauge.clone(), written: OnceLock::new() }
    }

    /// The same versions under a newer definition of the table. The old one stays as it is for its readers.
    pub fn redefined(&self, table: Arc<Table>, gauge: &Gauge) -> DeltaTable {
        let redefined = DeltaTable::new(table, self.rows, gauge);
        let Some(inner) = self.read() else { return redefined };
        let (mut inner, table) = (inner.clone(), &redefined.table);
        inner.values = ValueIndex::new(&table.indexed);
        inner.extents = vec![Extent::empty(); table.spec.columns.len()];
        for at in 0..inner.rows {
            if let Some(cell) = inner.version(at) {
                let row = cell.row.clone();
                inner.note(&row, at);
            }
        }
        redefined.written.get_or_init(|| Box::new(Written::new(inner, gauge)));
        redefined
    }

    /// Was anything written to it?
    pub fn is_written(&self) -> bool {
        self.written.get().is_some()
    }

    /// What was written; nothing while nothing was.
    fn read(&self) -> Option<RwLockReadGuard<'_, Inner>> {
        self.written.get().map(|written| written.inner.read())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        let empty = || {
            let extents = vec![Extent::empty(); self.table.spec.columns.len()];
            let (values, counts) = (ValueIndex::new(&self.table.indexed), vec![(0, self.rows)]);
            Box::new(Written::new(Inner { values, extents, counts, ..Inner::default() }, &self.gauge))
        };
        self.written.get_or_init(empty).inner.write()
    }

    /// The table it is of.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// How many versions it holds.
    pub fn len(&self) -> u32 {
        self.read().map_or(0, |inner| inner.rows)
    }

    /// Rows of the whole table at a CSN.
    pub fn count(&self, csn: u64) -> u64 {
        let Some(inner) = self.read() else { return self.rows };
        let behind = inner.counts.partition_point(|(at, _)| *at <= csn);
        behind.checked_sub(1).and_then(|at| inner.counts.get(at)).map_or(0, |(_, rows)| *rows)
    }

    /// The version of a key that is visible at a CSN.
    pub fn find(&self, key: &str, csn: u64) -> Option<Version> {
        let inner = self.read()?;
        let slots = inner.keys.get(key)?.as_slice();
        slots.iter().rev().find_map(|at| inner.visible_version(*at, csn))
    }

    /// The CSN of the last change this delta knows of a key: a version begun or ended.
    pub fn last_change(&self, key: &str) -> Option<u64> {
        let inner = self.read()?;
        let at = inner.keys.get(key)?.as_slice().last()?;
        inner.version(*at).map(|cell| if cell.end() == NEVER { cell.begin } else { cell.end() })
    }

    /// Versions visible at a CSN that an index has under one of these terms.
    pub fn lookup(&self, index: &Indexed, terms: &[Term], csn: u64) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        let Some(inner) = self.read() else { return found };
        for term in terms {
            let slots = inner.values.get(index, term);
            found.extend(slots.iter().copied().filter(|at| inner.is_visible(*at, csn)));
        }
        found
    }

    /// How many versions an index has under these terms, at most.
    pub fn count_terms(&self, index: &Indexed, terms: &[Term]) -> u64 {
        let Some(inner) = self.read() else { return 0 };
        terms.iter().map(|term| u64::try_from(inner.values.get(index, term).len()).unwrap_or(u64::MAX)).sum()
    }

    /// What is known of a column in all versions.
    pub fn extent(&self, column: usize) -> Extent {
        let known = self.read().and_then(|inner| inner.extents.get(column).cloned());
        known.unwrap_or_else(Extent::empty)
    }

    /// Versions visible at a CSN.
    pub fn visible(&self, csn: u64) -> RoaringBitmap {
        let Some((blocks, rows)) = self.read().map(|inner| (inner.blocks.clone(), inner.rows)) else {
            return RoaringBitmap::new();
        };
        let cells = blocks.iter().flat_map(|block| block.cells());
        let numbered = (0..rows).zip(cells);
        let seen = numbered.filter(|(_, cell)| cell.is_some_and(|cell| cell.is_visible(csn)));
        RoaringBitmap::from_sorted_iter(seen.map(|(at, _)| at)).unwrap_or_default()
    }

    /// Those of some places that are visible at a CSN; costs as much as there are places, however large the delta is.
    pub fn visible_of(&self, csn: u64, places: &RoaringBitmap) -> RoaringBitmap {
        let Some(inner) = self.read() else { return RoaringBitmap::new() };
        let seen = places.iter().filter(|at| inner.is_visible(*at, csn));
        RoaringBitmap::from_sorted_iter(seen).unwrap_or_default()
    }

    /// A version by its place.
    pub fn version(&self, at: u32) -> Option<Version> {
        let inner = self.read()?;
        inner.version(at).map(|cell| Version { at, row: cell.row.clone(), begin: cell.begin })
    }

    /// Rows by their places.
    pub fn rows(&self, places: impl Iterator<Item = u32>) -> Vec<Row> {
        let Some(inner) = self.read() else { return Vec::new() };
        places.filter_map(|at| inner.version(at).map(|cell| cell.row.clone())).collect()
    }

    /// Rows of a segment replaced up to a CSN, as this delta knows them.
    pub fn deleted_in(&self, segment: SegmentId, csn: u64) -> Arc<RoaringBitmap> {
        let inner = self.read();
        let deletes = inner.as_ref().and_then(|inner| inner.segments.get(&segment));
        deletes.map_or_else(Arc::default, |deletes| deletes.bitmap(csn))
    }

    /// The CSN that replaced this row of a segment, as this delta knows.
    pub fn deleted_at(&self, segment: SegmentId, row: u32) -> Option<u64> {
        self.read()?.segments.get(&segment)?.by_row.get(&row).copied()
    }

    /// What is known of the predicate of a number.
    pub fn known(&self, number: u64) -> Arc<Known> {
        self.written.get().map_or_else(Arc::default, |written| written.decided.get(number))
    }

    /// Remembers that these versions were decided about, and those for which the predicate holds.
    pub fn know(&self, number: u64, decided: &RoaringBitmap, held: &RoaringBitmap) {
        if let Some(written) = self.written.get() {
            written.decided.add(number, decided, held);
        }
    }

    /// All versions as columns, in pieces, each with the places it covers.
    pub fn columns(&self) -> Result<Vec<(Range<u32>, Arc<LazyColumns>)>> {
        let Some(written) = self.written.get() else { return Ok(Vec::new()) };
        let mut pieces = written.columns.lock();
        let build = |places| Arc::new(LazyColumns::new(&self.table, self.rows(places), &self.gauge));
        pieces.cover(self.len(), |places| Ok(build(places)))
    }

    /// Text indexes over all versions, each with the places it covers.
    pub fn texts(&self) -> Result<Vec<(Range<u32>, Arc<TextPart>)>> {
        let Some(written) = self.written.get() else { return Ok(Vec::new()) };
        let mut pieces = written.text.lock();
        pieces.cover(self.len(), |places| TextPart::of_rows(&self.table, &self.rows(places)).map(Arc::new))
    }
}

/// The committer's side.
impl DeltaTable {
    /// Adds a version; its place.
    pub fn append(&self, key: &Key, row: &Row, csn: u64) -> Result<u32> {
        let mut inner = self.write();
        let at = inner.rows;
        let next = at.checked_add(1).ok_or_else(|| Error::Internal("a delta of 2^32 rows".into()))?;
        if at.is_multiple_of(BLOCK_ROWS) {
            inner.blocks.push(Arc::new(Block::new()));
        }
        let Some(block) = inner.blocks.last() else { return Err(Error::Internal("no block".into())) };
        block.set(at % BLOCK_ROWS, row.clone(), csn)?;
        inner.rows = next;
        inner.keys.entry(key.clone()).or_default().push(at);
        inner.note(row, at);
        Ok(at)
    }

    /// Takes back the version added last: it was never visible and never will be.
    pub fn cancel(&self, key: &Key, at: u32) {
        let mut inner = self.write();
        let Some(row) = inner.version(at).map(|cell| {
            cell.set_end(0);
            cell.row.clone()
        }) else {
            return;
        };
        if let Some(slots) = inner.keys.get_mut(key) {
            slots.remove_last(at);
            if slots.as_slice().is_empty() {
                inner.keys.remove(key);
            }
        }
        inner.values.remove_last(&row, at);
    }

    /// A version is replaced at `csn`; [`NEVER`] takes that back.
    pub fn end(&self, at: u32, csn: u64) {
        if let Some(cell) = self.read().as_ref().and_then(|inner| inner.version(at)) {
            cell.set_end(csn);
        }
    }

    /// A version of the generation before is replaced at `csn`.
    pub fn note_replaced(&self, at: u32, csn: u64) {
        self.write().replaced.push((at, csn));
    }

    /// Takes back the last [`Self::note_replaced`].
    pub fn forget_replaced(&self) {
        self.write().replaced.pop();
    }

    /// What [`Self::note_replaced`] gathered.
    pub fn take_replaced(&self) -> Vec<(u32, u64)> {
        if self.is_written() { std::mem::take(&mut self.write().replaced) } else { Vec::new() }
    }

    /// A row of a segment is replaced at `csn`.
    pub fn delete_in(&self, segment: SegmentId, row: u32, csn: u64) {
        let mut inner = self.write();
        let deletes = inner.segments.entry(segment).or_default();
        deletes.by_row.insert(row, csn);
        deletes.in_order.push((csn, row));
    }

    /// Takes back the last [`Self::delete_in`] of that segment.
    pub fn undelete_in(&self, segment: SegmentId) {
        if let Some(deletes) = self.write().segments.get_mut(&segment)
            && let Some((_, row)) = deletes.in_order.pop()
        {
            deletes.by_row.remove(&row);
            *deletes.kept.lock() = (0, Arc::default());
        }
    }

    /// What was replaced in a segment, with the CSNs in order.
    pub fn deletes_of(&self, segment: SegmentId) -> Vec<(u64, u32)> {
        let inner = self.read();
        let deletes = inner.as_ref().and_then(|inner| inner.segments.get(&segment));
        deletes.map(|deletes| deletes.in_order.clone()).unwrap_or_default()
    }

    /// The table has so many rows more, or less, from `csn` on.
    pub fn add_count(&self, csn: u64, inserted: u64, deleted: u64) {
        let mut inner = self.write();
        let rows = inner.counts.last().map_or(0, |(_, rows)| *rows);
        inner.counts.push((csn, (rows + inserted).saturating_sub(deleted)));
    }

    /// Takes back what [`Self::add_count`] said for `csn`.
    pub fn forget_count(&self, csn: u64) {
        let mut inner = self.write();
        if inner.counts.last().is_some_and(|(at, _)| *at == csn) {
            inner.counts.pop();
        }
    }
}

impl Written {
    fn new(inner: Inner, gauge: &Gauge) -> Written {
        Written {
            inner: RwLock::new(inner),
            columns: Mutex::new(Pieces::new(gauge)),
            text: Mutex::new(Pieces::new(gauge)),
            sorted: Mutex::default(),
            decided: Decided::default(),
        }
    }
}

impl Inner {
    fn version(&self, at: u32) -> Option<&block::Cell> {
        self.blocks.get(usize::try_from(at / BLOCK_ROWS).ok()?)?.get(at % BLOCK_ROWS)
    }

    /// A version is there.
    fn note(&mut self, row: &Row, at: u32) {
        self.values.add(row, at);
        for (column, extent) in self.extents.iter_mut().enumerate() {
            extent.note(row.get(column));
        }
    }

    fn is_visible(&self, at: u32, csn: u64) -> bool {
        self.version(at).is_some_and(|cell| cell.is_visible(csn))
    }

    fn visible_version(&self, at: u32, csn: u64) -> Option<Version> {
        let cell = self.version(at).filter(|cell| cell.is_visible(csn))?;
        Some(Version { at, row: cell.row.clone(), begin: cell.begin })
    }
}
