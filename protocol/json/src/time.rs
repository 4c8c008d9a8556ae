//! Days, times and instants as ISO 8601 text, without the quotes.

use crate::number::write_padded;

const DAY_SECONDS: i64 = 86_400;

/// Ticks per second of a unit, and the digits that a fraction of it can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    pub per_second: i64,
    pub digits: usize,
}

impl From<arrow::datatypes::TimeUnit> for Ticks {
    fn from(unit: arrow::datatypes::TimeUnit) -> Self {
        use arrow::datatypes::TimeUnit;
        match unit {
            TimeUnit::Second => Self { per_second: 1, digits: 0 },
            TimeUnit::Millisecond => Self { per_second: 1_000, digits: 3 },
            TimeUnit::Microsecond => Self { per_second: 1_000_000, digits: 6 },
            TimeUnit::Nanosecond => Self { per_second: 1_000_000_000, digits: 9 },
        }
    }
}

/// `2024-02-29`; years outside 0 to 9999 with a sign and as many digits as they need.
pub(crate) fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    match year {
        0..=9999 => {}
        ..0 => out.push(b'-'),
        _ => out.push(b'+'),
    }
    write_padded(year.unsigned_abs(), 4, out);
    out.push(b'-');
    write_padded(month, 2, out);
    out.push(b'-');
    write_padded(day, 2, out);
}

/// `2024-02-29T13:05:00.250`; the fraction in three, six or nine digits, left out where it is zero.
pub(crate) fn write_instant(ticks: i64, unit: Ticks, out: &mut Vec<u8>) {
    let day_ticks = DAY_SECONDS * unit.per_second;
    write_date(ticks.div_euclid(day_ticks), out);
    out.push(b'T');
    write_time(ticks.rem_euclid(day_ticks), unit, out);
}

/// `13:05:00.250`.
pub(crate) fn write_time(ticks: i64, unit: Ticks, out: &mut Vec<u8>) {
    let seconds = ticks.div_euclid(unit.per_second).unsigned_abs();
    write_padded(seconds / 3_600, 2, out);
    out.push(b':');
    write_padded(seconds / 60 % 60, 2, out);
    out.push(b':');
    write_padded(seconds % 60, 2, out);
    let mut fraction = ticks.rem_euclid(unit.per_second).unsigned_abs();
    if fraction == 0 {
        return;
    }
    let mut digits = unit.digits;
    while digits > 3 && fraction.is_multiple_of(1_000) {
        fraction /= 1_000;
        digits -= 3;
    }
    out.push(b'.');
    write_padded(fraction, digits, out);
}

/// Year, month and day of a number of days since 1970-01-01 in the proleptic Gregorian calendar, by Howard
/// Hinnant's `civil_from_days` ("chrono-Compatible Low-Level Date Algorithms"): years begin in March, so that the
/// leap day is a year's last, and 400 years are 146,097 days.
fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month.unsigned_abs(), day.unsigned_abs())
}
