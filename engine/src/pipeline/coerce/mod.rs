//! From what came in to values of the fields' types. Nothing is rounded, cut or guessed: what does not fit is a finding.

mod content;
mod number;
mod structure;
mod text;
mod time;

use std::sync::Arc;

use chrono_tz::Tz;
use quarry_metadata::{Field, FieldKind, FieldName, TextFormat};
use quarry_planner::lower;
use quarry_storage::{ColumnType, Value};
pub(crate) use time::{days_of, micros_of};

use super::{
    call::Call,
    draft::{Draft, Fault},
};
use crate::{change::Input, identity::credentials, work::Work};

/// Passwords that one call may set: each is hashed, slowly on purpose.
const PASSWORDS_MAX: usize = 100;

/// Writes the inputs into the draft as values of their fields.
pub(super) fn inputs(draft: &mut Draft, inputs: Vec<(FieldName, Input)>, work: &Work, call: &mut Call) {
    let layout = draft.layout.clone();
    for (name, input) in inputs {
        let (Some(field), Some(column)) = (layout.object.field(name.as_str()), layout.column(name.as_str()))
        else {
            continue;
        };
        let value = match referred(field, &input, call) {
            Some(referred) => referred,
            None => value(field, &input, work.actor.time_zone),
        };
        let value = match (&field.kind, value) {
            (FieldKind::References { .. }, Ok(Value::TextList(ids))) => all_referred(&ids, call),
            (FieldKind::Password { .. }, Ok(Value::Text(password))) => sealed(&password, work, call),
            (_, value) => value,
        };
        match value {
            Ok(value) => draft.give(column, value),
            Err(fault) => draft.fault(field, fault),
        }
    }
}

/// The hash of a password: all of it that is kept.
fn sealed(password: &str, work: &Work, call: &mut Call) -> Result<Value, Fault> {
    call.passwords += 1;
    if call.passwords > PASSWORDS_MAX {
        let message = format!("one request sets at most {PASSWORDS_MAX} passwords; send the rest in others");
        return Err(Fault::new("too_many", message));
    }
    let hash = credentials::hash(password, &work.world);
    hash.map(|hash| Value::Text(hash.into())).map_err(|error| Fault::new("invalid_value", error.message))
}

/// Ids, some of which may be those of earlier changes.
fn all_referred(ids: &[Arc<str>], call: &Call) -> Result<Value, Fault> {
    let id = |id: &Arc<str>| match id.starts_with("$ref:") {
        true => call.reference(id).ok_or_else(|| no_reference(id)),
        false => Ok(id.clone()),
    };
    let ids = ids.iter().map(id).collect::<Result<Vec<_>, Fault>>()?;
    text::none_twice(&ids)?;
    Ok(Value::TextList(ids.into()))
}

/// A lookup to the record of an earlier change: `$ref:0.id`. No id of a record looks so.
fn referred(field: &Field, input: &Input, call: &Call) -> Option<Result<Value, Fault>> {
    let FieldKind::Lookup { .. } = field.kind else { return None };
    let text = text_of(input).filter(|text| text.starts_with("$ref:"))?;
    Some(call.reference(text).map(Value::Text).ok_or_else(|| no_reference(text)))
}

fn no_reference(text: &str) -> Fault {
    let message = format!("{text:?} is not the one record of an earlier change; write \"$ref:<change>.id\"");
    Fault::new("invalid_value", message)
}

/// One input as a value of its field.
///
/// # Errors
///
/// What is wrong with it, for people.
pub(crate) fn value(field: &Field, input: &Input, time_zone: Tz) -> Result<Value, Fault> {
    if let Input::Json(serde_json::Value::Null) | Input::Typed(Value::Null, _) = input {
        return Ok(Value::Null);
    }
    match &field.kind {
        FieldKind::Text { format: TextFormat::Html | TextFormat::RichText, .. } => text::sanitised(input),
        FieldKind::Id | FieldKind::Text { .. } | FieldKind::Select { .. } | FieldKind::AutoNumber { .. } => {
            text::plain(input)
        }
        FieldKind::Password { min_length, max_length } => text::password(input, *min_length, *max_length),
        FieldKind::Lookup { .. } => {
            text::plain(input).map_err(|_| invalid_type("the id of a record, as text", input))
        }
        FieldKind::MultiSelect { .. } => text::list(input, "options"),
        FieldKind::References { .. } => text::list(input, "ids"),
        FieldKind::Json => text::json(input),
        FieldKind::Composite { parts, many, content: Some(_) } => {
            content::contents(parts, *many, input, time_zone)
        }
        FieldKind::Composite { parts, many, content: None } => {
            structure::composite(parts, *many, input, time_zone)
        }
        FieldKind::Vector { dimensions } => structure::vector(*dimensions, input),
        FieldKind::Float { .. } => number::float(input),
        FieldKind::Boolean => boolean(input),
        FieldKind::Number { precision, scale, .. }
        | FieldKind::Currency { precision, scale, .. }
        | FieldKind::Percent { precision, scale, .. } => match lower::column_type(field) {
            ColumnType::Int => number::integer(input, *precision),
            _ => number::decimal(input, *precision, *scale),
        },
        FieldKind::Date => time::date(input),
        FieldKind::DateTime => time::instant(input, time_zone),
        FieldKind::Time => time::time_of_day(input),
        FieldKind::Formula { .. } => Err(Fault::new("readonly", "the field is computed; leave it out")),
    }
}

fn boolean(input: &Input) -> Result<Value, Fault> {
    let invalid = || Fault::new("invalid_boolean", format!("true or false is wanted, not {}", told(input)));
    match input {
        Input::Json(serde_json::Value::Bool(value)) | Input::Typed(Value::Bool(value), _) => {
            Ok(Value::Bool(*value))
        }
        Input::Typed(Value::Text(text), _) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Value::Bool(true)),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(Value::Bool(false)),
            _ => Err(invalid()),
        },
        _ => Err(invalid()),
    }
}

/// The text of an input; none when it is something else.
pub(super) fn text_of(input: &Input) -> Option<&str> {
    match input {
        Input::Json(serde_json::Value::String(text)) => Some(text),
        Input::Typed(Value::Text(text), _) => Some(text),
        _ => None,
    }
}

fn invalid_type(wanted: &str, input: &Input) -> Fault {
    Fault::new("invalid_type", format!("{wanted} is wanted, not {}", told(input)))
}

/// An input as a message may show it: short.
fn told(input: &Input) -> String {
    const SHOWN_CHARACTERS_MAX: usize = 60;
    use serde_json::Value as Json;
    let whole = match input {
        Input::Json(Json::Array(_)) | Input::Typed(Value::TextList(_), _) => return "a list".to_owned(),
        Input::Json(Json::Object(_)) => return "an object".to_owned(),
        Input::Json(json) => json.to_string(),
        Input::Typed(Value::Text(text), _) => format!("{text:?}"),
        Input::Typed(Value::Bool(value), _) => value.to_string(),
        Input::Typed(Value::Int(value), _) => value.to_string(),
        Input::Typed(Value::Float(value), _) => value.to_string(),
        Input::Typed(Value::Decimal(_), _) => return "a number".to_owned(),
        Input::Typed(Value::Date(_), _) => return "a day".to_owned(),
        Input::Typed(Value::Time(_), _) => return "a time of day".to_owned(),
        Input::Typed(Value::Timestamp(_), _) => return "an instant".to_owned(),
        Input::Typed(Value::Bytes(_), _) => return "bytes".to_owned(),
        Input::Typed(Value::Null, _) => return "null".to_owned(),
    };
    match whole.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
        None => whole,
    }
}
