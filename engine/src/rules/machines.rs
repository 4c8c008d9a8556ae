//! State machines: a new record begins where it may, and a value is followed by what may follow it.

use quarry_metadata::rules::StateMachine;
use quarry_storage::Value;

use super::{Broken, Subject, message};
use crate::work::{Actor, Work};

/// What the state machines of its object find in a record. A field that stays as it is, is well.
pub(crate) fn check(subject: &Subject<'_>, work: &Work) -> Vec<Broken> {
    let rules = work.active.registry.rules.get(subject.layout.object.name.as_str());
    let machines = rules.iter().flat_map(|rules| &rules.machines);
    machines.filter_map(|machine| broken(machine, subject, &work.actor)).collect()
}

fn broken(machine: &StateMachine, subject: &Subject<'_>, actor: &Actor) -> Option<Broken> {
    let column = subject.layout.column(machine.field.as_str())?;
    let state = |value: Option<&Value>| match value {
        Some(Value::Text(state)) => Some(state.clone()),
        _ => None,
    };
    let before = state(subject.old.map(|row| row.get(column)));
    let may = match (before, state(subject.new.get(column))) {
        (None, None) => true,
        (None, Some(new)) => machine.may_begin(&new),
        (Some(old), Some(new)) => machine.may_follow(&old, &new),
        // Nothing is no state: what has begun goes on.
        (Some(_), None) => false,
    };
    (!may).then(|| Broken {
        field: Some(machine.field.to_string()),
        code: machine.error_code.clone(),
        message: message::told(&machine.message, subject, actor),
        weight: machine.severity,
    })
}
