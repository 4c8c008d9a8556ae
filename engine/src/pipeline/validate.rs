//! What must hold of one record: required values, lengths, ranges, options, formats. Looked at is what was given: a
//! record that an older version wrote is not refused for what it was not asked.

use indexmap::IndexMap;
use quarry_metadata::{Field, FieldKind, FieldName, Pattern, SelectOption};
use quarry_storage::Value;
use serde_json::Value as Json;

use super::{
    coerce, contents,
    draft::{Draft, Fault},
    formats,
};
use crate::{active::nearest, change::Input, decimal::Exact};

/// Checks every field of a new record, and the given fields of an existing one.
pub(super) fn fields(draft: &mut Draft) {
    let layout = draft.layout.clone();
    for (column, field) in layout.fields() {
        let looked_at = draft.old.is_none() || draft.is_given(column);
        if !looked_at || draft.is_faulty(field.name.as_str()) {
            continue;
        }
        let fault = match draft.value(column) {
            value if field.is_always_required() && is_blank(field, value) => {
                Some(Fault::new("required", "a value is required"))
            }
            Value::Null => None,
            value if draft.changes(column) => fault(field, value),
            _ => None,
        };
        if let Some(fault) = fault {
            draft.fault(field, fault);
        }
    }
}

/// No value for a required field: null, a text of spaces, an empty list.
pub(super) fn is_blank(field: &Field, value: &Value) -> bool {
    match value {
        Value::Null => !field.system && !matches!(field.kind, FieldKind::Id | FieldKind::AutoNumber { .. }),
        Value::Text(text) => text.trim().is_empty(),
        Value::TextList(list) => list.is_empty(),
        _ => false,
    }
}

fn fault(field: &Field, value: &Value) -> Option<Fault> {
    match (&field.kind, value) {
        (FieldKind::Text { format, min_length, max_length, pattern }, Value::Text(text)) => {
            length_fault(text, *min_length, *max_length)
                .or_else(|| formats::fault(*format, text))
                .or_else(|| pattern_fault(pattern.as_ref(), text))
        }
        (FieldKind::Composite { content: Some(kind), .. }, value) => contents::fault(kind, value),
        (FieldKind::Composite { parts, .. }, Value::Text(text)) => parts_fault(parts, text),
        (FieldKind::Float { min, max }, Value::Float(number)) => {
            float_fault(*number, min.as_deref(), max.as_deref())
        }
        (FieldKind::Select { options }, Value::Text(text)) => option_fault(options, text),
        (FieldKind::MultiSelect { options }, Value::TextList(list)) => {
            list.iter().find_map(|text| option_fault(options, text))
        }
        (
            FieldKind::Number { min, max, step, scale, .. }
            | FieldKind::Currency { min, max, step, scale, .. }
            | FieldKind::Percent { min, max, step, scale, .. },
            value,
        ) => {
            let (min, max) = (min.as_deref(), max.as_deref());
            range_fault(value, *scale, min, max).or_else(|| step_fault(value, *scale, min, step.as_deref()?))
        }
        _ => None,
    }
}

fn length_fault(text: &str, min: Option<u32>, max: Option<u32>) -> Option<Fault> {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    match (min, max) {
        (_, Some(max)) if length > max => Some(Fault::new(
            "max_length",
            format!("the text has {length} characters; at most {max} are allowed"),
        )),
        (Some(min), _) if length < min => Some(Fault::new(
            "min_length",
            format!("the text has {length} characters; at least {min} are needed"),
        )),
        _ => None,
    }
}

fn option_fault(options: &[SelectOption], text: &str) -> Option<Fault> {
    match options.iter().find(|option| option.value == text) {
        Some(option) if option.active => None,
        Some(_) => {
            Some(Fault::new("invalid_option", format!("{text:?} is not offered for new values any more")))
        }
        None => {
            let near = nearest(text, options.iter().map(|option| option.value.as_str()));
            Some(Fault::new("invalid_option", format!("{text:?} is none of the options{near}")))
        }
    }
}

fn pattern_fault(pattern: Option<&Pattern>, text: &str) -> Option<Fault> {
    let pattern = pattern.filter(|pattern| !pattern.accepts(text))?;
    Some(Fault::new("pattern", format!("the text must match {}", pattern.as_str())))
}

/// The first part of a composite, or of an item of a list, with which something is wrong. What was written is in its shape.
fn parts_fault(parts: &IndexMap<FieldName, Field>, text: &str) -> Option<Fault> {
    let unreadable = || Fault::new("invalid_json", "the value can't be read");
    match serde_json::from_str::<Json>(text) {
        Ok(value) => parts_fault_in(parts, &value),
        Err(_) => Some(unreadable()),
    }
}

// As deep as fields are declared within fields.
fn parts_fault_in(parts: &IndexMap<FieldName, Field>, value: &Json) -> Option<Fault> {
    if let Json::Array(items) = value {
        return items.iter().enumerate().find_map(|(at, item)| {
            parts_fault_in(parts, item).map(|fault| fault.within(&format!("[{at}]")))
        });
    }
    parts.iter().find_map(|(name, part)| {
        part_fault(part, value.get(name.as_str()).unwrap_or(&Json::Null))
            .map(|fault| fault.within(name.as_str()))
    })
}

fn part_fault(part: &Field, value: &Json) -> Option<Fault> {
    if let (FieldKind::Composite { parts, .. }, false) = (&part.kind, value.is_null()) {
        return parts_fault_in(parts, value);
    }
    match coerce::value(part, &Input::Json(value.clone()), chrono_tz::UTC) {
        Ok(value) if part.required && is_blank(part, &value) => {
            Some(Fault::new("required", "a value is required"))
        }
        Ok(value) => fault(part, &value),
        Err(fault) => Some(fault),
    }
}

fn float_fault(number: f64, min: Option<&str>, max: Option<&str>) -> Option<Fault> {
    let bound = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    match (min, max) {
        (Some(told), _) if bound(min).is_some_and(|min| number < min) => {
            Some(Fault::new("min_value", format!("the value must be at least {told}")))
        }
        (_, Some(told)) if bound(max).is_some_and(|max| number > max) => {
            Some(Fault::new("max_value", format!("the value must be at most {told}")))
        }
        _ => None,
    }
}

/// A number that lies between two steps, counted from the least.
fn step_fault(value: &Value, scale: i8, min: Option<&str>, step: &str) -> Option<Fault> {
    let from = Exact::parse(min.unwrap_or("0"))?;
    let on_step = exact(value, scale)?.is_on_step(from, Exact::parse(step)?);
    let start = min.unwrap_or("0");
    (!on_step).then(|| Fault::new("step", format!("the value must be {start} and some steps of {step}")))
}

fn exact(value: &Value, scale: i8) -> Option<Exact> {
    match value {
        Value::Int(value) => Exact::of(i128::from(*value), 0),
        Value::Decimal(value) => Exact::of(*value, i32::from(scale)),
        _ => None,
    }
}

fn range_fault(value: &Value, scale: i8, min: Option<&str>, max: Option<&str>) -> Option<Fault> {
    let value = exact(value, scale)?;
    let (lowest, highest) = (min.and_then(Exact::parse), max.and_then(Exact::parse));
    match (min, max) {
        (Some(min), _) if lowest.is_some_and(|lowest| value < lowest) => {
            Some(Fault::new("min_value", format!("the value must be at least {min}")))
        }
        (_, Some(max)) if highest.is_some_and(|highest| value > highest) => {
            Some(Fault::new("max_value", format!("the value must be at most {max}")))
        }
        _ => None,
    }
}
