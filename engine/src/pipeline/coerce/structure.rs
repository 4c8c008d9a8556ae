//! Values that are made of parts, kept as JSON text with the parts in the order they are declared; and vectors, kept as
//! bytes. What must hold of the parts is looked at when the record is validated.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta};
use chrono_tz::Tz;
use indexmap::IndexMap;
use quarry_metadata::{Field, FieldKind, FieldName, naming::camel_case};
use quarry_planner::lower;
use quarry_storage::{ColumnType, Value};
use serde_json::{Map, Value as Json};

use super::{
    invalid_type,
    text::{ITEMS_MAX, parsed},
    told,
};
use crate::{active::nearest, change::Input, decimal::plain, pipeline::draft::Fault};

pub(super) type Parts = IndexMap<FieldName, Field>;

/// An object of the declared parts (of any, where none is declared), or a list of such (of anything).
pub(super) fn composite(parts: &Parts, many: bool, input: &Input, time_zone: Tz) -> Result<Value, Fault> {
    let json = parsed(input)?;
    if json.is_null() {
        return Ok(Value::Null);
    }
    Ok(Value::Text(shaped(parts, many, &json, time_zone)?.to_string().into()))
}

// As deep as fields are declared within fields.
fn shaped(parts: &Parts, many: bool, json: &Json, time_zone: Tz) -> Result<Json, Fault> {
    match json {
        Json::Array(items) if many && items.len() > ITEMS_MAX => {
            Err(Fault::new("max_items", format!("at most {ITEMS_MAX} items are kept")))
        }
        Json::Array(_) if many && parts.is_empty() => Ok(json.clone()),
        Json::Array(items) if many => {
            let item = |(at, item): (usize, &Json)| {
                object(parts, item, time_zone).map_err(|fault| fault.within(&format!("[{at}]")))
            };
            items.iter().enumerate().map(item).collect::<Result<_, _>>().map(Json::Array)
        }
        _ if many => Err(Fault::new("invalid_shape", format!("a list is wanted, not {}", shown(json)))),
        json => object(parts, json, time_zone),
    }
}

pub(super) fn object(parts: &Parts, json: &Json, time_zone: Tz) -> Result<Json, Fault> {
    let Json::Object(given) = json else {
        return Err(Fault::new("invalid_shape", format!("an object is wanted, not {}", shown(json))));
    };
    if parts.is_empty() {
        return Ok(json.clone());
    }
    let named = |key: &str, name: &FieldName| name.as_str() == key || camel_case(name.as_str()) == *key;
    if let Some(unknown) = given.keys().find(|key| !parts.keys().any(|name| named(key, name))) {
        let near = nearest(unknown, parts.keys().map(FieldName::as_str));
        return Err(Fault::new("unknown_field", format!("there is no part {unknown:?}{near}")));
    }
    let mut shaped = Map::new();
    for (name, part) in parts {
        let mut values = given.iter().filter(|(key, _)| named(key, name)).map(|(_, value)| value);
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            return Err(Fault::new("invalid_value", format!("the part {:?} is given twice", name.as_str())));
        }
        let value = part_value(part, value, time_zone).map_err(|fault| fault.within(name.as_str()))?;
        shaped.insert(name.to_string(), value);
    }
    Ok(Json::Object(shaped))
}

fn part_value(part: &Field, json: &Json, time_zone: Tz) -> Result<Json, Fault> {
    match &part.kind {
        _ if json.is_null() => Ok(Json::Null),
        FieldKind::Composite { parts, many, .. } => shaped(parts, *many, json, time_zone),
        FieldKind::Json => Ok(json.clone()),
        _ => super::value(part, &Input::Json(json.clone()), time_zone).map(|value| json_of(part, &value)),
    }
}

/// A part's value in JSON, as what reads it expects.
fn json_of(part: &Field, value: &Value) -> Json {
    match value {
        Value::Null | Value::Bytes(_) => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Decimal(unscaled) => {
            let scale = match lower::column_type(part) {
                ColumnType::Decimal { scale, .. } => scale,
                _ => 0,
            };
            Json::String(plain(*unscaled, i32::from(scale)))
        }
        Value::Text(text) => Json::String(text.to_string()),
        Value::TextList(items) => items.iter().map(|item| Json::String(item.to_string())).collect(),
        Value::Date(days) => {
            let day = TimeDelta::try_days(i64::from(*days));
            let day = day.and_then(|days| NaiveDate::default().checked_add_signed(days));
            day.map_or(Json::Null, |day| Json::String(day.to_string()))
        }
        Value::Time(micros) => {
            let time = NaiveTime::MIN.overflowing_add_signed(TimeDelta::microseconds(*micros)).0;
            Json::String(time.format("%H:%M:%S%.6f").to_string())
        }
        Value::Timestamp(micros) => DateTime::from_timestamp_micros(*micros)
            .map_or(Json::Null, |instant| Json::String(instant.to_rfc3339_opts(SecondsFormat::Micros, true))),
    }
}

pub(super) fn shown(json: &Json) -> String {
    told(&Input::Json(json.clone()))
}

/// So many finite floats of 32 bits: a JSON array, a list of numbers, or the text of either (`[1,2]`, `{1,2}`).
pub(super) fn vector(dimensions: u32, input: &Input) -> Result<Value, Fault> {
    let wanted = || invalid_type("a list of numbers", input);
    let numbers: Vec<Option<f32>> = match input {
        Input::Json(Json::Array(items)) => items.iter().map(float_of).collect(),
        Input::Typed(Value::TextList(items), _) => {
            items.iter().map(|item| item.trim().parse().ok()).collect()
        }
        Input::Typed(Value::Text(text), _) => {
            let text = text.trim();
            let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            let inner = inner.or_else(|| text.strip_prefix('[').and_then(|text| text.strip_suffix(']')));
            inner.ok_or_else(wanted)?.split(',').map(|item| item.trim().parse().ok()).collect()
        }
        _ => return Err(wanted()),
    };
    if u32::try_from(numbers.len()) != Ok(dimensions) {
        let message = format!("the vector has {} dimensions; {dimensions} are wanted", numbers.len());
        return Err(Fault::new("invalid_dimensions", message));
    }
    let finite = |number: Option<f32>| number.filter(|number| number.is_finite());
    let Some(numbers) = numbers.into_iter().map(finite).collect::<Option<Vec<f32>>>() else {
        return Err(Fault::new("invalid_number", "a vector is made of finite numbers of 32 bits"));
    };
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    Ok(Value::Bytes(bytes.into()))
}

fn float_of(json: &Json) -> Option<f32> {
    match json {
        Json::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}
