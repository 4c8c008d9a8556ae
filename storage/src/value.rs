//! Values, rows and keys: one record at a time, as the log and the delta hold it.

use std::{cmp::Ordering, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    term::float_bits,
};

/// One cell. Its column's type says how to read it; `Null` fits every nullable column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

impl Value {
    /// Text made from anything that reads as a string.
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// Is there no value?
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The order of an index: null, then by value; numbers as numbers with NaN last, texts and bytes byte by byte.
    /// Values of different types are equals: a column has one type.
    pub(crate) fn compare(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Int(a), Value::Int(b))
            | (Value::Time(a), Value::Time(b))
            | (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => float_bits(*a).cmp(&float_bits(*b)),
            (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Date(a), Value::Date(b)) => a.cmp(b),
            (Value::TextList(a), Value::TextList(b)) => a.cmp(b),
            (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            _ => other.is_null().cmp(&self.is_null()),
        }
    }

    /// Roughly what it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let heap = match self {
            Value::Text(text) => text.len() + 16,
            Value::Bytes(bytes) => bytes.len() + 16,
            Value::TextList(items) => items.iter().map(|item| item.len() + 32).sum(),
            _ => 0,
        };
        32 + u64::try_from(heap).unwrap_or(u64::MAX)
    }
}

/// A record's key: the text in column 0.
pub type Key = Arc<str>;

/// One row, a value per column of its table in order; cheap to clone. Shorter than the table where columns were
/// added later: what is missing is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row(pub Arc<[Value]>);

impl Row {
    /// The value of column `index`; null where the row is shorter.
    pub fn get(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Null)
    }

    /// The text in column 0.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is not a text, or an empty one.
    pub fn key(&self) -> Result<&Key> {
        match self.get(0) {
            Value::Text(key) if !key.is_empty() => Ok(key),
            Value::Text(_) => Err(Error::Invalid("the key of a row must not be empty".into())),
            other => Err(Error::Invalid(format!("the key of a row must be a text, not {other:?}"))),
        }
    }

    /// Roughly what it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(Value::bytes).sum()
    }
}
