//! Rows of a CSV file. A cell is text; what it means is for its field to say.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufReader, Read},
    rc::Rc,
};

use anyhow::{Context, Result};
use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};
use serde_json::Value;

use super::{Cells, FileMapping, ROW_BYTES_MAX, Rows, places};
use crate::import::findings::Fault;

/// A reader that refuses to go on when one row takes too many bytes: a forgotten quote would otherwise swallow the file.
struct Metered<R> {
    inner: R,
    since_row: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > ROW_BYTES_MAX {
            return Err(io::Error::other(format!(
                "a row of more than {ROW_BYTES_MAX} bytes; is a quote missing?"
            )));
        }
        let count = self.inner.read(buffer)?;
        self.since_row.set(self.since_row.get() + u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}

/// The open file.
pub(super) struct CsvRows {
    reader: Reader<Metered<BufReader<File>>>,
    since_row: Rc<Cell<u64>>,
    places: Vec<usize>,
    record: ByteRecord,
}

impl CsvRows {
    pub(super) fn new(file: File, delimiter: u8, mapping: &FileMapping) -> Result<Self> {
        let since_row = Rc::new(Cell::new(0));
        let metered = Metered { inner: BufReader::new(file), since_row: Rc::clone(&since_row) };
        let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(metered);
        let header: Vec<String> =
            reader.headers().context("the header can't be read")?.iter().map(str::to_owned).collect();
        let header: Vec<String> = header
            .iter()
            .enumerate()
            .map(|(index, name)| {
                if index == 0 { name.trim_start_matches('\u{feff}') } else { name }.to_owned()
            })
            .collect();
        Ok(Self { reader, since_row, places: places(&header, mapping)?, record: ByteRecord::new() })
    }

    fn cells(&self) -> Cells {
        let cell = |place: &usize| {
            let bytes = self.record.get(*place).unwrap_or_default();
            std::str::from_utf8(bytes).map(|text| Value::String(text.to_owned()))
        };
        let cells: Result<Vec<_>, _> = self.places.iter().map(cell).collect();
        cells.map_err(|_| Fault::row("unreadable", "the row is not UTF-8 text".to_owned()))
    }
}

impl Rows for CsvRows {
    fn next(&mut self) -> Option<Result<Cells>> {
        self.since_row.set(0);
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => Some(Ok(self.cells())),
            Ok(false) => None,
            Err(error) => match error.kind() {
                ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    let message = format!("the row has {len} cells, the header {expected_len}");
                    Some(Ok(Err(Fault::row("unreadable", message))))
                }
                _ => Some(Err(error.into())),
            },
        }
    }

    fn position(&self) -> u64 {
        self.reader.position().byte()
    }
}
