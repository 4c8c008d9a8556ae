//! Operations on days, instants, times of day and durations.
//!
//! An instant's parts, and what moves it by days or months, are those of the session's time zone, whose name is the last argument.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, PrimitiveArray},
    datatypes::{
        ArrowPrimitiveType, DataType, Date32Type, DurationMicrosecondType, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
};
use chrono::{
    DateTime, Datelike, Days, Duration, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use datafusion::common::{DataFusionError, Result};
use quarry_metadata::expression::{Function, Operator, Type};

use super::{Arguments, numbers::ints, settled};
use crate::expression::{compile::Mode, fault::Fault};

const DAY_MICROS: i64 = 86_400_000_000;
const HOUR_MICROS: i64 = 3_600_000_000;
const MINUTE_MICROS: i64 = 60_000_000;
const SECOND_MICROS: i64 = 1_000_000;

/// `due - duration("30d")`, `closed_at - created_at`.
pub(super) fn arithmetic(
    operator: Operator,
    returns: &Type,
    arguments: &Arguments,
    mode: Mode,
) -> Result<ArrayRef> {
    let signed =
        |micros: i64| if operator == Operator::Subtract { micros.checked_neg() } else { Some(micros) };
    let moved =
        |from: i64, by: i64| signed(by).and_then(|by| from.checked_add(by)).ok_or(Fault::DateOutOfRange);
    match (arguments.data_type(0)?, returns) {
        (DataType::Date32, Type::Duration) => {
            let (left, right) =
                (arguments.primitive::<Date32Type>(0)?, arguments.primitive::<Date32Type>(1)?);
            made::<DurationMicrosecondType>(arguments, mode, |row| match (left.get(row), right.get(row)) {
                (Some(left), Some(right)) => Ok(Some((i64::from(left) - i64::from(right)) * DAY_MICROS)),
                _ => Ok(None),
            })
        }
        (DataType::Date32, _) => {
            let left = arguments.primitive::<Date32Type>(0)?;
            let right = arguments.primitive::<DurationMicrosecondType>(1)?;
            // What is less than a day is left out.
            made::<Date32Type>(arguments, mode, |row| match (left.get(row), right.get(row)) {
                (Some(day), Some(micros)) => {
                    let day = moved(i64::from(day), micros / DAY_MICROS)?;
                    i32::try_from(day).map(Some).map_err(|_| Fault::DateOutOfRange)
                }
                _ => Ok(None),
            })
        }
        (DataType::Duration(_), _) => {
            let left = arguments.primitive::<DurationMicrosecondType>(0)?;
            let right = arguments.primitive::<DurationMicrosecondType>(1)?;
            made::<DurationMicrosecondType>(arguments, mode, |row| match (left.get(row), right.get(row)) {
                (Some(left), Some(right)) => moved(left, right).map(Some),
                _ => Ok(None),
            })
        }
        (_, Type::Duration) => {
            let left = arguments.primitive::<TimestampMicrosecondType>(0)?;
            let right = arguments.primitive::<TimestampMicrosecondType>(1)?;
            made::<DurationMicrosecondType>(arguments, mode, |row| match (left.get(row), right.get(row)) {
                (Some(left), Some(right)) => moved(left, right).map(Some),
                _ => Ok(None),
            })
        }
        _ => {
            let left = arguments.primitive::<TimestampMicrosecondType>(0)?;
            let right = arguments.primitive::<DurationMicrosecondType>(1)?;
            made::<TimestampMicrosecondType>(arguments, mode, |row| match (left.get(row), right.get(row)) {
                (Some(instant), Some(by)) => moved(instant, by).map(Some),
                _ => Ok(None),
            })
        }
    }
}

/// An array of what is made for each row.
fn made<T: ArrowPrimitiveType>(
    arguments: &Arguments,
    mode: Mode,
    make: impl Fn(usize) -> Result<Option<T::Native>, Fault>,
) -> Result<ArrayRef> {
    let mut builder = PrimitiveArray::<T>::builder(arguments.rows);
    for row in 0..arguments.rows {
        builder.append_option(settled(make(row), mode)?);
    }
    let array = builder.finish();
    Ok(match T::DATA_TYPE {
        DataType::Timestamp(unit, _) => {
            let zoned = DataType::Timestamp(unit, Some("UTC".into()));
            Arc::new(array.with_data_type(zoned))
        }
        _ => Arc::new(array),
    })
}

pub(super) fn called(function: Function, arguments: &Arguments, mode: Mode) -> Result<ArrayRef> {
    use Function as F;
    match function {
        F::Hours | F::Minutes | F::Seconds => {
            let unit = match function {
                F::Hours => HOUR_MICROS,
                F::Minutes => MINUTE_MICROS,
                _ => SECOND_MICROS,
            };
            let cells = arguments.primitive::<DurationMicrosecondType>(0)?;
            ints(arguments, mode, |row| Ok(cells.get(row).map(|micros| micros / unit)))
        }
        F::Hour | F::Minute if matches!(arguments.data_type(0)?, DataType::Time64(_)) => {
            let cells = arguments.primitive::<Time64MicrosecondType>(0)?;
            let part = |micros: i64| match function {
                F::Hour => micros / HOUR_MICROS,
                _ => micros % HOUR_MICROS / MINUTE_MICROS,
            };
            ints(arguments, mode, |row| Ok(cells.get(row).map(part)))
        }
        F::DaysBetween => days_between(arguments, mode),
        F::AddDays | F::AddMonths => added(function, arguments, mode),
        F::Date => as_date(arguments, mode),
        F::DateTime => as_instant(arguments, mode),
        _ => {
            let read = locals(arguments, 0)?;
            ints(arguments, mode, |row| Ok(read(row)?.map(|local| part(function, local))))
        }
    }
}

fn part(function: Function, local: NaiveDateTime) -> i64 {
    match function {
        Function::Year => i64::from(local.year()),
        Function::Quarter => i64::from(local.month0() / 3 + 1),
        Function::Month => i64::from(local.month()),
        Function::Day => i64::from(local.day()),
        Function::Weekday => i64::from(local.weekday().number_from_monday()),
        Function::Hour => i64::from(local.hour()),
        _ => i64::from(local.minute()),
    }
}

type Locals<'a> = Box<dyn Fn(usize) -> Result<Option<NaiveDateTime>, Fault> + 'a>;

/// Days and instants alike, as the clock on the wall shows them.
fn locals(arguments: &Arguments, at: usize) -> Result<Locals<'_>> {
    Ok(match arguments.data_type(at)? {
        DataType::Date32 => {
            let cells = arguments.primitive::<Date32Type>(at)?;
            Box::new(move |row| {
                let Some(days) = cells.get(row) else { return Ok(None) };
                Ok(Some(day(days).ok_or(Fault::DateOutOfRange)?.and_time(NaiveTime::MIN)))
            })
        }
        _ => {
            let cells = arguments.primitive::<TimestampMicrosecondType>(at)?;
            let zone = zone(arguments)?;
            Box::new(move |row| {
                let Some(micros) = cells.get(row) else { return Ok(None) };
                let instant = DateTime::<Utc>::from_timestamp_micros(micros).ok_or(Fault::DateOutOfRange)?;
                Ok(Some(instant.with_timezone(&zone).naive_local()))
            })
        }
    })
}

/// The time zone: the last argument, the same in all rows.
fn zone(arguments: &Arguments) -> Result<Tz> {
    let names = arguments.text(arguments.len().saturating_sub(1))?;
    if names.array.is_empty() {
        return Ok(Tz::UTC);
    }
    let name = names.get(0).unwrap_or_default();
    name.parse().map_err(|_| DataFusionError::Internal(format!("{name:?} is not a time zone")))
}

fn days_between(arguments: &Arguments, mode: Mode) -> Result<ArrayRef> {
    let (from, to) = (locals(arguments, 0)?, locals(arguments, 1)?);
    ints(arguments, mode, |row| match (from(row)?, to(row)?) {
        (Some(from), Some(to)) => Ok(Some(to.date().signed_duration_since(from.date()).num_days())),
        _ => Ok(None),
    })
}

fn added(function: Function, arguments: &Arguments, mode: Mode) -> Result<ArrayRef> {
    let read = locals(arguments, 0)?;
    let counts = arguments.primitive::<Int64Type>(1)?;
    let later = |row: usize| match (read(row)?, counts.get(row)) {
        (Some(from), Some(count)) => moved(function, from, count).map(Some).ok_or(Fault::DateOutOfRange),
        _ => Ok(None),
    };
    match arguments.data_type(0)? {
        DataType::Date32 => made::<Date32Type>(arguments, mode, |row| {
            later(row)?.map(|local| since_epoch(local.date())).transpose()
        }),
        _ => {
            let zone = zone(arguments)?;
            made::<TimestampMicrosecondType>(arguments, mode, |row| {
                later(row)?.map(|local| instant(local, zone)).transpose()
            })
        }
    }
}

fn moved(function: Function, from: NaiveDateTime, count: i64) -> Option<NaiveDateTime> {
    let by = count.unsigned_abs();
    match (function, count < 0) {
        (Function::AddDays, false) => from.checked_add_days(Days::new(by)),
        (Function::AddDays, true) => from.checked_sub_days(Days::new(by)),
        (_, false) => from.checked_add_months(Months::new(u32::try_from(by).ok()?)),
        (_, true) => from.checked_sub_months(Months::new(u32::try_from(by).ok()?)),
    }
}

fn as_date(arguments: &Arguments, mode: Mode) -> Result<ArrayRef> {
    match arguments.data_type(0)? {
        DataType::Utf8View => {
            let cells = arguments.text(0)?;
            let read = |text: &str| {
                let day = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map_err(|_| Fault::NotADate)?;
                since_epoch(day)
            };
            made::<Date32Type>(arguments, mode, |row| cells.get(row).map(read).transpose())
        }
        DataType::Date32 => Ok(Arc::clone(arguments.array(0)?.0)),
        _ => {
            let read = locals(arguments, 0)?;
            made::<Date32Type>(arguments, mode, |row| {
                read(row)?.map(|local| since_epoch(local.date())).transpose()
            })
        }
    }
}

fn as_instant(arguments: &Arguments, mode: Mode) -> Result<ArrayRef> {
    match arguments.data_type(0)? {
        DataType::Utf8View => {
            let cells = arguments.text(0)?;
            let read = |text: &str| {
                let instant = DateTime::parse_from_rfc3339(text.trim()).map_err(|_| Fault::NotADate)?;
                Ok(instant.timestamp_micros())
            };
            made::<TimestampMicrosecondType>(arguments, mode, |row| cells.get(row).map(read).transpose())
        }
        DataType::Date32 => {
            let (read, zone) = (locals(arguments, 0)?, zone(arguments)?);
            made::<TimestampMicrosecondType>(arguments, mode, |row| {
                read(row)?.map(|local| instant(local, zone)).transpose()
            })
        }
        _ => Ok(Arc::clone(arguments.array(0)?.0)),
    }
}

/// The first instant at which the clocks here show this; where they skip it, an hour later.
fn instant(local: NaiveDateTime, zone: Tz) -> Result<i64, Fault> {
    let at = |local: NaiveDateTime| zone.from_local_datetime(&local).earliest();
    let found = at(local).or_else(|| at(local.checked_add_signed(Duration::hours(1))?));
    Ok(found.ok_or(Fault::DateOutOfRange)?.timestamp_micros())
}

/// The day so many days behind 1970-01-01.
pub(super) fn day(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(Duration::try_days(i64::from(days))?)
}

fn since_epoch(day: NaiveDate) -> Result<i32, Fault> {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).map_err(|_| Fault::DateOutOfRange)
}
