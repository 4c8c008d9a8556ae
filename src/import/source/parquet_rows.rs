//! Rows of a Parquet file: only the mapped columns are read, a batch at a time.

use std::fs::File;

use anyhow::{Context, Result, bail};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
};
use quarry_json::{Encoder, Options, Separator};
use serde_json::{Map, Value};

use super::{Cells, FileMapping, Rows, places};
use crate::import::findings::Fault;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 1024;

/// The open file.
pub(super) struct ParquetRows {
    reader: ParquetRecordBatchReader,
    columns: Vec<String>,
    /// Rows of the current batch, last first.
    ready: Vec<Cells>,
    position: u64,
}

impl ParquetRows {
    /// The rows, and how many there are.
    pub(super) fn new(file: File, mapping: &FileMapping) -> Result<(Self, u64)> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).context("no Parquet file")?;
        let header: Vec<String> =
            builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        let places = places(&header, mapping)?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), places);
        let total =
            u64::try_from(builder.metadata().file_metadata().num_rows()).context("no Parquet file")?;
        let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()?;
        let columns = mapping.columns.iter().map(|column| column.column.clone()).collect();
        Ok((Self { reader, columns, ready: Vec::new(), position: 0 }, total))
    }

    /// Decodes the next batch; false at the end.
    fn fill(&mut self) -> Result<bool> {
        let Some(batch) = self.reader.next().transpose()? else { return Ok(false) };
        let mut bytes = Vec::new();
        let encoder = Encoder::new(&batch.schema(), Options::default())?;
        encoder.encode_rows(&batch, 0..batch.num_rows(), Separator::Newline, &mut bytes)?;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Result<Map<String, Value>, _> = serde_json::from_slice(line);
            let cells = row.map(|mut row| {
                self.columns
                    .iter()
                    .map(|column| row.remove(column).unwrap_or(Value::Null))
                    .collect::<Vec<_>>()
            });
            self.ready.push(cells.map_err(|error| Fault::row("unreadable", error.to_string())));
        }
        self.ready.reverse();
        if self.ready.len() != batch.num_rows() {
            bail!("{} rows were decoded as {}", batch.num_rows(), self.ready.len());
        }
        Ok(true)
    }
}

impl Rows for ParquetRows {
    fn next(&mut self) -> Option<Result<Cells>> {
        while self.ready.is_empty() {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        self.position += 1;
        self.ready.pop().map(Ok)
    }

    fn position(&self) -> u64 {
        self.position
    }
}
