//! What rules of every kind have in common: whose they are, when they apply, what is told when they are broken.

use crate::{
    definition::{
        Located,
        identifier::{NameOf, check},
        mapping::Mapping,
        value::Value,
    },
    expression::read,
    issue::Issues,
    limits::RULES_MAX,
    model::Labels,
    name::{FieldName, ObjectName},
    nearest::did_you_mean,
    rules::{Event, Weight},
};

/// The object that a file's rules are about.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) object: Located<ObjectName>,
    /// It is said to be another package's.
    pub(crate) extends: bool,
}

impl About {
    /// `extends`, else what the file is called.
    pub(crate) fn read(stem: &str, root: &Value<'_>, mapping: &Mapping<'_>, issues: &mut Issues) -> Self {
        match mapping.get("extends").and_then(|value| Some((value, value.text(issues)?))) {
            Some((value, name)) => About { object: value.located(ObjectName::from(name)), extends: true },
            None => About { object: root.located(ObjectName::from(stem)), extends: false },
        }
    }
}

/// What a broken rule tells.
#[derive(Debug)]
pub(crate) struct RefusalDefinition {
    pub(crate) severity: Weight,
    pub(crate) error_code: Option<String>,
    pub(crate) message: Located<Labels>,
}

impl RefusalDefinition {
    /// Reads `severity`, `errorCode` and `message`.
    pub(crate) fn read(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<Self> {
        let severity = severity(mapping, issues);
        let error_code = mapping.get("errorCode").and_then(|value| value.text(issues)).map(str::to_owned);
        let value = mapping.must_get("message", issues)?;
        let labels = value.labels(issues)?;
        if !labels.0.contains_key("en") {
            issues.error(&value.place(), "missing-property", "a message is there in English (`en`) at least");
            return None;
        }
        Some(Self { severity, error_code, message: value.located(labels) })
    }
}

fn severity(mapping: &Mapping<'_>, issues: &mut Issues) -> Weight {
    let Some(value) = mapping.get("severity") else { return Weight::Error };
    let refused = match value.text(issues) {
        Some("error") | None => return Weight::Error,
        Some("warning") => return Weight::Warning,
        Some("info") => ("not-supported-yet", "a finding is an `error` or a `warning`".to_owned()),
        Some(other) => {
            let near = did_you_mean(other, ["error", "warning"]);
            ("wrong-value", format!("`{other}` is neither `error` nor `warning`{near}"))
        }
    };
    issues.error(&value.place(), refused.0, refused.1);
    Weight::Error
}

/// A rule's name.
pub(crate) fn name(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<Located<String>> {
    let value = mapping.must_get("name", issues)?;
    let name = value.text(issues)?;
    check(name, NameOf::Index, &value.place(), issues).then(|| value.located(name.to_owned()))
}

/// The expression of a key.
pub(crate) fn expression(mapping: &Mapping<'_>, key: &str, issues: &mut Issues) -> Option<Located<String>> {
    mapping.get(key).and_then(|value| read(value, issues))
}

/// The rules in a list.
pub(crate) fn items<'a>(mapping: &Mapping<'a>, key: &str, issues: &mut Issues) -> Vec<Value<'a>> {
    let items = mapping.must_get(key, issues).and_then(|value| Some((value.place(), value.list(issues)?)));
    let Some((place, items)) = items else { return Vec::new() };
    if items.is_empty() {
        issues.error(&place, "empty", format!("`{key}` has at least one entry"));
    }
    if items.len() > RULES_MAX {
        issues.error(&place, "too-many", format!("more than {RULES_MAX} entries"));
        return Vec::new();
    }
    items
}

/// The fields of `field` or `fields`.
pub(crate) fn fields(mapping: &Mapping<'_>, issues: &mut Issues) -> Vec<Located<FieldName>> {
    let one = |value: &Value<'_>, issues: &mut Issues| {
        value.text(issues).map(|name| value.located(FieldName::from(name)))
    };
    let mut fields: Vec<_> = mapping.get("field").and_then(|value| one(value, issues)).into_iter().collect();
    if let Some(value) = mapping.get("fields") {
        let items = value.list(issues).unwrap_or_default();
        fields.extend(items.iter().filter_map(|item| one(item, issues)));
    }
    fields
}

/// An event by any of its names.
pub(crate) fn event(name: &str) -> Option<Event> {
    match name {
        "create" | "insert" => Some(Event::Create),
        "update" => Some(Event::Update),
        "delete" => Some(Event::Delete),
        "undelete" => Some(Event::Undelete),
        _ => None,
    }
}
