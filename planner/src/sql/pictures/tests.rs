//! Pictures against what PostgreSQL 15 draws.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono_tz::Tz;

use super::{
    drawn::Moment,
    picture::{Part, Picture},
};
use crate::sql::zone::Clock;

fn drawn(zone: Option<Tz>, micros: i64, picture: &str) -> String {
    let moment = match zone {
        Some(zone) => Moment::of_instant(micros, zone, &Clock::of(zone)),
        None => Moment::of_reading(micros),
    };
    let mut text = String::new();
    Picture::of(picture).draw(&moment.unwrap(), &mut text).unwrap();
    text
}

#[test]
fn letters_that_are_no_words_are_left() {
    let letters = |text: &str| {
        let is_letter = |part: &Part| matches!(part, Part::Letter(_));
        let Picture(parts) = Picture::of(text);
        parts.iter().filter(|part| is_letter(part)).count()
    };
    assert_eq!((letters("\"YYYY\""), letters("YYYY"), letters("%Y-%m"), letters("zé")), (4, 0, 4, 2));
    assert_eq!(drawn(None, 0, "\"day \"DD\\\"MM \\n \"q\\\"x\" \"open"), "day 01\"01 \\n q\"x open");
}

/// Lines of a zone (none: a reading), microseconds, a picture, and what PostgreSQL 15 made of them.
const BY_POSTGRES: &str = include_str!("postgres.tsv");

#[test]
fn pictures_are_drawn_as_postgres_draws_them() {
    let mut lines = 0;
    for line in BY_POSTGRES.lines() {
        let [zone, micros, picture, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?} is no line of four")
        };
        let zone = (!zone.is_empty()).then(|| zone.parse().unwrap());
        assert_eq!(drawn(zone, micros.parse().unwrap(), picture), expected, "{line}");
        lines += 1;
    }
    assert!(lines > 500, "only {lines} lines");
}
