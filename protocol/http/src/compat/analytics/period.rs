//! The `dateRange` of a time dimension as a condition.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::problem::Problem;

/// The names that there are, each with what a day must be.
const PRESETS: [(&str, &str, &str); 13] = [
    ("today", "$within", "today"),
    ("yesterday", "$within", "yesterday"),
    ("this_week", "$within", "this_week"),
    ("last_week", "$within", "last_week"),
    ("this_month", "$within", "this_month"),
    ("last_month", "$within", "last_month"),
    ("this_quarter", "$within", "this_quarter"),
    ("last_quarter", "$within", "last_quarter"),
    ("this_year", "$within", "this_year"),
    ("last_year", "$within", "last_year"),
    // These have no end.
    ("last_7_days", "$gte", "{7_days_ago}"),
    ("last_30_days", "$gte", "{30_days_ago}"),
    ("last_90_days", "$gte", "{90_days_ago}"),
];

/// The condition of a range: a name, or its first and its last day.
///
/// # Errors
///
/// `ANALYTICS_DATE_RANGE_UNRECOGNIZED`.
pub(super) fn condition(range: &Value, at: &str) -> Result<Value, Problem> {
    match range {
        Value::String(name) => {
            let name = name.trim().to_lowercase().replace(' ', "_");
            let preset = PRESETS.iter().find(|(known, ..)| *known == name);
            preset.map(|(_, operator, value)| json!({ *operator: value }))
        }
        Value::Array(ends) if ends.len() == 2 && ends.iter().all(Value::is_string) => {
            Some(json!({ "$between": ends }))
        }
        _ => None,
    }
    .ok_or_else(|| {
        let names: Vec<&str> = PRESETS.iter().map(|(name, ..)| *name).collect();
        let message = format!(
            "{range} is no range of days: give the first and the last day in a list, or one of {}",
            names.join(", ")
        );
        Problem::new(StatusCode::BAD_REQUEST, "ANALYTICS_DATE_RANGE_UNRECOGNIZED", message).at(at)
    })
}
