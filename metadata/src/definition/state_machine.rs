//! `<object>.workflow.yml`: which values of a field may follow which, as its author wrote it.

use indexmap::IndexMap;

use crate::{
    definition::{
        Located,
        mapping::{Keys, Mapping},
        rule::{About, RefusalDefinition, items},
        value::{Value, parse},
    },
    issue::Issues,
    name::FieldName,
    read::Source,
};

/// The state machines of one file.
#[derive(Debug)]
pub(crate) struct MachineFile {
    pub(crate) about: About,
    pub(crate) machines: Vec<MachineDefinition>,
}

/// One state machine.
#[derive(Debug)]
pub(crate) struct MachineDefinition {
    /// Its name; that of its field when it has none.
    pub(crate) name: Option<Located<String>>,
    pub(crate) field: Located<FieldName>,
    pub(crate) initial: Option<Vec<Located<String>>>,
    pub(crate) transitions: IndexMap<String, (Located<String>, Vec<Located<String>>)>,
    pub(crate) refusal: RefusalDefinition,
}

const KEYS: Keys = Keys {
    of: "a state machine",
    known: &[
        ("extends", &["object"]),
        ("machines", &[]),
        ("name", &[]),
        ("description", &[]),
        ("field", &[]),
        ("initial", &["initialStates"]),
        ("transitions", &[]),
        ("severity", &[]),
        ("errorCode", &[]),
        ("message", &[]),
    ],
    later: &[
        "actions",
        "active",
        "approvals",
        "condition",
        "context",
        "entry",
        "exit",
        "on",
        "states",
        "steps",
        "timers",
        "trigger",
        "triggerType",
        "type",
    ],
};

impl MachineFile {
    /// Reads a file whose name gives `stem`: one machine, or a list of `machines`.
    pub(crate) fn read(stem: &str, source: &Source, issues: &mut Issues) -> Option<Self> {
        let node = parse(&source.file, &source.text, issues)?;
        let root = Value::root(&source.file, &node);
        let mapping = Mapping::read(&root, &KEYS, issues)?;
        let about = About::read(stem, &root, &mapping, issues);
        if mapping.get("machines").is_none() {
            let machine = MachineDefinition::read(&mapping, issues);
            return Some(Self { about, machines: machine.into_iter().collect() });
        }
        for (key, value) in mapping.iter().filter(|(key, _)| !["machines", "extends"].contains(key)) {
            let message = format!("`{key}` stands in each of the `machines`; take it out here");
            issues.error(&value.place(), "not-for-this-type", message);
        }
        let items = items(&mapping, "machines", issues);
        let mut one =
            |item: &Value<'_>| MachineDefinition::read(&Mapping::read(item, &KEYS, issues)?, issues);
        let machines = items.iter().filter_map(&mut one).collect();
        Some(Self { about, machines })
    }
}

impl MachineDefinition {
    fn read(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<Self> {
        let name = mapping.get("name").and_then(|_| super::rule::name(mapping, issues));
        Self::of_rule(mapping, name, issues)
    }

    /// Reads the machine that a validation is.
    pub(crate) fn of_rule(
        mapping: &Mapping<'_>,
        name: Option<Located<String>>,
        issues: &mut Issues,
    ) -> Option<Self> {
        let field = mapping
            .must_get("field", issues)
            .and_then(|value| value.text(issues).map(|name| value.located(FieldName::from(name))));
        let initial = mapping.get("initial").map(|value| states(value, issues));
        let mut transitions = IndexMap::new();
        let entries = mapping.must_get("transitions", issues).and_then(|value| value.entries(issues));
        for (from, value) in entries.unwrap_or_default() {
            transitions.insert(from.to_owned(), (value.located(from.to_owned()), states(&value, issues)));
        }
        let refusal = RefusalDefinition::read(mapping, issues);
        Some(Self { name, field: field?, initial, transitions, refusal: refusal? })
    }
}

/// One state or a list of them.
fn states(value: &Value<'_>, issues: &mut Issues) -> Vec<Located<String>> {
    if matches!(value.content(), crate::yaml::Content::Text(_)) {
        return value.text(issues).map(|state| value.located(state.to_owned())).into_iter().collect();
    }
    let items = value.list(issues).unwrap_or_default();
    items.iter().filter_map(|item| item.text(issues).map(|state| item.located(state.to_owned()))).collect()
}
