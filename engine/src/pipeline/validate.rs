//! What must hold of one record: required values, lengths, ranges, options, formats. Looked at is what was given: a
//! record that an older version wrote is not refused for what it was not asked.

use quarry_metadata::{Field, FieldKind, SelectOption};
use quarry_storage::Value;

use super::{
    draft::{Draft, Fault},
    formats,
};
use crate::{active::nearest, decimal::Exact};

/// Checks every field of a new record, and the given fields of an existing one.
pub(super) fn fields(draft: &mut Draft) {
    let layout = draft.layout.clone();
    for (column, field) in layout.fields() {
        let looked_at = draft.old.is_none() || draft.is_given(column);
        if !looked_at || draft.is_faulty(field.name.as_str()) {
            continue;
        }
        let fault = match draft.value(column) {
            value if field.required && is_blank(field, value) => {
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
fn is_blank(field: &Field, value: &Value) -> bool {
    match value {
        Value::Null => !field.system && !matches!(field.kind, FieldKind::Id | FieldKind::AutoNumber { .. }),
        Value::Text(text) => text.trim().is_empty(),
        Value::TextList(list) => list.is_empty(),
        _ => false,
    }
}

fn fault(field: &Field, value: &Value) -> Option<Fault> {
    match (&field.kind, value) {
        (FieldKind::Text { format, min_length, max_length }, Value::Text(text)) => {
            length_fault(text, *min_length, *max_length).or_else(|| formats::fault(*format, text))
        }
        (FieldKind::Select { options }, Value::Text(text)) => option_fault(options, text),
        (FieldKind::MultiSelect { options }, Value::TextList(list)) => {
            list.iter().find_map(|text| option_fault(options, text))
        }
        (
            FieldKind::Number { min, max, scale, .. }
            | FieldKind::Currency { min, max, scale, .. }
            | FieldKind::Percent { min, max, scale, .. },
            value,
        ) => range_fault(value, *scale, min.as_deref(), max.as_deref()),
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

fn range_fault(value: &Value, scale: i8, min: Option<&str>, max: Option<&str>) -> Option<Fault> {
    let value = match value {
        Value::Int(value) => Exact::of(i128::from(*value), 0)?,
        Value::Decimal(value) => Exact::of(*value, i32::from(scale))?,
        _ => return None,
    };
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
