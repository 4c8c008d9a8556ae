//! One value of a catalog row or of a catalog function, between Rust and Arrow.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType},
};
use datafusion::error::{DataFusionError, Result};

/// A value. Integers of every width are `Int`; `name`, `"char"`, `text` and the rest of PostgreSQL's text-like types are `Text`.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer, an oid.
    Int(i64),
    /// A float.
    Float(f64),
    /// Text.
    Text(String),
    /// An instant, microseconds UTC.
    Micros(i64),
    /// An array.
    List(Vec<Cell>),
    /// One element of `_pg_expandarray`: its value and its place, from 1.
    Placed(i64, i32),
}

impl Cell {
    /// The text, when it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number; text that is one counts (`'16396'` is how clients write an oid).
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The oid; none when it isn't one.
    pub fn as_oid(&self) -> Option<u32> {
        self.as_int().and_then(|number| u32::try_from(number).ok())
    }

    /// As PostgreSQL would print it; none for null.
    pub fn display(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(true) => Some("t".into()),
            Self::Bool(false) => Some("f".into()),
            Self::Int(number) => Some(number.to_string()),
            Self::Float(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Micros(micros) => {
                chrono::DateTime::from_timestamp_micros(*micros).map(|at| at.to_rfc3339())
            }
            Self::List(items) => {
                let items: Vec<_> =
                    items.iter().map(|item| item.display().unwrap_or_else(|| "NULL".into())).collect();
                Some(format!("{{{}}}", items.join(",")))
            }
            Self::Placed(value, place) => Some(format!("({value},{place})")),
        }
    }

    /// The value at `row` of an array.
    ///
    /// # Errors
    ///
    /// Plan error for a type that no catalog function takes.
    pub fn read(array: &ArrayRef, row: usize) -> Result<Cell> {
        if array.is_null(row) {
            return Ok(Self::Null);
        }
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean().value(row)),
            kind if kind.is_integer() => {
                let one = cast(&array.slice(row, 1), &DataType::Int64)?;
                Self::Int(one.as_primitive::<Int64Type>().value(0))
            }
            kind if kind.is_numeric() => {
                let one = cast(&array.slice(row, 1), &DataType::Float64)?;
                Self::Float(one.as_primitive::<Float64Type>().value(0))
            }
            DataType::Timestamp(_, _) => {
                let micros = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None);
                let one = cast(&array.slice(row, 1), &micros)?;
                Self::Micros(one.as_primitive::<TimestampMicrosecondType>().value(0))
            }
            DataType::Utf8 => Self::Text(array.as_string::<i32>().value(row).to_owned()),
            DataType::LargeUtf8 => Self::Text(array.as_string::<i64>().value(row).to_owned()),
            DataType::Utf8View => Self::Text(array.as_string_view().value(row).to_owned()),
            DataType::Date32 | DataType::Time64(_) => {
                let one = cast(&array.slice(row, 1), &DataType::Utf8)?;
                Self::Text(one.as_string::<i32>().value(0).to_owned())
            }
            DataType::List(_) => Self::read_items(&array.as_list::<i32>().value(row))?,
            DataType::LargeList(_) => Self::read_items(&array.as_list::<i64>().value(row))?,
            other => {
                return Err(DataFusionError::Plan(format!(
                    "a catalog function can't take a value of type {other}"
                )));
            }
        })
    }

    fn read_items(items: &ArrayRef) -> Result<Cell> {
        let items = Arc::clone(items);
        (0..items.len()).map(|row| Self::read(&items, row)).collect::<Result<Vec<_>>>().map(Self::List)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<char> for Cell {
    fn from(value: char) -> Self {
        Self::Text(value.to_string())
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {
        $(impl From<$integer> for Cell {
            fn from(value: $integer) -> Self {
                Self::Int(i64::from(value))
            }
        })*
    };
}

from_integer!(i16, i32, i64, u8, u32);

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Cell>> From<Vec<T>> for Cell {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}
