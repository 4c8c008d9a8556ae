//! What an import mapping says: which file becomes which object, and how. The manual page is `docs/import.md`.

mod parse;

use std::{collections::BTreeMap, path::Path};

use quarry_metadata::{FieldName, Issue, Issues, ObjectName, Place, Severity};
use serde_json::Value;

/// Bytes of a mapping file.
const MAPPING_BYTES_MAX: u64 = 1 << 20;

/// A mapping, read and checked in itself; whether its objects and fields exist is for the target to say.
#[derive(Debug)]
pub struct Mapping {
    /// Its files, in the order in which they are imported.
    pub files: Vec<FileMapping>,
    /// Alias tables by name: what stands in the file → what is meant.
    pub aliases: BTreeMap<String, BTreeMap<String, String>>,
}

/// How one file becomes records of one object.
#[derive(Debug)]
pub struct FileMapping {
    /// Its name, without a folder.
    pub file: String,
    /// What its rows become.
    pub object: ObjectName,
    /// The fields that tell a record from all others.
    pub key: Vec<FieldName>,
    /// What is taken from each row.
    pub columns: Vec<ColumnMapping>,
    /// Columns knowingly left out.
    pub ignore: Vec<String>,
    /// Fixed values for every row.
    pub set: Vec<(FieldName, Value)>,
    /// How the file is written.
    pub format: Format,
    /// Texts that mean "no value".
    pub nulls: Vec<String>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text with a delimiter and a header line.
    Csv {
        /// What stands between cells.
        delimiter: u8,
    },
    /// A JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// How one column fills one field.
#[derive(Debug)]
pub struct ColumnMapping {
    /// The column.
    pub column: String,
    /// The field.
    pub field: FieldName,
    /// Steps, in order.
    pub transforms: Vec<Transform>,
    /// How a day is written, as `strftime` has it.
    pub date: Option<String>,
    /// The alias table to look the value up in.
    pub alias: Option<String>,
    /// The value names a record by one of its fields.
    pub reference: Option<Reference>,
    /// What "no value" means.
    pub empty: WhenEmpty,
}

/// A step that a value goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// Spaces at both ends go.
    Trim,
    /// Every run of spaces becomes one; those at the ends go.
    CollapseSpaces,
    /// Small letters.
    Lowercase,
    /// Capital letters.
    Uppercase,
    /// Text becomes true or false.
    Boolean,
}

/// A record named by the value of one of its fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Its object.
    pub object: ObjectName,
    /// The field.
    pub by: FieldName,
}

/// What is done with a row that has no value in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenEmpty {
    /// The field is emptied.
    Clear,
    /// The field is emptied, and the report says how often.
    Count,
    /// Nothing is said about the field.
    Leave,
    /// The row is refused.
    Refuse,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    ///
    /// All findings at once, each with its line and path.
    pub fn read(file: &Path) -> Result<Mapping, Issues> {
        let unreadable = |message: String| {
            let place = Place { file: file.to_owned(), line: 1, path: String::new() };
            issues(vec![Issue { place, severity: Severity::Error, code: "unreadable", message }])
        };
        let size =
            std::fs::metadata(file).map_err(|e| unreadable(format!("can't read the mapping: {e}")))?.len();
        if size > MAPPING_BYTES_MAX {
            return Err(unreadable(format!("the mapping has {size} bytes; {MAPPING_BYTES_MAX} are allowed")));
        }
        let text =
            std::fs::read_to_string(file).map_err(|e| unreadable(format!("can't read the mapping: {e}")))?;
        Self::parse(file, &text)
    }

    /// Reads a mapping from text; `file` is for the findings.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn parse(file: &Path, text: &str) -> Result<Mapping, Issues> {
        parse::parse(file, text).map_err(issues)
    }
}

impl FileMapping {
    /// Whether a column refers to another row of the same file.
    pub fn refers_to_itself(&self, column: &ColumnMapping) -> bool {
        column.reference.as_ref().is_some_and(|reference| reference.object == self.object)
    }
}

fn issues(mut found: Vec<Issue>) -> Issues {
    found.sort();
    Issues(found)
}

#[cfg(test)]
mod tests;
