//! Whole rows: an encoder per schema, its rows per batch.

use std::ops::Range;

use arrow::{
    array::new_empty_array,
    datatypes::{Fields, Schema},
    record_batch::RecordBatch,
};

use crate::{
    cells::{Cells, write_object},
    error::{Error, Result},
    text::write_text,
};

/// How values look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How decimals look.
    pub numbers: Numbers,
}

/// How decimals look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// As text, so that no reader rounds them.
    #[default]
    String,
    /// As JSON numbers, still with all their digits; most readers make a float of them.
    Float,
}

/// What stands between rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// A comma between rows, none before the first and after the last.
    Comma,
    /// A line break after every row (NDJSON).
    Newline,
}

/// Writes the batches of one schema.
#[derive(Clone, Debug)]
pub struct Encoder {
    keys: Vec<Vec<u8>>,
    fields: Fields,
    options: Options,
}

impl Encoder {
    /// An encoder for batches of `schema`; nested text with [`crate::JSON_TEXT`] is known by its field.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for a type that has no form in JSON, at any depth.
    pub fn new(schema: &Schema, options: Options) -> Result<Self> {
        for field in schema.fields() {
            Cells::new(&new_empty_array(field.data_type()), field, options)?;
        }
        let keys = schema.fields().iter().map(|field| escaped_key(field.name())).collect();
        Ok(Self { keys, fields: schema.fields().clone(), options })
    }

    /// The rows of one batch.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`], [`Error::Mismatch`] when the batch is of another schema.
    pub fn bind<'a>(&self, batch: &'a RecordBatch) -> Result<Rows<'a>> {
        if batch.num_columns() != self.fields.len() {
            return Err(Error::Columns { expected: self.fields.len(), found: batch.num_columns() });
        }
        let mut columns = Vec::with_capacity(self.keys.len());
        for ((key, field), array) in self.keys.iter().zip(&self.fields).zip(batch.columns()) {
            if array.data_type() != field.data_type() {
                return Err(Error::Mismatch {
                    column: field.name().clone(),
                    expected: field.data_type().clone(),
                    found: array.data_type().clone(),
                });
            }
            columns.push((key.clone(), Cells::new(array, field, self.options)?));
        }
        Ok(Rows { columns, rows: batch.num_rows() })
    }

    /// Appends some rows of a batch as JSON objects.
    ///
    /// # Errors
    ///
    /// As [`Self::bind`]; [`Error::Rows`] for rows that the batch does not have; then nothing was appended.
    pub fn encode_rows(
        &self,
        batch: &RecordBatch,
        range: Range<usize>,
        separator: Separator,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let rows = self.bind(batch)?;
        if range.end > rows.len() {
            return Err(Error::Rows { start: range.start, end: range.end, rows: rows.len() });
        }
        for row in range.clone() {
            if separator == Separator::Comma && row > range.start {
                out.push(b',');
            }
            rows.write_row(row, out);
            if separator == Separator::Newline {
                out.push(b'\n');
            }
        }
        Ok(())
    }
}

/// The rows of one batch, every column ready to be written.
pub struct Rows<'a> {
    columns: Vec<(Vec<u8>, Cells<'a>)>,
    rows: usize,
}

impl<'a> Rows<'a> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The cells of a column, by position.
    pub fn cells(&self, column: usize) -> Option<&Cells<'a>> {
        self.columns.get(column).map(|(_, cells)| cells)
    }

    /// Appends one row as a JSON object; `row` must be less than [`Self::len`].
    pub fn write_row(&self, row: usize, out: &mut Vec<u8>) {
        write_object(&self.columns, row, out);
    }

    /// Appends one cell; `null` for a column that is not there.
    pub fn write_cell(&self, column: usize, row: usize, out: &mut Vec<u8>) {
        match self.cells(column) {
            Some(cells) => cells.write(row, out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

/// A name as an object's key: escaped, quoted, with its colon.
pub(crate) fn escaped_key(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 3);
    write_text(name, &mut key);
    key.push(b':');
    key
}
