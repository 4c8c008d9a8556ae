//! Which records a grant adds to those that sharing gives, or denies: `{name, allow: [read], when: "region == user.department"}`.

use crate::{
    definition::{
        Located,
        grant::{acts, name_of},
        mapping::{Keys, Mapping},
        rule::{expression, name},
        value::Value,
    },
    issue::Issues,
    limits::RECORD_RULES_MAX,
    permissions::{Act, Effect},
};

/// A rule about records as its author wrote it.
#[derive(Clone, Debug)]
pub(crate) struct RecordRuleDefinition {
    pub(crate) name: Located<String>,
    pub(crate) effect: Effect,
    pub(crate) acts: Vec<Located<Act>>,
    pub(crate) when: Located<String>,
}

const KEYS: Keys = Keys {
    of: "a rule about records",
    known: &[("name", &[]), ("description", &[]), ("allow", &[]), ("deny", &[]), ("when", &["condition"])],
    later: &["active", "label", "priority", "validFrom", "validUntil"],
};

/// What a rule can be about; whether all records are seen or changed is no matter of one of them.
const ACTS: [Act; 4] = [Act::Create, Act::Read, Act::Update, Act::Delete];

/// Reads `records`.
pub(super) fn rules(value: &Value<'_>, issues: &mut Issues) -> Vec<RecordRuleDefinition> {
    let items = value.list(issues).unwrap_or_default();
    if items.len() > RECORD_RULES_MAX {
        let message = format!("more than {RECORD_RULES_MAX} rules about records in one grant");
        issues.error(&value.place(), "too-many", message);
        return Vec::new();
    }
    let mut rules: Vec<RecordRuleDefinition> = Vec::with_capacity(items.len());
    for item in items {
        let Some(rule) = rule(&item, issues) else { continue };
        if let Some(first) = rules.iter().find(|known| known.name.value == rule.name.value) {
            let message = format!("the grant has another rule `{}` in {}", rule.name.value, first.name.place);
            issues.error(&rule.name.place, "duplicate-rule", message);
            continue;
        }
        rules.push(rule);
    }
    rules
}

fn rule(value: &Value<'_>, issues: &mut Issues) -> Option<RecordRuleDefinition> {
    let mapping = Mapping::read(value, &KEYS, issues)?;
    let name = name(&mapping, issues);
    mapping.get("description").and_then(|value| value.text(issues));
    let effect = match (mapping.get("allow"), mapping.get("deny")) {
        (Some(acts), None) => Some((Effect::Allow, acts)),
        (None, Some(acts)) => Some((Effect::Deny, acts)),
        (None, None) => {
            let message = "a rule says what it `allow`s, or what it `deny`s";
            issues.error(mapping.place(), "missing-property", message);
            None
        }
        (Some(_), Some(deny)) => {
            let message = "a rule allows or denies, not both; write two";
            issues.error(&deny.place(), "contradicts-itself", message);
            None
        }
    };
    mapping.must_get("when", issues);
    let when = expression(&mapping, "when", issues);
    let (effect, written) = effect?;
    let mut acts = acts(written, false, issues);
    acts.retain(|act| {
        let is_of_records = ACTS.contains(&act.value);
        if !is_of_records {
            let message = format!(
                "`{}` is not allowed record by record; a rule is about `create`, `read`, `update` and `delete`",
                name_of(act.value)
            );
            issues.error(&act.place, "wrong-value", message);
        }
        is_of_records
    });
    if acts.is_empty() {
        return None;
    }
    Some(RecordRuleDefinition { name: name?, effect, acts, when: when? })
}
