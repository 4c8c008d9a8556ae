//! Texts of instants and readings, as PostgreSQL writes them in its ISO style, and what it reads in them.

use std::fmt::Write;

use arrow::{
    array::{Array, Date32Array, StringArray, StringBuilder, TimestampMicrosecondArray},
    compute::kernels::cast_utils::{Parser, string_to_datetime},
    datatypes::{DataType, Date32Type},
    error::ArrowError,
};
use chrono::{DateTime, Utc};
use datafusion::common::{DataFusionError, Result};

use crate::{
    calendar::{DAY_SECONDS, date_of},
    sql::zone::{Clock, UTC, out_of_range},
};

const SECOND_MICROS: i64 = 1_000_000;
/// `2024-01-15`.
const DAY_LETTERS: usize = 10;
/// `2024-01-15 10:30`.
const MINUTE_LETTERS: usize = 16;
/// About what a text takes.
const TEXT_BYTES: usize = 29;

/// What a text says besides the reading.
enum Told<'a> {
    Nothing,
    /// How far it is from UTC, in figures.
    Offset,
    Zone(&'a str),
}

/// A text taken apart.
fn parts(text: &str) -> (&str, Told<'_>) {
    let Some(rest) = text.get(DAY_LETTERS + 1..) else { return (text, Told::Nothing) };
    let reading = |end: usize| text.get(..DAY_LETTERS + 1 + end).unwrap_or(text).trim_end();
    // A sign before a letter is that of an offset; one behind belongs to a name, as in UTC+3.
    match rest.find(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '+' | '-')) {
        None => (text, Told::Nothing),
        Some(end) => match rest.get(end..).unwrap_or_default() {
            "z" | "Z" => (reading(end), Told::Offset),
            told if told.starts_with(['+', '-']) => (reading(end), Told::Offset),
            name => (reading(end), Told::Zone(name)),
        },
    }
}

fn invalid(of: &str, text: &str) -> DataFusionError {
    let message = format!("invalid input syntax for type {of}: {text:?}");
    DataFusionError::ArrowError(Box::new(ArrowError::ParseError(message)), None)
}

/// A text with its seconds, where it has but minutes.
pub(in crate::sql) fn with_seconds(text: &str) -> Option<String> {
    let has_minutes = text.as_bytes().get(DAY_LETTERS + 3) == Some(&b':');
    let (reading, rest) = text.split_at_checked(MINUTE_LETTERS).filter(|_| has_minutes)?;
    (!rest.starts_with(':')).then(|| format!("{reading}:00{rest}"))
}

/// Microseconds of what is written, to the nearest. Seconds may be left out.
fn micros(text: &str) -> Option<i64> {
    let with_seconds = || string_to_datetime(&Utc, &with_seconds(text)?).ok();
    let at: DateTime<Utc> = string_to_datetime(&Utc, text).ok().or_else(with_seconds)?;
    let fraction = i64::from(at.timestamp_subsec_nanos()).checked_add(500)? / 1_000;
    at.timestamp().checked_mul(SECOND_MICROS)?.checked_add(fraction)
}

/// The instants of texts. One without an offset or a zone is what the clock shows.
///
/// # Errors
///
/// For what is no instant.
pub(super) fn instants(clock: &Clock, texts: &StringArray) -> Result<TimestampMicrosecondArray> {
    let read = texts.iter().map(|text| text.map(|text| instant(clock, text)).transpose());
    Ok(read.collect::<Result<TimestampMicrosecondArray>>()?.with_timezone(UTC))
}

/// The instant of one text.
///
/// # Errors
///
/// For what is no instant.
pub(in crate::sql) fn instant(clock: &Clock, text: &str) -> Result<i64> {
    let text = text.trim();
    let wrong = || invalid("timestamp with time zone", text);
    match parts(text) {
        (reading, Told::Nothing) => clock.meant(micros(reading).ok_or_else(wrong)?).ok_or_else(out_of_range),
        (_, Told::Offset) => micros(text).ok_or_else(wrong),
        (reading, Told::Zone(name)) => {
            let shown = micros(reading).ok_or_else(wrong)?;
            Clock::named(name)?.meant(shown).ok_or_else(out_of_range)
        }
    }
}

/// What texts say that clocks show, wherever that is.
///
/// # Errors
///
/// For what is no reading.
pub(super) fn readings(texts: &StringArray) -> Result<TimestampMicrosecondArray> {
    texts.iter().map(|text| text.map(reading).transpose()).collect()
}

/// What one text says.
///
/// # Errors
///
/// For what is no reading.
pub(in crate::sql) fn reading(text: &str) -> Result<i64> {
    let text = text.trim();
    let wrong = || invalid("timestamp", text);
    let (reading, told) = parts(text);
    match told {
        Told::Nothing => {}
        // It is not wanted, but it is no anything.
        Told::Offset => drop(micros(text).ok_or_else(wrong)?),
        Told::Zone(name) => drop(Clock::named(name)?),
    }
    micros(reading).ok_or_else(wrong)
}

/// The days of texts, whatever time they tell.
///
/// # Errors
///
/// For what is no day.
pub(super) fn days(texts: &StringArray) -> Result<Date32Array> {
    let one = |text: &str| match text.trim() {
        text if text.len() > DAY_LETTERS => {
            let days =
                reading(text).map_err(|_| invalid("date", text))?.div_euclid(DAY_SECONDS * SECOND_MICROS);
            i32::try_from(days).map_err(|_| out_of_range())
        }
        text => Date32Type::parse(text).ok_or_else(|| invalid("date", text)),
    };
    texts.iter().map(|text| text.map(one).transpose()).collect()
}

/// The texts of instants, with the offset of the clock behind, or of readings, without.
///
/// # Errors
///
/// Where the calendar has no such day.
pub(super) fn texts(clock: &Clock, values: &TimestampMicrosecondArray) -> Result<StringArray> {
    let is_instant = matches!(values.data_type(), DataType::Timestamp(_, Some(_)));
    let mut texts = StringBuilder::with_capacity(values.len(), values.len() * TEXT_BYTES);
    for value in values {
        let Some(value) = value else {
            texts.append_null();
            continue;
        };
        let offset = match is_instant {
            true => Some(clock.offset(value.div_euclid(SECOND_MICROS)).ok_or_else(out_of_range)?),
            false => None,
        };
        write(&mut texts, value, offset).ok_or_else(out_of_range)?;
        texts.append_value("");
    }
    Ok(texts.finish())
}

/// `2024-01-15 10:30:00`, `2024-01-15 11:30:00.25+01`, `0044-03-15 12:00:00 BC`; none where there is no such day.
fn write(out: &mut StringBuilder, value: i64, offset: Option<i64>) -> Option<()> {
    let shown = value.checked_add(offset.unwrap_or(0).checked_mul(SECOND_MICROS)?)?;
    let (seconds, fraction) = (shown.div_euclid(SECOND_MICROS), shown.rem_euclid(SECOND_MICROS));
    let (year, month, day) = date_of(seconds.div_euclid(DAY_SECONDS))?;
    let (year, is_before) = if year > 0 { (year, false) } else { (1 - year, true) };
    let of_day = seconds.rem_euclid(DAY_SECONDS);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    write!(out, "{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", month + 1).ok()?;
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        write!(out, ".{}", digits.trim_end_matches('0')).ok()?;
    }
    if let Some(offset) = offset {
        let (sign, offset) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
        write!(out, "{sign}{:02}", offset / 3_600).ok()?;
        if offset % 3_600 != 0 {
            write!(out, ":{:02}", offset / 60 % 60).ok()?;
        }
        if offset % 60 != 0 {
            write!(out, ":{:02}", offset % 60).ok()?;
        }
    }
    if is_before { out.write_str(" BC").ok() } else { Some(()) }
}

#[cfg(test)]
mod tests;
