//! Contents by their ids. What is told of them is looked up later ([`crate::pipeline`]'s `contents`).

use std::borrow::Cow;

use chrono_tz::Tz;
use quarry_storage::Value;
use serde_json::{Value as Json, json};

use super::{
    structure::{Parts, object, shown},
    text::parsed,
};
use crate::{change::Input, pipeline::draft::Fault};

/// Contents of one field.
const CONTENTS_MAX: usize = 100;

/// An id, or an object with one: as JSON, or as its text; a list of such where the field holds several. No content is no value.
pub(super) fn contents(parts: &Parts, many: bool, input: &Input, time_zone: Tz) -> Result<Value, Fault> {
    let json = read(input)?;
    let one = |json: &Json| named(parts, json, time_zone);
    let value = match json.as_ref() {
        Json::Null => return Ok(Value::Null),
        Json::Array(items) if many && items.is_empty() => return Ok(Value::Null),
        Json::Array(items) if many && items.len() > CONTENTS_MAX => {
            return Err(Fault::new("max_items", format!("at most {CONTENTS_MAX} contents are kept")));
        }
        Json::Array(items) if many => {
            let item =
                |(at, item): (usize, &Json)| one(item).map_err(|fault| fault.within(&format!("[{at}]")));
            let items: Vec<Json> = items.iter().enumerate().map(item).collect::<Result<_, _>>()?;
            let is_again =
                |(at, item): &(usize, &Json)| items.iter().take(*at).any(|other| other["id"] == item["id"]);
            if let Some((_, item)) = items.iter().enumerate().find(is_again) {
                return Err(Fault::new("invalid_value", format!("{} is given twice", item["id"])));
            }
            Json::Array(items)
        }
        json if many => {
            return Err(Fault::new("invalid_shape", format!("a list is wanted, not {}", shown(json))));
        }
        json => one(json)?,
    };
    Ok(Value::Text(value.to_string().into()))
}

/// Of a text, an id: no id begins as a list, an object or a text of JSON do.
fn read(input: &Input) -> Result<Cow<'_, Json>, Fault> {
    match input {
        Input::Typed(Value::TextList(ids), _) => Ok(Cow::Owned(ids.iter().map(|id| json!(**id)).collect())),
        Input::Typed(Value::Text(text), _) if !text.trim_start().starts_with(['[', '{', '"']) => {
            Ok(Cow::Owned(json!(text.trim())))
        }
        _ => parsed(input),
    }
}

fn named(parts: &Parts, json: &Json, time_zone: Tz) -> Result<Json, Fault> {
    let named = match json {
        Json::String(id) => json!({ "id": id }),
        Json::Object(_) => object(parts, json, time_zone)?,
        json => {
            let message = format!("the id of a content is wanted, not {}", shown(json));
            return Err(Fault::new("invalid_shape", message));
        }
    };
    match named["id"].as_str() {
        Some(_) => Ok(named),
        None => Err(Fault::new("required", "the id of a content is wanted").within("id")),
    }
}
