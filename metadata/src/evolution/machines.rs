//! State machines of two versions.
//!
//! A machine may be added, may forbid a way and may make a state final: that concerns what is written later. What it may not do
//! is forget where records are: a state with records in it that the machine neither reaches nor leaves would hold them for ever,
//! by oversight more often than by intent. `state: []` says that it is meant.

use std::collections::BTreeSet;

use crate::{
    evolution::{Class, Comparison, Concerned, Subject, behaviour::RulesPair},
    model::{Default_, Field, FieldKind},
    rules::StateMachine,
};

impl Comparison<'_> {
    pub(super) fn machines(&mut self, pair: RulesPair<'_>) {
        for was in &pair.old.machines {
            match pair.new.machines.iter().find(|now| now.name == was.name) {
                None => self.tell(pair, "rule-removed", &was.name, "the state machine is gone".to_owned()),
                Some(now) if now == was => {}
                Some(now) => {
                    self.ways(pair, was, now);
                    self.states(pair, Some(was), now);
                    self.initial(pair, Some(was), now);
                }
            }
        }
        for now in &pair.new.machines {
            if pair.old.machines.iter().all(|was| was.name != now.name) {
                let message = "a new state machine; it concerns what is written from now on";
                self.tell(pair, "rule-added", &now.name, message.to_owned());
                self.states(pair, None, now);
                self.initial(pair, None, now);
            }
        }
    }

    /// Ways that came and went.
    fn ways(&mut self, pair: RulesPair<'_>, was: &StateMachine, now: &StateMachine) {
        let (old, new) = (ways(was), ways(now));
        let told = |ways: Vec<&(&str, &str)>| {
            ways.iter().map(|(from, to)| format!("`{from}` → `{to}`")).collect::<Vec<_>>().join(", ")
        };
        let (gone, come) = (told(old.difference(&new).collect()), told(new.difference(&old).collect()));
        let mut parts = Vec::new();
        if !gone.is_empty() {
            parts.push(format!("no longer {gone}"));
        }
        if !come.is_empty() {
            parts.push(format!("now also {come}"));
        }
        let message = match parts.is_empty() {
            true => "the state machine is another".to_owned(),
            false => parts.join("; "),
        };
        self.tell(pair, "rule-changed", &was.name, message);
    }

    /// States that the machine knew, or that there were, and that it does not know: none may have records.
    fn states(&mut self, pair: RulesPair<'_>, was: Option<&StateMachine>, now: &StateMachine) {
        let Some(field) = field_before(pair, now) else { return };
        let FieldKind::Select { options } = &field.kind else { return };
        let still = pair.now.field(now.field.as_str()).map(|field| &field.kind);
        let is_option = |value: &str| matches!(still, Some(FieldKind::Select { options }) if options.iter().any(|option| option.value == value));
        let known = known(now);
        let before = was.map(self::known);
        for option in options {
            let value = option.value.as_str();
            // An option that is gone is told for that.
            let forgotten = !known.contains(value) && is_option(value);
            if !forgotten || before.as_ref().is_some_and(|before| !before.contains(value)) {
                continue;
            }
            let records =
                self.surroundings.records.count(pair.object, &Concerned::Option(&field.name, value));
            if records == Some(0) {
                continue;
            }
            let message = format!(
                "the state machine `{}` does not know this state, in which records are: they could never leave it; write `{value}: []` in its `transitions` if that is meant",
                now.name
            );
            let subject = Subject::Option(pair.object.name.clone(), field.name.clone(), value.to_owned());
            self.add(Class::Refused, "state-removed", subject, message).records = records;
        }
    }

    /// Who says nothing of the state must go on making records.
    fn initial(&mut self, pair: RulesPair<'_>, was: Option<&StateMachine>, now: &StateMachine) {
        let Some(field) = pair.now.field(now.field.as_str()) else { return };
        let Some(Default_::Value(serde_json::Value::String(default))) = &field.default else { return };
        let began = was.is_none_or(|was| was.may_begin(default));
        if now.may_begin(default) || !began || field_before(pair, now).is_none() {
            return;
        }
        let message =
            format!("`{default}`, which a new record gets, is no state that one may begin with any more");
        let subject = Subject::Field(pair.object.name.clone(), field.name.clone());
        self.add(Class::Refused, "initial-state-removed", subject, message);
    }
}

/// The field as it was; none where it is new, and no record has a value in it.
fn field_before<'a>(pair: RulesPair<'a>, machine: &StateMachine) -> Option<&'a Field> {
    let now = pair.now.field(machine.field.as_str())?;
    let column = now.column();
    pair.object.fields.values().find(|field| field.column() == column)
}

fn ways(machine: &StateMachine) -> BTreeSet<(&str, &str)> {
    machine
        .transitions
        .iter()
        .flat_map(|(from, to)| to.iter().map(move |to| (from.as_str(), to.as_str())))
        .collect()
}

/// Every state that a machine speaks of.
fn known(machine: &StateMachine) -> BTreeSet<&str> {
    let begin = machine.initial.iter().flatten();
    let next = machine.transitions.iter().flat_map(|(from, to)| std::iter::once(from).chain(to));
    begin.chain(next).map(String::as_str).collect()
}
