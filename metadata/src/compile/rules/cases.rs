//! Cases: every object, field, key, action and code that they name is there.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::AllRules;
use crate::{
    compile::Drafts,
    definition::{
        Located,
        case::{
            CaseDefinition, DoDefinition, DoKind, ExpectedRecords, RecordDefinition, ValuesDefinition, Which,
        },
    },
    issue::Issues,
    model::Object,
    name::{FieldName, ObjectName, PackageName},
    nearest::did_you_mean,
    rules::{Case, CaseChange, CaseRecord, CaseStep, Expected, Matching, Step},
};

/// Codes of findings that no rule gives: the engine does.
const BUILT_IN_CODES: &[&str] = &[
    "concurrent_update",
    "delete_restricted",
    "invalid_option",
    "invalid_value",
    "max_length",
    "max_value",
    "min_length",
    "min_value",
    "readonly",
    "record_not_found",
    "reference_not_found",
    "required",
    "unique",
];

/// When a case happens that does not say: 2026-11-20T09:00:00Z.
const NOW_MICROS: i64 = 1_795_165_200_000_000;

/// Checks all cases of a package, and makes them what can be tried.
pub(super) fn compile(
    package: &PackageName,
    cases: &[CaseDefinition],
    drafts: &Drafts<'_>,
    rules: &AllRules,
    issues: &mut Issues,
) -> Vec<Case> {
    let codes: BTreeSet<&str> = codes(rules).into_iter().chain(BUILT_IN_CODES.iter().copied()).collect();
    let mut compiled = Vec::with_capacity(cases.len());
    for case in cases {
        let mut checker = Checker { drafts, rules, codes: &codes, keys: BTreeSet::new(), issues };
        checker.case(case);
        let now_micros = checker.now(case);
        compiled.push(frozen(package, case, now_micros));
    }
    compiled
}

fn frozen(package: &PackageName, case: &CaseDefinition, now_micros: i64) -> Case {
    let named = |keys: &[(Located<ObjectName>, Located<String>)]| {
        keys.iter().map(|(object, key)| (object.value.clone(), plain(key))).collect()
    };
    let change = |kind: &DoKind| match kind {
        DoKind::Create(records) => CaseChange::Create(records.iter().map(record).collect()),
        DoKind::Update(records) => CaseChange::Update(records.iter().map(record).collect()),
        DoKind::Delete(keys) => CaseChange::Delete(named(keys)),
        DoKind::Undelete(keys) => CaseChange::Undelete(named(keys)),
        DoKind::Action { name, on, parameters } => {
            CaseChange::Action { name: name.value.clone(), on: plain(on), parameters: values(parameters) }
        }
    };
    let expected = |expected: &ExpectedRecords| Expected {
        object: expected.object.value.clone(),
        which: match &expected.which {
            Which::Is(key) => Matching::Key(plain(key)),
            Which::Where(filter) => Matching::Values(values(filter)),
        },
        count: expected.count,
        has: values(&expected.has),
        place: expected.object.place.clone(),
    };
    let step = |step: &DoDefinition| CaseStep { as_system: step.as_system, change: change(&step.kind) };
    Case {
        package: package.clone(),
        name: case.name.value.clone(),
        place: case.name.place.clone(),
        now_micros,
        given: case.given.iter().map(record).collect(),
        steps: case.steps.iter().map(step).collect(),
        records: case.records.iter().map(expected).collect(),
        findings: case
            .findings
            .iter()
            .map(|found| (found.error_code.value.clone(), found.severity))
            .collect(),
        warnings: case.warnings.as_ref().map(|codes| codes.iter().map(|code| code.value.clone()).collect()),
    }
}

/// A key with or without its `$`.
fn plain(key: &Located<String>) -> String {
    key.value.strip_prefix('$').unwrap_or(&key.value).to_owned()
}

fn record(written: &RecordDefinition) -> CaseRecord {
    let object = written.object.value.clone();
    CaseRecord { object, key: written.key.value.clone(), values: values(&written.values) }
}

fn values(written: &ValuesDefinition) -> Vec<(FieldName, Json)> {
    written.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect()
}

fn codes(rules: &AllRules) -> BTreeSet<&str> {
    let mut codes = BTreeSet::new();
    for rules in rules.values() {
        codes.extend(rules.validations.iter().map(|rule| rule.error_code.as_str()));
        codes.extend(rules.machines.iter().map(|machine| machine.error_code.as_str()));
        let steps = rules.triggers.iter().map(|trigger| &trigger.steps);
        for steps in steps.chain(rules.actions.values().map(|action| &action.steps)) {
            found_in(steps, &mut codes);
        }
        let refusals = rules.actions.values().filter_map(|action| action.refusal.as_ref());
        codes.extend(refusals.map(|refusal| refusal.error_code.as_str()));
    }
    codes
}

fn found_in<'a>(steps: &'a [Step], codes: &mut BTreeSet<&'a str>) {
    for step in steps {
        match step {
            Step::Find(refusal) => drop(codes.insert(&refusal.error_code)),
            Step::ForEach { steps, .. } | Step::First { steps, .. } => found_in(steps, codes),
            _ => {}
        }
    }
}

struct Checker<'a, 'i> {
    drafts: &'a Drafts<'a>,
    rules: &'a AllRules,
    codes: &'a BTreeSet<&'a str>,
    /// The records that the case has made so far.
    keys: BTreeSet<(ObjectName, String)>,
    issues: &'i mut Issues,
}

impl<'a> Checker<'a, '_> {
    fn case(&mut self, case: &'a CaseDefinition) {
        self.create(&case.given);
        for step in &case.steps {
            match &step.kind {
                DoKind::Create(records) => self.create(records),
                DoKind::Update(records) => {
                    for record in records {
                        self.record(&record.object, &record.key.value, &record.key);
                        self.values(&record.object, &record.values);
                    }
                }
                DoKind::Delete(keys) | DoKind::Undelete(keys) => {
                    for (object, key) in keys {
                        self.record(object, &key.value, key);
                    }
                }
                DoKind::Action { name, on, parameters } => self.action(name, on, parameters),
            }
        }
        for expected in &case.records {
            match &expected.which {
                Which::Is(key) => {
                    let name = key.value.strip_prefix('$').unwrap_or(&key.value);
                    self.record(&expected.object, name, key);
                }
                Which::Where(values) => self.values(&expected.object, values),
            }
            self.values(&expected.object, &expected.has);
        }
        let codes = case.findings.iter().map(|finding| &finding.error_code);
        for code in codes.chain(case.warnings.iter().flatten()) {
            if !self.codes.contains(code.value.as_str()) {
                let near = did_you_mean(&code.value, self.codes.iter().copied());
                self.issues.error(
                    &code.place,
                    "unknown-code",
                    format!("no rule gives `{}`{near}", code.value),
                );
            }
        }
    }

    fn now(&mut self, case: &CaseDefinition) -> i64 {
        let Some(now) = &case.now else { return NOW_MICROS };
        match chrono::DateTime::parse_from_rfc3339(&now.value) {
            Ok(instant) => instant.timestamp_micros(),
            Err(_) => {
                let message = "there must be an instant here, as in `2026-11-20T09:00:00Z`";
                self.issues.error(&now.place, "wrong-type", message);
                NOW_MICROS
            }
        }
    }

    fn create(&mut self, records: &'a [RecordDefinition]) {
        // The records of one list may refer to one another.
        for record in records {
            self.keys.insert((record.object.value.clone(), record.key.value.clone()));
        }
        for record in records {
            self.values(&record.object, &record.values);
        }
    }

    fn object(&mut self, name: &Located<ObjectName>) -> Option<&'a Object> {
        let found = self.drafts.get(name.value.as_str()).map(|draft| &draft.object);
        if found.is_none() {
            let near = did_you_mean(name.value.as_str(), self.drafts.keys().map(ObjectName::as_str));
            self.issues.error(
                &name.place,
                "unknown-object",
                format!("there is no object `{}`{near}", name.value),
            );
        }
        found
    }

    /// A record that the case has made.
    fn record(&mut self, object: &Located<ObjectName>, key: &str, named: &Located<String>) {
        if self.object(object).is_some() && !self.keys.contains(&(object.value.clone(), key.to_owned())) {
            let of_object = self.keys.iter().filter(|(other, _)| *other == object.value);
            let near = did_you_mean(key, of_object.map(|(_, key)| key.as_str()));
            let message = format!("the case has no `{}` called `{key}`{near}", object.value);
            self.issues.error(&named.place, "unknown-key", message);
        }
    }

    fn values(&mut self, object: &Located<ObjectName>, values: &ValuesDefinition) {
        let Some(object) = self.object(object) else { return };
        for (name, value) in values {
            if object.field(name.value.as_str()).is_none() {
                let near = did_you_mean(name.value.as_str(), object.fields.keys().map(FieldName::as_str));
                let message = format!("`{}` is not a field of `{}`{near}", name.value, object.name);
                self.issues.error(&name.place, "unknown-field", message);
            }
            self.reference(value, name);
        }
    }

    /// `$key` is the id of a record of the case.
    fn reference(&mut self, value: &Json, at: &Located<FieldName>) {
        let Some(key) = value.as_str().and_then(|text| text.strip_prefix('$')) else { return };
        if !self.keys.iter().any(|(_, known)| known == key) {
            let near = did_you_mean(key, self.keys.iter().map(|(_, key)| key.as_str()));
            let message = format!("the case has no record called `{key}`{near}");
            self.issues.error(&at.place, "unknown-key", message);
        }
    }

    fn action(&mut self, name: &Located<String>, on: &Located<String>, parameters: &ValuesDefinition) {
        let key = on.value.strip_prefix('$').unwrap_or(&on.value);
        let object = self.keys.iter().find(|(_, known)| known == key).map(|(object, _)| object.clone());
        let Some(object) = object else {
            let message = format!("the case has no record called `{key}`");
            self.issues.error(&on.place, "unknown-key", message);
            return;
        };
        let actions = self.rules.get(&object).map(|rules| &rules.actions);
        let Some(action) = actions.and_then(|actions| actions.get(&name.value)) else {
            let names = actions.into_iter().flatten().map(|(name, _)| name.as_str());
            let near = did_you_mean(&name.value, names);
            let message = format!("`{object}` has no action `{}`{near}", name.value);
            self.issues.error(&name.place, "unknown-action", message);
            return;
        };
        for (name, value) in parameters {
            if !action.parameters.contains_key(&name.value) {
                let near = did_you_mean(name.value.as_str(), action.parameters.keys().map(FieldName::as_str));
                let message = format!("`{}` is not a parameter of `{}`{near}", name.value, action.name);
                self.issues.error(&name.place, "unknown-field", message);
            }
            self.reference(value, name);
        }
    }
}
