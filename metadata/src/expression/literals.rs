//! Values that are written down in an expression: read once, when it is compiled.

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike};

use crate::expression::{
    tree::{Literal, Node, NodeKind},
    value_type::Type,
};

const SECOND_MICROS: i64 = 1_000_000;

/// A text that stands where a day, instant or time of day is wanted. An instant says its time zone.
pub(super) fn moment(text: &str, wanted: &Type) -> Option<Literal> {
    match wanted {
        Type::Date => day(text).map(Literal::Date),
        Type::DateTime => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|instant| Literal::DateTime(instant.timestamp_micros())),
        Type::Time => ["%H:%M", "%H:%M:%S", "%H:%M:%S%.f"]
            .iter()
            .find_map(|format| NaiveTime::parse_from_str(text, format).ok())
            .map(|time| {
                let nanos = i64::from(time.nanosecond());
                Literal::Time(i64::from(time.num_seconds_from_midnight()) * SECOND_MICROS + nanos / 1_000)
            }),
        _ => None,
    }
}

fn day(text: &str) -> Option<i32> {
    let day =
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == "2024-05-31".len())?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// `30d`, `1h30m`, `-1.5h`: microseconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut micros: i128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (digits, behind) = rest.split_at_checked(number)?;
        let unit = behind.len() - behind.trim_start_matches(|c: char| c.is_alphabetic()).len();
        let (unit, behind) = behind.split_at_checked(unit)?;
        let scale: i128 = match unit {
            "d" => 86_400_000_000,
            "h" => 3_600_000_000,
            "m" => 60_000_000,
            "s" => 1_000_000,
            "ms" => 1_000,
            "us" => 1,
            _ => return None,
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let fraction_unit =
            10i128.checked_pow(u32::try_from(fraction.len()).ok().filter(|len| *len <= 9)?)?;
        let whole = whole.parse::<i128>().ok()?.checked_mul(scale)?;
        micros =
            micros.checked_add(whole)?.checked_add(fraction.parse::<i128>().ok()? * scale / fraction_unit)?;
        rest = behind;
    }
    i64::try_from(if negative { -micros } else { micros }).ok()
}

/// A text that is compared with a day, instant or time becomes one.
pub(super) fn as_moment(node: &Node, beside: &Type) -> Option<Node> {
    match &node.kind {
        NodeKind::Literal(Literal::Text(text)) => {
            moment(text, beside).map(|literal| Node::literal(beside.clone(), literal))
        }
        _ => None,
    }
}
