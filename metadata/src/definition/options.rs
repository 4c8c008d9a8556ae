//! The choices of a select or multiselect.

use std::collections::HashSet;

use crate::{
    definition::{
        Located,
        mapping::{Keys, Mapping},
        value::Value,
    },
    expression,
    issue::{Issues, Place},
    limits::{OPTION_CHARS_MAX, OPTIONS_MAX},
    model::{Labels, SelectOption},
    yaml::Content,
};

const KEYS: Keys = Keys {
    of: "an option",
    known: &[
        ("value", &[]),
        ("label", &[]),
        ("color", &["colour"]),
        ("active", &[]),
        ("default", &[]),
        ("order", &[]),
        ("when", &[]),
        ("visibleWhen", &[]),
    ],
    later: &["alias", "icon", "description"],
};

/// The choices of a field, and where those are that a new record gets.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) options: Vec<SelectOption>,
    pub(crate) defaults: Vec<Located<String>>,
    /// Where the first is that depends on another field's value.
    pub(crate) dependent: Option<Place>,
}

/// One entry of the list.
struct Written {
    option: SelectOption,
    order: Option<u32>,
    is_default: bool,
    depends: Option<Place>,
}

/// Reads `options`: a list of texts or of `{value, label, color, active, default, order, when}`; those with an `order` come
/// first, by it. Nothing comes of a list without one good option.
pub(crate) fn read(value: &Value<'_>, issues: &mut Issues) -> Option<Options> {
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
    let mut written = Vec::with_capacity(items.len());
    let mut defaults = Vec::new();
    for item in &items {
        let Some(entry) = option(item, issues) else { continue };
        let value = &entry.option.value;
        if !values.insert(value.clone()) {
            let message = format!("the option `{value}` is given twice");
            issues.error(&item.place(), "duplicate-option", message);
            continue;
        }
        if entry.is_default {
            defaults.push(item.located(value.clone()));
        }
        written.push(entry);
    }
    let dependent = written.iter().find_map(|entry| entry.depends.clone());
    written.sort_by_key(|entry| entry.order.unwrap_or(u32::MAX));
    let options: Vec<SelectOption> = written.into_iter().map(|entry| entry.option).collect();
    (!options.is_empty()).then_some(Options { options, defaults, dependent })
}

fn option(item: &Value<'_>, issues: &mut Issues) -> Option<Written> {
    if !matches!(item.content(), Content::Map(_)) {
        let value = option_value(item, issues)?;
        let label = in_english(&value);
        let option =
            SelectOption { label, value, color: None, active: true, when: Vec::new(), visible: None };
        return Some(Written { option, order: None, is_default: false, depends: None });
    }
    let mapping = Mapping::read(item, &KEYS, issues)?;
    let value = mapping.must_get("value", issues).and_then(|value| option_value(value, issues));
    let label = mapping.get("label").and_then(|value| value.labels(issues));
    let color = mapping.get("color").and_then(|value| value.text(issues)).map(str::to_owned);
    let active = mapping.get("active").and_then(|value| value.flag(issues)).unwrap_or(true);
    let is_default = mapping.get("default").and_then(|value| value.flag(issues)).unwrap_or(false);
    let order = mapping.get("order").and_then(|value| value.count(issues));
    let when = mapping.get("when").map(|value| when(value, issues)).unwrap_or_default();
    let depends = mapping.get("when").map(Value::place);
    let value = value?;
    let mut label = label.unwrap_or_default();
    label.0.entry("en".to_owned()).or_insert_with(|| value.clone());
    let option = SelectOption { value, label, color, active, when, visible: None };
    Some(Written { option, order, is_default, depends })
}

/// Under which conditions options are offered, by their values: expressions, which are typed when all objects are known.
pub(crate) fn conditions(options: &Value<'_>, issues: &mut Issues) -> Vec<(String, Located<String>)> {
    // What else is wrong with an option is said where it is read.
    let mut unheard = Issues::default();
    let mut found = Vec::new();
    for item in options.list(&mut unheard).unwrap_or_default() {
        if !matches!(item.content(), Content::Map(_)) {
            continue;
        }
        let Some(mapping) = Mapping::read(&item, &KEYS, &mut unheard) else { continue };
        let value = mapping.get("value").and_then(|value| option_value(value, &mut unheard));
        let condition = mapping.get("visibleWhen").and_then(|condition| expression::read(condition, issues));
        found.extend(value.zip(condition));
    }
    found
}

/// One value, or a list of them.
fn when(value: &Value<'_>, issues: &mut Issues) -> Vec<String> {
    let items = match value.content() {
        Content::Text(_) => vec![value.clone()],
        _ => value.list(issues).unwrap_or_default(),
    };
    if items.is_empty() && matches!(value.content(), Content::List(_)) {
        issues.error(&value.place(), "empty", "an option that no value allows; leave it out");
    }
    items.iter().filter_map(|item| option_value(item, issues)).collect()
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
