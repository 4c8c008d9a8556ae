//! Reading: a pinned state, the same by every access path.

use std::sync::Arc;

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};

use crate::{
    Csn,
    error::Result,
    schema::{ColumnName, TableSpec},
    value::{Key, Row, Value},
    write::WriteSet,
};

/// The state at one CSN, pinned; cheap to clone.
#[derive(Clone)]
pub struct Snapshot;

impl Snapshot {
    /// Its commit number.
    pub fn csn(&self) -> Csn {
        todo!()
    }

    /// The same state with a transaction's own changes over it, on every access path.
    #[must_use]
    pub fn with_writes(&self, writes: &WriteSet) -> Snapshot {
        let _ = writes;
        todo!()
    }

    /// One table.
    ///
    /// # Errors
    ///
    /// `UnknownTable`.
    pub fn table(&self, name: &str) -> Result<TableSnapshot> {
        let _ = name;
        todo!()
    }
}

/// One table of a snapshot; cheap to clone.
#[derive(Clone)]
pub struct TableSnapshot;

/// What is known of a table without reading it.
#[derive(Clone, Debug, Default)]
pub struct TableStatistics {
    /// Rows, exact where cheap.
    pub rows: u64,
    /// `rows` is exact.
    pub exact: bool,
    /// Bytes of the columns in memory, roughly.
    pub bytes: u64,
}

/// Which rows of a [`TableSnapshot`]: a roaring bitmap per segment and delta part. Only meaningful for the
/// snapshot that made it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowSet;

impl RowSet {
    /// How many rows.
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// No row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In both.
    #[must_use]
    pub fn and(&self, other: &RowSet) -> RowSet {
        let _ = other;
        todo!()
    }

    /// In either.
    #[must_use]
    pub fn or(&self, other: &RowSet) -> RowSet {
        let _ = other;
        todo!()
    }
}

/// A full-text question.
#[derive(Clone, Debug, PartialEq)]
pub struct TextQuery {
    /// The columns to look at; empty: all searchable columns.
    pub columns: Vec<ColumnName>,
    /// What the user typed.
    pub text: String,
    /// How `text` is read.
    pub syntax: TextSyntax,
}

/// How a search text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextSyntax {
    /// Plain words, all of which must occur (in any of the columns); no character is special.
    Words,
    /// An expression: `terms "phrases" +must -not prefix* field:term`; a mistake is an error.
    Expression,
}

/// Rows that match a [`TextQuery`], with BM25 scores computed over segments and delta together.
#[derive(Clone, Debug, Default)]
pub struct TextHits;

impl TextHits {
    /// The rows.
    pub fn rows(&self) -> &RowSet {
        todo!()
    }
}

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct ScanRequest {
    /// Positions of the columns, in the order wanted; `None`: all.
    pub projection: Option<Vec<usize>>,
    /// Only these rows; `None`: all.
    pub rows: Option<RowSet>,
    /// Only rows that hit; a Float32 column `_score` is appended behind the projection.
    pub hits: Option<Arc<TextHits>>,
    /// Per part, stop after so many rows.
    pub limit: Option<usize>,
    /// Rows per batch at most; 0 means 8,192.
    pub batch_rows: usize,
}

/// A share of a scan that can be read apart from the others, on its own thread.
pub struct ScanPart;

impl ScanPart {
    /// Rows in it, at most.
    pub fn rows(&self) -> u64 {
        todo!()
    }
}

impl Iterator for ScanPart {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

impl TableSnapshot {
    /// The table.
    pub fn spec(&self) -> &Arc<TableSpec> {
        todo!()
    }

    /// Its Arrow schema.
    pub fn schema(&self) -> SchemaRef {
        todo!()
    }

    /// What is known of it without reading.
    pub fn statistics(&self) -> TableStatistics {
        todo!()
    }

    /// The row of a key.
    ///
    /// # Errors
    ///
    /// `Damaged`, `Io`.
    pub fn get(&self, key: &str) -> Result<Option<Row>> {
        let _ = key;
        todo!()
    }

    /// The rows of these keys; keys that are not there are left out.
    ///
    /// # Errors
    ///
    /// `Damaged`, `Io`.
    pub fn keys(&self, keys: &[Key]) -> Result<RowSet> {
        let _ = keys;
        todo!()
    }

    /// The rows whose `column` equals one of `values` (`Null` finds the nulls only where the index keeps them: it does).
    ///
    /// # Errors
    ///
    /// `UnknownColumn`; `Invalid` when the column is not indexed (nor unique, nor a reference, nor the key).
    pub fn lookup(&self, column: &str, values: &[Value]) -> Result<RowSet> {
        let _ = (column, values);
        todo!()
    }

    /// Can [`Self::lookup`] answer for this column?
    pub fn has_index(&self, column: &str) -> bool {
        let _ = column;
        todo!()
    }

    /// Full-text search.
    ///
    /// # Errors
    ///
    /// `Invalid` for a mistake in an expression, a column that is not searchable, or a table without searchable columns.
    pub fn search(&self, query: &TextQuery) -> Result<TextHits> {
        let _ = query;
        todo!()
    }

    /// The rows, in parts. Order is by key inside a segment and unspecified otherwise.
    ///
    /// # Errors
    ///
    /// `UnknownColumn` for a position out of range.
    pub fn scan(&self, request: ScanRequest) -> Result<Vec<ScanPart>> {
        let _ = request;
        todo!()
    }
}
