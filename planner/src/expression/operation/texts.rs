//! Operations on text.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, StringViewArray},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
    },
};
use chrono::{DateTime, NaiveTime, SecondsFormat};
use datafusion::common::{DataFusionError, Result};
use quarry_metadata::expression::Function;
use regex::Regex;

use super::{Arguments, moments::day};

/// One text behind another.
pub(super) fn concatenated(arguments: &Arguments) -> Result<ArrayRef> {
    let (left, right) = (arguments.text(0)?, arguments.text(1)?);
    texts(arguments, |row| Some([left.get(row)?, right.get(row)?].concat()))
}

pub(super) fn asked(function: Function, arguments: &Arguments) -> Result<ArrayRef> {
    let (text, wanted) = (arguments.text(0)?, arguments.text(1)?);
    let ask = match function {
        Function::Contains => |text: &str, wanted: &str| text.contains(wanted),
        Function::StartsWith => |text: &str, wanted: &str| text.starts_with(wanted),
        _ => |text: &str, wanted: &str| text.ends_with(wanted),
    };
    Ok(booleans(arguments, |row| Some(ask(text.get(row)?, wanted.get(row)?))))
}

pub(super) fn matches(pattern: Option<&Regex>, arguments: &Arguments) -> Result<ArrayRef> {
    let text = arguments.text(0)?;
    let pattern =
        pattern.ok_or_else(|| DataFusionError::Internal("a pattern that is not written down".into()))?;
    Ok(booleans(arguments, |row| Some(pattern.is_match(text.get(row)?))))
}

pub(super) fn changed(function: Function, arguments: &Arguments) -> Result<ArrayRef> {
    let text = arguments.text(0)?;
    texts(arguments, |row| {
        let text = text.get(row)?;
        Some(match function {
            Function::Upper => text.to_uppercase(),
            Function::Lower => text.to_lowercase(),
            _ => text.trim().to_owned(),
        })
    })
}

/// A value as text: a number with all its digits behind the point, a day as `2024-05-31`, an instant in UTC.
pub(super) fn written(arguments: &Arguments) -> Result<ArrayRef> {
    match arguments.data_type(0)? {
        DataType::Boolean => {
            let cells = arguments.boolean(0)?;
            texts(arguments, |row| cells.get(row).map(|value| value.to_string()))
        }
        DataType::Int64 => {
            let cells = arguments.primitive::<Int64Type>(0)?;
            texts(arguments, |row| cells.get(row).map(|value| value.to_string()))
        }
        DataType::Decimal128(_, scale) => {
            let (cells, scale) = (arguments.primitive::<Decimal128Type>(0)?, *scale);
            texts(arguments, |row| cells.get(row).map(|value| decimal(value, scale)))
        }
        DataType::Date32 => {
            let cells = arguments.primitive::<Date32Type>(0)?;
            texts(arguments, |row| Some(day(cells.get(row)?)?.to_string()))
        }
        DataType::Timestamp(..) => {
            let cells = arguments.primitive::<TimestampMicrosecondType>(0)?;
            texts(arguments, |row| {
                let instant = DateTime::from_timestamp_micros(cells.get(row)?)?;
                Some(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            })
        }
        DataType::Time64(_) => {
            let cells = arguments.primitive::<Time64MicrosecondType>(0)?;
            texts(arguments, |row| {
                let micros = u64::try_from(cells.get(row)?).ok()?;
                let seconds = u32::try_from(micros / 1_000_000).ok()?;
                let nanos = u32::try_from(micros % 1_000_000 * 1_000).ok()?;
                Some(NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)?.to_string())
            })
        }
        _ => {
            let cells = arguments.text(0)?;
            texts(arguments, |row| cells.get(row).map(str::to_owned))
        }
    }
}

fn decimal(value: i128, scale: i8) -> String {
    let Some(width) = usize::try_from(scale).ok().filter(|width| *width > 0) else {
        return value.to_string();
    };
    let digits = format!("{:0>least$}", value.unsigned_abs(), least = width + 1);
    let (whole, fraction) = digits.split_at(digits.len() - width);
    format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
}

pub(super) fn texts(arguments: &Arguments, text: impl Fn(usize) -> Option<String>) -> Result<ArrayRef> {
    Ok(Arc::new((0..arguments.rows).map(text).collect::<StringViewArray>()))
}

pub(super) fn booleans(arguments: &Arguments, flag: impl Fn(usize) -> Option<bool>) -> ArrayRef {
    Arc::new((0..arguments.rows).map(flag).collect::<BooleanArray>())
}
