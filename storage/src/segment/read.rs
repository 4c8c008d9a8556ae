//! Columns of a segment as Arrow arrays.

use arrow::{
    array::{Array, ArrayRef, AsArray, UInt32Array, types::UInt64Type},
    compute,
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
        },
    },
    file::metadata::PageIndexPolicy,
};
use roaring::RoaringBitmap;
use std::sync::{Arc, atomic::Ordering};

use super::Segment;
use crate::{
    catalog::Table,
    columns::{self, arrow_error},
    error::{Error, Result},
    objects::CheckedReader,
};

/// A row group of which a few rows were read so often is decoded as a whole.
const TOUCHES_MAX: u32 = 3;

impl Segment {
    /// These columns of a row group, all its rows. Columns that the segment does not have are null.
    pub fn columns(&self, table: &Table, group: usize, projection: &[usize]) -> Result<Vec<ArrayRef>> {
        let missing = self.not_cached(group, projection);
        let decoded = self.decode(group, &missing, None)?;
        for (column, array) in missing.iter().zip(&decoded) {
            self.keep_column(group, *column, array.clone());
        }
        let array = |column: &usize| match missing.binary_search(column).ok().and_then(|at| decoded.get(at)) {
            Some(array) => Ok(array.clone()),
            None => self.one(table, group, *column),
        };
        projection.iter().map(array).collect()
    }

    /// These columns, if all are in the cache.
    pub(super) fn cached(&self, table: &Table, group: usize, projection: &[usize]) -> Option<Vec<ArrayRef>> {
        let array = |column: &usize| {
            if *column >= self.columns_kept() {
                return self.null_column(table, group, *column).ok();
            }
            self.kept_column(group, *column)
        };
        projection.iter().map(array).collect()
    }

    /// These columns of a row group, if they are decoded, or a few rows of it were wanted so often that they should be.
    pub fn columns_at_hand(
        &self,
        table: &Table,
        group: usize,
        projection: &[usize],
    ) -> Result<Option<Vec<ArrayRef>>> {
        if let Some(columns) = self.cached(table, group, projection) {
            return Ok(Some(columns));
        }
        let is_often =
            self.touched.get(group).is_some_and(|count| count.load(Ordering::Relaxed) >= TOUCHES_MAX);
        is_often.then(|| self.columns(table, group, projection)).transpose()
    }

    /// These columns of a few rows of a row group, by their places in it.
    pub fn sparse(
        &self,
        table: &Table,
        group: usize,
        projection: &[usize],
        places: &[u32],
    ) -> Result<Vec<ArrayRef>> {
        let often =
            self.touched.get(group).is_some_and(|count| count.fetch_add(1, Ordering::Relaxed) >= TOUCHES_MAX);
        if let Some(whole) = self.cached(table, group, projection) {
            return columns::chosen(whole, places);
        }
        if often {
            return columns::chosen(self.columns(table, group, projection)?, places);
        }
        let missing = self.not_cached(group, projection);
        let indices = UInt32Array::from(places.to_vec());
        let take = |array: &ArrayRef| compute::take(array, &indices, None).map_err(arrow_error);
        let decoded = self.decode(group, &missing, Some(places))?;
        let array = |column: &usize| match missing.binary_search(column).ok().and_then(|at| decoded.get(at)) {
            Some(array) => Ok(array.clone()),
            None => take(&self.one(table, group, *column)?),
        };
        projection.iter().map(array).collect()
    }

    /// One column of a row group that the segment has, by way of the cache.
    pub(super) fn decoded(&self, group: usize, column: usize) -> Result<ArrayRef> {
        if let Some(array) = self.kept_column(group, column) {
            return Ok(array);
        }
        let array = self.decode(group, &[column], None)?.pop();
        let array = array.ok_or_else(|| Error::Internal(format!("column {column} was not read")))?;
        self.keep_column(group, column, array.clone());
        Ok(array)
    }

    /// The CSN that made a row.
    pub(super) fn csn(&self, group: usize, place: u32) -> Result<u64> {
        let csns = self.decoded(group, self.columns_kept())?;
        let csns = csns.as_primitive_opt::<UInt64Type>();
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let csn = csns.filter(|csns| place < csns.len()).map(|csns| csns.value(place));
        csn.ok_or_else(|| Error::Internal(format!("no CSN of row {place} in segment {}", self.id().0)))
    }

    /// The CSNs in the file of a row group's rows.
    pub(super) fn csns(&self, group: usize) -> Result<Vec<u64>> {
        let csns = self.decoded(group, self.columns_kept())?;
        let csns = csns.as_primitive_opt::<UInt64Type>().ok_or_else(|| Error::Internal("no CSNs".into()))?;
        Ok(csns.values().to_vec())
    }

    fn one(&self, table: &Table, group: usize, column: usize) -> Result<ArrayRef> {
        if column < self.columns_kept() {
            self.decoded(group, column)
        } else {
            self.null_column(table, group, column)
        }
    }

    fn null_column(&self, table: &Table, group: usize, column: usize) -> Result<ArrayRef> {
        let rows =
            self.meta.groups.get(group).and_then(|group| usize::try_from(group.rows).ok()).unwrap_or(0);
        let spec = table.spec.columns.get(column);
        let spec =
            spec.ok_or_else(|| Error::Internal(format!("no column {column} in {:?}", table.spec.name)))?;
        Ok(columns::nulls(spec.column_type, rows))
    }

    /// What was decided of the rows of a row group before, by the number of what decided it.
    pub fn decided(&self, group: usize, by: u64) -> Option<Arc<RoaringBitmap>> {
        self.ground.cache.decided(self.key(), group, by)
    }

    /// Remembers what was decided.
    pub fn decide(&self, group: usize, by: u64, rows: RoaringBitmap) -> Arc<RoaringBitmap> {
        let rows = Arc::new(rows);
        self.ground.cache.keep_decided(self.key(), (group, by), Arc::clone(&rows));
        rows
    }

    fn kept_column(&self, group: usize, column: usize) -> Option<ArrayRef> {
        self.ground.cache.column(self.key(), group, column)
    }

    fn keep_column(&self, group: usize, column: usize, array: ArrayRef) {
        self.ground.cache.keep_column(self.key(), group, column, array);
    }

    /// Columns of the file that must be decoded, in order.
    fn not_cached(&self, group: usize, projection: &[usize]) -> Vec<usize> {
        let kept = self.columns_kept();
        let is_missing = |column: &usize| *column < kept && self.kept_column(group, *column).is_none();
        let mut missing: Vec<usize> =
            projection.iter().copied().filter(|column| is_missing(column)).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Reads columns (in order, each once) of a row group: all rows, or those at these places.
    fn decode(&self, group: usize, wanted: &[usize], places: Option<&[u32]>) -> Result<Vec<ArrayRef>> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let footer = self.footer()?;
        let rows =
            self.meta.groups.get(group).and_then(|group| usize::try_from(group.rows).ok()).unwrap_or(0);
        let mask = ProjectionMask::roots(footer.parquet_schema(), wanted.iter().copied());
        let reader = CheckedReader::new(&self.file);
        let failure = reader.failure();
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, footer)
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(rows.max(1));
        if let Some(places) = places {
            let place = |at: &u32| usize::try_from(*at).ok().map(|at| at..at + 1);
            let ranges = places.iter().filter_map(place);
            builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(ranges, rows));
        }
        let mut batches = Vec::new();
        for batch in builder.build().map_err(|error| failure.or(error))? {
            batches.push(batch.map_err(|error| failure.or(error))?);
        }
        let column = |at: usize| {
            let pieces: Vec<&dyn Array> =
                batches.iter().filter_map(|b| b.columns().get(at)).map(AsRef::as_ref).collect();
            match batches.as_slice() {
                [only] => {
                    only.columns().get(at).cloned().ok_or_else(|| Error::Internal("a column short".into()))
                }
                _ => compute::concat(&pieces).map_err(arrow_error),
            }
        };
        (0..wanted.len()).map(column).collect()
    }

    pub(super) fn footer(&self) -> Result<ArrowReaderMetadata> {
        if let Some(footer) = self.ground.cache.footer(self.key()) {
            return Ok(footer);
        }
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let reader = CheckedReader::new(&self.file);
        let loaded =
            ArrowReaderMetadata::load(&reader, options).map_err(|error| reader.failure().or(error))?;
        self.ground.cache.keep_footer(self.key(), loaded.clone());
        Ok(loaded)
    }
}
