//! Rows of a file, one at a time, in the order of the mapping's columns.

mod csv_rows;
mod ndjson_rows;
mod parquet_rows;

use std::{collections::BTreeSet, fs::File, path::Path};

use anyhow::{Context, Result, bail};
use quarry_metadata::nearest::did_you_mean;
use serde_json::Value;

use super::{
    findings::Fault,
    mapping::{FileMapping, Format},
};

/// Bytes of one row.
const ROW_BYTES_MAX: u64 = 16 << 20;

/// One row: cells in the order of the mapping's columns, or why it can't be read.
pub type Cells = Result<Vec<Value>, Fault>;

/// A file that is being read.
pub struct Source {
    rows: Box<dyn Rows>,
    number: u64,
    total: u64,
}

/// Rows of one format.
trait Rows {
    /// The next row; the outer error ends the reading, the inner one is about the row.
    fn next(&mut self) -> Option<Result<Cells>>;

    /// How far it is, in the unit of the total: bytes, or rows.
    fn position(&self) -> u64;
}

impl Source {
    /// Opens a file and checks its columns.
    ///
    /// # Errors
    ///
    /// When it can't be opened, lacks a column of the mapping, or has one that the mapping does not know.
    pub fn open(path: &Path, mapping: &FileMapping) -> Result<Self> {
        Self::try_open(path, mapping).with_context(|| path.display().to_string())
    }

    fn try_open(path: &Path, mapping: &FileMapping) -> Result<Self> {
        let file = File::open(path)?;
        let (rows, total): (Box<dyn Rows>, u64) = match mapping.format {
            Format::Csv { delimiter } => {
                let bytes = file.metadata()?.len();
                (Box::new(csv_rows::CsvRows::new(file, delimiter, mapping)?), bytes)
            }
            Format::Ndjson => {
                let bytes = file.metadata()?.len();
                (Box::new(ndjson_rows::NdjsonRows::new(file, mapping)), bytes)
            }
            Format::Parquet => {
                let (rows, total) = parquet_rows::ParquetRows::new(file, mapping)?;
                (Box::new(rows), total)
            }
        };
        Ok(Self { rows, number: 0, total })
    }

    /// The next row with its number, from 1.
    pub fn next(&mut self) -> Option<Result<(u64, Cells)>> {
        let row = self.rows.next()?;
        self.number += 1;
        Some(row.with_context(|| format!("row {}", self.number)).map(|cells| (self.number, cells)))
    }

    /// How much there is, in the unit of [`Self::position`].
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How much was read.
    pub fn position(&self) -> u64 {
        self.rows.position().min(self.total)
    }
}

/// Where each of the mapping's columns stands in a file with a header.
fn places(header: &[String], mapping: &FileMapping) -> Result<Vec<usize>> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = header.iter().find(|name| !seen.insert(name.as_str())) {
        bail!("the column \"{twice}\" is there twice");
    }
    let mapped: Vec<&str> = mapping.columns.iter().map(|column| column.column.as_str()).collect();
    let wanted: Vec<&str> = mapped.iter().copied().chain(mapping.ignore.iter().map(String::as_str)).collect();
    let unknown: Vec<_> = header.iter().filter(|name| !wanted.contains(&name.as_str())).collect();
    if !unknown.is_empty() {
        bail!("columns that the mapping neither maps nor ignores: {unknown:?}");
    }
    let mut places = Vec::with_capacity(mapped.len());
    for name in mapped {
        let Some(place) = header.iter().position(|column| column == name) else {
            let hint = did_you_mean(name, header.iter().map(String::as_str));
            bail!("no column \"{name}\", which the mapping names{hint}");
        };
        places.push(place);
    }
    Ok(places)
}
