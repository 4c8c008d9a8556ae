//! Days by the clock of a time zone, for many instants at once.
//!
//! What a zone's clock is away from UTC changes a few hundred times in two centuries. Those instants are found once for each zone,
//! so that an instant is moved to local time by a look into a small table, and its month by arithmetic.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use parking_lot::RwLock;

use crate::objectql::Granularity;

/// Seconds of a day.
pub(crate) const DAY_SECONDS: i64 = 86_400;
/// 1970-01-01 was a Thursday: the Monday of its week lies three days before.
const DAYS_FROM_MONDAY_TO_EPOCH: i64 = 3;
const DAYS_PER_WEEK: i64 = 7;

/// The instants of the table: 1900 to 2100. Others are asked for one by one.
const FROM: i64 = -2_208_988_800;
const UNTIL: i64 = 4_102_444_800;
/// No zone of the tz database has changed its offset twice within 95 hours since 1874: looked at so far apart, no change is missed.
const STEP_SECONDS: i64 = 2 * DAY_SECONDS;
/// An entry of the index stands for 2^22 seconds (48 days): one or two offsets at most, as a rule.
const INDEX_SHIFT: u32 = 22;

/// What a zone's clock was, is, and will be away from UTC.
pub(crate) struct Offsets {
    zone: Tz,
    /// From which instant on an offset holds, seconds; the first is [`FROM`].
    spans: Vec<Span>,
    /// The span that holds at the beginning of each stretch of time.
    index: Vec<u16>,
}

#[derive(Clone, Copy)]
struct Span {
    from: i64,
    offset: i64,
}

/// Tables that were made, each of some kilobytes; there are no more than there are zones.
static KNOWN: LazyLock<RwLock<HashMap<Tz, Arc<Offsets>>>> = LazyLock::new(RwLock::default);

impl Offsets {
    /// The table of a zone, made when it is first asked for.
    pub(crate) fn of(zone: Tz) -> Arc<Offsets> {
        if let Some(known) = KNOWN.read().get(&zone) {
            return Arc::clone(known);
        }
        let made = Arc::new(Self::made(zone));
        KNOWN.write().insert(zone, Arc::clone(&made));
        made
    }

    fn made(zone: Tz) -> Offsets {
        let asked = |seconds: i64| asked(zone, seconds).unwrap_or_default();
        let mut spans = vec![Span { from: FROM, offset: asked(FROM) }];
        let (mut seen, mut offset) = (FROM, asked(FROM));
        while seen < UNTIL {
            let next = seen + STEP_SECONDS;
            let changed = asked(next);
            if changed != offset {
                // The first instant of the new offset lies behind `before`, and not behind `after`.
                let (mut before, mut after) = (seen, next);
                while after - before > 1 {
                    let middle = before.midpoint(after);
                    if asked(middle) == offset { before = middle } else { after = middle }
                }
                spans.push(Span { from: after, offset: changed });
            }
            (seen, offset) = (next, changed);
        }
        let stretches = 0..=((UNTIL - FROM) >> INDEX_SHIFT);
        let at = |stretch: i64| spans.partition_point(|span| span.from <= FROM + (stretch << INDEX_SHIFT));
        let index = stretches.map(|stretch| u16::try_from(at(stretch).saturating_sub(1)).unwrap_or(0));
        Offsets { zone, index: index.collect(), spans }
    }

    /// Seconds that the zone's clock is ahead of UTC at an instant; none where there is no such day.
    pub(crate) fn at(&self, seconds: i64) -> Option<i64> {
        if !is_tabulated(seconds) {
            return asked(self.zone, seconds);
        }
        let stretch = usize::try_from((seconds - FROM) >> INDEX_SHIFT).ok()?;
        let mut place = usize::from(*self.index.get(stretch)?);
        while let Some(next) = self.spans.get(place + 1)
            && next.from <= seconds
        {
            place += 1;
        }
        self.spans.get(place).map(|span| span.offset)
    }
}

/// Whether an instant is in the tables.
pub(crate) fn is_tabulated(seconds: i64) -> bool {
    (FROM..UNTIL).contains(&seconds)
}

fn asked(zone: Tz, seconds: i64) -> Option<i64> {
    let instant = DateTime::from_timestamp(seconds, 0)?.naive_utc();
    Some(i64::from(zone.offset_from_utc_datetime(&instant).fix().local_minus_utc()))
}

/// The bucket of a day (its number since 1970-01-01): a month is `year * 12 + month`, a week the number of its Monday's, and so on.
/// None where its number is too large; an hour's is that of the day's first.
pub(crate) fn bucket_of(granularity: Granularity, day: i64) -> Option<i64> {
    match granularity {
        Granularity::Hour => day.checked_mul(24),
        Granularity::Day => Some(day),
        Granularity::Week => Some(day.checked_add(DAYS_FROM_MONDAY_TO_EPOCH)?.div_euclid(DAYS_PER_WEEK)),
        Granularity::Month => month_of(day).map(|(year, month)| year * 12 + month),
        Granularity::Quarter => month_of(day).map(|(year, month)| year * 4 + month / 3),
        Granularity::Year => month_of(day).map(|(year, _)| year),
    }
}

/// The first day of a week, by its bucket.
pub(crate) fn monday_of(week: i64) -> Option<i64> {
    week.checked_mul(DAYS_PER_WEEK)?.checked_sub(DAYS_FROM_MONDAY_TO_EPOCH)
}

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_EPOCH: i64 = 719_468;
/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;
/// Days that the calendar of [`chrono`] has, which labels are written by.
const DAYS_MAX: i64 = 95_000_000;

/// The year of a day, and its month (0 to 11).
fn month_of(day: i64) -> Option<(i64, i64)> {
    date_of(day).map(|(year, month, _)| (year, month))
}

/// The year of a day, its month (0 to 11), and its number in the month (1 to 31). The arithmetic is Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>): years begin in March there, so that the leap day is the last of one.
#[inline]
pub(crate) fn date_of(day: i64) -> Option<(i64, i64, i64)> {
    if !(-DAYS_MAX..=DAYS_MAX).contains(&day) {
        return None;
    }
    let from_march = day + DAYS_BEFORE_EPOCH;
    let (era, day_of_era) = (from_march.div_euclid(ERA_DAYS), from_march.rem_euclid(ERA_DAYS));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month_from_march >= 10);
    Some((year, month, day_of_month))
}

/// The first day of a year. Its arithmetic is that of `days_from_civil`, from the same page.
pub(crate) fn first_day_of(year: i64) -> i64 {
    // January is the eleventh month of the year that began in March.
    let year = year - 1;
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    const JANUARY_FROM_MARCH: i64 = 306;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + JANUARY_FROM_MARCH;
    era * ERA_DAYS + day_of_era - DAYS_BEFORE_EPOCH
}

/// The ISO year of a day, and its week there: a week belongs to the year of its Thursday.
pub(crate) fn iso_week_of(day: i64) -> Option<(i64, i64)> {
    let week = day.checked_add(DAYS_FROM_MONDAY_TO_EPOCH)?.div_euclid(DAYS_PER_WEEK);
    let thursday = week * DAYS_PER_WEEK;
    let (year, ..) = date_of(thursday)?;
    Some((year, (thursday - first_day_of(year)) / DAYS_PER_WEEK + 1))
}

/// 0 for a Monday.
pub(crate) fn weekday_of(day: i64) -> i64 {
    day.rem_euclid(DAYS_PER_WEEK).wrapping_add(DAYS_FROM_MONDAY_TO_EPOCH) % DAYS_PER_WEEK
}

#[cfg(test)]
mod tests;
