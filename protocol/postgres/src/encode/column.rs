//! One column of a batch, its Arrow type already looked up.

use std::fmt::Write;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Decimal128Array,
        Decimal256Array, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
        IntervalMonthDayNanoArray, LargeBinaryArray, LargeStringArray, ListArray, PrimitiveArray,
        StringArray, StringViewArray, UInt32Array,
    },
    compute::cast,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Field, Float32Type, Float64Type, Int16Type,
        Int32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
        Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt32Type,
    },
    util::display::{ArrayFormatter, FormatOptions},
};
use bytes::{BufMut, BytesMut};
use chrono_tz::Tz;
use pgwire::api::Type;
use quarry_json::{Cells, Options};

use super::{array, datetime, numeric};
use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

const DAY_NANOS: i64 = 86_400_000_000_000;

/// A column whose cells can be written. Rare Arrow types are cast once to the one that is known here.
pub enum Column<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int16(Cow<'a, Int16Array>),
    Int32(Cow<'a, Int32Array>),
    Int64(Cow<'a, Int64Array>),
    Oid(&'a UInt32Array),
    Float32(Cow<'a, Float32Array>),
    Float64(&'a Float64Array),
    Decimal(&'a Decimal128Array, i8),
    BigDecimal(&'a Decimal256Array),
    Text(&'a StringArray),
    TextView(&'a StringViewArray),
    LargeText(&'a LargeStringArray),
    Date(Cow<'a, PrimitiveArray<Date32Type>>),
    Time(Cow<'a, PrimitiveArray<Time64MicrosecondType>>),
    Timestamp(Cow<'a, PrimitiveArray<TimestampMicrosecondType>>, bool),
    Interval(Cow<'a, IntervalMonthDayNanoArray>),
    Binary(&'a BinaryArray),
    BinaryView(&'a BinaryViewArray),
    LargeBinary(&'a LargeBinaryArray),
    List(Cow<'a, ListArray>),
    /// Structs and lists of them, as JSON.
    Json(StringArray),
    /// What has no PostgreSQL counterpart, in Arrow's own text form.
    Shown(ArrayRef),
}

/// Borrowed as it came, or the outcome of a cast.
pub enum Cow<'a, T> {
    /// As it came.
    Borrowed(&'a T),
    /// Cast.
    Owned(Box<T>),
}

impl<T> std::ops::Deref for Cow<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Cow::Borrowed(array) => array,
            Cow::Owned(array) => array,
        }
    }
}

/// The difference of two timestamps: PostgreSQL tells it in days of 24 hours.
fn with_days(time: IntervalMonthDayNano) -> IntervalMonthDayNano {
    let days = i32::try_from(time.nanoseconds / DAY_NANOS).unwrap_or(i32::MAX);
    IntervalMonthDayNano { days, nanoseconds: time.nanoseconds % DAY_NANOS, ..time }
}

fn primitive<'a, T: arrow::datatypes::ArrowPrimitiveType>(
    array: &'a ArrayRef,
    wanted: &DataType,
) -> Result<Cow<'a, PrimitiveArray<T>>> {
    if let Some(as_is) = array.as_primitive_opt::<T>() {
        return Ok(Cow::Borrowed(as_is));
    }
    let strict = arrow::compute::CastOptions { safe: false, ..Default::default() };
    let other = arrow::compute::cast_with_options(array, wanted, &strict)
        .map_err(|e| PgError::new(SqlState::NUMBER_OUT_OF_RANGE, e.to_string()))?;
    match other.as_primitive_opt::<T>() {
        Some(found) => Ok(Cow::Owned(Box::new(found.clone()))),
        None => Err(PgError::new(SqlState::INTERNAL, format!("a column of type {wanted} can't be read"))),
    }
}

impl<'a> Column<'a> {
    /// Looks the type up.
    ///
    /// # Errors
    ///
    /// `22003` when a rare type's value does not fit the one it is announced as.
    pub fn new(array: &'a ArrayRef) -> Result<Self> {
        use Column as C;
        Ok(match array.data_type() {
            DataType::Null => C::Null,
            DataType::Boolean => C::Bool(array.as_boolean()),
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => {
                C::Int16(primitive::<Int16Type>(array, &DataType::Int16)?)
            }
            DataType::Int32 | DataType::UInt16 => C::Int32(primitive::<Int32Type>(array, &DataType::Int32)?),
            DataType::Int64 | DataType::UInt64 => C::Int64(primitive::<Int64Type>(array, &DataType::Int64)?),
            DataType::UInt32 => C::Oid(array.as_primitive::<UInt32Type>()),
            DataType::Float16 | DataType::Float32 => {
                C::Float32(primitive::<Float32Type>(array, &DataType::Float32)?)
            }
            DataType::Float64 => C::Float64(array.as_primitive::<Float64Type>()),
            DataType::Decimal128(_, scale) => C::Decimal(array.as_primitive::<Decimal128Type>(), *scale),
            DataType::Decimal256(..) => C::BigDecimal(array.as_primitive::<Decimal256Type>()),
            DataType::Utf8 => C::Text(array.as_string()),
            DataType::Utf8View => C::TextView(array.as_string_view()),
            DataType::LargeUtf8 => C::LargeText(array.as_string()),
            DataType::Date32 | DataType::Date64 => {
                C::Date(primitive::<Date32Type>(array, &DataType::Date32)?)
            }
            DataType::Time32(_) | DataType::Time64(_) => {
                C::Time(primitive::<Time64MicrosecondType>(array, &DataType::Time64(TimeUnit::Microsecond))?)
            }
            DataType::Timestamp(_, zone) => {
                let wanted = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
                C::Timestamp(primitive::<TimestampMicrosecondType>(array, &wanted)?, zone.is_some())
            }
            DataType::Interval(_) => {
                let wanted = DataType::Interval(IntervalUnit::MonthDayNano);
                C::Interval(primitive::<IntervalMonthDayNanoType>(array, &wanted)?)
            }
            DataType::Duration(_) => {
                let wanted = DataType::Interval(IntervalUnit::MonthDayNano);
                let times = primitive::<IntervalMonthDayNanoType>(array, &wanted)?;
                C::Interval(Cow::Owned(Box::new(times.unary(with_days))))
            }
            DataType::Binary => C::Binary(array.as_binary()),
            DataType::BinaryView => C::BinaryView(array.as_binary_view()),
            DataType::LargeBinary => C::LargeBinary(array.as_binary()),
            DataType::Struct(_) => C::Json(json_texts(array)?),
            DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)) => {
                C::Json(json_texts(array)?)
            }
            DataType::List(_) => C::List(Cow::Borrowed(array.as_list())),
            DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                let list = cast(array, &DataType::List(item.clone()))?;
                C::List(Cow::Owned(Box::new(list.as_list::<i32>().clone())))
            }
            _ => C::Shown(array.clone()),
        })
    }

    /// Whether the cell is null.
    pub fn is_null(&self, row: usize) -> bool {
        use Column as C;
        match self {
            C::Null => true,
            C::Bool(a) => a.is_null(row),
            C::Int16(a) => a.is_null(row),
            C::Int32(a) => a.is_null(row),
            C::Int64(a) => a.is_null(row),
            C::Oid(a) => a.is_null(row),
            C::Float32(a) => a.is_null(row),
            C::Float64(a) => a.is_null(row),
            C::Decimal(a, _) => a.is_null(row),
            C::BigDecimal(a) => a.is_null(row),
            C::Text(a) => a.is_null(row),
            C::TextView(a) => a.is_null(row),
            C::LargeText(a) => a.is_null(row),
            C::Date(a) => a.is_null(row),
            C::Time(a) => a.is_null(row),
            C::Timestamp(a, _) => a.is_null(row),
            C::Interval(a) => a.is_null(row),
            C::Binary(a) => a.is_null(row),
            C::BinaryView(a) => a.is_null(row),
            C::LargeBinary(a) => a.is_null(row),
            C::List(a) => a.is_null(row),
            C::Json(a) => a.is_null(row),
            C::Shown(a) => a.is_null(row),
        }
    }

    /// Writes a cell that is not null in text form.
    ///
    /// # Errors
    ///
    /// `22003`.
    pub fn write_text(&self, row: usize, pg_type: &Type, zone: Tz, out: &mut BytesMut) -> Result<()> {
        use Column as C;
        match self {
            C::Null => {}
            C::Bool(a) => out.put_u8(if a.value(row) { b't' } else { b'f' }),
            C::Int16(a) => show(out, a.value(row)),
            C::Int32(a) => show(out, a.value(row)),
            C::Int64(a) => show(out, a.value(row)),
            C::Oid(a) => show(out, a.value(row)),
            C::Float32(a) => numeric::write_float(f64::from(a.value(row)), &a.value(row).to_string(), 6, out),
            C::Float64(a) => numeric::write_float(a.value(row), &format!("{:e}", a.value(row)), 15, out),
            C::Decimal(a, scale) => numeric::write_decimal(a.value(row), *scale, out),
            C::BigDecimal(a) => out.put_slice(a.value_as_string(row).as_bytes()),
            C::Text(a) => out.put_slice(a.value(row).as_bytes()),
            C::TextView(a) => out.put_slice(a.value(row).as_bytes()),
            C::LargeText(a) => out.put_slice(a.value(row).as_bytes()),
            C::Date(a) => datetime::write_date(a.value(row), out),
            C::Time(a) => datetime::write_time(a.value(row), out),
            C::Timestamp(a, zoned) => datetime::write_timestamp(a.value(row), zoned.then_some(zone), out),
            C::Interval(a) => datetime::write_interval(a.value(row), out),
            C::Binary(a) => write_hex(a.value(row), out),
            C::BinaryView(a) => write_hex(a.value(row), out),
            C::LargeBinary(a) => write_hex(a.value(row), out),
            C::List(a) => array::write_text(&a.value(row), pg_type, zone, out)?,
            C::Json(a) => out.put_slice(a.value(row).as_bytes()),
            C::Shown(a) => write_shown(a, row, out)?,
        }
        Ok(())
    }

    /// Writes a cell that is not null in binary form.
    ///
    /// # Errors
    ///
    /// `22003`, `0A000` for a type without a binary form.
    pub fn write_binary(&self, row: usize, pg_type: &Type, out: &mut BytesMut) -> Result<()> {
        use Column as C;
        match self {
            C::Null => {}
            C::Bool(a) => out.put_u8(u8::from(a.value(row))),
            C::Int16(a) => out.put_i16(a.value(row)),
            C::Int32(a) => out.put_i32(a.value(row)),
            C::Int64(a) => out.put_i64(a.value(row)),
            C::Oid(a) => out.put_u32(a.value(row)),
            C::Float32(a) => out.put_f32(a.value(row)),
            C::Float64(a) => out.put_f64(a.value(row)),
            C::Decimal(a, scale) => numeric::write_numeric_of(a.value(row), *scale, out)?,
            C::BigDecimal(a) => numeric::write_numeric(&a.value_as_string(row), out)?,
            C::Text(a) => write_text_binary(a.value(row), pg_type, out),
            C::TextView(a) => write_text_binary(a.value(row), pg_type, out),
            C::LargeText(a) => write_text_binary(a.value(row), pg_type, out),
            C::Date(a) => out.put_i32(datetime::days_of_2000(a.value(row))?),
            C::Time(a) => out.put_i64(a.value(row)),
            C::Timestamp(a, _) => out.put_i64(datetime::micros_of_2000(a.value(row))?),
            C::Interval(a) => {
                let value = a.value(row);
                out.put_i64(value.nanoseconds / 1000);
                out.put_i32(value.days);
                out.put_i32(value.months);
            }
            C::Binary(a) => out.put_slice(a.value(row)),
            C::BinaryView(a) => out.put_slice(a.value(row)),
            C::LargeBinary(a) => out.put_slice(a.value(row)),
            C::List(a) => array::write_binary(&a.value(row), pg_type, out)?,
            C::Json(a) => out.put_slice(a.value(row).as_bytes()),
            C::Shown(a) => write_shown(a, row, out)?,
        }
        Ok(())
    }
}

/// The JSON of every cell: what writes it can't be kept while a client is waited for.
fn json_texts(array: &ArrayRef) -> Result<StringArray> {
    let field = Field::new("", array.data_type().clone(), true);
    let cells = Cells::new(array, &field, Options::default())
        .map_err(|error| PgError::new(SqlState::FEATURE_NOT_SUPPORTED, error.to_string()))?;
    let text = |row: usize| {
        let mut json = Vec::new();
        cells.write(row, &mut json);
        String::from_utf8_lossy(&json).into_owned()
    };
    Ok((0..cells.len()).map(|row| (!cells.is_null(row)).then(|| text(row))).collect())
}

/// Text types are the same in both forms, save for jsonb, which begins with its version.
fn write_text_binary(text: &str, pg_type: &Type, out: &mut BytesMut) {
    if *pg_type == Type::JSONB {
        out.put_u8(1);
    }
    out.put_slice(text.as_bytes());
}

fn show(out: &mut BytesMut, value: impl std::fmt::Display) {
    // Writing to a BytesMut fails only where memory does.
    if write!(out, "{value}").is_err() {
        tracing::error!("a number could not be written");
    }
}

fn write_hex(bytes: &[u8], out: &mut BytesMut) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.put_slice(b"\\x");
    for byte in bytes {
        let high = DIGITS.get(usize::from(byte >> 4)).copied().unwrap_or(b'0');
        let low = DIGITS.get(usize::from(byte & 15)).copied().unwrap_or(b'0');
        out.put_slice(&[high, low]);
    }
}

fn write_shown(array: &ArrayRef, row: usize, out: &mut BytesMut) -> Result<()> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
    show(out, formatter.value(row));
    Ok(())
}
