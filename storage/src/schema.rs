//! Tables as storage knows them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::value::Value;

/// A table's name.
pub type TableName = Arc<str>;
/// A column's name.
pub type ColumnName = Arc<str>;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ColumnType {
    Bool,
    Int,
    Float,
    Decimal { precision: u8, scale: i8 },
    Text,
    Date,
    Time,
    Timestamp,
    TextList,
    Bytes,
}

impl ColumnType {
    /// Boolean, Int64, Float64, Decimal128, Utf8View, Date32, Time64(µs), Timestamp(µs, "UTC"), List<Utf8>, Binary.
    pub fn arrow(self) -> DataType {
        match self {
            ColumnType::Bool => DataType::Boolean,
            ColumnType::Int => DataType::Int64,
            ColumnType::Float => DataType::Float64,
            ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            ColumnType::Text => DataType::Utf8View,
            ColumnType::Date => DataType::Date32,
            ColumnType::Time => DataType::Time64(TimeUnit::Microsecond),
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ColumnType::TextList => DataType::new_list(DataType::Utf8, true),
            ColumnType::Bytes => DataType::Binary,
        }
    }

    /// May a column of this type hold `value`? A decimal must also fit the precision.
    pub fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null)
            | (ColumnType::Bool, Value::Bool(_))
            | (ColumnType::Int, Value::Int(_))
            | (ColumnType::Float, Value::Float(_))
            | (ColumnType::Text, Value::Text(_))
            | (ColumnType::Date, Value::Date(_))
            | (ColumnType::Time, Value::Time(_))
            | (ColumnType::Timestamp, Value::Timestamp(_))
            | (ColumnType::TextList, Value::TextList(_))
            | (ColumnType::Bytes, Value::Bytes(_)) => true,
            (ColumnType::Decimal { precision, .. }, Value::Decimal(unscaled)) => {
                let limit = 10u128.checked_pow(u32::from(precision));
                limit.is_some_and(|limit| unscaled.unsigned_abs() < limit)
            }
            _ => false,
        }
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// Its name.
    pub name: ColumnName,
    /// What it holds.
    pub column_type: ColumnType,
    /// Rows are found by its value without a scan.
    pub indexed: bool,
    /// Full-text search looks at it (Text only).
    pub searchable: bool,
}

/// Columns whose values, taken together, occur at most once (a row with a null in them does not count).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexSpec {
    /// Its name, told in the violation.
    pub name: Arc<str>,
    /// Its columns.
    pub columns: Vec<ColumnName>,
}

/// A column that holds keys of another table: the key must exist at commit, and a key that is still referred to
/// can't be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceSpec {
    /// The column here.
    pub column: ColumnName,
    /// The table it points to.
    pub target: TableName,
}

/// A table. Column 0 is the key: Text, never null, unique. Later versions of a table may add columns at the end
/// and change `indexed`, `searchable`, `unique` and `references`; nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSpec {
    /// Its name.
    pub name: TableName,
    /// Its columns in order.
    pub columns: Vec<ColumnSpec>,
    /// Its unique constraints.
    pub unique: Vec<IndexSpec>,
    /// Its references.
    pub references: Vec<ReferenceSpec>,
}

impl TableSpec {
    /// The position of a column.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| &*c.name == column)
    }

    /// The Arrow schema: every column nullable but the key.
    pub fn arrow(&self) -> SchemaRef {
        let field = |(position, column): (usize, &ColumnSpec)| {
            Field::new(&*column.name, column.column_type.arrow(), position > 0)
        };
        Arc::new(Schema::new(self.columns.iter().enumerate().map(field).collect::<Vec<_>>()))
    }
}
