//! What shows the time: the clock of a zone, or one that is always equally far from UTC. Which of them a text means is PostgreSQL's rule:
//! an abbreviation goes first, then the name of a zone, then an offset as POSIX writes it, where `+02` lies to the **west** of Greenwich.

use std::{str::FromStr, sync::Arc};

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use datafusion::common::{DataFusionError, Result, ScalarValue, not_impl_err, plan_err};

use super::{
    UTC,
    abbreviations::{CHANGING, FIXED},
};
use crate::calendar::{DAY_SECONDS, Offsets};

const SECOND_MICROS: i64 = 1_000_000;
const HOUR_SECONDS: i64 = 3_600;
const MINUTE_SECONDS: i64 = 60;
/// Clocks skip no more than a day.
const SKIPPED_HOURS_MAX: i64 = 26;
/// POSIX takes an offset of a week, less an hour.
const OFFSET_HOURS_MAX: i64 = 167;

/// A clock.
#[derive(Clone)]
pub(in crate::sql) enum Clock {
    /// That of a zone.
    Zone(Tz, Arc<Offsets>),
    /// So many seconds ahead of UTC.
    Fixed(i64),
}

impl Clock {
    /// The clock of a zone.
    pub(in crate::sql) fn of(zone: Tz) -> Clock {
        match zone {
            Tz::UTC => Clock::Fixed(0),
            _ => Clock::Zone(zone, Offsets::of(zone)),
        }
    }

    /// The clock that a text means.
    ///
    /// # Errors
    ///
    /// A text that means none, or one whose rules are not known here.
    pub(in crate::sql) fn named(name: &str) -> Result<Clock> {
        let lower = name.to_ascii_lowercase();
        if let Ok(place) = FIXED.binary_search_by_key(&lower.as_str(), |(abbreviation, _)| abbreviation) {
            return Ok(Clock::Fixed(FIXED.get(place).map_or(0, |(_, seconds)| i64::from(*seconds))));
        }
        if let Some((_, zone)) = CHANGING.iter().find(|(abbreviation, _)| *abbreviation == lower) {
            let message = format!(
                "time zone {name:?} stands for different offsets at different times, which is not supported: name the zone, {zone:?}"
            );
            return Err(DataFusionError::NotImplemented(message));
        }
        match zone_named(name) {
            Some(zone) => Ok(Clock::of(zone)),
            None => posix(name).map(Clock::Fixed),
        }
    }

    /// The clock that is so far ahead of UTC.
    ///
    /// # Errors
    ///
    /// For an interval with months or days, and for one that is no interval.
    pub(in crate::sql) fn ahead(interval: &ScalarValue) -> Result<Clock> {
        let ScalarValue::IntervalMonthDayNano(Some(interval)) = interval else {
            return plan_err!("a time zone is a name or an interval, not {}", interval.data_type());
        };
        if interval.months != 0 || interval.days != 0 {
            return plan_err!("the interval of a time zone must not include months or days");
        }
        Ok(Clock::Fixed(interval.nanoseconds / (SECOND_MICROS * 1_000)))
    }

    /// How Arrow names it in the type of an instant.
    ///
    /// # Errors
    ///
    /// For one that Arrow has no name for.
    pub(in crate::sql) fn type_name(&self) -> Result<String> {
        match self {
            Clock::Zone(zone, _) => Ok(zone.name().to_owned()),
            Clock::Fixed(0) => Ok(UTC.to_owned()),
            Clock::Fixed(offset) => {
                let (sign, ahead) = if *offset < 0 { ('-', -offset) } else { ('+', *offset) };
                if ahead % MINUTE_SECONDS != 0 || ahead >= DAY_SECONDS {
                    return not_impl_err!(
                        "a time zone of {offset} seconds is not supported here: give whole minutes, less than a day"
                    );
                }
                Ok(format!("{sign}{:02}:{:02}", ahead / HOUR_SECONDS, ahead / MINUTE_SECONDS % 60))
            }
        }
    }

    /// Seconds that it is ahead of UTC at an instant, in seconds too; none where there is no such day.
    pub(in crate::sql) fn offset(&self, seconds: i64) -> Option<i64> {
        match self {
            Clock::Zone(_, offsets) => offsets.at(seconds),
            Clock::Fixed(offset) => Some(*offset),
        }
    }

    /// What it shows at an instant; both are microseconds.
    pub(in crate::sql) fn shows(&self, instant: i64) -> Option<i64> {
        let offset = self.offset(instant.div_euclid(SECOND_MICROS))?;
        instant.checked_add(offset.checked_mul(SECOND_MICROS)?)
    }

    /// When it shows that. What it skips is told by the offset before the change, what it shows twice by the one behind it.
    pub(in crate::sql) fn meant(&self, shown: i64) -> Option<i64> {
        let offset = match self {
            Clock::Zone(zone, offsets) => {
                let seconds = shown.div_euclid(SECOND_MICROS);
                let before = offsets.at(seconds.checked_sub(DAY_SECONDS)?)?;
                let behind = offsets.at(seconds.checked_add(DAY_SECONDS)?)?;
                // Nothing is shown a day before or behind the instant at which UTC shows it, and no zone changes twice in two days.
                if before == behind { before } else { offset_around(*zone, shown)? }
            }
            Clock::Fixed(offset) => *offset,
        };
        shown.checked_sub(offset.checked_mul(SECOND_MICROS)?)
    }
}

/// A zone by its name, in any case.
fn zone_named(name: &str) -> Option<Tz> {
    let in_any_case =
        || chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)).copied();
    Tz::from_str(name).ok().or_else(in_any_case)
}

/// The offset by which a reading is told that lies near a change.
fn offset_around(zone: Tz, shown: i64) -> Option<i64> {
    let shown = DateTime::<Utc>::from_timestamp_micros(shown)?.naive_utc();
    let offset_at = |shown: NaiveDateTime| match zone.offset_from_local_datetime(&shown) {
        LocalResult::Single(offset) => Some(offset.fix().local_minus_utc()),
        LocalResult::Ambiguous(_, behind) => Some(behind.fix().local_minus_utc()),
        LocalResult::None => None,
    };
    let before = |hours: i64| offset_at(shown.checked_sub_signed(Duration::hours(hours))?);
    (0..=SKIPPED_HOURS_MAX).find_map(before).map(i64::from)
}

/// The seconds ahead of UTC of what POSIX writes as `UTC+3`, `<+05>-05`, `-05:30` or `4`: a name, which may be left out, and how far to the
/// west.
fn posix(text: &str) -> Result<i64> {
    let unknown = || DataFusionError::Plan(format!("time zone {text:?} is not known"));
    let written = match text.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>').ok_or_else(unknown)?.1,
        None => text.trim_start_matches(|letter: char| !matches!(letter, '0'..='9' | ',' | '+' | '-')),
    };
    let (is_east, digits) = match written.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, written.strip_prefix('+').unwrap_or(written)),
    };
    let end = digits.find(|letter: char| !letter.is_ascii_digit() && letter != ':');
    let (offset, rest) = digits.split_at(end.unwrap_or(digits.len()));
    let mut west = 0;
    let mut units = [(HOUR_SECONDS, OFFSET_HOURS_MAX), (MINUTE_SECONDS, 59), (1, 59)].into_iter();
    for part in offset.split(':') {
        let (unit, max) = units.next().ok_or_else(unknown)?;
        let part = part.parse::<i64>().ok().filter(|part| *part <= max).ok_or_else(unknown)?;
        west += part * unit;
    }
    if !rest.is_empty() {
        let message =
            format!("time zone {text:?} has rules of its own, which are not supported: name a zone");
        return Err(DataFusionError::NotImplemented(message));
    }
    Ok(if is_east { west } else { -west })
}

#[cfg(test)]
mod tests;
