//! What can go wrong when a batch becomes JSON.

use arrow::datatypes::DataType;

/// An error of the encoder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A type that has no form in JSON.
    #[error("column {column:?}: a value of type {data_type} has no form in JSON; cast it to text")]
    Unsupported {
        /// The column, with dots where it is nested.
        column: String,
        /// Its type.
        data_type: DataType,
    },
    /// The batch is not of the schema that the encoder was made for.
    #[error("column {column:?}: the batch holds {found}, the schema says {expected}")]
    Mismatch {
        /// The column.
        column: String,
        /// What the schema says.
        expected: DataType,
        /// What the batch holds.
        found: DataType,
    },
    /// A batch with another number of columns than the schema.
    #[error("the batch has {found} columns, the schema {expected}")]
    Columns {
        /// What the schema says.
        expected: usize,
        /// What the batch holds.
        found: usize,
    },
    /// Rows that the batch does not have.
    #[error("rows {start}..{end} asked, the batch has {rows}")]
    Rows {
        /// The first row asked.
        start: usize,
        /// One past the last row asked.
        end: usize,
        /// Rows in the batch.
        rows: usize,
    },
}

/// The encoder's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
