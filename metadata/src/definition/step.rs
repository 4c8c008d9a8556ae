//! One step of a trigger or an action, as its author wrote it.

use crate::{
    definition::{
        Located,
        identifier::{NameOf, check},
        mapping::{Keys, Mapping},
        rule::{RefusalDefinition, expression},
        value::Value,
    },
    expression::read,
    issue::{Issues, Place},
    limits::{STEPS_DEPTH_MAX, STEPS_MAX},
    name::{FieldName, ObjectName, RelationName},
    rules::Weight,
    yaml::Content,
};

/// Fields with the expressions that they are set to, in order.
pub(crate) type ValuesDefinition = Vec<(Located<FieldName>, Located<String>)>;

/// A step and where it stands.
#[derive(Debug)]
pub(crate) struct StepDefinition {
    pub(crate) place: Place,
    pub(crate) when: Option<Located<String>>,
    pub(crate) kind: StepKind,
}

/// What it does.
#[derive(Debug)]
pub(crate) enum StepKind {
    Set(ValuesDefinition),
    /// A finding; `unless` is `require`'s condition.
    Find {
        refusal: RefusalDefinition,
        unless: Option<Located<String>>,
    },
    Create {
        object: Located<ObjectName>,
        name: Option<Located<String>>,
        values: ValuesDefinition,
    },
    Upsert {
        object: Located<ObjectName>,
        /// The fields that are unique together.
        on: Vec<Located<FieldName>>,
        name: Option<Located<String>>,
        values: ValuesDefinition,
    },
    Update {
        target: TargetDefinition,
        values: ValuesDefinition,
    },
    Delete {
        target: TargetDefinition,
    },
    CallAction {
        action: Located<String>,
        target: TargetDefinition,
        parameters: ValuesDefinition,
    },
    ForEach {
        relation: Located<RelationName>,
        name: Located<String>,
        filter: Option<Located<String>>,
        steps: Vec<StepDefinition>,
    },
    First {
        object: Located<ObjectName>,
        name: Located<String>,
        filter: Located<String>,
        order_by: Option<Located<FieldName>>,
        steps: Vec<StepDefinition>,
    },
}

/// Which records a step is about.
#[derive(Debug)]
pub(crate) enum TargetDefinition {
    Path { path: Located<String>, filter: Option<Located<String>> },
    Matching { object: Located<ObjectName>, filter: Located<String> },
}

const KEYS: Keys = Keys {
    of: "a step",
    known: &[
        ("set", &[]),
        ("reject", &[]),
        ("require", &[]),
        ("warn", &[]),
        ("create", &[]),
        ("upsert", &[]),
        ("update", &[]),
        ("delete", &[]),
        ("callAction", &[]),
        ("forEach", &[]),
        ("first", &[]),
    ],
    later: &["emit", "notify", "startWorkflow"],
};
const FINDING_KEYS: Keys = Keys {
    of: "a finding",
    known: &[("when", &[]), ("condition", &[]), ("message", &[]), ("errorCode", &[])],
    later: &["fields"],
};
const CREATE_KEYS: Keys = Keys {
    of: "`create`",
    known: &[("when", &[]), ("object", &[]), ("as", &[]), ("values", &[])],
    later: &[],
};
const UPSERT_KEYS: Keys = Keys {
    of: "`upsert`",
    known: &[("when", &[]), ("object", &[]), ("on", &[]), ("as", &[]), ("values", &[])],
    later: &[],
};
const UPDATE_KEYS: Keys = Keys {
    of: "`update`",
    known: &[("when", &[]), ("path", &[]), ("object", &[]), ("where", &[]), ("values", &[])],
    later: &[],
};
const DELETE_KEYS: Keys = Keys {
    of: "`delete`",
    known: &[("when", &[]), ("path", &[]), ("object", &[]), ("where", &[])],
    later: &[],
};
const CALL_KEYS: Keys = Keys {
    of: "`callAction`",
    known: &[
        ("when", &[]),
        ("action", &[]),
        ("path", &[]),
        ("object", &[]),
        ("where", &[]),
        ("parameters", &[]),
    ],
    later: &["as"],
};
const FOR_EACH_KEYS: Keys = Keys {
    of: "`forEach`",
    known: &[("relation", &[]), ("as", &[]), ("where", &[]), ("steps", &[])],
    later: &["orderBy", "limit"],
};
const FIRST_KEYS: Keys = Keys {
    of: "`first`",
    known: &[("object", &[]), ("as", &[]), ("where", &[]), ("orderBy", &[]), ("steps", &[])],
    later: &["otherwise"],
};

/// Reads a list of steps that stand in `depth` others.
pub(crate) fn steps(value: &Value<'_>, depth: usize, issues: &mut Issues) -> Vec<StepDefinition> {
    let Some(items) = value.list(issues) else { return Vec::new() };
    if items.is_empty() {
        issues.error(&value.place(), "empty", "`steps` has at least one entry");
    }
    if depth > STEPS_DEPTH_MAX {
        issues.error(
            &value.place(),
            "too-deep",
            format!("more than {STEPS_DEPTH_MAX} lists of steps within steps"),
        );
        return Vec::new();
    }
    if items.len() > STEPS_MAX {
        issues.error(&value.place(), "too-many", format!("more than {STEPS_MAX} steps"));
        return Vec::new();
    }
    items.iter().filter_map(|item| step(item, depth, issues)).collect()
}

fn step(value: &Value<'_>, depth: usize, issues: &mut Issues) -> Option<StepDefinition> {
    let mapping = Mapping::read(value, &KEYS, issues)?;
    let mut entries = mapping.iter();
    let (Some((name, inner)), None) = (entries.next(), entries.next()) else {
        if mapping.iter().count() > 1 {
            issues.error(&value.place(), "wrong-type", "a step does one thing; write two steps");
        }
        return None;
    };
    let (when, kind) = match name {
        "set" => (None, StepKind::Set(values(inner, issues)?)),
        "forEach" | "first" => (None, over_records(name, inner, depth, issues)?),
        "create" | "upsert" => made(name, inner, issues)?,
        "update" | "delete" | "callAction" => done(name, inner, issues)?,
        _ => finding(name, inner, issues)?,
    };
    Some(StepDefinition { place: value.place(), when, kind })
}

/// What a step does, and where it does it.
type Conditional = (Option<Located<String>>, StepKind);

/// `create` and `upsert`.
fn made(name: &str, value: &Value<'_>, issues: &mut Issues) -> Option<Conditional> {
    let keys = if name == "create" { &CREATE_KEYS } else { &UPSERT_KEYS };
    let mapping = Mapping::read(value, keys, issues)?;
    let object = object(&mapping, issues);
    let given = mapping.get("as").and_then(|value| record_name(value, issues));
    let values = mapping.must_get("values", issues).and_then(|value| values(value, issues));
    let when = expression(&mapping, "when", issues);
    if name == "create" {
        return Some((when, StepKind::Create { object: object?, name: given, values: values? }));
    }
    let on = mapping.must_get("on", issues).and_then(|value| key(value, issues));
    Some((when, StepKind::Upsert { object: object?, on: on?, name: given, values: values? }))
}

/// One field, or several.
fn key(value: &Value<'_>, issues: &mut Issues) -> Option<Vec<Located<FieldName>>> {
    let items = match value.content() {
        Content::List(_) => value.list(issues)?,
        _ => vec![value.clone()],
    };
    if items.is_empty() {
        issues.error(&value.place(), "empty", "by which fields is the record found?");
    }
    let one = |item: &Value<'_>| Some(item.located(FieldName::from(item.text(issues)?)));
    Some(items.iter().filter_map(one).collect())
}

/// `update`, `delete` and `callAction`: what is done to records that are there.
fn done(name: &str, value: &Value<'_>, issues: &mut Issues) -> Option<Conditional> {
    let keys = match name {
        "update" => &UPDATE_KEYS,
        "delete" => &DELETE_KEYS,
        _ => &CALL_KEYS,
    };
    let mapping = Mapping::read(value, keys, issues)?;
    let target = target(&mapping, issues);
    let when = expression(&mapping, "when", issues);
    let kind = match name {
        "update" => {
            let values = mapping.must_get("values", issues).and_then(|value| values(value, issues));
            StepKind::Update { target: target?, values: values? }
        }
        "delete" => StepKind::Delete { target: target? },
        _ => {
            let action = mapping.must_get("action", issues);
            let action = action.and_then(|value| Some(value.located(value.text(issues)?.to_owned())));
            let given = mapping.get("parameters");
            let parameters = given.map_or_else(|| Some(Vec::new()), |value| values(value, issues));
            StepKind::CallAction { action: action?, target: target?, parameters: parameters? }
        }
    };
    Some((when, kind))
}

/// `reject`, `require` and `warn`.
fn finding(name: &str, value: &Value<'_>, issues: &mut Issues) -> Option<Conditional> {
    let mapping = Mapping::read(value, &FINDING_KEYS, issues)?;
    let when = expression(&mapping, "when", issues);
    let unless = expression(&mapping, "condition", issues);
    match (name, mapping.get("condition")) {
        ("require", None) => drop(mapping.must_get("condition", issues)),
        ("reject" | "warn", Some(condition)) => {
            let message = format!("`{name}` says with `when` where it applies; `require` has a `condition`");
            issues.error(&condition.place(), "not-for-this-type", message);
        }
        _ => {}
    }
    let refusal = RefusalDefinition::read(&mapping, issues)?;
    let severity = if name == "warn" { Weight::Warning } else { Weight::Error };
    Some((when, StepKind::Find { refusal: RefusalDefinition { severity, ..refusal }, unless }))
}

fn over_records(name: &str, value: &Value<'_>, depth: usize, issues: &mut Issues) -> Option<StepKind> {
    let keys = if name == "first" { &FIRST_KEYS } else { &FOR_EACH_KEYS };
    let mapping = Mapping::read(value, keys, issues)?;
    let name_of = mapping.must_get("as", issues).and_then(|value| record_name(value, issues));
    let filter = expression(&mapping, "where", issues);
    let steps =
        mapping.must_get("steps", issues).map(|value| steps(value, depth + 1, issues)).unwrap_or_default();
    if name == "first" {
        let object = object(&mapping, issues);
        mapping.must_get("where", issues);
        let order_by = mapping
            .get("orderBy")
            .and_then(|value| value.text(issues).map(|field| value.located(FieldName::from(field))));
        return Some(StepKind::First { object: object?, name: name_of?, filter: filter?, order_by, steps });
    }
    let relation = mapping.must_get("relation", issues)?;
    let relation = relation.located(RelationName::from(relation.text(issues)?));
    Some(StepKind::ForEach { relation, name: name_of?, filter, steps })
}

fn target(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<TargetDefinition> {
    let filter = expression(mapping, "where", issues);
    match (mapping.get("path"), mapping.get("object")) {
        (Some(path), None) => {
            let path = path.located(path.text(issues)?.to_owned());
            Some(TargetDefinition::Path { path, filter })
        }
        (None, Some(_)) => {
            let object = object(mapping, issues);
            mapping.must_get("where", issues);
            Some(TargetDefinition::Matching { object: object?, filter: filter? })
        }
        _ => {
            let message = "which records? Say either `path` (from the record) or `object` with `where`";
            issues.error(mapping.place(), "missing-property", message);
            None
        }
    }
}

fn object(mapping: &Mapping<'_>, issues: &mut Issues) -> Option<Located<ObjectName>> {
    let value = mapping.must_get("object", issues)?;
    value.text(issues).map(|name| value.located(ObjectName::from(name)))
}

/// What steps call a record.
fn record_name(value: &Value<'_>, issues: &mut Issues) -> Option<Located<String>> {
    let name = value.text(issues)?;
    if ["this", "record", "old", "previous", "user", "current_user", "parameters"].contains(&name) {
        let message = format!("`{name}` is the name of something else; choose another");
        issues.error(&value.place(), "reserved-name", message);
        return None;
    }
    check(name, NameOf::Index, &value.place(), issues).then(|| value.located(name.to_owned()))
}

/// Fields with their expressions.
pub(crate) fn values(value: &Value<'_>, issues: &mut Issues) -> Option<ValuesDefinition> {
    let entries = value.entries(issues)?;
    if entries.is_empty() {
        issues.error(&value.place(), "empty", "at least one field is set");
    }
    let one = |(name, value): (&str, Value<'_>)| {
        let expression = read(&value, issues)?;
        Some((value.located(FieldName::from(name)), expression))
    };
    Some(entries.into_iter().filter_map(one).collect())
}
