//! Rows as CSV (RFC 4180): a line with the names of the columns, then a line for each row.
//!
//! A cell is what JSON has there, a text without its quotes and no value as nothing; lists and objects stay JSON. What reads it
//! back by field (an import) so gets what it would get of JSON.
//!
//! A spreadsheet takes a text that begins with `=` for a formula and works it out, whoever wrote it. [`Texts::Safe`] puts a `'` before
//! such texts, by which the file no longer has what the records have (OWASP, "CSV Injection").

use std::{borrow::Cow, ops::Range};

use ::csv::{Terminator, Writer, WriterBuilder};
use arrow::{
    datatypes::{DataType, SchemaRef},
    record_batch::RecordBatch,
};
use quarry_engine::Error;
use quarry_json::{Encoder, Options};

use super::{Texts, encoding};

/// Writes batches of one schema.
pub(super) struct Lines {
    encoder: Encoder,
    /// Of each column, how its texts stand.
    columns: Vec<Texts>,
    /// The first line, until it is written.
    names: Option<Vec<u8>>,
}

impl Lines {
    /// For batches of a schema.
    ///
    /// # Errors
    ///
    /// A type that has no form.
    pub fn new(schema: &SchemaRef, options: Options, texts: Texts) -> Result<Self, Error> {
        let mut names = Vec::new();
        let mut line = writer(&mut names);
        line.write_record(schema.fields().iter().map(|field| field.name())).map_err(encoding)?;
        line.flush().map_err(encoding)?;
        drop(line);
        let encoder = Encoder::new(schema, options).map_err(encoding)?;
        let texts = |of: &DataType| if is_text(of) { texts } else { Texts::Plain };
        let columns = schema.fields().iter().map(|field| texts(field.data_type())).collect();
        Ok(Self { encoder, columns, names: Some(names) })
    }

    /// Appends some rows of a batch, behind the names where these are the first.
    ///
    /// # Errors
    ///
    /// A batch of another schema.
    pub fn write(&mut self, batch: &RecordBatch, rows: Range<usize>, out: &mut Vec<u8>) -> Result<(), Error> {
        self.finish(out);
        let cells = self.encoder.bind(batch).map_err(encoding)?;
        let mut lines = writer(out);
        let mut cell = Vec::new();
        for row in rows {
            for (column, texts) in self.columns.iter().enumerate() {
                cell.clear();
                cells.write_cell(column, row, &mut cell);
                lines.write_field(written(&cell, *texts)).map_err(encoding)?;
            }
            lines.write_record(None::<&[u8]>).map_err(encoding)?;
        }
        lines.flush().map_err(encoding)
    }

    /// The names, where no row came.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.names.take().unwrap_or_default());
    }
}

fn writer(out: &mut Vec<u8>) -> Writer<&mut Vec<u8>> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out)
}

fn is_text(of: &DataType) -> bool {
    match of {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, of) => is_text(of),
        _ => false,
    }
}

/// A JSON value as a cell.
fn written(json: &[u8], texts: Texts) -> Cow<'_, [u8]> {
    match json {
        b"null" => Cow::Borrowed(b""),
        [b'"', ..] => match serde_json::from_slice::<String>(json) {
            Ok(text) if texts == Texts::Safe && is_formula(&text) => {
                Cow::Owned(format!("'{text}").into_bytes())
            }
            Ok(text) => Cow::Owned(text.into_bytes()),
            Err(_) => Cow::Borrowed(json),
        },
        other => Cow::Borrowed(other),
    }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}
