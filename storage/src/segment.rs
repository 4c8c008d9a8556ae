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
//! Decoded columns of row groups are kept in the store's cache ([`cache`]); a few rows of a row group that is not
//! there are read by their pages alone, until that has happened a few times.

mod cache;
mod file;
mod find;
mod meta;
mod read;
mod statistics;
mod write;

use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use arrow::array::Array;
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use serde::{Deserialize, Serialize};

pub(crate) use self::{cache::ColumnCache, write::SegmentWriter};
use self::{file::CheckedFile, meta::SegmentMeta};
use crate::{
    catalog::{Table, TableId},
    columns,
    error::{Error, Result},
    files,
    scan::Extent,
    text::{TextPart, TextWriter},
    value::Row,
};

/// A segment's number, given once in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct SegmentId(pub u64);

/// An open segment.
pub(crate) struct Segment {
    id: SegmentId,
    folder: PathBuf,
    meta: SegmentMeta,
    meta_crc: u32,
    file: Arc<CheckedFile>,
    footer: OnceLock<ArrowReaderMetadata>,
    index: Mutex<Option<Arc<TextPart>>>,
    cache: Arc<ColumnCache>,
    /// Per row group, how often a few rows of it were read.
    touched: Vec<AtomicU32>,
    /// What is known of columns, by row group; made when first asked for.
    extents: Mutex<HashMap<usize, Arc<[Extent]>>>,
    obsolete: AtomicBool,
}

/// Where a segment lies.
pub(crate) fn folder(store: &Path, table: TableId, id: SegmentId) -> PathBuf {
    store.join("segments").join(table.0.to_string()).join(id.0.to_string())
}

impl Segment {
    /// Opens the segment in a folder.
    ///
    /// # Errors
    ///
    /// `Damaged` when `segment.meta` is not the one with this CRC.
    pub fn open(folder: &Path, id: SegmentId, meta_crc: u32, cache: &Arc<ColumnCache>) -> Result<Segment> {
        let meta = SegmentMeta::read(&folder.join(meta::NAME), meta_crc)?;
        let file = CheckedFile::open(&folder.join(write::COLUMNS), meta.file_bytes, meta.block_crcs.clone())?;
        Ok(Segment {
            id,
            folder: folder.to_path_buf(),
            touched: meta.groups.iter().map(|_| AtomicU32::new(0)).collect(),
            meta,
            meta_crc,
            file: Arc::new(file),
            footer: OnceLock::new(),
            index: Mutex::new(None),
            cache: cache.clone(),
            extents: Mutex::default(),
            obsolete: AtomicBool::new(false),
        })
    }

    pub fn id(&self) -> SegmentId {
        self.id
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

    /// No manifest names it any more: its files go when the last reader does.
    pub fn retire(&self) {
        self.obsolete.store(true, Ordering::Release);
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
        let mut index = self.index.lock();
        if let Some(open) = &*index
            && open.covers(table, self.columns_kept())
        {
            return Ok(open.clone());
        }
        let folder = self.folder.join(write::INDEX);
        let opened = match TextPart::open(table, &folder, self.columns_kept()) {
            Some(opened) => opened,
            None => {
                tracing::warn!(folder = %folder.display(), "a segment's index is missing, damaged or old; it is made anew");
                self.rebuild_index(table, &folder)?
            }
        };
        let opened = Arc::new(opened);
        *index = Some(opened.clone());
        Ok(opened)
    }

    fn open_index(&self) -> Option<Arc<TextPart>> {
        self.index.lock().clone()
    }

    fn rebuild_index(&self, table: &Table, folder: &Path) -> Result<TextPart> {
        let fresh = self.folder.join("index.new");
        files::remove_folder(&fresh)?;
        files::make_folder(&fresh)?;
        let mut writer = TextWriter::in_folder(table, &fresh)?;
        let all: Vec<usize> = (0..table.spec.columns.len()).collect();
        for group in 0..self.meta.groups.len() {
            let arrays = self.columns(table, group, &all)?;
            let rows = arrays.first().map_or(0, |array| array.len());
            let batch = columns::record_batch(table.schema.clone(), arrays, rows)?;
            for row in columns::rows(&table.spec, &batch)? {
                writer.add(&row)?;
            }
        }
        drop(writer.finish()?);
        files::sync_all_in(&fresh)?;
        files::remove_folder(folder)?;
        files::rename(&fresh, folder)?;
        let opened = TextPart::open(table, folder, self.columns_kept());
        opened.ok_or_else(|| Error::Internal(format!("the index {} can't be opened", folder.display())))
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
        if self.obsolete.load(Ordering::Acquire)
            && let Err(error) = files::remove_folder(&self.folder)
        {
            tracing::warn!(%error, "a segment that is no longer needed could not be removed");
        }
    }
}
