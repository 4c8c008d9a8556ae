//! What a client may do with single records: asked of the records that a change names, and of what became of those that it wrote.

use std::{collections::HashMap, sync::Arc};

use quarry_metadata::{ObjectName, permissions::Act};
use quarry_storage::{Key, Value};

use super::{
    call::{Action, Call, Own, Step},
    draft::Draft,
};
use crate::{change::Finding, error::Result, layout::Layout, work::Work};

/// Whether a record may be changed.
pub(super) enum Permit {
    Yes,
    /// It is not there for the client.
    Unseen,
    /// It is there, and stays as it is.
    No(String),
}

/// What a step does to records that are there.
fn act_of(step: &Step) -> Act {
    match step.action {
        Action::Delete { .. } | Action::Undelete { .. } => Act::Delete,
        _ => Act::Update,
    }
}

/// Asks at once for the records that a step names.
///
/// # Errors
///
/// Those of the store.
pub(super) fn before(work: &mut Work, call: &mut Call, step: &Step, layout: &Layout) -> Result<()> {
    call.may_change = None;
    let Some(rights) = call.limits(work) else { return Ok(()) };
    let (Action::Update { ids, .. } | Action::Delete { ids }) = &step.action else { return Ok(()) };
    if ids.len() < 2 || rights.all_for(&layout.object, act_of(step)) {
        return Ok(());
    }
    let about = (&*layout.object, act_of(step), false);
    call.may_change = Some(rights.allowed(&work.view(), about, ids)?);
    Ok(())
}

/// Whether a step may change a record that is there.
///
/// # Errors
///
/// Those of the store.
pub(super) fn target(
    work: &mut Work,
    call: &Call,
    step: &Step,
    (layout, key): (&Layout, &Key),
) -> Result<Permit> {
    let Some(rights) = call.limits(work) else { return Ok(Permit::Yes) };
    let (object, act) = (&*layout.object, act_of(step));
    let state = work.view();
    if !rights.sees(&state, &object.name, key)? {
        return Ok(Permit::Unseen);
    }
    let may = match &call.may_change {
        Some(known) if known.contains(key) => true,
        _ => {
            rights.all_for(object, act)
                || !rights.allowed(&state, (object, act, false), std::slice::from_ref(key))?.is_empty()
        }
    };
    let doing = if act == Act::Delete { "delete" } else { "change" };
    Ok(if may { Permit::Yes } else { Permit::No(format!("you may not {doing} this {}", object.name)) })
}

/// Notes what a client gave of a record.
pub(super) fn note(draft: &mut Draft, call: &mut Call, is_limited: bool) {
    if !is_limited {
        return;
    }
    draft.asked.clone_from(&draft.given);
    let owner = draft.layout.object.owner_field().and_then(|owner| draft.layout.column(owner.as_str()));
    call.own.push(Own {
        change: draft.change,
        layout: draft.layout.clone(),
        key: draft.id.clone(),
        id: draft.told_id(),
        old: draft.old.clone(),
        gives_owner: owner.is_some_and(|owner| draft.changes(owner) && draft.is_given(owner)),
    });
}

/// Whether a client that gave a reference sees the record.
///
/// # Errors
///
/// Those of the store.
pub(super) fn may_refer(
    draft: &Draft,
    column: usize,
    (object, key): &(ObjectName, Key),
    (work, call): (&mut Work, &Call),
) -> Result<bool> {
    let Some(rights) = call.limits(work) else { return Ok(true) };
    let is_asked = draft.asked.get(column).copied().unwrap_or(false);
    Ok(!is_asked || rights.sees(&work.view(), object, key)?)
}

/// Whether a client sees a record that is there.
///
/// # Errors
///
/// Those of the store.
pub(super) fn is_seen(work: &mut Work, call: &Call, object: &ObjectName, key: &Key) -> Result<bool> {
    match call.limits(work) {
        Some(rights) => rights.sees(&work.view(), object, key),
        None => Ok(true),
    }
}

/// Whether a record may be told of to who acts.
///
/// # Errors
///
/// Those of the store.
pub(super) fn sees(work: &mut Work, object: &ObjectName, key: &Key) -> Result<bool> {
    match work.actor.limited().cloned() {
        Some(rights) => rights.sees(&work.view(), object, key),
        None => Ok(true),
    }
}

/// Whether a client may bring a deleted record back.
///
/// # Errors
///
/// Those of the store.
pub(super) fn may_bring_back(work: &mut Work, call: &Call, layout: &Layout, key: &Key) -> Result<bool> {
    let Some(rights) = call.limits(work) else { return Ok(true) };
    let state = work.view();
    let mut may = true;
    for act in [Act::Read, Act::Delete] {
        may &= !rights.allowed(&state, (&layout.object, act, true), std::slice::from_ref(key))?.is_empty();
    }
    Ok(may)
}

/// Looks whether what the client has written so far is what it may write: it can't make a record, or bring one to where it may not change
/// it. What was told of is not told again; what holds is looked at again when more was done.
///
/// # Errors
///
/// Those of the store.
pub(super) fn judge(work: &mut Work, call: &mut Call) -> Result<()> {
    let Some(rights) = call.limits(work) else { return Ok(()) };
    let mut groups: HashMap<(ObjectName, Act), Vec<Own>> = HashMap::new();
    let mut held = Vec::new();
    for own in std::mem::take(&mut call.own) {
        let layout = Arc::clone(&own.layout);
        // It may have been refused, or deleted by what came after.
        let Some(row) = work.row(&layout.table, &own.key)? else { continue };
        let owner = layout.object.owner_field().and_then(|owner| layout.column(owner.as_str()));
        let now = owner.map(|owner| row.get(owner).clone());
        let was = owner.and_then(|owner| own.old.as_ref().map(|old| old.get(owner).clone()));
        let is_own = matches!(&now, Some(Value::Text(now)) if *now == work.actor.user_id);
        let act = match &own.old {
            // Whose it is was the packages' to say.
            None if !own.gives_owner && !is_own => Act::Transfer,
            None => Act::Create,
            Some(_) if now == was => Act::Update,
            Some(_) => Act::Transfer,
        };
        let gives_away = own.old.is_some() && own.gives_owner && now != was;
        if gives_away && !rights.may_transfer(&layout.object) {
            let field = layout.object.owner_field().map(ToString::to_string);
            let message = format!("you may not give this {} to another owner", layout.object.name);
            call.find([finding(&own, field, message)]);
            continue;
        }
        groups.entry((layout.object.name.clone(), act)).or_default().push(own);
    }
    for ((_, act), written) in groups {
        let Some(first) = written.first() else { continue };
        let object = Arc::clone(&first.layout.object);
        if act != Act::Transfer && rights.all_for(&object, act) {
            continue;
        }
        let keys: Vec<Key> = written.iter().map(|own| own.key.clone()).collect();
        let state = work.view();
        let allowed = match act {
            // Whose it is was the packages' to say, or may be given: all else must hold.
            Act::Transfer => rights.among(&state, (&object, &rights.left(&object)), &keys)?,
            _ => rights.allowed(&state, (&object, act, false), &keys)?,
        };
        let (well, wrong): (Vec<Own>, Vec<Own>) =
            written.into_iter().partition(|own| allowed.contains(&own.key));
        held.extend(well);
        for own in &wrong {
            let message = match own.old {
                None => format!("you may not create such a record of {}", object.name),
                Some(_) => {
                    format!("you may not make of this {} what you could not change any more", object.name)
                }
            };
            call.find([finding(own, None, message)]);
        }
    }
    call.own = held;
    Ok(())
}

fn finding(own: &Own, field: Option<String>, message: String) -> Finding {
    Finding {
        change: own.change,
        object: own.layout.object.name.to_string(),
        id: own.id.clone(),
        field,
        code: "permission_denied".into(),
        message,
        constraint: None,
    }
}
