//! Texts of instants there and back, as PostgreSQL 15 has them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use arrow::array::{StringArray, TimestampMicrosecondArray};
use chrono_tz::Tz;

use super::{days, instants, readings, texts};
use crate::sql::zone::Clock;

/// A text read by the clock of a zone, and written by it and as a reading of UTC.
fn there_and_back(zone: Tz, text: &str) -> datafusion::common::Result<(String, String)> {
    let clock = Clock::of(zone);
    let read = instants(&clock, &StringArray::from(vec![text]))?;
    let reading: TimestampMicrosecondArray = read.iter().collect();
    let written = |values: &TimestampMicrosecondArray| texts(&clock, values);
    Ok((written(&read)?.value(0).to_owned(), written(&reading)?.value(0).to_owned()))
}

#[test]
fn texts_are_read_and_written_by_the_clock() {
    for (zone, text, written, in_utc) in [
        (Tz::UTC, "2024-01-15 10:30:00", "2024-01-15 10:30:00+00", "2024-01-15 10:30:00"),
        (Tz::America__New_York, "2024-07-01", "2024-07-01 00:00:00-04", "2024-07-01 04:00:00"),
        (
            Tz::America__New_York,
            "2024-01-15T10:30:00.25",
            "2024-01-15 10:30:00.25-05",
            "2024-01-15 15:30:00.25",
        ),
        (Tz::America__New_York, "2018-03-11 02:30:00", "2018-03-11 03:30:00-04", "2018-03-11 07:30:00"),
        (Tz::America__New_York, "2018-11-04 01:30:00", "2018-11-04 01:30:00-05", "2018-11-04 06:30:00"),
        (Tz::America__New_York, "2018-11-04 05:30:00Z", "2018-11-04 01:30:00-04", "2018-11-04 05:30:00"),
        (Tz::Asia__Kolkata, " 2024-01-01 12:00+02 ", "2024-01-01 15:30:00+05:30", "2024-01-01 10:00:00"),
        (Tz::Asia__Kolkata, "2024-01-01 12:00:00 -08", "2024-01-02 01:30:00+05:30", "2024-01-01 20:00:00"),
        (Tz::America__New_York, "2018-11-04 01:30", "2018-11-04 01:30:00-05", "2018-11-04 06:30:00"),
        (Tz::UTC, "2024-01-01 12:00+02", "2024-01-01 10:00:00+00", "2024-01-01 10:00:00"),
        (Tz::UTC, "2024-07-01 12:00:00 CET", "2024-07-01 11:00:00+00", "2024-07-01 11:00:00"),
        (Tz::UTC, "2024-07-01 12:00:00 America/New_York", "2024-07-01 16:00:00+00", "2024-07-01 16:00:00"),
        (Tz::UTC, "2024-01-01 12:00:00EST", "2024-01-01 17:00:00+00", "2024-01-01 17:00:00"),
        (Tz::UTC, "2024-01-01 12:00:00 UTC+3", "2024-01-01 15:00:00+00", "2024-01-01 15:00:00"),
        (
            Tz::UTC,
            "2024-01-01 12:00:00.1234567",
            "2024-01-01 12:00:00.123457+00",
            "2024-01-01 12:00:00.123457",
        ),
        (Tz::Africa__Monrovia, "1960-01-01 12:00:00", "1960-01-01 12:00:00-00:44:30", "1960-01-01 12:44:30"),
    ] {
        let told = there_and_back(zone, text).unwrap_or_else(|error| panic!("{zone} {text}: {error}"));
        assert_eq!(told, (written.to_owned(), in_utc.to_owned()), "{zone} {text}");
    }
    let before = TimestampMicrosecondArray::from(vec![Some(-62_135_596_800_000_001), None]);
    let before = texts(&Clock::of(Tz::UTC), &before).unwrap();
    assert_eq!(before.iter().collect::<Vec<_>>(), [Some("0001-12-31 23:59:59.999999 BC"), None]);
}

#[test]
fn what_is_no_instant_is_named() {
    for text in [
        "never",
        "",
        "2024-13-01",
        "2024-01-01 25:00:00",
        "2024-01-01 12:00:00 PM",
        "2024-01-01 12:00 Mars/Base",
    ] {
        let error = there_and_back(Tz::UTC, text).unwrap_err().to_string();
        let name = text.split(' ').next_back().unwrap();
        assert!(error.contains(name), "{text}: {error}");
    }
}

#[test]
fn a_reading_and_a_day_have_no_offset() {
    let texts = StringArray::from(vec![
        Some("2024-01-01 01:00:00+02"),
        Some("2024-01-01 23:00:00-08"),
        Some("2024-01-01 23:00:00 EST"),
        Some("2024-01-01 23:00:00Z"),
        None,
    ]);
    let read = readings(&texts).unwrap();
    let hours: Vec<Option<i64>> =
        read.iter().map(|at| Some((at? - 1_704_067_200_000_000) / 3_600_000_000)).collect();
    assert_eq!(hours, [Some(1), Some(23), Some(23), Some(23), None]);
    let read = days(&texts).unwrap();
    assert_eq!(
        read.iter().collect::<Vec<_>>(),
        [Some(19_723), Some(19_723), Some(19_723), Some(19_723), None]
    );
    for wrong in ["2024-01-01 nonsense", "2024-01-01 12:00 Mars/Base", "never", "2024-02-30"] {
        let wrong = StringArray::from(vec![wrong]);
        assert!(days(&wrong).is_err() && readings(&wrong).is_err(), "{wrong:?}");
    }
}
