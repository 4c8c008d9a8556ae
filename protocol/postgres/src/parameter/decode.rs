//! One value from the wire, in text or binary form.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, ListArray},
    buffer::OffsetBuffer,
    compute::kernels::cast_utils::parse_interval_month_day_nano,
    datatypes::{Field, IntervalMonthDayNano},
};
use bytes::Bytes;
use chrono::{NaiveDate, NaiveTime, Timelike};
use chrono_tz::Tz;
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;
use quarry_planner::sql::clocks;

use super::{null_of, text_array};
use crate::{
    encode::{Format, read_numeric},
    error::{PgError, Result},
    pg_type::{element_of, to_arrow},
    settings::read_bool,
    sqlstate::SqlState,
    wire::Reader,
};

const DAYS_TO_2000: i32 = 10_957;
const MICROS_TO_2000: i64 = 946_684_800_000_000;
/// Digits that a decimal parameter may have.
const DIGITS_MAX: usize = 38;

/// Decodes a value that is not null; an instant without an offset is read by the clock of `zone`.
///
/// # Errors
///
/// `22P02`, `22P03`, `22003`, `22007`, `22021`.
pub fn decode(pg_type: &Type, format: Format, bytes: &Bytes, zone: Tz) -> Result<ScalarValue> {
    match format {
        Format::Text => {
            let text = std::str::from_utf8(bytes).map_err(|_| not_utf8())?;
            if text.contains('\0') {
                return Err(not_utf8());
            }
            decode_text(pg_type, text, zone)
        }
        Format::Binary => decode_binary(pg_type, bytes.clone()),
    }
}

fn not_utf8() -> PgError {
    PgError::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\"")
}

fn invalid(pg_type: &Type, text: &str) -> PgError {
    let message = format!("invalid input syntax for type {}: \"{text}\"", pg_type.name());
    let state = match *pg_type {
        Type::DATE | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::INTERVAL => {
            SqlState::DATETIME_FORMAT
        }
        _ => SqlState::INVALID_TEXT,
    };
    PgError::new(state, message)
}

/// A whole number; tells what is no number from what is out of range.
fn whole<T: std::str::FromStr>(pg_type: &Type, text: &str) -> Result<T> {
    let trimmed = text.trim();
    trimmed.parse::<T>().map_err(|_| match trimmed.parse::<i128>() {
        Ok(_) => PgError::new(
            SqlState::NUMBER_OUT_OF_RANGE,
            format!("value \"{trimmed}\" is out of range for type {}", pg_type.name()),
        ),
        Err(_) => invalid(pg_type, text),
    })
}

fn decode_text(pg_type: &Type, text: &str, zone: Tz) -> Result<ScalarValue> {
    let wrong = || invalid(pg_type, text);
    Ok(match *pg_type {
        Type::BOOL => ScalarValue::Boolean(Some(read_bool(text).ok_or_else(wrong)?)),
        Type::INT2 => ScalarValue::Int16(Some(whole(pg_type, text)?)),
        Type::INT4 => ScalarValue::Int32(Some(whole(pg_type, text)?)),
        Type::INT8 => ScalarValue::Int64(Some(whole(pg_type, text)?)),
        Type::OID | Type::XID | Type::REGCLASS | Type::REGTYPE | Type::REGPROC => {
            ScalarValue::UInt32(Some(whole(pg_type, text)?))
        }
        Type::FLOAT4 => ScalarValue::Float32(Some(text.trim().parse().map_err(|_| wrong())?)),
        Type::FLOAT8 => ScalarValue::Float64(Some(text.trim().parse().map_err(|_| wrong())?)),
        Type::NUMERIC => number(text)?,
        Type::DATE => {
            // A time behind the day is left out, as PostgreSQL does; anything else behind it is a mistake.
            let day = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok();
            let date = day.or_else(|| instant_day(text)).ok_or_else(wrong)?;
            ScalarValue::Date32(Some(days_of(date)))
        }
        Type::TIME => {
            let time = text.trim().parse::<NaiveTime>().map_err(|_| wrong())?;
            let micros =
                i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1000);
            ScalarValue::Time64Microsecond(Some(micros))
        }
        Type::TIMESTAMP => {
            let reading = clocks::reading_of_text(text).ok_or_else(wrong)?;
            ScalarValue::TimestampMicrosecond(Some(reading), None)
        }
        Type::TIMESTAMPTZ => {
            let instant = clocks::instant_of_text(text, zone).ok_or_else(wrong)?;
            ScalarValue::TimestampMicrosecond(Some(instant), Some("UTC".into()))
        }
        Type::INTERVAL => {
            let interval = parse_interval_month_day_nano(text).map_err(|_| wrong())?;
            ScalarValue::IntervalMonthDayNano(Some(interval))
        }
        Type::BYTEA => ScalarValue::Binary(Some(read_bytea(text).ok_or_else(wrong)?)),
        _ => match element_of(pg_type) {
            Some(item) => {
                let items = text_array::read(text)?;
                let one = |i: Option<String>| {
                    i.map_or_else(|| null_of(&item), |text| decode_text(&item, &text, zone))
                };
                list(&item, items.into_iter().map(one).collect::<Result<_>>()?)?
            }
            None => ScalarValue::Utf8(Some(text.to_owned())),
        },
    })
}

fn days_of(date: NaiveDate) -> i32 {
    use chrono::Datelike;
    date.num_days_from_ce() - 719_163
}

/// The day of an instant, as it is written.
fn instant_day(text: &str) -> Option<NaiveDate> {
    clocks::reading_of_text(text)?;
    let (day, _) = text.trim().split_once([' ', 'T'])?;
    NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()
}

fn read_bytea(text: &str) -> Option<Vec<u8>> {
    match text.strip_prefix("\\x") {
        Some(hex) if hex.len() % 2 == 0 && hex.is_ascii() => {
            let pairs = hex.as_bytes().chunks(2);
            pairs.map(|p| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok()).collect()
        }
        Some(_) => None,
        None if text.contains('\\') => None,
        None => Some(text.as_bytes().to_vec()),
    }
}

/// A decimal with the scale it is written with.
///
/// # Errors
///
/// `22P02`, `22003` past 38 digits.
pub fn number(text: &str) -> Result<ScalarValue> {
    let wrong = || invalid(&Type::NUMERIC, text);
    let trimmed = text.trim();
    let (mantissa, power) = match trimmed.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.parse::<i32>().map_err(|_| wrong())?),
        None => (trimmed, 0),
    };
    let (sign, digits) = match mantissa.strip_prefix(['-', '+']) {
        Some(rest) => (if mantissa.starts_with('-') { "-" } else { "" }, rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !is_number {
        return Err(wrong());
    }
    let too_long =
        || PgError::new(SqlState::NUMBER_OUT_OF_RANGE, format!("a number may have {DIGITS_MAX} digits"));
    let places =
        i32::try_from(fraction.len()).ok().and_then(|n| n.checked_sub(power)).ok_or_else(too_long)?;
    let zeros = usize::try_from(places.checked_neg().ok_or_else(too_long)?).unwrap_or(0);
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    if significant.len() + zeros > DIGITS_MAX || places > 37 {
        return Err(too_long());
    }
    let unscaled =
        format!("{sign}{}{}", if significant.is_empty() { "0" } else { significant }, "0".repeat(zeros));
    let unscaled: i128 = unscaled.parse().map_err(|_| too_long())?;
    let scale = i8::try_from(places.max(0)).map_err(|_| too_long())?;
    Ok(ScalarValue::Decimal128(Some(unscaled), 38, scale))
}

fn decode_binary(pg_type: &Type, bytes: Bytes) -> Result<ScalarValue> {
    let wrong = || {
        let message = format!("incorrect binary data format for type {}", pg_type.name());
        PgError::new(SqlState::INVALID_BINARY, message)
    };
    fn fixed<const N: usize>(bytes: &Bytes) -> Option<[u8; N]> {
        <[u8; N]>::try_from(bytes.as_ref()).ok()
    }
    Ok(match *pg_type {
        Type::BOOL => ScalarValue::Boolean(Some(fixed::<1>(&bytes).ok_or_else(wrong)? != [0])),
        Type::INT2 => ScalarValue::Int16(Some(i16::from_be_bytes(fixed(&bytes).ok_or_else(wrong)?))),
        Type::INT4 => ScalarValue::Int32(Some(i32::from_be_bytes(fixed(&bytes).ok_or_else(wrong)?))),
        Type::INT8 => ScalarValue::Int64(Some(i64::from_be_bytes(fixed(&bytes).ok_or_else(wrong)?))),
        Type::OID | Type::XID | Type::REGCLASS | Type::REGTYPE | Type::REGPROC => {
            ScalarValue::UInt32(Some(u32::from_be_bytes(fixed(&bytes).ok_or_else(wrong)?)))
        }
        Type::FLOAT4 => ScalarValue::Float32(Some(f32::from_be_bytes(fixed(&bytes).ok_or_else(wrong)?))),
        Type::FLOAT8 => ScalarValue::Float64(Some(f64::from_be_bytes(fixed(&bytes).ok_or_else(wrong)?))),
        Type::NUMERIC => number(&read_numeric(bytes)?)?,
        Type::DATE => {
            let days = i32::from_be_bytes(fixed(&bytes).ok_or_else(wrong)?);
            ScalarValue::Date32(Some(days.checked_add(DAYS_TO_2000).ok_or_else(wrong)?))
        }
        Type::TIME => {
            ScalarValue::Time64Microsecond(Some(i64::from_be_bytes(fixed(&bytes).ok_or_else(wrong)?)))
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let micros = i64::from_be_bytes(fixed(&bytes).ok_or_else(wrong)?);
            let micros = micros.checked_add(MICROS_TO_2000).ok_or_else(wrong)?;
            let zone = (*pg_type == Type::TIMESTAMPTZ).then(|| "UTC".into());
            ScalarValue::TimestampMicrosecond(Some(micros), zone)
        }
        Type::INTERVAL => ScalarValue::IntervalMonthDayNano(Some(binary_interval(bytes).ok_or_else(wrong)?)),
        Type::UUID => ScalarValue::Utf8(Some(uuid_text(&fixed(&bytes).ok_or_else(wrong)?))),
        Type::BYTEA => ScalarValue::Binary(Some(bytes.to_vec())),
        Type::JSONB => match bytes.split_first() {
            Some((1, rest)) => ScalarValue::Utf8(Some(utf8(rest)?)),
            _ => return Err(wrong()),
        },
        _ => match element_of(pg_type) {
            Some(item) => binary_array(&item, bytes)?,
            None => ScalarValue::Utf8(Some(utf8(&bytes)?)),
        },
    })
}

fn utf8(bytes: &[u8]) -> Result<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(not_utf8()),
    }
}

fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).map(<[String]>::concat).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 16))
}

fn binary_interval(bytes: Bytes) -> Option<IntervalMonthDayNano> {
    let all: [u8; 16] = bytes.as_ref().try_into().ok()?;
    let micros = i64::from_be_bytes(all.get(0..8)?.try_into().ok()?);
    let days = i32::from_be_bytes(all.get(8..12)?.try_into().ok()?);
    let months = i32::from_be_bytes(all.get(12..16)?.try_into().ok()?);
    Some(IntervalMonthDayNano { months, days, nanoseconds: micros.checked_mul(1000)? })
}

/// Dimensions, whether there are nulls, the element type, then per dimension its length and first index, then the items.
fn binary_array(item: &Type, bytes: Bytes) -> Result<ScalarValue> {
    let mut reader = Reader::new(bytes);
    let dimensions = reader.i32()?;
    reader.i32()?;
    let said = Type::from_oid(reader.u32()?).unwrap_or_else(|| item.clone());
    if dimensions == 0 {
        return list(item, Vec::new());
    }
    if dimensions != 1 {
        let hint = "give the items as one list";
        return Err(PgError::unsupported("arrays of more than one dimension are not supported", hint));
    }
    let count = reader.i32()?;
    reader.i32()?;
    let mut items = Vec::new();
    for _ in 0..count.max(0) {
        items.push(match usize::try_from(reader.i32()?) {
            Ok(length) => decode_binary(&said, reader.bytes(length)?)?,
            Err(_) => null_of(&said)?,
        });
    }
    list(&said, items)
}

/// A list of scalars of one type. Decimals come to one scale.
fn list(item: &Type, items: Vec<ScalarValue>) -> Result<ScalarValue> {
    let data_type = match items.iter().map(ScalarValue::data_type).reduce(wider) {
        Some(found) => found,
        None => to_arrow(item),
    };
    let values: ArrayRef = if items.is_empty() {
        arrow::array::new_empty_array(&data_type)
    } else {
        let cast = items.iter().map(|i| i.cast_to(&data_type)).collect::<Result<Vec<_>, _>>()?;
        ScalarValue::iter_to_array(cast)?
    };
    let field = Arc::new(Field::new_list_field(data_type, true));
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    Ok(ScalarValue::List(Arc::new(ListArray::new(field, offsets, values, None))))
}

fn wider(a: arrow::datatypes::DataType, b: arrow::datatypes::DataType) -> arrow::datatypes::DataType {
    use arrow::datatypes::DataType::Decimal128;
    match (&a, &b) {
        (Decimal128(_, x), Decimal128(_, y)) => Decimal128(38, *x.max(y)),
        _ => a,
    }
}
