//! Exact numbers, macros and periods.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::NaiveDate;

use super::{
    decimal::Decimal,
    moment::{Clock, Moment},
};

/// 2026-07-28T12:00:00Z, a Tuesday.
const NOW_MICROS: i64 = 1_785_240_000_000_000;

fn clock(zone: &str) -> Clock {
    Clock { now_micros: NOW_MICROS, zone: zone.parse().unwrap() }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn numbers_are_read_exactly_or_not_at_all() {
    let cases = [
        ("0", Some((0, 0))),
        ("-12.50", Some((-125, 1))),
        ("+7", Some((7, 0))),
        ("1e6", Some((1_000_000, 0))),
        ("1.2005E3", Some((12_005, 1))),
        ("12e-3", Some((12, 3))),
        ("0.1", Some((1, 1))),
        (
            "99999999999999999999999999999999999999",
            Some((99_999_999_999_999_999_999_999_999_999_999_999_999, 0)),
        ),
        ("100000000000000000000000000000000000000", None),
        ("1e-39", None),
        ("1e400", None),
        ("1e2147483648", None),
        ("1.-5", None),
        ("--5", None),
        ("", None),
        (".5", None),
        ("0x10", None),
        ("1,5", None),
        ("NaN", None),
    ];
    for (text, expected) in cases {
        let expected = expected.map(|(unscaled, scale)| Decimal { unscaled, scale });
        assert_eq!(Decimal::parse(text), expected, "{text}");
    }
}

#[test]
fn rescaling_never_rounds() {
    let number = Decimal::parse("12.5").unwrap();
    assert_eq!(number.rescale(2), Some(1250));
    assert_eq!(number.rescale(0), None);
    assert_eq!(Decimal::parse("12.0").unwrap().rescale(0), Some(12));
}

#[test]
fn macros_name_days_and_instants() {
    let cases = [
        ("today", "2026-07-28"),
        ("yesterday", "2026-07-27"),
        ("tomorrow", "2026-07-29"),
        ("week_start", "2026-07-27"),
        ("current_week_end", "2026-08-02"),
        ("last_week_start", "2026-07-20"),
        ("next_month_start", "2026-08-01"),
        ("current_month_end", "2026-07-31"),
        ("last_quarter_start", "2026-04-01"),
        ("current_quarter_end", "2026-09-30"),
        ("next_year_end", "2027-12-31"),
        ("year_start", "2026-01-01"),
        ("30_days_ago", "2026-06-28"),
        ("1_day_from_now", "2026-07-29"),
        ("5_months_ago", "2026-02-28"),
        ("1_year_from_now", "2027-07-28"),
        ("2_weeks_ago", "2026-07-14"),
    ];
    for (name, expected) in cases {
        assert_eq!(clock("UTC").macro_moment(name), Some(Moment::Day(day(expected))), "{name}");
    }
    let hour = 3_600_000_000;
    assert_eq!(clock("UTC").macro_moment("3_hours_ago"), Some(Moment::Instant(NOW_MICROS - 3 * hour)));
    for unknown in
        ["", "todayy", "last_decade_start", "x_days_ago", "1_fortnight_ago", "99999999999_days_ago"]
    {
        assert_eq!(clock("UTC").macro_moment(unknown), None, "{unknown}");
    }
}

#[test]
fn periods_hold_both_their_ends() {
    let cases = [
        ("this_quarter", ("2026-07-01", "2026-09-30")),
        ("last_month", ("2026-06-01", "2026-06-30")),
        ("last_30_days", ("2026-06-28", "2026-07-28")),
        ("next_2_weeks", ("2026-07-28", "2026-08-11")),
        ("this_week", ("2026-07-27", "2026-08-02")),
    ];
    for (name, (first, last)) in cases {
        let period = clock("UTC").period(name).expect(name);
        assert_eq!((period.first, period.last), (day(first), day(last)), "{name}");
    }
}

#[test]
fn days_begin_at_midnight_here_or_when_the_clocks_let_them() {
    assert_eq!(clock("Pacific/Auckland").today(), Some(day("2026-07-29")));
    let berlin = clock("Europe/Berlin");
    let long_day = berlin.end_of(day("2026-10-25")).unwrap() - berlin.start_of(day("2026-10-25")).unwrap();
    assert_eq!(long_day, 25 * 3_600_000_000);
    // In Santiago the clocks skip midnight: the day begins at one.
    let santiago = clock("America/Santiago");
    let first = day("2026-09-06");
    assert_eq!(
        santiago.start_of(first),
        berlin.read("2026-09-06T04:00:00Z").map(|moment| match moment {
            Moment::Instant(micros) => micros,
            Moment::Day(_) => panic!("an instant was written"),
        })
    );
}
