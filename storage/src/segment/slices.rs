//! A segment from front to back, a few rows at a time, past the cache: what goes through all rows once must not drive out
//! what others read.

use arrow::{
    array::{AsArray, types::UInt64Type},
    record_batch::RecordBatch,
};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::Segment;
use crate::{
    catalog::Table,
    columns,
    error::{Error, Result},
    objects::{CheckedReader, Failure},
};

/// The rows of a segment, some at a time.
pub(crate) struct Slices {
    reader: ParquetRecordBatchReader,
    failure: Failure,
    columns_kept: usize,
}

impl Segment {
    /// All rows in order, at most so many at a time.
    pub fn slices(&self, rows: usize) -> Result<Slices> {
        let reader = CheckedReader::new(&self.file);
        let failure = reader.failure();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, self.footer()?);
        let reader = builder.with_batch_size(rows).build().map_err(|error| failure.or(error))?;
        Ok(Slices { reader, failure, columns_kept: self.columns_kept() })
    }
}

impl Slices {
    /// The next rows with all columns of the table, and the CSNs in the file.
    pub fn next(&mut self, table: &Table) -> Result<Option<(RecordBatch, Vec<u64>)>> {
        let Some(batch) = self.reader.next() else { return Ok(None) };
        let batch = batch.map_err(|error| self.failure.or(error))?;
        let mut arrays = batch.columns().to_vec();
        let csns = (arrays.len() == self.columns_kept + 1).then(|| arrays.pop()).flatten();
        let csns = csns.as_ref().and_then(|csns| csns.as_primitive_opt::<UInt64Type>());
        let csns = csns.ok_or_else(|| Error::Internal("a segment without CSNs".into()))?;
        for column in table.spec.columns.iter().skip(arrays.len()) {
            arrays.push(columns::nulls(column.column_type, csns.len()));
        }
        let rows = csns.len();
        let csns = csns.values().to_vec();
        Ok(Some((columns::record_batch(table.schema.clone(), arrays, rows)?, csns)))
    }
}
