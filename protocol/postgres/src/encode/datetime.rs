//! Days, times and instants. Both forms count from 2000-01-01 in PostgreSQL, from 1970-01-01 in Arrow.

use std::fmt::Write;

use arrow::datatypes::IntervalMonthDayNano;
use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

/// Days from 1970-01-01 to 2000-01-01.
pub const DAYS_TO_2000: i32 = 10_957;
/// Microseconds from 1970-01-01 to 2000-01-01.
pub const MICROS_TO_2000: i64 = 946_684_800_000_000;

/// A day as PostgreSQL counts it.
pub fn days_of_2000(days: i32) -> Result<i32> {
    days.checked_sub(DAYS_TO_2000).ok_or_else(out_of_range)
}

/// An instant as PostgreSQL counts it.
pub fn micros_of_2000(micros: i64) -> Result<i64> {
    micros.checked_sub(MICROS_TO_2000).ok_or_else(out_of_range)
}

fn out_of_range() -> PgError {
    PgError::new(SqlState::NUMBER_OUT_OF_RANGE, "date out of range")
}

fn put(out: &mut BytesMut, text: std::fmt::Arguments<'_>) {
    if out.write_fmt(text).is_err() {
        tracing::error!("a date could not be written");
    }
}

/// `2024-01-15`; years before 1 as `0044-03-15 BC`.
pub fn write_date(days: i32, out: &mut BytesMut) {
    let from_ce = days.checked_add(719_163);
    match from_ce.and_then(NaiveDate::from_num_days_from_ce_opt) {
        Some(date) => {
            write_ymd(date, out);
            write_era(date, out);
        }
        None => out.put_slice(if days > 0 { b"infinity" } else { b"-infinity" }),
    }
}

fn write_ymd(date: NaiveDate, out: &mut BytesMut) {
    let (year, _) = year_of(date);
    put(out, format_args!("{year:04}-{:02}-{:02}", date.month(), date.day()));
}

fn year_of(date: NaiveDate) -> (i32, bool) {
    let year = date.year();
    if year > 0 { (year, false) } else { (1 - year, true) }
}

fn write_era(date: NaiveDate, out: &mut BytesMut) {
    if year_of(date).1 {
        out.put_slice(b" BC");
    }
}

/// `10:30:00`, `10:30:00.25`.
pub fn write_time(micros: i64, out: &mut BytesMut) {
    let seconds = micros.div_euclid(1_000_000);
    put(out, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    write_fraction(micros.rem_euclid(1_000_000), out);
}

fn write_fraction(micros: i64, out: &mut BytesMut) {
    if micros == 0 {
        return;
    }
    let digits = format!("{micros:06}");
    put(out, format_args!(".{}", digits.trim_end_matches('0')));
}

/// `2024-01-15 10:30:00`, with a zone `2024-01-15 11:30:00+01`.
pub fn write_timestamp(micros: i64, zone: Option<Tz>, out: &mut BytesMut) {
    let Some(instant) = DateTime::from_timestamp_micros(micros) else {
        out.put_slice(if micros > 0 { b"infinity" } else { b"-infinity" });
        return;
    };
    let offset = zone.map(|z| z.offset_from_utc_datetime(&instant.naive_utc()).fix());
    let local = match offset {
        Some(offset) => instant.with_timezone(&offset).naive_local(),
        None => instant.naive_utc(),
    };
    write_ymd(local.date(), out);
    put(out, format_args!(" {:02}:{:02}:{:02}", local.hour(), local.minute(), local.second()));
    write_fraction(i64::from(local.nanosecond() / 1000), out);
    if let Some(offset) = offset {
        write_offset(offset.local_minus_utc(), out);
    }
    write_era(local.date(), out);
}

fn write_offset(seconds: i32, out: &mut BytesMut) {
    let (sign, seconds) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    put(out, format_args!("{sign}{:02}", seconds / 3600));
    if seconds % 3600 != 0 {
        put(out, format_args!(":{:02}", seconds / 60 % 60));
    }
    if seconds % 60 != 0 {
        put(out, format_args!(":{:02}", seconds % 60));
    }
}

/// `1 year 2 mons 3 days 04:05:06`.
pub fn write_interval(value: IntervalMonthDayNano, out: &mut BytesMut) {
    let IntervalMonthDayNano { months, days, nanoseconds } = value;
    let mut parts = Vec::new();
    let plural = |n: i32, one: &str| if n == 1 { format!("{n} {one}") } else { format!("{n} {one}s") };
    if months / 12 != 0 {
        parts.push(plural(months / 12, "year"));
    }
    if months % 12 != 0 {
        parts.push(plural(months % 12, "mon"));
    }
    if days != 0 {
        parts.push(plural(days, "day"));
    }
    out.put_slice(parts.join(" ").as_bytes());
    let micros = nanoseconds / 1000;
    if micros != 0 || parts.is_empty() {
        if !parts.is_empty() {
            out.put_u8(b' ');
        }
        if micros < 0 {
            out.put_u8(b'-');
        }
        write_time(micros.checked_abs().unwrap_or(i64::MAX), out);
    }
}
