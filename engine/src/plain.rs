//! Values as JSON, in the forms in which every door answers them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat};
use quarry_metadata::expression::Type;
use quarry_storage::Value;
use serde_json::{Value as Json, json};

use crate::decimal;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// What an expression gave.
pub(crate) fn of_type(value: &Value, type_: &Type) -> Json {
    match (type_, value) {
        (Type::Decimal { scale, .. }, _) => json(value, i8::try_from(*scale).ok()),
        (Type::Json, Value::Text(text)) => serde_json::from_str(text).unwrap_or(Json::Null),
        _ => json(value, None),
    }
}

/// A value with so many digits behind the point; JSON text stays a text.
pub(crate) fn json(value: &Value, scale: Option<i8>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Decimal(unscaled) => json!(decimal::digits(*unscaled, scale.unwrap_or(0))),
        Value::Text(text) => json!(&**text),
        Value::TextList(items) => items.iter().map(|item| json!(&**item)).collect(),
        Value::Date(days) => {
            NaiveDate::from_epoch_days(*days).map_or(Json::Null, |day| json!(day.to_string()))
        }
        Value::Time(micros) => time_of_day(*micros).map_or(Json::Null, |time| json!(time.to_string())),
        Value::Timestamp(micros) => DateTime::from_timestamp_micros(*micros)
            .map_or(Json::Null, |instant| json!(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))),
        Value::Bytes(bytes) => json!(STANDARD.encode(bytes)),
    }
}

fn time_of_day(micros: i64) -> Option<NaiveTime> {
    let seconds = u32::try_from(micros.div_euclid(MICROS_PER_SECOND)).ok()?;
    let nanos = u32::try_from(micros.rem_euclid(MICROS_PER_SECOND)).ok()? * 1_000;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)
}
