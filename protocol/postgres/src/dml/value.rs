//! Values of questions and parameters as the engine takes them. Nothing is narrowed here: what does not fit a field is the pipeline's finding.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{DataType, Field},
};
use chrono_tz::Tz;
use datafusion::scalar::ScalarValue;
use quarry_engine::{Input, Value};
use quarry_json::{Cells, Options};
use quarry_metadata::FieldKind;
use quarry_planner::sql::clocks;

use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

const DAY_MICROS: i64 = 86_400_000_000;

/// A value; an instant without a zone is meant in `zone`.
///
/// # Errors
///
/// `22003` out of range, `42804` for a type that no field holds.
pub fn input_of(scalar: &ScalarValue, zone: Tz) -> Result<Input> {
    if scalar.is_null() {
        return Ok(Input::Typed(Value::Null, None));
    }
    if let ScalarValue::Decimal128(Some(unscaled), _, scale) = scalar {
        return Ok(Input::Typed(Value::Decimal(*unscaled), Some(*scale)));
    }
    value_of(scalar, zone).map(|value| Input::Typed(value, None))
}

fn value_of(scalar: &ScalarValue, zone: Tz) -> Result<Value> {
    use ScalarValue as S;
    Ok(match scalar {
        S::Boolean(Some(on)) => Value::Bool(*on),
        S::Int8(Some(n)) => Value::Int(i64::from(*n)),
        S::Int16(Some(n)) => Value::Int(i64::from(*n)),
        S::Int32(Some(n)) => Value::Int(i64::from(*n)),
        S::Int64(Some(n)) => Value::Int(*n),
        S::UInt8(Some(n)) => Value::Int(i64::from(*n)),
        S::UInt16(Some(n)) => Value::Int(i64::from(*n)),
        S::UInt32(Some(n)) => Value::Int(i64::from(*n)),
        S::UInt64(Some(n)) => Value::Int(i64::try_from(*n).map_err(|_| out_of_range(scalar))?),
        S::Float32(Some(x)) => Value::Float(f64::from(*x)),
        S::Float64(Some(x)) => Value::Float(*x),
        S::Utf8(Some(text)) | S::Utf8View(Some(text)) | S::LargeUtf8(Some(text)) => {
            Value::Text(text.as_str().into())
        }
        S::Date32(Some(days)) => Value::Date(*days),
        S::Binary(Some(bytes)) | S::LargeBinary(Some(bytes)) | S::BinaryView(Some(bytes)) => {
            Value::Bytes(bytes.as_slice().into())
        }
        S::Time64Microsecond(Some(micros)) => Value::Time(*micros),
        S::TimestampMicrosecond(Some(micros), told) => {
            Value::Timestamp(instant(*micros, told.is_some(), zone)?)
        }
        S::Struct(_) => json_of(scalar)?,
        S::List(list) if matches!(list.value_type(), DataType::Struct(_)) => json_of(scalar)?,
        S::List(_) | S::LargeList(_) | S::FixedSizeList(_) => texts_of(scalar)?,
        S::Dictionary(_, inner) => return value_of(inner, zone),
        other => match widened(&other.data_type()) {
            Some(wanted) => return value_of(&other.cast_to(&wanted)?, zone),
            None => {
                let message = format!("no field holds a value of type {}", other.data_type());
                return Err(PgError::new(SqlState::DATATYPE_MISMATCH, message));
            }
        },
    })
}

fn out_of_range(scalar: &ScalarValue) -> PgError {
    PgError::new(SqlState::NUMBER_OUT_OF_RANGE, format!("value {scalar} is out of range"))
}

/// Rare units come to the one that is kept.
fn widened(data_type: &DataType) -> Option<DataType> {
    use arrow::datatypes::TimeUnit::Microsecond;
    match data_type {
        DataType::Timestamp(unit, zone) if *unit != Microsecond => {
            Some(DataType::Timestamp(Microsecond, zone.clone()))
        }
        DataType::Time32(_) => Some(DataType::Time64(Microsecond)),
        DataType::Time64(unit) if *unit != Microsecond => Some(DataType::Time64(Microsecond)),
        DataType::Date64 => Some(DataType::Date32),
        DataType::FixedSizeBinary(_) => Some(DataType::Binary),
        _ => None,
    }
}

/// Microseconds UTC; without a zone of its own the instant is local.
fn instant(micros: i64, is_zoned: bool, zone: Tz) -> Result<i64> {
    if is_zoned {
        return Ok(micros);
    }
    let out_of_range = || PgError::new(SqlState::NUMBER_OUT_OF_RANGE, "timestamp out of range");
    clocks::instant_of_reading(micros, zone).ok_or_else(out_of_range)
}

/// What is put into a field: texts and days are instants by the session's clock where one is wanted, and instants are days, as PostgreSQL
/// casts them. What is no such text is left to be told by the engine.
pub fn for_field(kind: Option<&FieldKind>, input: Input, zone: Tz) -> Input {
    let Input::Typed(value, None) = &input else { return input };
    let moved = match (kind, value) {
        (Some(FieldKind::DateTime), Value::Text(text)) => {
            clocks::instant_of_text(text, zone).map(Value::Timestamp)
        }
        (Some(FieldKind::DateTime), Value::Date(days)) => {
            clocks::instant_of_reading(i64::from(*days) * DAY_MICROS, zone).map(Value::Timestamp)
        }
        (Some(FieldKind::Date), Value::Timestamp(micros)) => {
            let shown = clocks::reading_of_instant(*micros, zone);
            shown.and_then(|shown| i32::try_from(shown.div_euclid(DAY_MICROS)).ok()).map(Value::Date)
        }
        _ => None,
    };
    moved.map_or(input, |value| Input::Typed(value, None))
}

/// What is made of parts, as the text of its JSON.
fn json_of(scalar: &ScalarValue) -> Result<Value> {
    let array: ArrayRef = scalar.to_array()?;
    let field = Field::new("", array.data_type().clone(), true);
    let cells = Cells::new(&array, &field, Options::default())
        .map_err(|error| PgError::new(SqlState::FEATURE_NOT_SUPPORTED, error.to_string()))?;
    let mut json = Vec::new();
    cells.write(0, &mut json);
    Ok(Value::Text(String::from_utf8_lossy(&json).into()))
}

fn texts_of(scalar: &ScalarValue) -> Result<Value> {
    let array: ArrayRef = scalar.to_array()?;
    let list = cast(&array, &DataType::new_list(DataType::Utf8, true))?;
    let items = list.as_list::<i32>().value(0);
    let items = items.as_string::<i32>();
    if items.null_count() > 0 {
        return Err(PgError::new(SqlState::NOT_NULL_VIOLATION, "a list can't hold NULL"));
    }
    Ok(Value::TextList(items.iter().flatten().map(Arc::from).collect()))
}

/// The value as a question takes it, to compare a proposed record with those that are there.
pub fn scalar_of(input: &Input) -> ScalarValue {
    let Input::Typed(value, scale) = input else { return ScalarValue::Utf8(None) };
    match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(on) => ScalarValue::Boolean(Some(*on)),
        Value::Int(n) => ScalarValue::Int64(Some(*n)),
        Value::Float(x) => ScalarValue::Float64(Some(*x)),
        Value::Decimal(unscaled) => ScalarValue::Decimal128(Some(*unscaled), 38, scale.unwrap_or(0)),
        Value::Text(text) => ScalarValue::Utf8(Some(text.to_string())),
        Value::Date(days) => ScalarValue::Date32(Some(*days)),
        Value::Time(micros) => ScalarValue::Time64Microsecond(Some(*micros)),
        Value::Timestamp(micros) => ScalarValue::TimestampMicrosecond(Some(*micros), Some("UTC".into())),
        Value::TextList(items) => {
            let items: Vec<ScalarValue> =
                items.iter().map(|t| ScalarValue::Utf8(Some(t.to_string()))).collect();
            ScalarValue::List(ScalarValue::new_list_nullable(&items, &DataType::Utf8))
        }
        Value::Bytes(bytes) => ScalarValue::Binary(Some(bytes.to_vec())),
    }
}
