//! Clocks against instants: the examples of PostgreSQL's manual, both ways back, and what texts mean.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::NaiveDateTime;
use chrono_tz::TZ_VARIANTS;
use datafusion::{arrow::datatypes::IntervalMonthDayNano, common::ScalarValue};

use super::{CHANGING, Clock, FIXED, offset_around};

fn micros(text: &str) -> i64 {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc().timestamp_micros()
}

#[test]
fn clocks_and_instants_are_those_of_the_zone() {
    // The instant in UTC, and what is shown. New York's clocks go from 02:00 to 03:00 on 2018-03-11 and from 02:00 to 01:00 on
    // 2018-11-04; Samoa left out the whole of 2011-12-30; Lord Howe's go by half an hour.
    for (zone, instant, clock) in [
        ("UTC", "2024-06-30 22:30", "2024-06-30 22:30"),
        ("america/denver", "2001-02-17 03:38", "2001-02-16 20:38"),
        ("Asia/Kathmandu", "2024-06-30 22:30", "2024-07-01 04:15"),
        ("America/New_York", "2018-03-11 06:59", "2018-03-11 01:59"),
        ("America/New_York", "2018-03-11 07:00", "2018-03-11 03:00"),
        ("America/New_York", "2018-11-04 06:30", "2018-11-04 01:30"),
        ("Pacific/Apia", "2011-12-30 09:59", "2011-12-29 23:59"),
        ("Pacific/Apia", "2011-12-30 10:00", "2011-12-31 00:00"),
        ("Australia/Lord_Howe", "2024-04-06 15:00", "2024-04-07 01:30"),
    ] {
        let known = Clock::named(zone).unwrap();
        assert_eq!(known.shows(micros(instant)), Some(micros(clock)), "{zone} {instant}");
        assert_eq!(known.meant(micros(clock)), Some(micros(instant)), "{zone} {clock}");
    }
}

#[test]
fn what_clocks_skip_or_show_twice_is_told_as_the_manual_says() {
    for (zone, clock, instant) in [
        // The manual: 02:30, which is not, becomes 03:30-04; 01:30, which is twice, is 01:30-05.
        ("America/New_York", "2018-03-11 02:30", "2018-03-11 07:30"),
        ("America/New_York", "2018-11-04 01:30", "2018-11-04 06:30"),
        ("Europe/Berlin", "2024-03-31 02:30", "2024-03-31 01:30"),
        ("Europe/Berlin", "2024-10-27 02:30", "2024-10-27 01:30"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 22:00"),
    ] {
        let known = Clock::named(zone).unwrap();
        assert_eq!(known.meant(micros(clock)), Some(micros(instant)), "{zone} {clock}");
    }
    // The other of the two.
    let berlin = Clock::named("Europe/Berlin").unwrap();
    assert_eq!(berlin.shows(micros("2024-10-27 00:30")), Some(micros("2024-10-27 02:30")));
}

#[test]
fn the_offset_that_holds_for_days_is_the_one_that_is_asked_for() {
    // Every seven hours around the changes of a few years, and here and there: what is told by two looks into the table is what the
    // database tells.
    for zone in TZ_VARIANTS.into_iter().step_by(7) {
        let clock = Clock::of(zone);
        for from in ["2011-12-01 00:30", "2018-03-01 00:30", "2024-10-01 00:30", "1916-04-20 00:30"] {
            for step in 0..300 {
                let shown = micros(from) + step * 7 * 3_600_000_000;
                let told = offset_around(zone, shown).map(|offset| shown - offset * 1_000_000);
                assert_eq!(clock.meant(shown), told, "{zone} {shown}");
            }
        }
    }
}

#[test]
fn names_mean_what_they_mean_to_postgres() {
    // What PostgreSQL 15 shows of noon UTC on 2024-07-01.
    let noon = micros("2024-07-01 12:00");
    for (name, shown) in [
        ("+02", "2024-07-01 10:00"),
        ("-05:30", "2024-07-01 17:30"),
        ("UTC+3", "2024-07-01 09:00"),
        ("EST", "2024-07-01 07:00"),
        ("edt", "2024-07-01 08:00"),
        ("CET", "2024-07-01 13:00"),
        ("MET", "2024-07-01 13:00"),
        ("Foo+5", "2024-07-01 07:00"),
        ("5", "2024-07-01 07:00"),
        ("05:30", "2024-07-01 06:30"),
        ("-5", "2024-07-01 17:00"),
        ("z", "2024-07-01 12:00"),
        ("Etc/GMT-2", "2024-07-01 14:00"),
        ("<+02>-02", "2024-07-01 14:00"),
        ("EST5EDT", "2024-07-01 08:00"),
        ("PST8PDT", "2024-07-01 05:00"),
        ("IST", "2024-07-01 14:00"),
        ("+25", "2024-06-30 11:00"),
        ("+1:2", "2024-07-01 10:58"),
        ("A B5", "2024-07-01 07:00"),
    ] {
        let clock = Clock::named(name).unwrap();
        assert_eq!(clock.shows(noon), Some(micros(shown)), "{name}");
    }
    assert_eq!(Clock::named("+02:00:30").unwrap().shows(noon), Some(noon - 7_230_000_000));
}

#[test]
fn a_zone_that_is_none_is_named() {
    for name in ["Mars/Base", "", "+0200", "+170", "UTC ", "abc", "+02:60", "5:", "+1:2:3:4", "<x", "+"] {
        let error = Clock::named(name).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(&format!("{name:?} is not known")), "{error}");
    }
    for name in ["AAA3BBB", "+02x", "utc+5,M3", "MSK"] {
        let error = Clock::named(name).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("not supported"), "{error}");
    }
    let tokyo = Clock::named("Asia/Tokyo").unwrap();
    assert_eq!((tokyo.shows(i64::MAX), tokyo.meant(i64::MIN)), (None, None));
}

#[test]
fn an_interval_is_a_clock_where_it_has_hours_only() {
    let clock = |months, days, nanoseconds| {
        let interval = IntervalMonthDayNano { months, days, nanoseconds };
        Clock::ahead(&ScalarValue::IntervalMonthDayNano(Some(interval)))
    };
    let west = clock(0, 0, -8 * 3_600_000_000_000).unwrap();
    assert_eq!(west.shows(micros("2024-07-01 12:00")), Some(micros("2024-07-01 04:00")));
    assert_eq!(west.meant(micros("2024-07-01 04:00")), Some(micros("2024-07-01 12:00")));
    for wrong in [clock(0, 1, 0), clock(1, 0, 0), Clock::ahead(&ScalarValue::Int64(Some(5)))] {
        assert!(wrong.is_err());
    }
}

#[test]
fn abbreviations_are_in_order_and_are_no_names_twice() {
    assert!(FIXED.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(CHANGING.iter().all(|(name, _)| FIXED.iter().all(|(fixed, _)| fixed != name)));
}
