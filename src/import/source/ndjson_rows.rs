//! Rows of a file with a JSON object a line. Values keep their JSON types, numbers their digits.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
};

use anyhow::{Result, bail};
use serde_json::{Map, Value};

use super::{Cells, FileMapping, ROW_BYTES_MAX, Rows};
use crate::import::findings::Fault;

/// The open file.
pub(super) struct NdjsonRows {
    reader: BufReader<File>,
    columns: Vec<String>,
    ignore: Vec<String>,
    line: Vec<u8>,
    position: u64,
}

impl NdjsonRows {
    pub(super) fn new(file: File, mapping: &FileMapping) -> Self {
        Self {
            reader: BufReader::new(file),
            columns: mapping.columns.iter().map(|column| column.column.clone()).collect(),
            ignore: mapping.ignore.clone(),
            line: Vec::new(),
            position: 0,
        }
    }

    /// Reads the next line that is not blank; false at the end.
    fn read_line(&mut self) -> Result<bool> {
        loop {
            self.line.clear();
            let count = self.reader.by_ref().take(ROW_BYTES_MAX + 1).read_until(b'\n', &mut self.line)?;
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            if count > ROW_BYTES_MAX {
                bail!("a line of more than {ROW_BYTES_MAX} bytes");
            }
            self.position += count;
            if count == 0 {
                return Ok(false);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn cells(&self) -> Cells {
        let mut object: Map<String, Value> = serde_json::from_slice(&self.line)
            .map_err(|error| Fault::row("unreadable", format!("the line is no JSON object: {error}")))?;
        let cells = self.columns.iter().map(|column| object.remove(column).unwrap_or(Value::Null)).collect();
        let unknown: Vec<_> = object.keys().filter(|key| !self.ignore.contains(key)).collect();
        if unknown.is_empty() {
            return Ok(cells);
        }
        let message = format!("keys that the mapping neither maps nor ignores: {unknown:?}");
        Err(Fault::row("unknown_column", message))
    }
}

impl Rows for NdjsonRows {
    fn next(&mut self) -> Option<Result<Cells>> {
        match self.read_line() {
            Ok(true) => Some(Ok(self.cells())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn position(&self) -> u64 {
        self.position
    }
}
