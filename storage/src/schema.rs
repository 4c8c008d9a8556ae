//! Tables as storage knows them.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};

/// A table's name.
pub type TableName = Arc<str>;
/// A column's name.
pub type ColumnName = Arc<str>;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        todo!()
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSpec {
    /// Its name, told in the violation.
    pub name: Arc<str>,
    /// Its columns.
    pub columns: Vec<ColumnName>,
}

/// A column that holds keys of another table: the key must exist at commit, and a key that is still referred to
/// can't be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceSpec {
    /// The column here.
    pub column: ColumnName,
    /// The table it points to.
    pub target: TableName,
}

/// A table. Column 0 is the key: Text, never null, unique. Later versions of a table may add columns at the end
/// and change `indexed`, `searchable`, `unique` and `references`; nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        todo!()
    }
}
