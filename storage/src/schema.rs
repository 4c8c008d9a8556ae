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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "StoredIndex", try_from = "StoredIndex")]
pub struct IndexSpec {
    /// Its name, told in the violation.
    pub name: Arc<str>,
    /// Its columns, at most 16.
    pub columns: Vec<ColumnName>,
    /// Only rows that meet all of them count.
    pub conditions: Vec<Condition>,
}

/// What the value of a column must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Condition {
    /// The column.
    pub column: ColumnName,
    /// What it must be.
    pub is: ConditionIs,
}

/// See [`Condition`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionIs {
    /// No value.
    Null,
    /// Any value.
    NotNull,
    /// This value.
    Bool(bool),
    /// This value.
    Int(i64),
    /// This value.
    Text(Arc<str>),
    /// One of these values.
    AnyOf(Vec<Arc<str>>),
    /// A value, and none of these.
    NoneOf(Vec<Arc<str>>),
}

impl ConditionIs {
    /// The one value that meets it, where there is one.
    pub(crate) fn value(&self) -> Option<Value> {
        match self {
            ConditionIs::Null | ConditionIs::NotNull | ConditionIs::AnyOf(_) | ConditionIs::NoneOf(_) => None,
            ConditionIs::Bool(flag) => Some(Value::Bool(*flag)),
            ConditionIs::Int(number) => Some(Value::Int(*number)),
            ConditionIs::Text(text) => Some(Value::Text(text.clone())),
        }
    }
}

/// An [`IndexSpec`] as it lies in logs and manifests. Conditions came after the first format, which has no place for
/// them: each stands behind the columns as a text that no column can have for its name, `00` and the postcard bytes of
/// the [`Condition`] in hexadecimal. A program that does not know conditions refuses it as an unknown column.
#[derive(Serialize, Deserialize)]
struct StoredIndex {
    name: Arc<str>,
    columns: Vec<ColumnName>,
}

impl From<IndexSpec> for StoredIndex {
    fn from(index: IndexSpec) -> StoredIndex {
        let IndexSpec { name, mut columns, conditions } = index;
        for condition in conditions {
            // Texts and numbers: they can always be written.
            let bytes = postcard::to_stdvec(&condition).unwrap_or_default();
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            columns.push(format!("\0{digits}").into());
        }
        StoredIndex { name, columns }
    }
}

impl TryFrom<StoredIndex> for IndexSpec {
    type Error = postcard::Error;

    fn try_from(stored: StoredIndex) -> Result<IndexSpec, postcard::Error> {
        let StoredIndex { name, mut columns } = stored;
        let named = columns.iter().position(|name| name.starts_with('\0')).unwrap_or(columns.len());
        let conditions = columns.split_off(named);
        let conditions = conditions.iter().map(|text| read_condition(text)).collect::<Result<_, _>>()?;
        Ok(IndexSpec { name, columns, conditions })
    }
}

fn read_condition(text: &str) -> Result<Condition, postcard::Error> {
    let digits = text.strip_prefix('\0').ok_or(postcard::Error::DeserializeBadEncoding)?;
    let byte = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    postcard::from_bytes(&bytes.ok_or(postcard::Error::DeserializeBadEncoding)?)
}

/// A column that holds keys of another table: the key must exist at commit, and a key that is still referred to
/// can't be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReferenceSpec {
    /// The column here.
    pub column: ColumnName,
    /// The table it points to.
    pub target: TableName,
}

/// A table. Column 0 is the key: Text, never null, unique. Later versions of a table may add columns at the end
/// and change `indexed`, `searchable`, `unique` and `references`; nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
