//! Values as text, one form per type: what stands in the readable columns of history. Part of the format: a text that was
//! written once is made again by every later program, or `verify` would tell of damage.
//!
//! | type | text | in the JSON of a row |
//! |---|---|---|
//! | bool | `true`, `false` | the same |
//! | int | digits | the same |
//! | float | the shortest digits that read back as the same number, `1e16` and `1e-7` with an exponent; `NaN`, `inf`, `-inf` | a number, or a text for the last three |
//! | decimal | digits with the column's scale, `12.50` | the same |
//! | text | itself | a text |
//! | date | `2026-01-31` | a text |
//! | time | `23:59:59.000000` | a text |
//! | timestamp | `2026-01-31T23:59:59.000000Z` | a text |
//! | text list | a JSON array of texts | the same |
//! | bytes | `\x` and lower-case hexadecimal digits | a text |
//!
//! A date or time that no calendar has is its plain number.

use std::fmt::Write;

use chrono::{DateTime, Days, NaiveDate, NaiveTime};

use crate::{
    schema::{ColumnSpec, ColumnType},
    value::{Row, Value},
};

const MICROS: i64 = 1_000_000;

/// The text of a value of this type; `None` for null.
pub(super) fn text(kind: ColumnType, value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Text(text) => text.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => float(*number),
        Value::Decimal(unscaled) => decimal(*unscaled, kind),
        Value::Date(days) => date(*days),
        Value::Time(micros) => time(*micros),
        Value::Timestamp(micros) => timestamp(*micros),
        Value::TextList(items) => {
            let mut out = String::from("[");
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                quote(&mut out, item);
            }
            out.push(']');
            out
        }
        Value::Bytes(bytes) => {
            let mut out = String::with_capacity(2 + 2 * bytes.len());
            out.push_str("\\x");
            bytes.iter().for_each(|byte| put(&mut out, format_args!("{byte:02x}")));
            out
        }
    })
}

/// A row as a JSON object, in the order of its columns; what is null is left out.
pub(super) fn json(columns: &[ColumnSpec], row: &Row) -> String {
    let mut out = String::from("{");
    for (column, value) in columns.iter().zip(row.0.iter()) {
        let Some(text) = text(column.column_type, value) else { continue };
        if out.len() > 1 {
            out.push(',');
        }
        quote(&mut out, &column.name);
        out.push(':');
        if is_bare(value) {
            out.push_str(&text);
        } else {
            quote(&mut out, &text);
        }
    }
    out.push('}');
    out
}

/// A text as JSON.
pub(super) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => put(out, format_args!("\\u{:04x}", u32::from(control))),
            plain => out.push(plain),
        }
    }
    out.push('"');
}

/// Is its text JSON as it stands?
fn is_bare(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::Bool(_) | Value::Int(_) | Value::Decimal(_) | Value::TextList(_) => true,
        _ => false,
    }
}

fn float(number: f64) -> String {
    let is_plain = number == 0.0 || !number.is_finite() || (1e-6..1e16).contains(&number.abs());
    if is_plain { format!("{number}") } else { format!("{number:e}") }
}

fn decimal(unscaled: i128, kind: ColumnType) -> String {
    let scale = match kind {
        ColumnType::Decimal { scale, .. } => usize::try_from(scale).unwrap_or(0),
        _ => 0,
    };
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, part)) if scale > 0 => format!("{sign}{whole}.{part}"),
        _ => format!("{sign}{digits}"),
    }
}

fn date(days: i32) -> String {
    let count = Days::new(u64::from(days.unsigned_abs()));
    let moved = |epoch: NaiveDate| {
        if days < 0 { epoch.checked_sub_days(count) } else { epoch.checked_add_days(count) }
    };
    let found = NaiveDate::from_ymd_opt(1970, 1, 1).and_then(moved);
    found.map_or_else(|| days.to_string(), |date| date.format("%Y-%m-%d").to_string())
}

fn time(micros: i64) -> String {
    let seconds = u32::try_from(micros.div_euclid(MICROS)).ok();
    let nanos = u32::try_from(micros.rem_euclid(MICROS) * 1_000).ok();
    let found = seconds.zip(nanos).and_then(|(s, n)| NaiveTime::from_num_seconds_from_midnight_opt(s, n));
    found.map_or_else(|| micros.to_string(), |time| time.format("%H:%M:%S%.6f").to_string())
}

/// A moment, for people and for history.
pub(crate) fn timestamp(micros: i64) -> String {
    let found = DateTime::from_timestamp_micros(micros);
    found.map_or_else(|| micros.to_string(), |at| at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    _ = out.write_fmt(what);
}

#[cfg(test)]
mod tests;
