//! The choices of a select or multiselect.

use std::collections::HashSet;

use crate::{
    definition::{
        mapping::{Keys, Mapping},
        value::Value,
    },
    issue::Issues,
    limits::{OPTION_CHARS_MAX, OPTIONS_MAX},
    model::{Labels, SelectOption},
    yaml::Content,
};

const KEYS: Keys = Keys {
    of: "an option",
    known: &[
        ("value", &[]),
        ("alias", &["aliases"]),
        ("label", &[]),
        ("color", &["colour"]),
        ("active", &[]),
    ],
    later: &["alias", "default", "visibleWhen", "icon", "order", "description"],
};

/// Reads `options`: a list of texts or of `{value, label, color, active}`. Nothing comes of a list without one good option.
pub(crate) fn read(value: &Value<'_>, issues: &mut Issues) -> Option<Vec<SelectOption>> {
    let items = value.list(issues)?;
    if items.is_empty() {
        issues.error(&value.place(), "empty", "a choice of nothing: list at least one option");
        return None;
    }
    if items.len() > OPTIONS_MAX {
        issues.error(&value.place(), "too-many", format!("more than {OPTIONS_MAX} options; use a lookup"));
        return None;
    }
    let mut values = HashSet::new();
    let mut options = Vec::with_capacity(items.len());
    for item in &items {
        let Some(option) = option(item, issues) else { continue };
        if !values.insert(option.value.clone()) {
            let message = format!("the option `{}` is given twice", option.value);
            issues.error(&item.place(), "duplicate-option", message);
            continue;
        }
        options.push(option);
    }
    (!options.is_empty()).then_some(options)
}

fn option(item: &Value<'_>, issues: &mut Issues) -> Option<SelectOption> {
    if !matches!(item.content(), Content::Map(_)) {
        let value = option_value(item, issues)?;
        return Some(SelectOption { label: in_english(&value), value, color: None, active: true });
    }
    let mapping = Mapping::read(item, &KEYS, issues)?;
    let value = mapping.must_get("value", issues).and_then(|value| option_value(value, issues));
    let label = mapping.get("label").and_then(|value| value.labels(issues));
    let color = mapping.get("color").and_then(|value| value.text(issues)).map(str::to_owned);
    let active = mapping.get("active").and_then(|value| value.flag(issues)).unwrap_or(true);
    let value = value?;
    let mut label = label.unwrap_or_default();
    label.0.entry("en".to_owned()).or_insert_with(|| value.clone());
    Some(SelectOption { value, label, color, active })
}

fn option_value(value: &Value<'_>, issues: &mut Issues) -> Option<String> {
    let text = value.text(issues)?;
    if text.chars().count() > OPTION_CHARS_MAX {
        let message = format!("an option's value has at most {OPTION_CHARS_MAX} characters");
        issues.error(&value.place(), "too-large", message);
        return None;
    }
    Some(text.to_owned())
}

fn in_english(text: &str) -> Labels {
    Labels([("en".to_owned(), text.to_owned())].into())
}
