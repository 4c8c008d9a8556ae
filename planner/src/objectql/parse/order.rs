//! `orderBy` in its forms: `"-amount"`, `"amount desc, name"`, `["-amount"]`, `[["amount", "desc"]]`,
//! `{"amount": -1}`, `[{"field": "amount", "order": "desc", "nulls": "first"}]`.

use serde_json::Value;

use super::place::{Keys, Place, shown};
use crate::{
    error::{Error, Result},
    objectql::Order,
};

pub(super) fn orders(place: &Place, value: &Value) -> Result<Vec<Order>> {
    match value {
        Value::String(list) => list.split(',').map(|words| from_words(place, words)).collect(),
        Value::Array(items) => {
            let item = |(index, item)| from_item(&place.index(index), item);
            let all = items.iter().enumerate().map(item).collect::<Result<Vec<Vec<Order>>>>()?;
            Ok(all.into_iter().flatten().collect())
        }
        Value::Object(_) => from_item(place, value),
        other => Err(invalid(place, format!("expects sort keys, not {}", shown(other)))),
    }
}

fn from_item(place: &Place, item: &Value) -> Result<Vec<Order>> {
    match item {
        Value::String(words) => Ok(vec![from_words(place, words)?]),
        Value::Array(pair) => match pair.as_slice() {
            [field] => Ok(vec![order(name(place, field)?, false)]),
            [field, direction] => Ok(vec![order(name(place, field)?, descending(place, direction)?)]),
            _ => Err(invalid(place, format!("expects [field, direction], not {}", shown(item)))),
        },
        Value::Object(object) if object.contains_key("field") => {
            let mut keys = Keys::new(place, object);
            let path = match keys.take(&["field"])? {
                Some((place, value)) => name(&place, value)?.to_owned(),
                None => return Err(invalid(place, "names no field")),
            };
            let direction = keys.take(&["order", "direction", "dir"])?;
            let down =
                direction.map(|(place, value)| descending(&place, value)).transpose()?.unwrap_or(false);
            let nulls =
                keys.take(&["nulls"])?.map(|(place, value)| nulls_first(&place, value)).transpose()?;
            keys.finish()?;
            Ok(vec![Order { path, descending: down, nulls_first: nulls.unwrap_or(false) }])
        }
        Value::Object(object) => {
            let entry = |(field, direction): (&String, &Value)| {
                Ok(order(field, descending(&place.key(field), direction)?))
            };
            object.iter().map(entry).collect()
        }
        other => Err(invalid(place, format!("expects a sort key, not {}", shown(other)))),
    }
}

/// `amount`, `-amount`, `+amount`, `amount desc`, `amount desc nulls first`.
fn from_words(place: &Place, text: &str) -> Result<Order> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (path, rest) = match words.as_slice() {
        [path, rest @ ..] => (*path, rest),
        [] => return Err(invalid(place, "an empty sort key")),
    };
    let signed = path
        .strip_prefix('-')
        .map(|path| (path, true))
        .or_else(|| path.strip_prefix('+').map(|path| (path, false)));
    let (path, mut down) = signed.unwrap_or((path, false));
    let lower: Vec<String> = rest.iter().map(|word| word.to_lowercase()).collect();
    let mut lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    if let Some(direction @ ("asc" | "desc")) = lower.first().copied() {
        if signed.is_some() {
            return Err(invalid(place, format!("{text:?} gives two directions")));
        }
        down = direction == "desc";
        lower.remove(0);
    }
    let nulls_first = match lower.as_slice() {
        [] | ["nulls", "last"] => false,
        ["nulls", "first"] => true,
        _ => {
            return Err(invalid(
                place,
                format!("{text:?} is no sort key: write \"field\", \"-field\" or \"field desc\""),
            ));
        }
    };
    if path.is_empty() {
        return Err(invalid(place, "an empty sort key"));
    }
    Ok(Order { path: path.to_owned(), descending: down, nulls_first })
}

fn order(path: &str, descending: bool) -> Order {
    Order { path: path.to_owned(), descending, nulls_first: false }
}

fn name<'a>(place: &Place, value: &'a Value) -> Result<&'a str> {
    value
        .as_str()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| invalid(place, format!("expects a field, not {}", shown(value))))
}

fn descending(place: &Place, value: &Value) -> Result<bool> {
    let text = value.as_str().map(str::to_lowercase);
    match (text.as_deref(), value.as_i64()) {
        (Some("asc" | "ascending"), _) | (_, Some(1)) => Ok(false),
        (Some("desc" | "descending"), _) | (_, Some(-1)) => Ok(true),
        _ => Err(invalid(place, format!("a direction is \"asc\" or \"desc\", not {}", shown(value)))),
    }
}

fn nulls_first(place: &Place, value: &Value) -> Result<bool> {
    match value.as_str().map(str::to_lowercase).as_deref() {
        Some("first") => Ok(true),
        Some("last") => Ok(false),
        _ => Err(invalid(place, format!("\"nulls\" is \"first\" or \"last\", not {}", shown(value)))),
    }
}

fn invalid(place: &Place, message: impl Into<String>) -> Error {
    place.error("INVALID_SORT", message)
}
