//! Dates, instants, macros and periods, in the time zone of the session.

use chrono::{
    DateTime, Datelike, Days, Duration, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc,
};
use chrono_tz::Tz;

/// When a question is asked, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Microseconds UTC.
    pub(crate) now_micros: i64,
    /// Days begin at midnight here.
    pub(crate) zone: Tz,
}

/// A day or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Day(NaiveDate),
    /// Microseconds UTC.
    Instant(i64),
}

/// A run of whole days, both ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) first: NaiveDate,
    pub(crate) last: NaiveDate,
}

/// The parts of a year that have a start and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Week,
    Month,
    Quarter,
    Year,
}

impl Clock {
    fn now(self) -> Option<DateTime<Tz>> {
        Some(DateTime::<Utc>::from_timestamp_micros(self.now_micros)?.with_timezone(&self.zone))
    }

    pub(crate) fn today(self) -> Option<NaiveDate> {
        Some(self.now()?.date_naive())
    }

    /// The first instant of a day here: midnight, or the first one after it where the clocks skip midnight.
    pub(crate) fn start_of(self, day: NaiveDate) -> Option<i64> {
        let midnight = day.and_time(NaiveTime::MIN);
        self.instant_of(midnight).or_else(|| self.instant_of(midnight + Duration::hours(1)))
    }

    /// The first instant behind a day here.
    pub(crate) fn end_of(self, day: NaiveDate) -> Option<i64> {
        self.start_of(day.checked_add_days(Days::new(1))?)
    }

    fn instant_of(self, local: NaiveDateTime) -> Option<i64> {
        Some(self.zone.from_local_datetime(&local).earliest()?.timestamp_micros())
    }

    /// The day of an instant here.
    pub(crate) fn day_of(self, micros: i64) -> Option<NaiveDate> {
        Some(DateTime::<Utc>::from_timestamp_micros(micros)?.with_timezone(&self.zone).date_naive())
    }

    /// `2026-07-28`, `2026-07-28T10:00:00Z`, `2026-07-28 10:00` (here).
    pub(crate) fn read(self, text: &str) -> Option<Moment> {
        let text = text.trim();
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Moment::Day(day));
        }
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Some(Moment::Instant(instant.timestamp_micros()));
        }
        let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
        self.instant_of(local).map(Moment::Instant)
    }

    /// The moment that a macro names, without its braces: `today`, `current_quarter_start`, `30_days_ago`.
    pub(crate) fn macro_moment(self, name: &str) -> Option<Moment> {
        let today = self.today()?;
        let words: Vec<&str> = name.split('_').collect();
        match words.as_slice() {
            ["now"] => Some(Moment::Instant(self.now_micros)),
            ["today"] => Some(Moment::Day(today)),
            ["yesterday"] => Some(Moment::Day(today.pred_opt()?)),
            ["tomorrow"] => Some(Moment::Day(today.succ_opt()?)),
            [unit, edge] => edge_of(period(today, Unit::named(unit)?, 0)?, edge),
            [which @ ("current" | "this" | "last" | "next"), unit, edge] => {
                edge_of(period(today, Unit::named(unit)?, shift(which))?, edge)
            }
            [count, unit, "ago"] => self.moved(count, unit, -1),
            [count, unit, "from", "now"] => self.moved(count, unit, 1),
            _ => None,
        }
    }

    fn moved(self, count: &str, unit: &str, sign: i64) -> Option<Moment> {
        let count: u32 = count.parse().ok()?;
        let today = self.today()?;
        let seconds = |each: i64| i64::from(count).checked_mul(each * 1_000_000 * sign);
        match unit.strip_suffix('s').unwrap_or(unit) {
            "minute" => Some(Moment::Instant(self.now_micros.checked_add(seconds(60)?)?)),
            "hour" => Some(Moment::Instant(self.now_micros.checked_add(seconds(3600)?)?)),
            other => days_moved(today, count, other, sign).map(Moment::Day),
        }
    }

    /// The period of that name: `today`, `this_quarter`, `last_30_days` (until today), `next_2_weeks` (from today).
    pub(crate) fn period(self, name: &str) -> Option<Period> {
        let today = self.today()?;
        let one = |day| Some(Period { first: day, last: day });
        let words: Vec<&str> = name.split('_').collect();
        match words.as_slice() {
            ["today"] => one(today),
            ["yesterday"] => one(today.pred_opt()?),
            ["tomorrow"] => one(today.succ_opt()?),
            [which @ ("current" | "this" | "last" | "next"), unit] => {
                period(today, Unit::named(unit)?, shift(which))
            }
            [which @ ("last" | "next"), count, unit] => {
                let unit = unit.strip_suffix('s').unwrap_or(unit);
                let sign = if *which == "last" { -1 } else { 1 };
                let other = days_moved(today, count.parse().ok()?, unit, sign)?;
                Some(Period { first: today.min(other), last: today.max(other) })
            }
            _ => None,
        }
    }

    /// Spellings of older ages: `$today`, `NOW()`, `TODAY() - 7`, `NOW() + 4 HOURS`, `THIS_YEAR` (its start).
    pub(crate) fn old_moment(self, text: &str) -> Option<Moment> {
        let lower = text.trim().to_lowercase();
        match lower.as_str() {
            "$now" | "now()" => return self.macro_moment("now"),
            "$today" | "today()" => return self.macro_moment("today"),
            _ => {}
        }
        if let Some((call, rest)) = lower.split_once("()") {
            return self.old_arithmetic(call, rest);
        }
        if text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
            return self.period(&lower).map(|period| Moment::Day(period.first));
        }
        None
    }

    fn old_arithmetic(self, call: &str, rest: &str) -> Option<Moment> {
        let rest = rest.trim();
        let sign = if rest.starts_with('-') { -1 } else { 1 };
        let words: Vec<&str> = rest.strip_prefix(['-', '+'])?.split_whitespace().collect();
        match (call, words.as_slice()) {
            ("today", [count]) => self.moved(count, "days", sign),
            ("now" | "today", [count, unit]) => self.moved(count, unit, sign),
            _ => None,
        }
    }
}

impl Unit {
    fn named(name: &str) -> Option<Unit> {
        match name {
            "week" => Some(Unit::Week),
            "month" => Some(Unit::Month),
            "quarter" => Some(Unit::Quarter),
            "year" => Some(Unit::Year),
            _ => None,
        }
    }
}

fn shift(which: &str) -> i32 {
    match which {
        "last" => -1,
        "next" => 1,
        _ => 0,
    }
}

fn edge_of(period: Period, edge: &str) -> Option<Moment> {
    match edge {
        "start" => Some(Moment::Day(period.first)),
        "end" => Some(Moment::Day(period.last)),
        _ => None,
    }
}

/// The week (from Monday), month, quarter or year of a day, so many on.
fn period(day: NaiveDate, unit: Unit, by: i32) -> Option<Period> {
    let months = match unit {
        Unit::Week => {
            let monday = day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday())))?;
            let first = monday.checked_add_signed(Duration::weeks(i64::from(by)))?;
            return Some(Period { first, last: first.checked_add_days(Days::new(6))? });
        }
        Unit::Month => 1,
        Unit::Quarter => 3,
        Unit::Year => 12,
    };
    let first = day.with_day(1)?.with_month(day.month0() / months * months + 1)?;
    let first = months_moved(first, by.checked_mul(i32::try_from(months).ok()?)?)?;
    let last = first.checked_add_months(Months::new(months))?.pred_opt()?;
    Some(Period { first, last })
}

fn months_moved(day: NaiveDate, by: i32) -> Option<NaiveDate> {
    let months = Months::new(by.unsigned_abs());
    if by < 0 { day.checked_sub_months(months) } else { day.checked_add_months(months) }
}

fn days_moved(day: NaiveDate, count: u32, unit: &str, sign: i64) -> Option<NaiveDate> {
    let months = |each: i32| {
        let by = i32::try_from(count).ok()?.checked_mul(each)?;
        months_moved(day, if sign < 0 { -by } else { by })
    };
    match unit {
        "day" => day.checked_add_signed(Duration::try_days(i64::from(count) * sign)?),
        "week" => day.checked_add_signed(Duration::try_weeks(i64::from(count) * sign)?),
        "month" => months(1),
        "quarter" => months(3),
        "year" => months(12),
        _ => None,
    }
}
