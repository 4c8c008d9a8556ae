//! A setting's value, typed, shown as PostgreSQL shows it.

use std::fmt;

use chrono_tz::Tz;

/// A value.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum SettingValue {
    Bool(bool),
    Integer(i64),
    Millis(u64),
    Zone(Tz),
    Text(String),
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingValue::Bool(true) => f.write_str("on"),
            SettingValue::Bool(false) => f.write_str("off"),
            SettingValue::Integer(n) => write!(f, "{n}"),
            SettingValue::Millis(0) => f.write_str("0"),
            SettingValue::Millis(ms) if ms % 86_400_000 == 0 => write!(f, "{}d", ms / 86_400_000),
            SettingValue::Millis(ms) if ms % 3_600_000 == 0 => write!(f, "{}h", ms / 3_600_000),
            SettingValue::Millis(ms) if ms % 60_000 == 0 => write!(f, "{}min", ms / 60_000),
            SettingValue::Millis(ms) if ms % 1000 == 0 => write!(f, "{}s", ms / 1000),
            SettingValue::Millis(ms) => write!(f, "{ms}ms"),
            SettingValue::Zone(zone) => f.write_str(zone.name()),
            SettingValue::Text(text) => f.write_str(text),
        }
    }
}

/// `on`, `off`, `true`, `no`, `1`, … as PostgreSQL reads them (prefixes too: `t`, `of`).
pub fn read_bool(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    match text.as_str() {
        "on" | "1" => Some(true),
        "off" | "of" | "0" => Some(false),
        "" => None,
        t if "true".starts_with(t) || "yes".starts_with(t) => Some(true),
        t if "false".starts_with(t) || "no".starts_with(t) => Some(false),
        _ => None,
    }
}

/// A time with or without its unit; without: milliseconds.
pub fn read_millis(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let ms = number.parse::<u64>().ok()?.checked_mul(factor)?;
    (ms <= u64::from(u32::MAX >> 1)).then_some(ms)
}

/// A time zone by name, in any case; `UTC`, `Z` and `GMT` too; and whole hours to the east, as a number.
pub fn read_zone(text: &str) -> Option<Tz> {
    let text = text.trim();
    match text.to_ascii_uppercase().as_str() {
        "UTC" | "Z" | "ZULU" | "UCT" | "DEFAULT" | "LOCAL" | "0" | "+00" | "+00:00" | "ETC/UTC" => {
            Some(Tz::UTC)
        }
        _ => {
            let of_hours = hours_east(text);
            let name = of_hours.as_deref().unwrap_or(text);
            chrono_tz::TZ_VARIANTS.iter().copied().find(|zone| zone.name().eq_ignore_ascii_case(name))
        }
    }
}

/// The name of the zone that is so many hours ahead of UTC: it has the sign of POSIX, against what is said here.
fn hours_east(text: &str) -> Option<String> {
    let hours: f64 = text.parse().ok().filter(|hours: &f64| hours.fract() == 0.0)?;
    let sign = if hours < 0.0 { '+' } else { '-' };
    Some(format!("Etc/GMT{sign}{}", hours.abs()))
}
