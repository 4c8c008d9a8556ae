//! Texts, lists of texts, and JSON kept as text. An empty text stays one: only null means "no value".

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use quarry_storage::Value;
use serde_json::Value as Json;

use super::{invalid_type, text_of, told};
use crate::{change::Input, pipeline::draft::Fault};

/// Deeper JSON is refused: readers that recurse must not fall over it.
const JSON_DEPTH_MAX: usize = 64;
/// Items of a list.
pub(super) const ITEMS_MAX: usize = 10_000;

/// A text.
pub(super) fn plain(input: &Input) -> Result<Value, Fault> {
    let text = text_of(input).ok_or_else(|| invalid_type("a text", input))?;
    if text.contains('\0') {
        return Err(Fault::new("invalid_value", "a text can't hold the character U+0000"));
    }
    Ok(Value::Text(text.into()))
}

/// HTML of which only is left what can't do harm: no script, no style, no handler, no frame; links open without a way back.
pub(super) fn sanitised(input: &Input) -> Result<Value, Fault> {
    match plain(input)? {
        Value::Text(text) => Ok(Value::Text(ammonia::clean(&text).into())),
        other => Ok(other),
    }
}

/// A password in clear, on its way to be hashed. No message shows it.
pub(super) fn password(input: &Input, min: u32, max: u32) -> Result<Value, Fault> {
    let text = text_of(input).ok_or_else(|| Fault::new("invalid_type", "a password is a text"))?;
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    if length < min {
        return Err(Fault::new("min_length", format!("a password of at least {min} characters is needed")));
    }
    if length > max {
        return Err(Fault::new("max_length", format!("a password has at most {max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::new("invalid_value", "a password holds no control characters"));
    }
    Ok(Value::Text(text.into()))
}

/// A list of texts, none twice: a JSON array, a typed list, or the text of either a JSON array or a SQL array
/// (`{a,b}`).
pub(super) fn list(input: &Input, of: &str) -> Result<Value, Fault> {
    let no_list = || Fault::new("invalid_shape", format!("a list of {of} is wanted, not {}", told(input)));
    let texts: Vec<Arc<str>> = match input {
        Input::Json(Json::Array(items)) => texts_of(items)?,
        Input::Typed(Value::TextList(list), _) => list.to_vec(),
        Input::Typed(Value::Text(text), _) => list_in(text.trim()).ok_or_else(no_list)??,
        _ => return Err(no_list()),
    };
    if texts.len() > ITEMS_MAX {
        return Err(Fault::new("max_items", format!("at most {ITEMS_MAX} are kept")));
    }
    none_twice(&texts)?;
    Ok(Value::TextList(texts.into()))
}

/// Refuses a list that has a text twice.
pub(super) fn none_twice(texts: &[Arc<str>]) -> Result<(), Fault> {
    let mut seen = HashSet::with_capacity(texts.len());
    match texts.iter().find(|text| !seen.insert(*text)) {
        Some(text) => Err(Fault::new("invalid_value", format!("{text:?} is given twice"))),
        None => Ok(()),
    }
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
    Ok(match parsed(input)?.as_ref() {
        Json::Null => Value::Null,
        json => Value::Text(json.to_string().into()),
    })
}

/// The JSON that an input is, or that its text says; not too deep.
pub(super) fn parsed(input: &Input) -> Result<Cow<'_, Json>, Fault> {
    let json = match input {
        Input::Json(json) => Cow::Borrowed(json),
        Input::Typed(Value::Text(text), _) => Cow::Owned(
            serde_json::from_str::<Json>(text)
                .map_err(|error| Fault::new("invalid_json", format!("this is not JSON: {error}")))?,
        ),
        _ => return Err(invalid_type("JSON", input)),
    };
    if is_deeper(&json, JSON_DEPTH_MAX) {
        return Err(Fault::new("invalid_json", format!("JSON may nest {JSON_DEPTH_MAX} deep")));
    }
    Ok(json)
}

fn is_deeper(json: &Json, depth: usize) -> bool {
    let Some(left) = depth.checked_sub(1) else { return true };
    match json {
        Json::Array(items) => items.iter().any(|item| is_deeper(item, left)),
        Json::Object(items) => items.values().any(|item| is_deeper(item, left)),
        _ => false,
    }
}
