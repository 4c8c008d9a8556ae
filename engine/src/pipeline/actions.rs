//! Actions: named operations that packages declare, each on one record, in the transaction of the change that asks for it.
//!
//! What the caller gives runs through the stages that fields run through: names, types, defaults, what must hold of each
//! value, references. Then the action's condition is asked, and its steps run as those of a trigger do.

use std::sync::Arc;

use quarry_metadata::{FieldName, rules::Event};
use quarry_storage::{Key, Row};

use super::{
    call::{Action, Call, Step},
    coerce, constraints, defaults,
    draft::Draft,
    resolve,
    steps::Runner,
    targets,
    triggers::Seen,
    validate,
};
use crate::{
    active::nearest,
    change::{Done, Finding, Record},
    error::{Error, Result},
    layout::{Layout, key_of},
    rules::{Act, Named},
    work::Work,
};

/// What the parameters are called in an action's expressions.
const PARAMETERS: &str = "parameters";

/// Does the action of a step.
///
/// # Errors
///
/// `Missing` for an action that the object does not have; those of what its steps write.
pub(super) fn run(work: &mut Work, call: &mut Call, mut step: Step, layout: &Arc<Layout>) -> Result<()> {
    let Action::Act { id, name, parameters } = &mut step.action else { return Ok(()) };
    let (id, given) = (id.clone(), std::mem::take(parameters));
    let object = layout.object.name.as_str();
    let at = |error: Error| error.at(format!("changes[{}].action", step.change));
    let act = work.active.rules.act(object, name).map_err(at)?;
    let Some(row) = targets::row(work, call, &step, layout, &id)? else { return Ok(()) };
    let key = key_of(&row);
    let Some(parameters) = parameters_of(work, call, (step.change, &key), &act, given)? else {
        return Ok(());
    };
    let seen = Seen {
        change: step.change,
        layout: layout.clone(),
        id: Some(key.to_string()),
        event: Event::Update,
        old: None,
        new: row,
    };
    let parameters = Named { name: PARAMETERS.into(), layout: act.parameters.clone(), row: Some(parameters) };
    let returned = Runner::act((&mut *work, &mut *call), &seen, &act, parameters)?;
    call.done(step.change, object, Done::Acted, &[key]);
    if let Some(returned) = returned {
        call.returned(step.change, returned);
    }
    Ok(())
}

/// What the caller gives, checked; none, with findings about the record that it is given for.
fn parameters_of(
    work: &mut Work,
    call: &mut Call,
    (change, key): (usize, &Key),
    act: &Act,
    mut given: Record,
) -> Result<Option<Row>> {
    let layout = &act.parameters;
    let known = |name: &str| layout.object.field(name).is_some();
    let unknown: Vec<String> = given.keys().filter(|name| !known(name)).cloned().collect();
    given.retain(|name, _| known(name));
    let mut draft = Draft::create(change, layout.clone(), None, work, call);
    for name in unknown {
        let near = nearest(&name, layout.object.fields.keys().map(FieldName::as_str));
        draft.find(
            Some(&name),
            "unknown_field",
            format!("{} has no parameter {name:?}{near}", act.name),
            None,
        );
    }
    let inputs = resolve::fields(&mut draft, given, call.right, None);
    coerce::inputs(&mut draft, inputs, work, call);
    if call.limits(work).is_some() {
        // Parameters name records that the caller sees.
        draft.asked.clone_from(&draft.given);
    }
    defaults::fill(&mut [&mut draft], work)?;
    validate::fields(&mut draft);
    constraints::references(&mut draft, work, call)?;
    if draft.findings.is_empty() {
        return Ok(Some(draft.row()));
    }
    let told = |finding: Finding| Finding { id: Some(key.to_string()), constraint: None, ..finding };
    call.find(draft.findings.into_iter().map(told));
    Ok(None)
}
