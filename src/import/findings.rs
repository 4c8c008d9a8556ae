//! The findings file: a JSON line for everything that was not imported as it stands, or that a rule warns of.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result};
use quarry_metadata::{FieldName, ObjectName};
use serde::Serialize;
use serde_json::{Map, Value};

/// What is wrong with one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The field; none when it is about the row.
    pub field: Option<String>,
    /// A stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Fault {
    /// A fault of a field.
    pub fn of(field: &FieldName, code: &str, message: String) -> Self {
        Self { field: Some(field.to_string()), code: code.to_owned(), message }
    }

    /// A fault of a whole row.
    pub fn row(code: &str, message: String) -> Self {
        Self { field: None, code: code.to_owned(), message }
    }
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The row was not imported.
    Refused,
    /// The row was imported without its reference to another row of the file.
    Incomplete,
    /// The row was imported, and a rule warns of it.
    Warning,
}

/// Where a row stands, and what it holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// Counted over the data rows, from 1.
    pub row: u64,
    /// The values of its key, as far as they could be read.
    pub key: Map<String, Value>,
    /// Its values as they stand in the file, by column.
    pub values: Map<String, Value>,
}

#[derive(Serialize)]
struct Line<'a> {
    kind: Kind,
    file: &'a str,
    row: u64,
    object: &'a str,
    key: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    code: &'a str,
    message: &'a str,
    values: &'a Map<String, Value>,
}

/// The open file.
pub struct Findings {
    out: BufWriter<File>,
    lines: u64,
}

impl Findings {
    /// Makes the file, or empties it.
    ///
    /// # Errors
    ///
    /// When it can't be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("can't write the findings to {}", path.display()))?;
        Ok(Self { out: BufWriter::new(file), lines: 0 })
    }

    /// Writes one line per fault of a row.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub fn row(
        &mut self,
        kind: Kind,
        file: (&str, &ObjectName),
        place: &Place,
        faults: &[Fault],
    ) -> Result<()> {
        for fault in faults {
            self.line(&Line {
                kind,
                file: file.0,
                row: place.row,
                object: file.1.as_str(),
                key: &place.key,
                field: fault.field.as_deref(),
                code: &fault.code,
                message: &fault.message,
                values: &place.values,
            })?;
        }
        Ok(())
    }

    /// Writes a line of any other kind.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub fn line(&mut self, line: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.out, line).context("can't write the findings")?;
        self.out.write_all(b"\n").context("can't write the findings")?;
        self.lines += 1;
        Ok(())
    }

    /// Writes what is buffered; returns the number of lines.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub fn finish(mut self) -> Result<u64> {
        self.out.flush().context("can't write the findings")?;
        Ok(self.lines)
    }
}
