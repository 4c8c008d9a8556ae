//! The clocks of zones, for doors that are given values beside a statement: they are read as those in it.

use chrono_tz::Tz;

use super::{instants::written, zone::Clock};

/// The instant that a text tells, microseconds; without an offset or a zone of its own it is read by the clock of `zone`. None for what is
/// no instant.
pub fn instant_of_text(text: &str, zone: Tz) -> Option<i64> {
    written::instant(&Clock::of(zone), text).ok()
}

/// What a text says that a clock shows, whatever offset it has. None for what is no such reading.
pub fn reading_of_text(text: &str) -> Option<i64> {
    written::reading(text).ok()
}

/// When the clock of a zone shows that; microseconds. None out of range.
pub fn instant_of_reading(reading: i64, zone: Tz) -> Option<i64> {
    Clock::of(zone).meant(reading)
}

/// What the clock of a zone shows then; microseconds. None out of range.
pub fn reading_of_instant(instant: i64, zone: Tz) -> Option<i64> {
    Clock::of(zone).shows(instant)
}
