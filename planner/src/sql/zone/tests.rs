//! Clocks against instants: the examples of PostgreSQL's manual, and both ways back.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::NaiveDateTime;

use super::{Offsets, clock_of, instant_of, named};

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
        let zone = named(zone).unwrap();
        let shown = clock_of(&Offsets::of(zone), micros(instant));
        assert_eq!(shown, Some(micros(clock)), "{zone} {instant}");
        assert_eq!(instant_of(zone, micros(clock)), Some(micros(instant)), "{zone} {clock}");
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
        let zone = named(zone).unwrap();
        assert_eq!(instant_of(zone, micros(clock)), Some(micros(instant)), "{zone} {clock}");
    }
    // The other of the two.
    let berlin = named("Europe/Berlin").unwrap();
    assert_eq!(clock_of(&Offsets::of(berlin), micros("2024-10-27 00:30")), Some(micros("2024-10-27 02:30")));
}

#[test]
fn a_zone_that_is_none_is_named() {
    for name in ["Mars/Base", "", "+02", "EDT5"] {
        assert!(named(name).unwrap_err().to_string().contains(&format!("{name:?}")), "{name}");
    }
    assert_eq!(clock_of(&Offsets::of(named("Asia/Tokyo").unwrap()), i64::MAX), None);
    assert_eq!(instant_of(named("Asia/Tokyo").unwrap(), i64::MIN), None);
}
