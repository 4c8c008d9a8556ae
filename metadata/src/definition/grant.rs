//! What one permission set allows on one object, as its author wrote it.
//!
//! A grant is a mapping (`allow`, `actions`, `fields`, `records`), or what it allows alone: `[create, read]`, `read`, `all`. The
//! newest spec of this family writes `allowRead: true` and `{readable, editable}`; both are read as the same.

mod field;
mod record;

use std::collections::BTreeSet;

pub(crate) use field::{FieldGrantDefinition, FieldGrants};
pub(crate) use record::RecordRuleDefinition;

use crate::{
    definition::{
        Located,
        mapping::{Keys, Mapping},
        value::Value,
    },
    issue::{Issues, Place},
    limits::ACTS_MAX,
    naming::camel_case,
    nearest::did_you_mean,
    permissions::Act,
    yaml::Content,
};

/// A grant as its author wrote it.
#[derive(Clone, Debug)]
pub(crate) struct GrantDefinition {
    pub(crate) place: Place,
    /// What it allows, each once, in the order in which it is written.
    pub(crate) allow: Vec<Located<Act>>,
    pub(crate) actions: Option<ActionsDefinition>,
    pub(crate) fields: FieldGrants,
    pub(crate) records: Vec<RecordRuleDefinition>,
}

/// Which actions it allows.
#[derive(Clone, Debug)]
pub(crate) enum ActionsDefinition {
    /// Every one.
    All(Place),
    /// These.
    Only(Vec<Located<String>>),
}

const KEYS: Keys = Keys {
    of: "a grant",
    known: &[
        ("allow", &[]),
        ("actions", &[]),
        ("fields", &[]),
        ("records", &[]),
        ("allowCreate", &[]),
        ("allowRead", &[]),
        ("allowEdit", &[]),
        ("allowDelete", &[]),
        ("allowExport", &[]),
        ("allowTransfer", &[]),
        ("viewAllRecords", &[]),
        ("modifyAllRecords", &[]),
    ],
    later: &["readScope", "writeScope"],
};

/// Every act by its name.
const ACTS: [(&str, Act); 8] = [
    ("create", Act::Create),
    ("read", Act::Read),
    ("update", Act::Update),
    ("delete", Act::Delete),
    ("viewAll", Act::ViewAll),
    ("modifyAll", Act::ModifyAll),
    ("export", Act::Export),
    ("transfer", Act::Transfer),
];

/// Acts as switches.
const SWITCHES: [(&str, Act); 8] = [
    ("allowCreate", Act::Create),
    ("allowRead", Act::Read),
    ("allowEdit", Act::Update),
    ("allowDelete", Act::Delete),
    ("allowExport", Act::Export),
    ("allowTransfer", Act::Transfer),
    ("viewAllRecords", Act::ViewAll),
    ("modifyAllRecords", Act::ModifyAll),
];

/// What an act is called.
pub(crate) fn name_of(act: Act) -> &'static str {
    ACTS.iter().find(|(_, known)| *known == act).map_or("", |(name, _)| name)
}

impl GrantDefinition {
    /// Reads a grant; one that allows nothing is none.
    pub(crate) fn read(value: &Value<'_>, issues: &mut Issues) -> Option<Self> {
        let grant = match value.content() {
            Content::Map(_) => Self::of(&Mapping::read(value, &KEYS, issues)?, issues),
            _ => Self {
                place: value.place(),
                allow: acts(value, true, issues),
                actions: None,
                fields: FieldGrants::default(),
                records: Vec::new(),
            },
        };
        if grant.allow.is_empty() {
            let message = "it allows nothing; say what it `allow`s, or take it out";
            issues.error(&grant.place, "empty", message);
            return None;
        }
        Some(grant)
    }

    fn of(mapping: &Mapping<'_>, issues: &mut Issues) -> Self {
        let mut allow = mapping.get("allow").map(|value| acts(value, true, issues)).unwrap_or_default();
        for (key, act) in SWITCHES {
            let Some(value) = mapping.get(key) else { continue };
            match value.flag(issues) {
                Some(true) if allow.iter().any(|known| known.value == act) => {
                    let message = format!("`{}` is allowed twice; say it once", name_of(act));
                    issues.error(&value.place(), "duplicate-key", message);
                }
                Some(true) => allow.push(value.located(act)),
                _ => {}
            }
        }
        Self {
            place: mapping.place().clone(),
            allow,
            actions: mapping.get("actions").and_then(|value| actions(value, issues)),
            fields: mapping.get("fields").map(|value| FieldGrants::read(value, issues)).unwrap_or_default(),
            records: mapping.get("records").map(|value| record::rules(value, issues)).unwrap_or_default(),
        }
    }

    /// Whether it allows this.
    pub(crate) fn allows(&self, act: Act) -> bool {
        self.allow.iter().any(|known| known.value == act)
    }
}

/// Acts by their names: one, or a list of them; `all` stands for every one where it may.
fn acts(value: &Value<'_>, may_be_all: bool, issues: &mut Issues) -> Vec<Located<Act>> {
    let one = [value.clone()];
    let list = match value.content() {
        Content::Text(_) => None,
        _ => value.list(issues),
    };
    let items = match (&list, value.content()) {
        (Some(items), _) if items.len() > ACTS_MAX => {
            issues.error(&value.place(), "too-many", format!("more than {ACTS_MAX} entries"));
            return Vec::new();
        }
        (Some(items), _) => items.as_slice(),
        (None, Content::Text(_)) => one.as_slice(),
        (None, _) => &[],
    };
    let mut found: Vec<Located<Act>> = Vec::new();
    for item in items {
        let Some(name) = item.text(issues) else { continue };
        let meant: Vec<Act> = match camel_case(name).as_str() {
            "all" if may_be_all => ACTS.iter().map(|(_, act)| *act).collect(),
            "edit" => vec![Act::Update],
            camel => ACTS.iter().filter(|(known, _)| *known == camel).map(|(_, act)| *act).collect(),
        };
        if meant.is_empty() {
            let all = may_be_all.then_some("all");
            let near = did_you_mean(name, ACTS.iter().map(|(known, _)| *known).chain(all));
            let message = format!("`{name}` is nothing that can be allowed{near}");
            issues.error(&item.place(), "wrong-value", message);
        }
        for act in meant {
            if found.iter().any(|known| known.value == act) {
                let message = format!("`{}` is named twice", name_of(act));
                issues.error(&item.place(), "duplicate-key", message);
                continue;
            }
            found.push(item.located(act));
        }
    }
    found
}

/// `all`, or names of actions.
fn actions(value: &Value<'_>, issues: &mut Issues) -> Option<ActionsDefinition> {
    if let Content::Text(text) = value.content() {
        return Some(match text.as_str() {
            "all" => ActionsDefinition::All(value.place()),
            name => ActionsDefinition::Only(vec![value.located(name.to_owned())]),
        });
    }
    let items = value.list(issues)?;
    if items.is_empty() {
        issues.error(&value.place(), "empty", "`actions` names at least one, or says `all`");
        return None;
    }
    let mut known = BTreeSet::new();
    let mut names = Vec::with_capacity(items.len());
    for item in items {
        let Some(name) = item.text(issues) else { continue };
        match known.insert(name.to_owned()) {
            true => names.push(item.located(name.to_owned())),
            false => issues.error(&item.place(), "duplicate-key", format!("`{name}` is named twice")),
        }
    }
    Some(ActionsDefinition::Only(names))
}
