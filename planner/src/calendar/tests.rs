//! The tables say what the time zone database says, and the arithmetic what the calendar says.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::{Datelike, NaiveDate};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::{
    FROM, Offsets, UNTIL, asked, bucket_of, date_of, first_day_of, is_tabulated, iso_week_of, monday_of,
    weekday_of,
};
use crate::objectql::Granularity;

#[test]
fn offsets_are_those_of_the_database_in_every_zone() {
    // Another instant of the day, the week and the year each time.
    let step = (UNTIL - FROM) / 500 + 97_531;
    for (zone, start) in TZ_VARIANTS.into_iter().zip(FROM - 1_000_000_000..) {
        let offsets = Offsets::made(zone);
        for seconds in (start..UNTIL + 1_000_000_000).step_by(usize::try_from(step).unwrap()) {
            assert_eq!(offsets.at(seconds), asked(zone, seconds), "{zone} at {seconds}");
        }
        // Around the very instants at which they change, and at the ends of the table.
        let changes = offsets.spans.iter().map(|span| span.from).chain([UNTIL]);
        for seconds in changes.flat_map(|change| change - 2..=change + 2) {
            assert_eq!(offsets.at(seconds), asked(zone, seconds), "{zone} at {seconds}");
        }
    }
}

#[test]
fn a_change_at_a_minute_past_midnight_is_known_to_the_second() {
    // St. John's put its clock back at 00:01 on 2009-11-01: the 31st of October came again for an hour.
    let offsets = Offsets::of(Tz::America__St_Johns);
    let change = 1_257_042_660;
    assert_eq!((offsets.at(change - 1), offsets.at(change)), (Some(-9_000), Some(-12_600)));
    assert!(is_tabulated(change) && !is_tabulated(FROM - 1));
}

#[test]
fn buckets_are_those_of_the_calendar() {
    for number in (-800_000..1_200_000).step_by(7).chain([-1, 0, 1, 59, 60, 11_016, 11_017, 19_782]) {
        let day = NaiveDate::default() + chrono::Duration::days(number);
        let (year, month) = (i64::from(day.year()), i64::from(day.month0()));
        assert_eq!(bucket_of(Granularity::Day, number), Some(number));
        assert_eq!(bucket_of(Granularity::Month, number), Some(year * 12 + month), "{day}");
        assert_eq!(bucket_of(Granularity::Quarter, number), Some(year * 4 + month / 3), "{day}");
        assert_eq!(bucket_of(Granularity::Year, number), Some(year), "{day}");
        let monday = bucket_of(Granularity::Week, number).and_then(monday_of).unwrap();
        assert_eq!(number - monday, i64::from(day.weekday().num_days_from_monday()), "{day}");
        assert_eq!(weekday_of(number), i64::from(day.weekday().num_days_from_monday()), "{day}");
        assert_eq!(date_of(number), Some((year, month, i64::from(day.day()))), "{day}");
        assert_eq!(number - first_day_of(year), i64::from(day.ordinal0()), "{day}");
        let week = day.iso_week();
        assert_eq!(iso_week_of(number), Some((i64::from(week.year()), i64::from(week.week()))), "{day}");
    }
    assert_eq!(bucket_of(Granularity::Year, i64::MAX), None);
}
