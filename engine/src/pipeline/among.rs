//! What the fields of one record say of one another, and of what they were: values that are written once, options that
//! another field's value decides, currencies that a field names.

use std::sync::Arc;

use quarry_metadata::{Field, FieldKind, SelectOption, currency::is_currency};
use quarry_storage::Value;

use super::draft::{Draft, Fault};

/// Checks a record.
pub(super) fn check(draft: &mut Draft) {
    let layout = draft.layout.clone();
    for (column, field) in layout.fields() {
        if draft.is_faulty(field.name.as_str()) {
            continue;
        }
        if field.write_once && draft.is_given(column) && has_other(draft, column) {
            draft.fault(field, Fault::new("readonly", "the field keeps the value that it was given first"));
        }
        if let Some(fault) = dependent_fault(draft, column, field) {
            draft.fault(field, fault);
        }
        if let FieldKind::Currency { currency, .. } = &field.kind
            && let Some(named) = currency.field.as_ref().and_then(|name| layout.object.field(name.as_str()))
        {
            check_currency(draft, named);
        }
    }
}

/// There was a value, and now there is another.
fn has_other(draft: &Draft, column: usize) -> bool {
    let had = draft.old.as_ref().is_some_and(|old| !old.get(column).is_null());
    had && draft.changes(column)
}

/// An option that is not offered where the deciding field has the value that it has now.
fn dependent_fault(draft: &Draft, column: usize, field: &Field) -> Option<Fault> {
    let deciding = field.depends_on.as_ref()?;
    let decider = draft.layout.column(deciding.as_str())?;
    if !draft.changes(column) && !draft.changes(decider) {
        return None;
    }
    let (FieldKind::Select { options } | FieldKind::MultiSelect { options }) = &field.kind else {
        return None;
    };
    let value = match draft.value(decider) {
        Value::Text(value) => Some(value),
        _ => None,
    };
    let chosen: &[Arc<str>] = match draft.value(column) {
        Value::Text(text) => std::slice::from_ref(text),
        Value::TextList(texts) => texts,
        _ => &[],
    };
    let wrong = chosen.iter().find(|text| options.iter().any(|option| excludes(option, text, value)))?;
    let now = value.map_or_else(|| "empty".to_owned(), |value| format!("{value:?}"));
    Some(Fault::new("invalid_option", format!("{wrong:?} is not offered where {deciding} is {now}")))
}

fn excludes(option: &SelectOption, text: &str, value: Option<&Arc<str>>) -> bool {
    let allowed = |value: &Arc<str>| option.when.iter().any(|when| **when == **value);
    option.value == text && !option.when.is_empty() && !value.is_some_and(allowed)
}

fn check_currency(draft: &mut Draft, named: &Field) {
    let Some(column) = draft.layout.column(named.name.as_str()) else { return };
    let Value::Text(code) = draft.value(column).clone() else { return };
    if draft.changes(column) && !draft.is_faulty(named.name.as_str()) && !is_currency(&code) {
        let message = format!("{code:?} is not a currency of ISO 4217, such as \"EUR\"");
        draft.fault(named, Fault::new("invalid_currency", message));
    }
}
