//! What the footer of a segment tells of its columns: per row group, and per page.
//!
//! The footer is in the process's cache; the little that is made of it for row groups stays with the open segment. Floats
//! have no least and greatest value here: Parquet leaves NaN out of them, and a scan must not.

use std::{ops::Range, sync::Arc};

use arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use parquet::{arrow::arrow_reader::statistics::StatisticsConverter, errors::ParquetError};

use super::Segment;
use crate::{
    catalog::Table,
    columns,
    error::{Error, Result},
    scan::Extent,
    schema::ColumnType,
    value::Value,
};

impl Segment {
    /// What is known of a column, by row group.
    pub fn extents(&self, table: &Table, column: usize) -> Result<Arc<[Extent]>> {
        if let Some(known) = self.extents.lock().get(&column) {
            return Ok(known.clone());
        }
        let rows: Vec<u64> = self.meta.groups.iter().map(|group| u64::from(group.rows)).collect();
        let made: Arc<[Extent]> = if column >= self.columns_kept() {
            rows.iter().map(|rows| Extent { rows: *rows, nulls: Some(*rows), ..Extent::empty() }).collect()
        } else {
            self.read_extents(table, column, &rows)?.into()
        };
        self.extents.lock().insert(column, made.clone());
        Ok(made)
    }

    fn read_extents(&self, table: &Table, column: usize, rows: &[u64]) -> Result<Vec<Extent>> {
        let (kind, name) = must_column(table, column)?;
        if !is_ordered(kind) {
            return Ok(rows.iter().map(|rows| unknown(*rows)).collect());
        }
        let footer = self.footer()?;
        let groups = || footer.metadata().row_groups().iter();
        let converter = StatisticsConverter::try_new(name, footer.schema(), footer.parquet_schema())
            .map_err(parquet_error)?
            .with_missing_null_counts_as_zero(false);
        let columns = Columns {
            kind,
            min: converter.row_group_mins(groups()).map_err(parquet_error)?,
            max: converter.row_group_maxes(groups()).map_err(parquet_error)?,
            nulls: converter.row_group_null_counts(groups()).map_err(parquet_error)?,
        };
        let min_exact = converter.row_group_is_min_value_exact(groups()).map_err(parquet_error)?;
        let max_exact = converter.row_group_is_max_value_exact(groups()).map_err(parquet_error)?;
        let is_true =
            |flags: &BooleanArray, at: usize| at < flags.len() && flags.is_valid(at) && flags.value(at);
        let extent = |(at, rows): (usize, &u64)| {
            let mut extent = columns.extent(at, *rows)?;
            extent.exact &= extent.nulls == Some(*rows) || is_true(&min_exact, at) && is_true(&max_exact, at);
            Ok(extent)
        };
        rows.iter().enumerate().map(extent).collect()
    }

    /// What is known of a column, by pages of a row group: the rows of each, counted in the row group. Empty where there
    /// is nothing to tell.
    pub fn page_extents(
        &self,
        table: &Table,
        column: usize,
        group: usize,
    ) -> Result<Vec<(Range<u32>, Extent)>> {
        let (kind, name) = must_column(table, column)?;
        let footer = self.footer()?;
        let metadata = footer.metadata();
        let (Some(index), Some(offsets)) = (metadata.column_index(), metadata.offset_index()) else {
            return Ok(Vec::new());
        };
        if column >= self.columns_kept() || !is_ordered(kind) {
            return Ok(Vec::new());
        }
        let converter = StatisticsConverter::try_new(name, footer.schema(), footer.parquet_schema())
            .map_err(parquet_error)?;
        let Some(pages) = converter
            .parquet_column_index()
            .and_then(|leaf| Some(offsets.get(group)?.get(leaf)?.page_locations()))
        else {
            return Ok(Vec::new());
        };
        let columns = Columns {
            kind,
            min: converter.data_page_mins(index, offsets, [&group]).map_err(parquet_error)?,
            max: converter.data_page_maxes(index, offsets, [&group]).map_err(parquet_error)?,
            nulls: converter.data_page_null_counts(index, offsets, [&group]).map_err(parquet_error)?,
        };
        let rows = self.meta.groups.get(group).map_or(0, |group| group.rows);
        let first = |at: usize| {
            pages.get(at).map_or(Some(rows), |page| u32::try_from(page.first_row_index).ok()).unwrap_or(rows)
        };
        let extent = |at: usize| {
            let places = first(at)..first(at + 1);
            let extent = columns.extent(at, u64::from(places.end.saturating_sub(places.start)))?;
            Ok((places, extent))
        };
        (0..pages.len()).map(extent).collect()
    }
}

/// Statistics as Parquet's reader gives them: a value per row group or page, null where there is none.
struct Columns {
    kind: ColumnType,
    min: ArrayRef,
    max: ArrayRef,
    nulls: UInt64Array,
}

impl Columns {
    fn extent(&self, at: usize, rows: u64) -> Result<Extent> {
        let value = |array: &ArrayRef| -> Result<Option<Value>> {
            Ok(Some(columns::cell(self.kind, array, at)?).filter(|value| !value.is_null()))
        };
        let nulls = (at < self.nulls.len() && self.nulls.is_valid(at)).then(|| self.nulls.value(at));
        let (min, max) = (value(&self.min)?, value(&self.max)?);
        let exact = nulls.is_some() && (min.is_some() && max.is_some() || nulls == Some(rows));
        Ok(Extent { rows, nulls, min, max, exact })
    }
}

fn unknown(rows: u64) -> Extent {
    Extent { rows, nulls: None, min: None, max: None, exact: false }
}

/// Types of which least and greatest values are told.
fn is_ordered(kind: ColumnType) -> bool {
    !matches!(kind, ColumnType::Float | ColumnType::TextList | ColumnType::Bytes)
}

fn must_column(table: &Table, column: usize) -> Result<(ColumnType, &str)> {
    let spec = table.spec.columns.get(column);
    let spec = spec.ok_or_else(|| Error::Internal(format!("no column {column} in {:?}", table.spec.name)))?;
    Ok((spec.column_type, &spec.name))
}

/// What Parquet says of a footer that was read and checked.
fn parquet_error(error: ParquetError) -> Error {
    Error::Internal(format!("parquet: {error}"))
}
