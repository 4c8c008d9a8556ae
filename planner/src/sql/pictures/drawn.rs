//! A moment, written as a picture wants it.

use std::fmt::{Result as Written, Write};

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{OffsetName, Tz};

use super::picture::{Casing, Ending, Part, Picture, What, Word};
use crate::{
    calendar::{DAY_SECONDS, date_of, first_day_of, iso_week_of, weekday_of},
    sql::zone::Clock,
};

const SECOND_MICROS: i64 = 1_000_000;
const HOUR_SECONDS: i64 = 3_600;
/// The Julian day of 1970-01-01.
const JULIAN_OF_EPOCH: i64 = 2_440_588;
/// Names are filled up to the length of the longest.
const NAME_LETTERS: usize = 9;
const ROMAN_LETTERS: usize = 4;

#[rustfmt::skip]
const MONTHS: [&str; 12] = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const ROMANS: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// What a clock shows, and which clock.
pub(super) struct Moment {
    day: i64,
    year: i64,
    /// From 0.
    month: i64,
    /// From 1.
    day_of_month: i64,
    second_of_day: i64,
    micros: i64,
    /// Of an instant: how far the clock is ahead of UTC, the zone, and the instant in seconds.
    clock: Option<(i64, Tz, i64)>,
}

impl Moment {
    /// None where the calendar has no such day.
    pub(super) fn of_reading(micros: i64) -> Option<Moment> {
        let seconds = micros.div_euclid(SECOND_MICROS);
        let day = seconds.div_euclid(DAY_SECONDS);
        let (year, month, day_of_month) = date_of(day)?;
        let second_of_day = seconds.rem_euclid(DAY_SECONDS);
        let micros = micros.rem_euclid(SECOND_MICROS);
        Some(Moment { day, year, month, day_of_month, second_of_day, micros, clock: None })
    }

    /// None where the calendar has no such day.
    pub(super) fn of_instant(micros: i64, zone: Tz, clock: &Clock) -> Option<Moment> {
        let seconds = micros.div_euclid(SECOND_MICROS);
        let offset = clock.offset(seconds)?;
        let shown = micros.checked_add(offset.checked_mul(SECOND_MICROS)?)?;
        Some(Moment { clock: Some((offset, zone, seconds)), ..Moment::of_reading(shown)? })
    }

    fn offset(&self) -> i64 {
        self.clock.map_or(0, |(offset, ..)| offset)
    }

    fn hour(&self) -> i64 {
        self.second_of_day / HOUR_SECONDS
    }
}

impl Picture {
    /// None where the calendar ends.
    pub(super) fn draw(&self, moment: &Moment, out: &mut impl Write) -> Option<()> {
        for part in &self.0 {
            match part {
                Part::Letter(letter) => out.write_char(*letter).ok()?,
                Part::Word(word) => word.draw(moment, out)?,
            }
        }
        Some(())
    }
}

impl Word {
    fn draw(&self, moment: &Moment, out: &mut impl Write) -> Option<()> {
        match self.number(moment)? {
            Some((number, digits)) => self.write_number(number, digits, out),
            None => self.write_words(moment, out)?,
        }
        .ok()
    }

    /// What is a number, and its digits; one that may have any has none.
    fn number(&self, moment: &Moment) -> Option<Option<(i64, usize)>> {
        let first = first_day_of(moment.year);
        let (hour, minute) = (moment.hour(), moment.second_of_day / 60 % 60);
        Some(Some(match self.what {
            What::Century => century(moment.year),
            What::Year { digits } => last_digits(counted(moment.year), digits),
            What::IsoYear { digits } => last_digits(counted(iso_week_of(moment.day)?.0), digits),
            What::Quarter => (moment.month / 3 + 1, 1),
            What::Month => (moment.month + 1, 2),
            What::WeekOfYear => ((moment.day - first) / 7 + 1, 2),
            What::WeekOfMonth => ((moment.day_of_month - 1) / 7 + 1, 1),
            What::IsoWeek => (iso_week_of(moment.day)?.1, 2),
            What::DayOfYear => (moment.day - first + 1, 3),
            What::IsoDayOfYear => {
                let week = iso_week_of(moment.day)?.1;
                ((week - 1) * 7 + weekday_of(moment.day) + 1, 3)
            }
            What::DayOfMonth => (moment.day_of_month, 2),
            What::DayOfWeek => ((weekday_of(moment.day) + 1) % 7 + 1, 1),
            What::IsoDayOfWeek => (weekday_of(moment.day) + 1, 1),
            What::Julian => (moment.day.checked_add(JULIAN_OF_EPOCH)?, 1),
            What::Hour12 => ((hour + 11) % 12 + 1, 2),
            What::Hour24 => (hour, 2),
            What::Minute => (minute, 2),
            What::Second => (moment.second_of_day % 60, 2),
            What::SecondOfDay => (moment.second_of_day, 1),
            _ => return Some(None),
        }))
    }

    fn write_number(&self, number: i64, digits: usize, out: &mut impl Write) -> Written {
        let digits = if self.is_bare { 0 } else { digits };
        match self.ending {
            // Most have none, and are written at once.
            Ending::None => write!(out, "{number:0digits$}"),
            _ => self.write_with_ending(&format!("{number:0digits$}"), out),
        }
    }

    /// `1st`, `12th`, `23RD`.
    fn write_with_ending(&self, number: &str, out: &mut impl Write) -> Written {
        let ending = match number.as_bytes() {
            [.., b'1', _] => "th",
            [.., b'1'] => "st",
            [.., b'2'] => "nd",
            [.., b'3'] => "rd",
            _ => "th",
        };
        out.write_str(number)?;
        match self.ending {
            Ending::None => Ok(()),
            Ending::Upper => out.write_str(&ending.to_ascii_uppercase()),
            Ending::Lower => out.write_str(ending),
        }
    }

    /// What is no plain number.
    fn write_words(&self, moment: &Moment, out: &mut impl Write) -> Option<Written> {
        let name = |of: &[&'static str], at: i64| of.get(usize::try_from(at).ok()?).copied();
        let month = || name(&MONTHS, moment.month);
        let day = || name(&DAYS, weekday_of(moment.day));
        Some(match self.what {
            What::MonthName => self.write_name(month()?, NAME_LETTERS, out),
            What::DayName => self.write_name(day()?, NAME_LETTERS, out),
            What::MonthShort => self.write_name(month()?.get(..3)?, 0, out),
            What::DayShort => self.write_name(day()?.get(..3)?, 0, out),
            What::RomanMonth => self.write_name(name(&ROMANS, moment.month)?, ROMAN_LETTERS, out),
            What::Era { has_points } => {
                let names = if has_points { ["A.D.", "B.C."] } else { ["AD", "BC"] };
                self.write_name(name(&names, i64::from(moment.year <= 0))?, 0, out)
            }
            What::HalfDay { has_points } => {
                let names = if has_points { ["A.M.", "P.M."] } else { ["AM", "PM"] };
                self.write_name(name(&names, moment.hour() / 12)?, 0, out)
            }
            What::ThousandsOfYears => {
                let year = counted(moment.year);
                self.write_with_ending(&format!("{},{:03}", year / 1_000, year % 1_000), out)
            }
            What::Fraction { digits } => {
                let all = format!("{:06}", moment.micros);
                self.write_with_ending(all.get(..usize::from(digits))?, out)
            }
            What::ZoneName => self.write_zone(moment, out)?,
            What::ZoneHours | What::ZoneMinutes | What::Offset => self.write_offset(moment.offset(), out),
            _ => Ok(()),
        })
    }

    fn write_name(&self, name: &str, letters: usize, out: &mut impl Write) -> Written {
        let letters = if self.is_bare || self.is_local { 0 } else { letters };
        match self.casing {
            Casing::Upper => write!(out, "{:letters$}", name.to_ascii_uppercase()),
            Casing::Title => write!(out, "{name:letters$}"),
            Casing::Lower => write!(out, "{:letters$}", name.to_ascii_lowercase()),
        }
    }

    /// The abbreviation by which the zone goes then; a reading has none.
    fn write_zone(&self, moment: &Moment, out: &mut impl Write) -> Option<Written> {
        let Some((_, zone, seconds)) = moment.clock else { return Some(Ok(())) };
        let instant = DateTime::from_timestamp(seconds, 0)?.naive_utc();
        let offset = zone.offset_from_utc_datetime(&instant);
        match offset.abbreviation() {
            Some(name) => Some(self.write_name(name, 0, out)),
            // Where nobody has a name for it, the time zone database writes how far it is from UTC.
            None => {
                let ahead = i64::from(offset.fix().local_minus_utc());
                let (sign, minutes) = (if ahead < 0 { '-' } else { '+' }, ahead.abs() / 60);
                let hours = write!(out, "{sign}{:02}", minutes / 60);
                let rest = minutes % 60;
                Some(hours.and_then(|()| if rest == 0 { Ok(()) } else { write!(out, "{rest:02}") }))
            }
        }
    }

    fn write_offset(&self, offset: i64, out: &mut impl Write) -> Written {
        let (sign, seconds) = (if offset < 0 { '-' } else { '+' }, offset.abs());
        let (hours, minutes) = (seconds / HOUR_SECONDS, seconds / 60 % 60);
        match self.what {
            What::ZoneHours => write!(out, "{sign}{hours:02}"),
            What::ZoneMinutes => write!(out, "{minutes:02}"),
            _ => {
                let digits = if self.is_bare { 0 } else { 2 };
                write!(out, "{sign}{hours:0digits$}")?;
                if seconds % HOUR_SECONDS == 0 { Ok(()) } else { write!(out, ":{minutes:02}") }
            }
        }
    }
}

/// Years are counted from 1 to both sides.
fn counted(year: i64) -> i64 {
    if year > 0 { year } else { 1 - year }
}

fn century(year: i64) -> (i64, usize) {
    let century = if year > 0 { (year - 1) / 100 + 1 } else { year / 100 - 1 };
    (century, if century < 0 { 3 } else { 2 })
}

fn last_digits(year: i64, digits: u8) -> (i64, usize) {
    let count = u32::from(digits);
    (if digits == 4 { year } else { year % 10_i64.pow(count) }, usize::from(digits))
}
