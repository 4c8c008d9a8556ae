//! `<object>.validation.yml`: what must hold, as its author wrote it.
//!
//! Our own form says with `kind` what must hold. Packages of this family say `type`, and their `condition` is true where
//! the record is wrong; both are read, and what is made of them is the same.

use std::collections::BTreeSet;

use crate::{
    definition::{
        Located,
        composite::{self, PartDefinition, Together},
        mapping::{Keys, Mapping},
        rule::{About, RefusalDefinition, event, expression, fields, items, name},
        state_machine::MachineDefinition,
        value::{Value, parse},
    },
    issue::{Issues, Place},
    name::FieldName,
    nearest::did_you_mean,
    pattern::Pattern,
    read::Source,
    rules::Event,
};

/// The rules of one file.
#[derive(Debug)]
pub(crate) struct ValidationFile {
    pub(crate) about: About,
    pub(crate) rules: Vec<ValidationDefinition>,
    pub(crate) machines: Vec<MachineDefinition>,
}

/// One rule.
#[derive(Debug)]
pub(crate) struct ValidationDefinition {
    pub(crate) name: Located<String>,
    pub(crate) on: BTreeSet<Event>,
    pub(crate) asked: Asked,
    pub(crate) when: Option<Located<String>>,
    pub(crate) fields: Vec<Located<FieldName>>,
    pub(crate) refusal: RefusalDefinition,
    pub(crate) check: CheckDefinition,
}

/// Of which records it is asked, in an object that keeps drafts.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// Of what is no draft.
    OfSubmitted,
    /// When a record is submitted, and not again: `on: [submit]`, and where that stands.
    AtSubmit(Place),
    /// Of all.
    OfDraftsToo,
}

/// What it looks at.
#[derive(Debug)]
pub(crate) enum CheckDefinition {
    /// This must hold.
    Holds(Located<String>),
    /// This must not.
    Fails(Located<String>),
    /// The fields have a value.
    Present,
    /// The fields match.
    Pattern(Located<String>),
    /// The fields, or their lengths, lie between.
    Between { least: Option<Located<String>>, most: Option<Located<String>>, of: Measure },
    /// No other record has the same.
    Unique,
    /// All or one of these hold.
    Composite { together: Together, parts: Vec<PartDefinition> },
}

/// What of a field lies between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Value,
    Length,
}

const FILE_KEYS: Keys = Keys {
    of: "a file of validations",
    known: &[("extends", &["object"]), ("rules", &["validations", "validation"])],
    later: &[],
};

pub(crate) const KEYS: Keys = Keys {
    of: "a validation",
    known: &[
        ("name", &[]),
        ("kind", &[]),
        ("type", &[]),
        ("label", &[]),
        ("description", &[]),
        ("active", &[]),
        ("severity", &[]),
        ("on", &["events"]),
        ("when", &[]),
        ("condition", &[]),
        ("field", &[]),
        ("fields", &[]),
        ("pattern", &["regex"]),
        ("min", &[]),
        ("max", &[]),
        ("all", &[]),
        ("any", &[]),
        ("transitions", &[]),
        ("initial", &["initialStates"]),
        ("errorCode", &[]),
        ("message", &["errorMessage"]),
    ],
    later: &[
        "dependency",
        "format",
        "formula",
        "headers",
        "method",
        "otherwise",
        "priority",
        "rule",
        "rules",
        "schema",
        "tags",
        "then",
        "timeout",
        "url",
    ],
};

/// The kinds with the keys that each takes beside the common ones.
const KINDS: &[(&str, &[&str])] = &[
    ("required", &["when", "condition", "field", "fields"]),
    ("pattern", &["when", "field", "fields", "pattern"]),
    ("range", &["when", "condition", "field", "fields", "min", "max"]),
    ("length", &["when", "field", "fields", "min", "max"]),
    ("cross_field", &["when", "condition", "field", "fields"]),
    ("conditional", &["when", "condition", "field", "fields"]),
    ("unique", &["when", "field", "fields"]),
    ("reference", &["when", "condition", "field", "fields"]),
    ("state", &["when", "condition", "field", "fields"]),
    ("state_machine", &["field", "transitions", "initial"]),
    ("composite", &["when", "field", "fields", "all", "any"]),
];
/// The `type`s of other packages, with the keys that each takes.
const TYPES: &[(&str, &[&str])] = &[
    ("script", &["condition", "field", "fields"]),
    ("cross_field", &["condition", "field", "fields"]),
    ("state_machine", &["field", "transitions", "initial"]),
    ("format", &["field", "pattern"]),
    ("unique", &["field", "fields"]),
];
const KINDS_LATER: &[&str] = &["async"];
const TYPES_LATER: &[&str] =
    &["business_rule", "conditional", "custom", "dependency", "field", "json_schema"];
/// The keys that some kinds take and others do not.
const KEYS_OF_KINDS: &[&str] = &[
    "when",
    "condition",
    "field",
    "fields",
    "pattern",
    "min",
    "max",
    "all",
    "any",
    "transitions",
    "initial",
];

impl ValidationFile {
    /// Reads a file whose name gives `stem`.
    pub(crate) fn read(stem: &str, source: &Source, issues: &mut Issues) -> Option<Self> {
        let node = parse(&source.file, &source.text, issues)?;
        let root = Value::root(&source.file, &node);
        let mapping = Mapping::read(&root, &FILE_KEYS, issues)?;
        let mut file = Self {
            about: About::read(stem, &root, &mapping, issues),
            rules: Vec::new(),
            machines: Vec::new(),
        };
        for item in items(&mapping, "rules", issues) {
            file.rule(&item, issues);
        }
        Some(file)
    }

    fn rule(&mut self, value: &Value<'_>, issues: &mut Issues) -> Option<()> {
        let mapping = Mapping::read(value, &KEYS, issues)?;
        let (kind, foreign) = kind(&mapping, issues)?;
        if let Some(active) = mapping.get("active")
            && active.flag(issues) == Some(false)
        {
            issues.error(
                &active.place(),
                "not-supported-yet",
                "a rule that is not active does nothing; take it out",
            );
        }
        let name = name(&mapping, issues);
        let (on, asked) = events(&mapping, issues);
        if kind == "state_machine" {
            self.machines.extend(MachineDefinition::of_rule(&mapping, name, issues));
            return Some(());
        }
        let when = expression(&mapping, "when", issues);
        if kind == "conditional" && when.is_none() {
            mapping.must_get("when", issues);
        }
        let fields = fields(&mapping, issues);
        let check = match kind {
            "composite" => composite::read(&mapping, 0, issues),
            _ => check(kind, foreign, &mapping, &fields, issues),
        };
        let refusal = RefusalDefinition::read(&mapping, issues);
        self.rules.push(ValidationDefinition {
            name: name?,
            on,
            asked,
            when,
            fields,
            refusal: refusal?,
            check: check?,
        });
        Some(())
    }
}

/// The kind by our name or that of other packages, and whether it was theirs.
pub(super) fn kind(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<(&'static str, bool)> {
    let (value, foreign) = match (mapping.get("kind"), mapping.get("type")) {
        (Some(_), Some(value)) => {
            issues.error(&value.place(), "duplicate-key", "`kind` says it already; keep one of them");
            return None;
        }
        (None, Some(value)) => (value, true),
        _ => (mapping.must_get("kind", issues)?, false),
    };
    let name = value.text(issues)?;
    let (known, later) = if foreign { (TYPES, TYPES_LATER) } else { (KINDS, KINDS_LATER) };
    if let Some((kind, takes)) = known.iter().find(|(known, _)| *known == name) {
        for (key, value) in mapping.iter() {
            if KEYS_OF_KINDS.contains(&key) && !takes.contains(&key) {
                let message = format!("`{key}` says nothing about a rule of kind `{kind}`; take it out");
                issues.error(&value.place(), "not-for-this-type", message);
            }
        }
        return Some((kind, foreign));
    }
    if later.contains(&name) {
        let message =
            format!("rules of kind `{name}` can't be kept yet, and nothing declared is inert; take it out");
        issues.error(&value.place(), "not-supported-yet", message);
        return None;
    }
    let near = did_you_mean(name, known.iter().map(|(name, _)| *name));
    issues.error(&value.place(), "wrong-value", format!("`{name}` is no kind of validation{near}"));
    None
}

fn events(mapping: &Mapping<'_>, issues: &mut Issues) -> (BTreeSet<Event>, Asked) {
    let written = [Event::Create, Event::Update];
    let Some(value) = mapping.get("on") else { return (written.into(), Asked::OfSubmitted) };
    let (mut events, mut submit) = (BTreeSet::new(), None);
    for item in value.list(issues).unwrap_or_default() {
        let Some(name) = item.text(issues) else { continue };
        match event(name) {
            Some(Event::Undelete) => {
                let message = "a record that comes back is not validated; it is as it was";
                issues.error(&item.place(), "not-supported-yet", message);
            }
            Some(event) => drop(events.insert(event)),
            None if name == "submit" => submit = Some(item.place()),
            None => {
                let near = did_you_mean(name, ["create", "update", "delete", "submit"]);
                let message = format!("`{name}` is not one of `create`, `update`, `delete`, `submit`{near}");
                issues.error(&item.place(), "wrong-value", message);
            }
        }
    }
    match submit {
        Some(place) if !events.is_empty() => {
            let message = "`submit` stands alone: what is asked of each change is asked of that one too";
            issues.error(&place, "wrong-value", message);
            (events, Asked::OfSubmitted)
        }
        Some(place) => (written.into(), Asked::AtSubmit(place)),
        None => (events, Asked::OfSubmitted),
    }
}

/// What a rule of any other kind looks at.
pub(super) fn check(
    kind: &str,
    foreign: bool,
    mapping: &Mapping<'_>,
    fields: &[Located<FieldName>],
    issues: &mut Issues,
) -> Option<CheckDefinition> {
    let needs_fields = matches!(kind, "pattern" | "format" | "length" | "unique");
    let condition = expression(mapping, "condition", issues);
    let bound = |key: &str, issues: &mut Issues| expression(mapping, key, issues);
    let (least, most) = (bound("min", issues), bound("max", issues));
    let has_bounds = least.is_some() || most.is_some();
    let needs_fields = needs_fields || (condition.is_none() && matches!(kind, "required" | "range"));
    if needs_fields && fields.is_empty() {
        let message = "`fields` is missing: the rule is about no field";
        issues.error(mapping.place(), "missing-property", message);
        return None;
    }
    match kind {
        "required" if condition.is_none() => Some(CheckDefinition::Present),
        "pattern" | "format" => {
            let value = mapping.must_get("pattern", issues)?;
            let text = value.text(issues)?;
            if let Err(fault) = Pattern::parse(text) {
                issues.error(&value.place(), "bad-format", format!("`{text}` is not a pattern: {fault}"));
                return None;
            }
            Some(CheckDefinition::Pattern(value.located(text.to_owned())))
        }
        "range" | "length" if condition.is_none() && !has_bounds => {
            issues.error(mapping.place(), "missing-property", "`min` or `max` is missing");
            None
        }
        "range" | "length" if condition.is_none() => {
            let of = if kind == "length" { Measure::Length } else { Measure::Value };
            Some(CheckDefinition::Between { least, most, of })
        }
        "range" if has_bounds => {
            issues.error(
                mapping.place(),
                "wrong-value",
                "`condition` says it already; keep it, or `min` and `max`",
            );
            None
        }
        "unique" => Some(CheckDefinition::Unique),
        _ => {
            mapping.must_get("condition", issues)?;
            let condition = condition?;
            Some(if foreign { CheckDefinition::Fails(condition) } else { CheckDefinition::Holds(condition) })
        }
    }
}
