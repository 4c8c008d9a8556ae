//! Texts, lists of texts, and JSON kept as text. An empty text stays one: only null means "no value".

use std::sync::Arc;

use quarry_storage::Value;
use serde_json::Value as Json;

use super::{invalid_type, text_of, told};
use crate::{change::Input, pipeline::draft::Fault};

/// Deeper JSON is refused: readers that recurse must not fall over it.
const JSON_DEPTH_MAX: usize = 64;

/// A text.
pub(super) fn plain(input: &Input) -> Result<Value, Fault> {
    let text = text_of(input).ok_or_else(|| invalid_type("a text", input))?;
    if text.contains('\0') {
        return Err(Fault::new("invalid_value", "a text can't hold the character U+0000"));
    }
    Ok(Value::Text(text.into()))
}

/// A list of texts, none twice: a JSON array, a typed list, or the text of either a JSON array or a SQL array
/// (`{a,b}`).
pub(super) fn list(input: &Input) -> Result<Value, Fault> {
    let texts: Vec<Arc<str>> = match input {
        Input::Json(Json::Array(items)) => texts_of(items)?,
        Input::Typed(Value::TextList(list), _) => list.to_vec(),
        Input::Typed(Value::Text(text), _) => list_in(text.trim()).ok_or_else(|| no_list(input))??,
        _ => return Err(no_list(input)),
    };
    for (place, text) in texts.iter().enumerate() {
        if texts.iter().take(place).any(|earlier| earlier == text) {
            return Err(Fault::new("invalid_value", format!("{text:?} is given twice")));
        }
    }
    Ok(Value::TextList(texts.into()))
}

fn no_list(input: &Input) -> Fault {
    Fault::new("invalid_shape", format!("a list of options is wanted, not {}", told(input)))
}

fn texts_of(items: &[Json]) -> Result<Vec<Arc<str>>, Fault> {
    let text = |item: &Json| match item {
        Json::String(text) if !text.contains('\0') => Ok(Arc::from(text.as_str())),
        other => Err(Fault::new(
            "invalid_type",
            format!("an option is a text, not {}", told(&Input::Json(other.clone()))),
        )),
    };
    items.iter().map(text).collect()
}

fn list_in(text: &str) -> Option<Result<Vec<Arc<str>>, Fault>> {
    if text.starts_with('[') {
        return serde_json::from_str::<Vec<Json>>(text).ok().map(|items| texts_of(&items));
    }
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    if inner.trim().is_empty() {
        return Some(Ok(Vec::new()));
    }
    sql_items(inner).map(Ok)
}

/// The items of a SQL array: bare or quoted, `\` escapes inside quotes.
fn sql_items(inner: &str) -> Option<Vec<Arc<str>>> {
    let (mut items, mut item, mut quoted, mut was_quoted) = (Vec::new(), String::new(), false, false);
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => {
                quoted = !quoted;
                was_quoted = true;
            }
            '\\' if quoted => item.push(characters.next()?),
            ',' if !quoted => finish(&mut items, &mut item, &mut was_quoted)?,
            '{' | '}' if !quoted => return None,
            c => item.push(c),
        }
    }
    if quoted {
        return None;
    }
    finish(&mut items, &mut item, &mut was_quoted)?;
    Some(items)
}

fn finish(items: &mut Vec<Arc<str>>, item: &mut String, was_quoted: &mut bool) -> Option<()> {
    let text = std::mem::take(item);
    let text = if std::mem::take(was_quoted) { text.as_str() } else { text.trim() };
    if text.is_empty() || text.eq_ignore_ascii_case("null") {
        return None;
    }
    items.push(text.into());
    Some(())
}

/// JSON, kept in its compact form with keys in the order given. A typed text is read as JSON.
pub(super) fn json(input: &Input) -> Result<Value, Fault> {
    let parsed;
    let json = match input {
        Input::Json(json) => json,
        Input::Typed(Value::Text(text), _) => {
            parsed = serde_json::from_str::<Json>(text)
                .map_err(|error| Fault::new("invalid_json", format!("this is not JSON: {error}")))?;
            &parsed
        }
        _ => return Err(invalid_type("JSON", input)),
    };
    if is_deeper(json, JSON_DEPTH_MAX) {
        return Err(Fault::new("invalid_json", format!("JSON may nest {JSON_DEPTH_MAX} deep")));
    }
    Ok(match json {
        Json::Null => Value::Null,
        json => Value::Text(json.to_string().into()),
    })
}

fn is_deeper(json: &Json, depth: usize) -> bool {
    let Some(left) = depth.checked_sub(1) else { return true };
    match json {
        Json::Array(items) => items.iter().any(|item| is_deeper(item, left)),
        Json::Object(items) => items.values().any(|item| is_deeper(item, left)),
        _ => false,
    }
}
