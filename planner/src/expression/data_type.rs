//! How values of an expression lie in Arrow: as columns of storage do.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use quarry_metadata::expression::{Literal, Type};

use crate::error::{Error, Result};

/// The Arrow type of a type. Text is a view, and plain inside lists.
pub(crate) fn arrow(type_: &Type) -> DataType {
    match type_ {
        Type::Null => DataType::Null,
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int64,
        Type::Decimal { precision, scale } => {
            DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(i8::MAX))
        }
        Type::Double => DataType::Float64,
        Type::Text | Type::Json => DataType::Utf8View,
        Type::Date => DataType::Date32,
        Type::DateTime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Time => DataType::Time64(TimeUnit::Microsecond),
        Type::Duration => DataType::Duration(TimeUnit::Microsecond),
        Type::List(item) => DataType::new_list(in_list(item), true),
        Type::Record(_) => DataType::Struct(arrow::datatypes::Fields::empty()),
    }
}

/// The Arrow type of a list's items.
pub(super) fn in_list(type_: &Type) -> DataType {
    match type_ {
        Type::Text => DataType::Utf8,
        other => arrow(other),
    }
}

/// A value that is written down.
///
/// # Errors
///
/// `Internal` when the literal is not of its type.
pub(super) fn scalar(literal: &Literal, type_: &Type) -> Result<ScalarValue> {
    let wrong = || Error::internal(format!("{literal:?} is no {type_}"));
    Ok(match (literal, arrow(type_)) {
        (Literal::Null, data_type) => ScalarValue::try_from(&data_type)?,
        (Literal::Bool(value), _) => ScalarValue::Boolean(Some(*value)),
        (Literal::Int(value), _) => ScalarValue::Int64(Some(*value)),
        (Literal::Decimal(value), DataType::Decimal128(precision, scale)) => {
            ScalarValue::Decimal128(Some(*value), precision, scale)
        }
        (Literal::Text(value), _) => ScalarValue::Utf8View(Some(value.clone())),
        (Literal::Date(value), _) => ScalarValue::Date32(Some(*value)),
        (Literal::DateTime(value), _) => ScalarValue::TimestampMicrosecond(Some(*value), Some("UTC".into())),
        (Literal::Time(value), _) => ScalarValue::Time64Microsecond(Some(*value)),
        (Literal::Duration(value), _) => ScalarValue::DurationMicrosecond(Some(*value)),
        _ => return Err(wrong()),
    })
}
