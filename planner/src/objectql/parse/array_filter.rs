//! Filters in array form, view rules and old nodes.
//!
//! `["stage", "=", "won"]`; `[[…], [list of filters]]` (all of them); `[[…], "or", […], "and", […]]`, read from left to
//! right without precedence, where a connector holds for the next filter only; `["or", […], […]]`; `["not", […]]`;
//! `[{"field", "operator", "value"}]`; `{"type": "comparison" | "logical" | "and" | "or", …}`.

use serde_json::{Map, Value};

use super::{
    filter::{self, apply, single_or_and},
    operators,
    place::{Place, shown},
};
use crate::{error::Result, nearest, objectql::Filter};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Connector {
    And,
    Or,
    Not,
}

pub(super) fn from_array(place: &Place, items: &[Value]) -> Result<Filter> {
    match items {
        [] => Ok(Filter::And(Vec::new())),
        [Value::String(word), rest @ ..] => match (connector(word), rest) {
            (Some(Connector::Not), [child]) => {
                Ok(Filter::Not(Box::new(filter::filter(&place.index(1), child)?)))
            }
            (Some(Connector::Not), _) => Err(place.filter_error("\"not\" takes one filter")),
            (Some(connector), _) if !rest.iter().any(Value::is_string) => {
                let child = |(index, item)| filter::filter(&place.index(index + 1), item);
                Ok(join(connector, rest.iter().enumerate().map(child).collect::<Result<_>>()?))
            }
            _ => tuple(place, word, rest),
        },
        _ => infix(place, items),
    }
}

fn connector(word: &str) -> Option<Connector> {
    match word.to_lowercase().as_str() {
        "and" => Some(Connector::And),
        "or" => Some(Connector::Or),
        "not" => Some(Connector::Not),
        _ => None,
    }
}

fn join(connector: Connector, all: Vec<Filter>) -> Filter {
    match connector {
        Connector::Or => Filter::Or(all),
        Connector::And | Connector::Not => Filter::And(all),
    }
}

/// `[field, operator]`, `[field, operator, value]`.
fn tuple(place: &Place, field: &str, rest: &[Value]) -> Result<Filter> {
    let (operator, operand) = match rest {
        [Value::String(operator)] => (operator, None),
        [Value::String(operator), operand] => (operator, Some(operand)),
        _ => {
            let given: Vec<String> =
                std::iter::once(format!("{field:?}")).chain(rest.iter().map(shown)).collect();
            let message = format!("expects [field, operator, value], not [{}]", given.join(", "));
            return Err(place.filter_error(message));
        }
    };
    rule(place, field, operator, operand)
}

fn rule(place: &Place, field: &str, operator: &str, operand: Option<&Value>) -> Result<Filter> {
    let Some(meaning) = operators::of_array_form(operator) else {
        let hint = nearest::hint(operator, operators::ARRAY_FORM.iter().map(|(name, _)| *name));
        return Err(place.filter_error(format!("unknown operator {operator:?}{hint}")));
    };
    apply(place, field, (operator, meaning), operand)
}

/// Filters with connectors between them; without one, `and`.
fn infix(place: &Place, items: &[Value]) -> Result<Filter> {
    let mut left: Option<Filter> = None;
    let mut next: Option<Connector> = None;
    let mut negate = false;
    let mut level = place.clone();
    let mut last = None;
    for (index, item) in items.iter().enumerate() {
        let place = place.index(index);
        if let Value::String(word) = item {
            match connector(word) {
                Some(Connector::Not) => negate = !negate,
                Some(connector) if left.is_some() && next.is_none() => next = Some(connector),
                _ => return Err(place.filter_error(format!("{word:?} can't stand here"))),
            }
            continue;
        }
        let mut right = filter::filter(&place, item)?;
        if std::mem::take(&mut negate) {
            right = Filter::Not(Box::new(right));
        }
        left = Some(match (left, next.take().unwrap_or(Connector::And)) {
            (None, _) => right,
            (Some(left), connector) => {
                if last.replace(connector).is_some_and(|last| last != connector) {
                    // Each change of the connector puts all that stood before one level deeper.
                    level = level.deeper()?;
                }
                extend(connector, left, right)
            }
        });
    }
    if next.is_some() || negate {
        let word = items.last().map(shown).unwrap_or_default();
        return Err(place.filter_error(format!("a filter is missing behind {word}")));
    }
    Ok(left.unwrap_or(Filter::And(Vec::new())))
}

/// `left` joined with `right`; a run of the same connector stays one list, so that depth does not grow with length.
fn extend(connector: Connector, left: Filter, right: Filter) -> Filter {
    match (connector, left) {
        (Connector::And, Filter::And(mut all)) | (Connector::Or, Filter::Or(mut all)) if !all.is_empty() => {
            all.push(right);
            join(connector, all)
        }
        (_, left) => join(connector, vec![left, right]),
    }
}

/// View rules, cube rules and old nodes; `None` when the object is none of these.
pub(super) fn node(place: &Place, object: &Map<String, Value>) -> Result<Option<Filter>> {
    let only = |known: &[&str]| object.keys().all(|key| known.contains(&key.as_str()));
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    if let (Some(field), Some(operator)) = (text("field"), text("operator"))
        && only(&["field", "operator", "value", "type"])
        && text("type").is_none_or(|kind| kind == "comparison")
    {
        return rule(place, field, operator, object.get("value")).map(Some);
    }
    if let (Some(field), Some(operator)) = (text("member"), text("operator"))
        && only(&["member", "operator", "values"])
    {
        return cube_rule(place, field, operator, object.get("values")).map(Some);
    }
    let connected = match (text("type"), text("operator")) {
        (Some("logical"), Some(operator)) if only(&["type", "operator", "conditions"]) => connector(operator),
        (Some(kind @ ("and" | "or" | "not")), None) if only(&["type", "children"]) => connector(kind),
        _ => None,
    };
    let children = object.get("conditions").or_else(|| object.get("children")).and_then(Value::as_array);
    let (Some(connector), Some(children)) = (connected, children) else { return Ok(None) };
    let child = |(index, item)| filter::filter(&place.key("conditions").index(index), item);
    let all = children.iter().enumerate().map(child).collect::<Result<Vec<_>>>()?;
    Ok(Some(match connector {
        Connector::Not => Filter::Not(Box::new(single_or_and(all))),
        other => join(other, all),
    }))
}

/// Cube rules give a list of values: one value compares, several mean any of them.
fn cube_rule(place: &Place, field: &str, operator: &str, values: Option<&Value>) -> Result<Filter> {
    let values = match values {
        None | Some(Value::Null) => return rule(place, field, operator, None),
        Some(Value::Array(values)) => values,
        Some(other) => {
            return Err(place.key("values").filter_error(format!("expects a list, not {}", shown(other))));
        }
    };
    let list = Value::Array(values.clone());
    match (operator, values.as_slice()) {
        ("equals", [_, _, ..]) => rule(place, field, "in", Some(&list)),
        ("notEquals", [_, _, ..]) => rule(place, field, "not_in", Some(&list)),
        ("inDateRange" | "in" | "notIn", _) => rule(place, field, operator, Some(&list)),
        (_, [value]) => rule(place, field, operator, Some(value)),
        (_, []) => rule(place, field, operator, None),
        _ => Err(place.key("values").filter_error(format!("{operator:?} takes one value"))),
    }
}
