//! `<object>.trigger.yml`: what happens before and after a change, as its author wrote it.

use std::collections::BTreeSet;

use crate::{
    definition::{
        Located,
        mapping::{Keys, Mapping},
        rule::{About, event, expression, items, name},
        step::{StepDefinition, steps},
        value::{Value, parse},
    },
    issue::Issues,
    nearest::did_you_mean,
    read::Source,
    rules::{Event, Phase},
    yaml::Content,
};

/// The triggers of one file.
#[derive(Debug)]
pub(crate) struct TriggerFile {
    pub(crate) about: About,
    pub(crate) triggers: Vec<TriggerDefinition>,
}

/// One trigger.
#[derive(Debug)]
pub(crate) struct TriggerDefinition {
    pub(crate) name: Located<String>,
    pub(crate) on: BTreeSet<(Phase, Event)>,
    pub(crate) order: i64,
    pub(crate) when: Option<Located<String>>,
    pub(crate) steps: Vec<StepDefinition>,
}

/// Where a trigger stands that does not say.
const ORDER: i64 = 100;

const FILE_KEYS: Keys =
    Keys { of: "a file of triggers", known: &[("extends", &["object"]), ("triggers", &[])], later: &[] };

const KEYS: Keys = Keys {
    of: "a trigger",
    known: &[
        ("name", &[]),
        ("label", &[]),
        ("description", &[]),
        ("on", &["events"]),
        ("order", &["priority"]),
        ("when", &["condition"]),
        ("steps", &[]),
    ],
    later: &["active", "async", "body", "handler", "onError", "retryPolicy", "runAs", "timeoutMs"],
};

/// Every event with its names.
const EVENTS: &[&str] = &[
    "before create",
    "before update",
    "before delete",
    "before undelete",
    "after create",
    "after update",
    "after delete",
    "after undelete",
];

impl TriggerFile {
    /// Reads a file whose name gives `stem`.
    pub(crate) fn read(stem: &str, source: &Source, issues: &mut Issues) -> Option<Self> {
        let node = parse(&source.file, &source.text, issues)?;
        let root = Value::root(&source.file, &node);
        let mapping = Mapping::read(&root, &FILE_KEYS, issues)?;
        let about = About::read(stem, &root, &mapping, issues);
        let items = items(&mapping, "triggers", issues);
        let triggers = items.iter().filter_map(|item| TriggerDefinition::read(item, issues)).collect();
        Some(Self { about, triggers })
    }
}

impl TriggerDefinition {
    fn read(value: &Value<'_>, issues: &mut Issues) -> Option<Self> {
        let mapping = Mapping::read(value, &KEYS, issues)?;
        let name = name(&mapping, issues);
        let on = mapping.must_get("on", issues).map(|value| events(value, issues)).unwrap_or_default();
        let order = mapping.get("order").and_then(|value| order(value, issues)).unwrap_or(ORDER);
        let when = expression(&mapping, "when", issues);
        let steps =
            mapping.must_get("steps", issues).map(|value| steps(value, 0, issues)).unwrap_or_default();
        Some(Self { name: name?, on, order, when, steps })
    }
}

fn events(value: &Value<'_>, issues: &mut Issues) -> BTreeSet<(Phase, Event)> {
    let one = [value.clone()];
    let list = match value.content() {
        Content::Text(_) => None,
        _ => value.list(issues),
    };
    let mut events = BTreeSet::new();
    for item in list.as_deref().unwrap_or(&one) {
        let Some(name) = item.text(issues) else { continue };
        match phase_and_event(name) {
            Some(event) => drop(events.insert(event)),
            None => {
                let near = did_you_mean(name, EVENTS.iter().copied());
                let message = format!("`{name}` is no event; say when, as in `before update`{near}");
                issues.error(&item.place(), "wrong-value", message);
            }
        }
    }
    events
}

/// `before create`, also written `beforeCreate`, `before_create` and `beforeInsert`.
fn phase_and_event(name: &str) -> Option<(Phase, Event)> {
    let (phase, rest) = match name.split_at_checked(5) {
        Some(("after", rest)) => (Phase::After, rest),
        _ => (Phase::Before, name.strip_prefix("before")?),
    };
    let rest = rest.trim_start_matches([' ', '_']).to_lowercase();
    event(&rest).map(|event| (phase, event))
}

fn order(value: &Value<'_>, issues: &mut Issues) -> Option<i64> {
    match value.content() {
        Content::Number(text) if text.parse::<i64>().is_ok() => text.parse().ok(),
        _ => value.wrong(issues, "a whole number"),
    }
}
