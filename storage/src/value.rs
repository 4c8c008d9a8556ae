//! Values, rows and keys: one record at a time, as the log and the delta hold it.

use std::sync::Arc;

/// One cell. Its column's type says how to read it; `Null` fits every nullable column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Boolean.
    Bool(bool),
    /// Int64.
    Int(i64),
    /// Float64.
    Float(f64),
    /// Decimal128: the unscaled integer; scale and precision are the column's.
    Decimal(i128),
    /// Utf8View.
    Text(Arc<str>),
    /// Date32: days since 1970-01-01.
    Date(i32),
    /// Time64(µs) since midnight.
    Time(i64),
    /// Timestamp(µs, UTC).
    Timestamp(i64),
    /// List<Utf8>.
    TextList(Arc<[Arc<str>]>),
    /// Binary.
    Bytes(Arc<[u8]>),
}

/// A record's key: the text in column 0.
pub type Key = Arc<str>;

/// One row, a value per column of its table in order; cheap to clone. Shorter than the table where columns were
/// added later: what is missing is null.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Arc<[Value]>);

impl Row {
    /// The value of column `index`; null where the row is shorter.
    pub fn get(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Null)
    }
}
