//! Segments: immutable rows of one table, sorted by key, with their index.
//!
//! ```text
//! segments/<table>/<segment>/columns.parquet    the table's columns, and the CSN that made each row
//!                            segment.meta       rows, keys and sizes; a CRC-32C of every block of the Parquet file
//!                            index/             Tantivy; document number = row number
//! ```
//!
//! The manifest names a segment with the CRC of its `segment.meta`, which holds the CRCs of all blocks of
//! `columns.parquet`, which are checked whenever a block is read ([`file`]): no byte comes back unchecked. The
//! index is derived: where it is missing, damaged or lacks a column, it is made anew from the columns.
//!
//! Decoded columns of row groups, footers and open indexes are kept in the process's cache ([`cache`]); a few rows of a row group that is not
//! there are read by their pages alone, until that has happened a few times.

mod cache;
mod find;
mod inspect;
mod meta;
mod read;
mod slices;
mod statistics;
mod write;

use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

pub(crate) use self::{cache::Cache, slices::Slices, write::SegmentWriter};
use self::{cache::SegmentKey, meta::SegmentMeta};
use crate::{
    catalog::{Table, TableId},
    columns,
    error::{Error, Result},
    objects::{CheckedFile, ObjectName, Objects},
    resources::Resources,
    scan::Extent,
    text::{TextPart, TextWriter},
    value::Row,
};

/// Rows that are indexed at a time when an index is made anew.
const SLICE_ROWS: usize = 1_024;

/// A segment's number, given once in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct SegmentId(pub u64);

/// What the segments of a store stand on.
pub(crate) struct Ground {
    pub objects: Objects,
    pub cache: Arc<Cache>,
    /// The store's number in this process.
    pub store: u64,
    /// Segments that could not be removed.
    left: Mutex<Vec<ObjectName>>,
    /// The store is closed; held for reading while something is removed.
    is_closed: RwLock<bool>,
}

impl Ground {
    pub fn new(objects: Objects, resources: &Resources) -> Arc<Ground> {
        let (cache, store) = (resources.cache.clone(), resources.store_number());
        Arc::new(Ground { objects, cache, store, left: Mutex::default(), is_closed: RwLock::default() })
    }

    /// The store is closed: from now on nothing is removed, and nothing is at being removed. Its folder is no longer its own: another store, of
    /// a tenant that was destroyed and made anew, may have a segment of the same name in it. Who opens the folder next removes what no manifest
    /// names.
    pub fn close(&self) {
        *self.is_closed.write() = true;
    }

    /// Removes all of a segment; what can't be removed now is with the next fold, or when the store is opened.
    fn remove(&self, segment: ObjectName) {
        let is_closed = self.is_closed.read();
        if *is_closed {
            return;
        }
        if let Err(error) = self.objects.delete_folder(&segment) {
            tracing::warn!(%error, "a segment that is not needed could not be removed; it is tried again");
            self.left.lock().push(segment);
        }
    }

    /// Tries again what could not be removed.
    pub fn remove_left(&self) {
        let left = std::mem::take(&mut *self.left.lock());
        left.into_iter().for_each(|segment| self.remove(segment));
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.cache.forget_store(self.store);
    }
}

/// An open segment.
pub(crate) struct Segment {
    id: SegmentId,
    table: TableId,
    ground: Arc<Ground>,
    folder: ObjectName,
    meta: SegmentMeta,
    meta_crc: u32,
    file: Arc<CheckedFile>,
    /// Held by who opens the index or makes it anew.
    opening: Mutex<()>,
    /// Every byte of the index was checked since the segment was opened.
    index_is_checked: AtomicBool,
    /// Per row group, how often a few rows of it were read.
    touched: Vec<AtomicU32>,
    /// What is known of columns, by row group; made when first asked for.
    extents: Mutex<HashMap<usize, Arc<[Extent]>>>,
    /// Its objects go when it is dropped.
    is_unwanted: AtomicBool,
}

/// Where all segments lie.
pub(crate) fn all_segments() -> ObjectName {
    ObjectName::from("segments")
}

/// Where a segment lies.
pub(crate) fn folder(table: TableId, id: SegmentId) -> ObjectName {
    all_segments().join(table.0.to_string()).join(id.0.to_string())
}

impl Segment {
    /// Opens the segment in a folder.
    ///
    /// # Errors
    ///
    /// `Damaged` when `segment.meta` is not the one with this CRC.
    pub fn open(ground: &Arc<Ground>, table: TableId, id: SegmentId, meta_crc: u32) -> Result<Segment> {
        let folder = folder(table, id);
        let meta = SegmentMeta::read(&ground.objects, &folder.clone().join(meta::NAME), meta_crc)?;
        let columns = folder.clone().join(write::COLUMNS);
        let file = CheckedFile::open(&ground.objects, &columns, meta.sums.clone())?;
        Ok(Segment {
            id,
            table,
            ground: ground.clone(),
            folder,
            touched: meta.groups.iter().map(|_| AtomicU32::new(0)).collect(),
            meta,
            meta_crc,
            file: Arc::new(file),
            opening: Mutex::new(()),
            index_is_checked: AtomicBool::new(false),
            extents: Mutex::default(),
            is_unwanted: AtomicBool::new(false),
        })
    }

    fn key(&self) -> SegmentKey {
        SegmentKey { store: self.ground.store, segment: self.id }
    }

    pub fn id(&self) -> SegmentId {
        self.id
    }

    /// The table it is of.
    pub fn table(&self) -> TableId {
        self.table
    }

    /// The newest of the commits that made its rows.
    pub fn csn_max(&self) -> u64 {
        self.meta.csn_max
    }

    /// The CRC of its `segment.meta`.
    pub fn meta_crc(&self) -> u32 {
        self.meta_crc
    }

    /// How many rows it has, deleted ones included.
    pub fn rows(&self) -> u32 {
        self.meta.rows
    }

    /// The rows of each row group.
    pub fn groups(&self) -> Vec<Range<u32>> {
        let mut start = 0;
        let mut all = Vec::with_capacity(self.meta.groups.len());
        for group in &self.meta.groups {
            all.push(start..start + group.rows);
            start += group.rows;
        }
        all
    }

    /// No manifest names it, not yet or no more: its objects go when the last reader does.
    pub fn retire(&self) {
        self.is_unwanted.store(true, Ordering::Release);
    }

    /// A manifest names it, or may: its objects stay.
    pub fn keep(&self) {
        self.is_unwanted.store(false, Ordering::Release);
    }

    /// Does a manifest name it, for sure or perhaps?
    pub fn is_kept(&self) -> bool {
        !self.is_unwanted.load(Ordering::Acquire)
    }

    /// One row.
    pub fn row(&self, table: &Table, row: u32) -> Result<Row> {
        let (group, offset) = self.locate(row)?;
        let all: Vec<usize> = (0..table.spec.columns.len()).collect();
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let (arrays, at) = match self.cached(table, group, &all) {
            Some(arrays) => (arrays, at),
            None => (self.sparse(table, group, &all, &[offset])?, 0),
        };
        let cells = table.spec.columns.iter().zip(&arrays);
        cells
            .map(|(column, array)| columns::cell(column.column_type, array, at))
            .collect::<Result<_>>()
            .map(Row)
    }

    /// A CSN that is behind `base` if and only if the row was made behind it.
    pub fn begin_after(&self, row: u32, base: u64) -> Result<u64> {
        if self.meta.csn_max <= base {
            return Ok(self.meta.csn_max);
        }
        let (group, offset) = self.locate(row)?;
        self.csn(group, offset)
    }

    /// Its index: opened, and made anew if need be, when it is first wanted or the table wants more of it.
    pub fn index(&self, table: &Table) -> Result<Arc<TextPart>> {
        if let Some(open) = self.kept_index(table) {
            return Ok(open);
        }
        let _alone = self.opening.lock();
        if let Some(open) = self.kept_index(table) {
            return Ok(open);
        }
        let name = self.folder.clone().join(write::INDEX);
        let is_checked = self.index_is_checked.load(Ordering::Relaxed);
        let opened = match TextPart::open(&self.ground.objects, &name, is_checked)? {
            Some(opened) if self.is_whole(&opened) && opened.covers(table, self.columns_kept()) => opened,
            _ => {
                let place = self.ground.objects.place(&name);
                tracing::warn!(place, "a segment's index is missing, damaged or old; it is made anew");
                self.rebuild_index(table, &name)?
            }
        };
        self.index_is_checked.store(true, Ordering::Relaxed);
        let opened = Arc::new(opened);
        self.ground.cache.keep_index(self.key(), opened.clone());
        Ok(opened)
    }

    fn open_index(&self) -> Option<Arc<TextPart>> {
        self.ground.cache.index(self.key())
    }

    fn kept_index(&self, table: &Table) -> Option<Arc<TextPart>> {
        let open = self.open_index()?;
        open.covers(table, self.columns_kept()).then_some(open)
    }

    /// Makes the index anew, whatever the one that is there is like.
    pub fn reindex(&self, table: &Table) -> Result<()> {
        let _alone = self.opening.lock();
        let made = self.rebuild_index(table, &self.folder.clone().join(write::INDEX))?;
        self.index_is_checked.store(true, Ordering::Relaxed);
        self.ground.cache.keep_index(self.key(), Arc::new(made));
        Ok(())
    }

    /// Half an index, after a crash while it was made anew, is as good as none.
    fn is_whole(&self, index: &TextPart) -> bool {
        index.documents() == u64::from(self.meta.rows)
    }

    /// Makes the index anew, in its place: half of one, after a crash, is found damaged or short and made anew again.
    fn rebuild_index(&self, table: &Table, name: &ObjectName) -> Result<TextPart> {
        let mut writer = TextWriter::create(&self.ground.objects, name, table)?;
        let mut slices = self.slices(SLICE_ROWS)?;
        while let Some((batch, _)) = slices.next(table)? {
            for row in columns::rows(&table.spec, &batch)? {
                writer.add(&row)?;
            }
        }
        writer.publish()?;
        let opened = TextPart::open(&self.ground.objects, name, false)?;
        let place = || self.ground.objects.place(name);
        opened.ok_or_else(|| Error::Internal(format!("the index {} can't be opened", place())))
    }

    /// Columns in the file; those added to the table later are not.
    fn columns_kept(&self) -> usize {
        usize::try_from(self.meta.columns).unwrap_or(usize::MAX)
    }

    /// The row group of a row, and the row's place in it.
    fn locate(&self, row: u32) -> Result<(usize, u32)> {
        let mut offset = row;
        for (number, group) in self.meta.groups.iter().enumerate() {
            if offset < group.rows {
                return Ok((number, offset));
            }
            offset -= group.rows;
        }
        Err(Error::Internal(format!("no row {row} in segment {}", self.id.0)))
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if !self.is_kept() {
            // Those of the table, and the CSNs.
            let columns = self.columns_kept().saturating_add(1);
            self.ground.cache.forget_segment(self.key(), (self.meta.groups.len(), columns));
            self.ground.remove(self.folder.clone());
        }
    }
}
