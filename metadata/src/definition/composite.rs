//! Parts of a composite validation, as their author wrote them: rules within a rule, that all must hold, or one of them.

use crate::{
    definition::{
        Located,
        mapping::{Keys, Mapping},
        rule::{expression, fields},
        validation::{CheckDefinition, check, kind},
        value::Value,
    },
    issue::{Issues, Place},
    limits::{COMPOSITE_DEPTH_MAX, RULES_MAX},
    name::FieldName,
};

/// One part.
#[derive(Debug)]
pub(crate) struct PartDefinition {
    pub(crate) place: Place,
    pub(crate) when: Option<Located<String>>,
    pub(crate) fields: Vec<Located<FieldName>>,
    pub(crate) check: CheckDefinition,
}

/// How many parts must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Together {
    All,
    Any,
}

const KEYS: Keys = Keys {
    of: "a part of a composite",
    known: &[
        ("kind", &[]),
        ("type", &[]),
        ("when", &[]),
        ("condition", &[]),
        ("field", &[]),
        ("fields", &[]),
        ("pattern", &["regex"]),
        ("min", &[]),
        ("max", &[]),
        ("all", &[]),
        ("any", &[]),
    ],
    later: &[],
};

/// Reads `all` or `any` of a mapping that stands in `depth` other composites.
pub(crate) fn read(mapping: &Mapping<'_>, depth: usize, issues: &mut Issues) -> Option<CheckDefinition> {
    let (together, value) = match (mapping.get("all"), mapping.get("any")) {
        (Some(value), None) => (Together::All, value),
        (None, Some(value)) => (Together::Any, value),
        _ => {
            let message = "a composite says either `all` of which rules must hold, or `any`";
            issues.error(mapping.place(), "missing-property", message);
            return None;
        }
    };
    let items = value.list(issues)?;
    if items.len() < 2 {
        issues.error(&value.place(), "empty", "a composite has at least two rules");
        return None;
    }
    if items.len() > RULES_MAX {
        issues.error(&value.place(), "too-many", format!("more than {RULES_MAX} entries"));
        return None;
    }
    if depth >= COMPOSITE_DEPTH_MAX {
        let message = format!("more than {COMPOSITE_DEPTH_MAX} composites within each other");
        issues.error(&value.place(), "too-deep", message);
        return None;
    }
    let parts: Vec<_> = items.iter().map(|item| part(item, depth, issues)).collect();
    let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
    Some(CheckDefinition::Composite { together, parts })
}

fn part(value: &Value<'_>, depth: usize, issues: &mut Issues) -> Option<PartDefinition> {
    let mapping = Mapping::read(value, &KEYS, issues)?;
    let (kind, foreign) = kind(&mapping, issues)?;
    if matches!(kind, "unique" | "state_machine") {
        let message = format!("a rule of kind `{kind}` stands by itself, and not in a composite");
        issues.error(&value.place(), "not-in-this-place", message);
        return None;
    }
    let when = expression(&mapping, "when", issues);
    if kind == "conditional" && when.is_none() {
        mapping.must_get("when", issues);
    }
    let fields = fields(&mapping, issues);
    let check = match kind {
        "composite" => read(&mapping, depth + 1, issues),
        _ => check(kind, foreign, &mapping, &fields, issues),
    };
    Some(PartDefinition { place: value.place(), when, fields, check: check? })
}
