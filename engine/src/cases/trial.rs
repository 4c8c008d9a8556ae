//! One case: what is given, then one transaction after another.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use quarry_metadata::{
    Field, FieldKind, FieldName, Object, ObjectName,
    rules::{Case, CaseChange, CaseRecord, Weight},
};
use quarry_storage::{Key, World};
use serde_json::Value as Json;

use super::{Failure, ground::Ground};
use crate::{
    active::Active,
    change::{Finding, Input, Record},
    error::{Error, Result},
    pipeline::{self, Action, Call, Right, Step},
    work::{Actor, Work},
};

/// What the ids of all cases are made from.
const SEED: u64 = 1;

/// A case on its way.
pub(super) struct Trial<'a> {
    pub active: &'a Arc<Active>,
    pub work: Work,
    pub case: &'a Case,
    /// The ids of its records, by object and key.
    pub ids: BTreeMap<(ObjectName, String), Key>,
    pub failures: Vec<Failure>,
}

/// Tries a case: all that is not as it expects.
///
/// # Errors
///
/// Those of the store.
pub(super) fn run(ground: &Ground, active: &Arc<Active>, case: &Case) -> Result<Vec<Failure>> {
    let world = World::seeded(SEED, case.now_micros);
    let actor = Actor::of(ground.user.clone(), case.now_micros);
    let work = Work::new(active.clone(), ground.snapshot.clone(), actor, world);
    let mut trial = Trial { active, work, case, ids: BTreeMap::new(), failures: Vec::new() };
    let given = trial.creates(&case.given)?;
    let mut found = trial.transaction(Right::System, given);
    if refused(&found) {
        trial.fail(case.place.clone(), "that what is given can be written", told(&found));
        return Ok(trial.failures);
    }
    for (at, step) in case.steps.iter().enumerate() {
        if refused(&found) {
            let expected = format!("that transaction {at} is kept: only the last may be refused");
            trial.fail(case.place.clone(), expected, told(&found));
            return Ok(trial.failures);
        }
        let right = if step.as_system { Right::System } else { Right::Client };
        let steps = trial.steps(&step.change)?;
        found = trial.transaction(right, steps);
    }
    trial.findings(&found);
    trial.warnings(&found);
    trial.records()?;
    Ok(trial.failures)
}

fn refused(found: &[(String, Weight, String)]) -> bool {
    found.iter().any(|(_, weight, _)| *weight == Weight::Error)
}

/// Findings with their texts.
pub(super) fn told(found: &[(String, Weight, String)]) -> String {
    let one = |(code, _, message): &(String, Weight, String)| format!("{code} ({message})");
    match found.is_empty() {
        true => "none".to_owned(),
        false => found.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

impl Trial<'_> {
    /// Notes a failure.
    pub fn fail(
        &mut self,
        place: quarry_metadata::Place,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.failures.push(Failure {
            package: self.case.package.to_string(),
            case: self.case.name.clone(),
            place,
            expected: expected.into(),
            found: found.into(),
        });
    }

    /// Runs a transaction, all or nothing: what it found, by code.
    fn transaction(&mut self, right: Right, steps: Vec<Step>) -> Vec<(String, Weight, String)> {
        self.work.triggered = 0;
        self.work.begin_call();
        let mut call = match right {
            Right::System => Call::of_system(steps.len()),
            Right::Client => Call::new(steps.len()),
        };
        let told =
            |weight: Weight| move |finding: &Finding| (finding.code.to_string(), weight, finding.to_string());
        let error = match pipeline::run(&mut self.work, &mut call, steps).and_then(|()| call.finish()) {
            Ok(applied) => {
                self.work.keep_call();
                return applied.warnings.told.iter().map(told(Weight::Warning)).collect();
            }
            Err(error) => error,
        };
        self.work.settle();
        if error.findings.is_empty() {
            return vec![(error.code.to_owned(), Weight::Error, error.message)];
        }
        let beside = error.warnings.iter().flat_map(|warnings| &warnings.told).map(told(Weight::Warning));
        error.findings.iter().map(told(Weight::Error)).chain(beside).collect()
    }

    fn steps(&mut self, change: &CaseChange) -> Result<Vec<Step>> {
        match change {
            CaseChange::Create(records) => self.creates(records),
            CaseChange::Update(records) => {
                let mut steps = Vec::with_capacity(records.len());
                for record in records {
                    let data = self.data(record)?;
                    let ids = vec![self.id(&record.object, &record.key)?];
                    steps.push(step(steps.len(), &record.object, Action::Update { ids, data }));
                }
                Ok(steps)
            }
            CaseChange::Delete(keys) => {
                let mut steps = Vec::with_capacity(keys.len());
                for (object, key) in keys {
                    let ids = vec![self.id(object, key)?];
                    steps.push(step(steps.len(), object, Action::Delete { ids }));
                }
                Ok(steps)
            }
            CaseChange::Undelete(keys) => {
                let mut steps = Vec::with_capacity(keys.len());
                for (object, key) in keys {
                    let ids = vec![self.id(object, key)?];
                    steps.push(step(steps.len(), object, Action::Undelete { ids }));
                }
                Ok(steps)
            }
            CaseChange::Action { name, on, parameters } => {
                let found = self.ids.iter().find(|((_, key), _)| key == on);
                let unknown = || Error::invalid(format!("the case has no record {on:?}"));
                let ((object, _), id) = found.ok_or_else(unknown)?;
                let (object, id) = (object.clone(), id.clone());
                let rules = self.active.registry.rules.get(&object);
                let action = rules.and_then(|rules| rules.actions.get(name));
                let given = |(field, value): &(FieldName, Json)| {
                    let known = action.and_then(|action| action.parameters.get(field));
                    (field.to_string(), Input::Json(self.with_ids(known, value)))
                };
                let parameters = parameters.iter().map(given).collect();
                Ok(vec![step(0, &object, Action::Act { id, name: name.clone(), parameters })])
            }
        }
    }

    /// New records, so that each comes behind those that it refers to.
    fn creates(&mut self, records: &[CaseRecord]) -> Result<Vec<Step>> {
        for record in records {
            let prefix = &self.active.object(record.object.as_str())?.id_prefix;
            let id = Key::from(format!("{prefix}_{}", self.work.world.ids.ulid()));
            self.ids.insert((record.object.clone(), record.key.clone()), id);
        }
        let mut steps = Vec::with_capacity(records.len());
        for record in in_order(records) {
            let id = self.id(&record.object, &record.key)?;
            let mut data = Record::from_iter([("id".to_owned(), Input::Json(Json::String(id.to_string())))]);
            data.extend(self.data(record)?);
            steps.push(step(steps.len(), &record.object, Action::Create(data)));
        }
        Ok(steps)
    }

    fn id(&self, object: &ObjectName, key: &str) -> Result<Key> {
        let found = self.ids.get(&(object.clone(), key.to_owned()));
        found.cloned().ok_or_else(|| Error::invalid(format!("the case has no {object} {key:?}")))
    }

    fn data(&self, record: &CaseRecord) -> Result<Record> {
        let object: &Object = self.active.object(record.object.as_str())?;
        let given = |(name, value): &(FieldName, Json)| {
            (name.to_string(), Input::Json(self.with_ids(object.field(name.as_str()), value)))
        };
        Ok(record.values.iter().map(given).collect())
    }

    /// A value with ids in the place of keys: of a record of the object that the field refers to, else of any.
    pub fn with_ids(&self, field: Option<&Field>, value: &Json) -> Json {
        let target = match field.map(|field| &field.kind) {
            Some(FieldKind::Lookup { target, .. } | FieldKind::References { target, .. }) => Some(target),
            _ => None,
        };
        let id = |text: &String| {
            let key = text.strip_prefix('$')?;
            let of_target = target.and_then(|target| self.ids.get(&(target.clone(), key.to_owned())));
            let any = || self.ids.iter().find(|((_, known), _)| known == key).map(|(_, id)| id);
            Some(Json::String(of_target.or_else(any)?.to_string()))
        };
        match value {
            Json::String(text) => id(text).unwrap_or_else(|| value.clone()),
            Json::Array(items) => items.iter().map(|item| self.with_ids(field, item)).collect(),
            _ => value.clone(),
        }
    }
}

fn step(change: usize, object: &ObjectName, action: Action) -> Step {
    Step { change, object: object.to_string(), if_revision: None, action }
}

/// Records behind those of the same list that they refer to, as far as there is such an order.
fn in_order(records: &[CaseRecord]) -> Vec<&CaseRecord> {
    let refers = |record: &CaseRecord, other: &CaseRecord| {
        let names = |value: &Json| value.as_str().and_then(|text| text.strip_prefix('$')) == Some(&other.key);
        record.values.iter().any(|(_, value)| match value {
            Json::Array(items) => items.iter().any(names),
            value => names(value),
        })
    };
    let mut ordered: Vec<&CaseRecord> = Vec::with_capacity(records.len());
    let mut open: BTreeSet<usize> = (0..records.len()).collect();
    while !open.is_empty() {
        let waits = |at: &usize| {
            let record = records.get(*at)?;
            let others = open.iter().filter(|other| *other != at).filter_map(|other| records.get(*other));
            Some(others.into_iter().any(|other| refers(record, other)))
        };
        let ready: Vec<usize> = open.iter().filter(|at| waits(at) != Some(true)).copied().collect();
        // Records that refer to one another have no order: the first is as good as any.
        let next = if ready.is_empty() { open.iter().take(1).copied().collect() } else { ready };
        for at in next {
            open.remove(&at);
            ordered.extend(records.get(at));
        }
    }
    ordered
}
