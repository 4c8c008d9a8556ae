//! How PostgreSQL's types stand in Arrow, for catalog columns and the answers of catalog functions.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{
        ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int16Builder,
        Int32Builder, Int64Builder, ListBuilder, StringBuilder, StructArray, TimestampMicrosecondBuilder,
        UInt32Builder,
    },
    datatypes::{DataType, Field, Fields, TimeUnit},
};
use datafusion::error::{DataFusionError, Result};

use super::{PG_TYPE, cell::Cell};

/// The Arrow shape of a PostgreSQL type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `bool`.
    Bool,
    /// `int2`.
    Int2,
    /// `int4`.
    Int4,
    /// `int8`, and `numeric` where PostgreSQL has it for counts.
    Int8,
    /// `oid` and its kin (`regproc`, `xid`).
    Oid,
    /// `float4`.
    Float4,
    /// `float8`.
    Float8,
    /// Everything that is told as text.
    Text,
    /// `timestamptz`.
    Instant,
    /// `bytea`.
    Bytes,
    /// `int2[]`, `int2vector`.
    Int2List,
    /// `int4[]`.
    Int4List,
    /// `oid[]`, `oidvector`.
    OidList,
    /// An array of anything told as text.
    TextList,
    /// The struct array of `_pg_expandarray`.
    PlacedList,
}

impl Shape {
    /// The shape of a type by PostgreSQL's own name for it (`_text` is `text[]`).
    pub fn of(pg_type: &str) -> Shape {
        match pg_type {
            "bool" => Self::Bool,
            "int2" => Self::Int2,
            "int4" => Self::Int4,
            "int8" | "numeric" => Self::Int8,
            "oid" | "regproc" | "regtype" | "regclass" | "xid" => Self::Oid,
            "float4" => Self::Float4,
            "float8" => Self::Float8,
            "timestamptz" => Self::Instant,
            "bytea" => Self::Bytes,
            "int2vector" | "_int2" => Self::Int2List,
            "_int4" => Self::Int4List,
            "oidvector" | "_oid" | "_regtype" => Self::OidList,
            list if list.starts_with('_') => Self::TextList,
            _ => Self::Text,
        }
    }

    /// The Arrow type.
    pub fn arrow(self) -> DataType {
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Oid => DataType::UInt32,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Bytes => DataType::Binary,
            Self::Int2List => list(DataType::Int16),
            Self::Int4List => list(DataType::Int32),
            Self::OidList => list(DataType::UInt32),
            Self::TextList => list(DataType::Utf8),
            Self::PlacedList => list(DataType::Struct(placed_fields())),
        }
    }

    /// What stands in a column that must have a value and was given none.
    pub fn zero(self) -> Cell {
        match self {
            Self::Bool => Cell::Bool(false),
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Oid => Cell::Int(0),
            Self::Float4 | Self::Float8 => Cell::Float(0.0),
            Self::Text | Self::Bytes => Cell::Text(String::new()),
            Self::Instant => Cell::Micros(0),
            Self::Int2List | Self::Int4List | Self::OidList | Self::TextList | Self::PlacedList => {
                Cell::List(Vec::new())
            }
        }
    }

    /// An array of cells of this shape.
    ///
    /// # Errors
    ///
    /// Internal when a cell has another shape.
    pub fn build(self, cells: &[Cell]) -> Result<ArrayRef> {
        match self {
            Self::Bool => self.fill(cells, BooleanBuilder::new(), |b, v| b.append_option(v), boolean),
            Self::Int2 => self.fill(cells, Int16Builder::new(), |b, v| b.append_option(v), integer),
            Self::Int4 => self.fill(cells, Int32Builder::new(), |b, v| b.append_option(v), integer),
            Self::Int8 => self.fill(cells, Int64Builder::new(), |b, v| b.append_option(v), integer),
            Self::Oid => self.fill(cells, UInt32Builder::new(), |b, v| b.append_option(v), integer),
            Self::Float4 => self.fill(cells, Float32Builder::new(), |b, v| b.append_option(v), float4),
            Self::Float8 => self.fill(cells, Float64Builder::new(), |b, v| b.append_option(v), float8),
            Self::Text => self.fill(cells, StringBuilder::new(), |b, v| b.append_option(v), text),
            Self::Bytes => self.fill(cells, BinaryBuilder::new(), |b, v| b.append_option(v), text),
            Self::Instant => {
                let builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
                self.fill(cells, builder, |b, v| b.append_option(v), micros)
            }
            Self::Int2List => self.fill(cells, ListBuilder::new(Int16Builder::new()), append_list, integers),
            Self::Int4List => self.fill(cells, ListBuilder::new(Int32Builder::new()), append_list, integers),
            Self::OidList => self.fill(cells, ListBuilder::new(UInt32Builder::new()), append_list, integers),
            Self::TextList => self.fill(cells, ListBuilder::new(StringBuilder::new()), append_list, texts),
            Self::PlacedList => build_placed(cells),
        }
    }

    /// Appends every cell to a builder, through the reading of one cell.
    fn fill<'c, B: ArrayBuilder, V>(
        self,
        cells: &'c [Cell],
        mut builder: B,
        append: impl Fn(&mut B, Option<V>),
        read: impl Fn(&'c Cell) -> Option<V>,
    ) -> Result<ArrayRef> {
        for cell in cells {
            match cell {
                Cell::Null => append(&mut builder, None),
                cell => append(&mut builder, Some(read(cell).ok_or_else(|| self.mismatch(cell))?)),
            }
        }
        Ok(builder.finish())
    }

    fn mismatch(self, cell: &Cell) -> DataFusionError {
        DataFusionError::Internal(format!("the catalog gave {cell:?} where {self:?} stands"))
    }
}

/// The field of a catalog column, which names PostgreSQL's type where Arrow's does not say it.
pub fn field(name: &str, pg_type: &str) -> Field {
    let field = Field::new(name, Shape::of(pg_type).arrow(), true);
    match pg_type {
        "bool" | "int2" | "int4" | "int8" | "oid" | "float4" | "float8" | "text" | "timestamptz"
        | "bytea" | "numeric" | "_int2" | "_int4" | "_oid" | "_text" => field,
        other => field.with_metadata(HashMap::from([(PG_TYPE.to_owned(), other.to_owned())])),
    }
}

fn placed_fields() -> Fields {
    Fields::from(vec![Field::new("x", DataType::Int64, true), Field::new("n", DataType::Int32, true)])
}

fn boolean(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Bool(value) => Some(*value),
        _ => None,
    }
}

fn append_list<B, V>(builder: &mut ListBuilder<B>, values: Option<Vec<Option<V>>>)
where
    B: arrow::array::ArrayBuilder + Extend<Option<V>>,
{
    match values {
        Some(values) => builder.append_value(values),
        None => builder.append_null(),
    }
}

fn integer<V: TryFrom<i64>>(cell: &Cell) -> Option<V> {
    match cell {
        Cell::Int(value) => V::try_from(*value).ok(),
        _ => None,
    }
}

fn float8(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Float(value) => Some(*value),
        Cell::Int(value) => i32::try_from(*value).ok().map(f64::from),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation)]
fn float4(cell: &Cell) -> Option<f32> {
    float8(cell).map(|value| value as f32)
}

fn micros(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Micros(value) => Some(*value),
        _ => None,
    }
}

fn text(cell: &Cell) -> Option<String> {
    cell.as_text().map(str::to_owned)
}

fn integers<V: TryFrom<i64>>(cell: &Cell) -> Option<Vec<Option<V>>> {
    match cell {
        Cell::List(items) => items.iter().map(|item| integer(item).map(Some)).collect(),
        _ => None,
    }
}

fn texts(cell: &Cell) -> Option<Vec<Option<String>>> {
    match cell {
        Cell::List(items) => Some(items.iter().map(Cell::display).collect()),
        _ => None,
    }
}

/// `_pg_expandarray`'s answer: per row a list of (x, n).
fn build_placed(cells: &[Cell]) -> Result<ArrayRef> {
    let (mut values, mut places) = (Int64Builder::new(), Int32Builder::new());
    let mut lengths = Vec::with_capacity(cells.len());
    for cell in cells {
        let items = match cell {
            Cell::List(items) => items.as_slice(),
            _ => &[],
        };
        for item in items {
            if let Cell::Placed(value, place) = item {
                values.append_value(*value);
                places.append_value(*place);
            }
        }
        lengths.push(items.len());
    }
    let items =
        StructArray::new(placed_fields(), vec![Arc::new(values.finish()), Arc::new(places.finish())], None);
    let item = Arc::new(Field::new_list_field(DataType::Struct(placed_fields()), true));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(arrow::array::ListArray::try_new(item, offsets, Arc::new(items), None)?))
}
