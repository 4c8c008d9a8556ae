//! Filters in object form: `{"stage": "won", "$or": [{"amount": {"$gt": 5}}, …]}`.

use serde_json::{Map, Value};

use super::{
    array_filter,
    operators::{self, Meaning},
    place::{Place, shown},
};
use crate::{
    error::Result,
    nearest,
    objectql::{Filter, Operand, Operator},
};

/// A filter, or (in URLs) a text that holds one.
pub(super) fn filter_or_text(place: &Place, value: &Value) -> Result<Filter> {
    let Value::String(text) = value else { return filter(place, value) };
    match serde_json::from_str::<Value>(text) {
        Ok(parsed) if !parsed.is_string() => filter(place, &parsed),
        _ => Err(place.filter_error(format!("{text:?} is no filter: write it as JSON"))),
    }
}

pub(super) fn filter(place: &Place, value: &Value) -> Result<Filter> {
    let place = place.deeper()?;
    match value {
        Value::Object(object) => match array_filter::node(&place, object)? {
            Some(filter) => Ok(filter),
            None => from_object(&place, object, ""),
        },
        Value::Array(items) => array_filter::from_array(&place, items),
        other => Err(place.filter_error(format!("expects a filter, not {}", shown(other)))),
    }
}

/// `prefix` is the path of the relations around, with its dot: `account.`.
fn from_object(place: &Place, object: &Map<String, Value>, prefix: &str) -> Result<Filter> {
    let mut all = Vec::with_capacity(object.len());
    for (key, value) in object {
        let place = place.key(key);
        all.push(match key.strip_prefix('$') {
            Some(_) => logical(&place, key, value, prefix)?,
            None => of_path(&place, &format!("{prefix}{key}"), value)?,
        });
    }
    Ok(single_or_and(all))
}

fn logical(place: &Place, key: &str, value: &Value, prefix: &str) -> Result<Filter> {
    let below = |place: &Place, value: &Value| match value {
        Value::Object(object) if !prefix.is_empty() => from_object(&place.deeper()?, object, prefix),
        other => filter(place, other),
    };
    let list = || -> Result<Vec<Filter>> {
        let Some(items) = value.as_array() else {
            return Err(place.filter_error(format!("{key} takes a list of filters, not {}", shown(value))));
        };
        items.iter().enumerate().map(|(index, item)| below(&place.index(index), item)).collect()
    };
    match key {
        "$and" => Ok(Filter::And(list()?)),
        "$or" => Ok(Filter::Or(list()?)),
        "$nor" => Ok(Filter::Not(Box::new(Filter::Or(list()?)))),
        "$not" => Ok(Filter::Not(Box::new(below(place, value)?))),
        other => {
            let names = ["$and", "$or", "$not", "$nor"];
            let hint = match operators::of_object_form(other) {
                Some(_) => format!(": an operator stands under its field, {{\"field\": {{{other:?}: …}}}}"),
                None => nearest::hint(other, names),
            };
            Err(place.filter_error(format!("unknown key {other:?}{hint}")))
        }
    }
}

fn of_path(place: &Place, path: &str, value: &Value) -> Result<Filter> {
    let Value::Object(object) = value else {
        return Ok(compare(place, path, Operator::Eq, Operand::Value(value.clone())));
    };
    if object.is_empty() {
        return Err(place.filter_error(format!("{path:?} is compared with nothing: {{}} has no operator")));
    }
    if let Some(other) = marked_operand(place, value)? {
        return Ok(compare(place, path, Operator::Eq, other));
    }
    let below = |key: &String| !key.starts_with('$') || matches!(key.as_str(), "$and" | "$or" | "$nor");
    if object.keys().all(below) {
        return from_object(&place.deeper()?, object, &format!("{path}."));
    }
    let mut all = Vec::with_capacity(object.len());
    for (name, operand) in object {
        let place = place.key(name);
        all.push(match name.as_str() {
            "$not" => Filter::Not(Box::new(of_path(&place.deeper()?, path, operand)?)),
            _ => comparison(&place, path, name, operand)?,
        });
    }
    Ok(single_or_and(all))
}

fn comparison(place: &Place, path: &str, name: &str, operand: &Value) -> Result<Filter> {
    let Some(meaning) = operators::of_object_form(name) else {
        let hint = nearest::hint(name, operators::OBJECT_FORM.iter().map(|(name, _)| *name));
        return Err(place.filter_error(format!("unknown operator {name:?}{hint}")));
    };
    apply(place, path, (name, meaning), Some(operand))
}

/// A comparison of `path` by an operator of any spelling; array forms may leave out an asked operand.
pub(super) fn apply(
    place: &Place,
    path: &str,
    (name, meaning): (&str, Meaning),
    operand: Option<&Value>,
) -> Result<Filter> {
    match meaning {
        Meaning::Takes(operator) => {
            let Some(operand) = operand else {
                return Err(place.filter_error(format!("{name:?} needs a value")));
            };
            let operand = match marked_operand(place, operand)? {
                Some(other) => other,
                None => Operand::Value(operand.clone()),
            };
            Ok(compare(place, path, operator, operand))
        }
        Meaning::Asks { operator, negated } => {
            let asked = match operand {
                None | Some(Value::Null) => true,
                Some(Value::Bool(asked)) => *asked,
                Some(other) => {
                    return Err(
                        place.filter_error(format!("{name:?} takes true or false, not {}", shown(other)))
                    );
                }
            };
            Ok(compare(place, path, operator, Operand::Value(Value::Bool(asked != negated))))
        }
        Meaning::Relates(quantifier) => {
            let Some(operand) = operand else {
                return Err(place.filter_error(format!("{name:?} needs a filter")));
            };
            let filter = Box::new(filter(place, operand)?);
            Ok(Filter::Related { path: path.to_owned(), quantifier, filter, at: place.path() })
        }
        Meaning::Later => Err(place.not_supported(format!("the operator {name:?} is not supported yet"))),
        Meaning::Retired(instead) => {
            Err(place.filter_error(format!("{name:?} is not an operator any more: use {instead:?}")))
        }
    }
}

fn compare(place: &Place, path: &str, operator: Operator, operand: Operand) -> Filter {
    Filter::Compare { path: path.to_owned(), operator, operand, at: place.path() }
}

/// `{"$field": "other"}`, `{"$literal": "{today}"}`.
fn marked_operand(place: &Place, value: &Value) -> Result<Option<Operand>> {
    let Some(object) = value.as_object() else { return Ok(None) };
    let marked = ["$field", "$literal"].into_iter().find_map(|mark| Some((mark, object.get(mark)?)));
    let Some((mark, other)) = marked else { return Ok(None) };
    if let Some(key) = object.keys().find(|key| *key != mark) {
        return Err(place.key(key).not_supported(format!("{key:?} beside {mark:?} is not supported")));
    }
    if mark == "$literal" {
        return Ok(Some(Operand::Literal(other.clone())));
    }
    let place = place.key(mark);
    match other.as_str() {
        Some(path) if !path.is_empty() => Ok(Some(Operand::Field(path.to_owned()))),
        _ => Err(place.filter_error(format!("expects a field, not {}", shown(other)))),
    }
}

pub(super) fn single_or_and(mut all: Vec<Filter>) -> Filter {
    match all.len() {
        1 => all.swap_remove(0),
        _ => Filter::And(all),
    }
}
