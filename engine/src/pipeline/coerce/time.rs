//! Days, instants, times of day: ISO 8601 text, strictly read, or typed values.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use quarry_storage::Value;

use super::{invalid_type, text_of, told};
use crate::{change::Input, pipeline::draft::Fault};

const DAY_MICROS: i64 = 86_400_000_000;

/// A day: `2026-03-01`.
pub(super) fn date(input: &Input) -> Result<Value, Fault> {
    let invalid =
        || Fault::new("invalid_date", format!("a day like 2026-03-01 is wanted, not {}", told(input)));
    match input {
        Input::Typed(Value::Date(days), _) => {
            day_of(*days).filter(is_in_range).map(|_| Value::Date(*days)).ok_or_else(invalid)
        }
        _ => match text_of(input) {
            Some(text) => parse_day(text.trim()).map(|day| Value::Date(days_of(day))).ok_or_else(invalid),
            None => Err(invalid_type("a day", input)),
        },
    }
}

/// An instant: `2026-03-01T12:30:00.5Z`, `2026-03-01 12:30+01:00`; without an offset it is read in the session's time
/// zone, a bare day as its beginning there.
pub(super) fn instant(input: &Input, time_zone: Tz) -> Result<Value, Fault> {
    let wanted = "an instant like 2026-03-01T12:30:00Z";
    let invalid = || Fault::new("invalid_date", format!("{wanted} is wanted, not {}", told(input)));
    let local = match input {
        Input::Typed(Value::Timestamp(micros), _) => {
            let instant = DateTime::from_timestamp_micros(*micros);
            let known = instant.filter(|instant| is_in_range(&instant.date_naive()));
            return known.map(|_| Value::Timestamp(*micros)).ok_or_else(invalid);
        }
        Input::Typed(Value::Date(days), _) => {
            day_of(*days).filter(is_in_range).map(|day| day.and_time(NaiveTime::MIN)).ok_or_else(invalid)?
        }
        _ => {
            let text = text_of(input).ok_or_else(|| invalid_type(wanted, input))?.trim();
            match parse_instant(text).ok_or_else(invalid)? {
                Read::Instant(instant) => return Ok(Value::Timestamp(instant.timestamp_micros())),
                Read::Local(local) => local,
            }
        }
    };
    match time_zone.from_local_datetime(&local) {
        // An hour that comes twice, in autumn: the first.
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
            Ok(Value::Timestamp(instant.timestamp_micros()))
        }
        LocalResult::None => Err(Fault::new(
            "invalid_date",
            format!("{} is skipped by the clocks of {time_zone}", told(input)),
        )),
    }
}

/// A time of day: `12:30`, `12:30:15.25`.
pub(super) fn time_of_day(input: &Input) -> Result<Value, Fault> {
    let invalid =
        || Fault::new("invalid_time", format!("a time like 12:30:00 is wanted, not {}", told(input)));
    match input {
        Input::Typed(Value::Time(micros), _) if (0..DAY_MICROS).contains(micros) => Ok(Value::Time(*micros)),
        Input::Typed(Value::Time(_), _) => Err(invalid()),
        _ => match text_of(input) {
            Some(text) => {
                parse_time(text.trim()).map(|time| Value::Time(micros_of(time))).ok_or_else(invalid)
            }
            None => Err(invalid_type("a time of day", input)),
        },
    }
}

/// Microseconds since midnight.
pub(crate) fn micros_of(time: NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1000)
}

/// Days since 1970-01-01.
pub(crate) fn days_of(day: NaiveDate) -> i32 {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).unwrap_or(i32::MAX)
}

fn day_of(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(chrono::TimeDelta::try_days(i64::from(days))?)
}

/// The years that have four digits.
fn is_in_range(day: &NaiveDate) -> bool {
    use chrono::Datelike;
    (1..=9999).contains(&day.year())
}

fn parse_day(text: &str) -> Option<NaiveDate> {
    let padded = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if !padded {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(is_in_range)
}

/// Hours and minutes, perhaps seconds, perhaps a fraction of up to microseconds. No leap second.
fn parse_time(text: &str) -> Option<NaiveTime> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 || !digits(fraction) || text.ends_with('.') {
        return None;
    }
    let parts: Vec<u32> = clock
        .split(':')
        .map(|part| (part.len() == 2 && digits(part)).then(|| part.parse().ok()).flatten())
        .collect::<Option<_>>()?;
    let micros: u32 = format!("{fraction:0<6}").parse().ok()?;
    match parts.as_slice() {
        [hour, minute] if !text.contains('.') => NaiveTime::from_hms_opt(*hour, *minute, 0),
        [hour, minute, second] => NaiveTime::from_hms_micro_opt(*hour, *minute, *second, micros),
        _ => None,
    }
}

enum Read {
    Instant(DateTime<Utc>),
    Local(NaiveDateTime),
}

fn parse_instant(text: &str) -> Option<Read> {
    let day = parse_day(text.get(..10)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(Read::Local(day.and_time(NaiveTime::MIN)));
    }
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let offset_at = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let local = day.and_time(parse_time(clock.get(..offset_at)?)?);
    match clock.get(offset_at..)? {
        "" => Some(Read::Local(local)),
        "Z" | "z" => Some(Read::Instant(local.and_utc())),
        offset => {
            let instant =
                local.checked_sub_signed(chrono::TimeDelta::try_minutes(offset_minutes(offset)?)?)?;
            Some(Read::Instant(instant.and_utc())).filter(|_| is_in_range(&instant.date()))
        }
    }
}

/// `+01`, `+0130`, `-01:30`.
fn offset_minutes(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let digits = rest.replacen(':', "", 1);
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 =
        digits.get(2..).filter(|part| !part.is_empty()).map_or(Some(0), |part| part.parse().ok())?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}
