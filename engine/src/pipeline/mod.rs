//! The one way in: every change of every door runs through these stages, in this order.
//!
//! 1. [`targets`]: which records a change is about.
//! 2. [`resolve`]: which field each name means; what a client may not write is found here.
//! 3. [`defaults`]: what a new record gets that the client did not give.
//! 4. [`coerce`]: from what came in to values of the fields' types; [`contents`]: which contents they name; [`polymorphic`]: of
//!    which object a record is that one of several may be.
//! 5. [`triggers`]: what packages set, refuse or write elsewhere before a record is written; then [`calculate`]: what the engine writes itself: numbers, times, revision, version.
//! 6. [`validate`]: what must hold of one record: required, lengths, ranges, options, formats; [`among`]: of its fields together; then which
//!    values may follow which ([`machines`]).
//! 7. [`constraints`]: what must hold between records: references, unique values; for deletes [`deletes`], for what comes back [`undeletes`].
//! 8. [`summaries`]: what is summed up of the changed records, in those that they refer to; then [`settle`]: what packages say must hold, asked of all records of the call at once.
//! 9. [`triggers`] again: what packages do once all of it is written. What a trigger writes, before or after, is a call of
//!    its own through all of these stages ([`steps`]).
//!
//! Records of one object go through stages 3 to 5 together ([`waves`]), where what is done to one can't matter to the next.
//!
//! A stage that finds something goes on with the rest: all findings of all records of a call come back together.

mod actions;
mod among;
mod calculate;
mod call;
mod coerce;
mod conditions;
mod constraints;
mod contents;
mod defaults;
mod deletes;
mod draft;
mod formats;
mod permits;
mod polymorphic;
mod resolve;
mod steps;
mod summaries;
mod targets;
mod triggers;
mod undeletes;
mod users;
mod validate;
mod waves;

pub(crate) use calculate::stamp;
pub(crate) use call::{Action, Call, Right, Step};
pub(crate) use coerce::{days_of, micros_of, value};
pub(crate) use defaults::default;
use draft::Draft;
use indexmap::IndexMap;
use quarry_metadata::{
    ObjectName,
    rules::{Event, Weight},
};
use quarry_storage::Row;
pub(crate) use undeletes::must_keep;
use waves::Wave;

use crate::{
    change::Finding,
    error::{Error, Result},
    rules::{self, Broken, Pending},
    work::Work,
};

/// Runs steps one after another; what is wrong with the data is collected in `call`.
///
/// # Errors
///
/// What is not about the data: an unknown object, a limit, the store.
pub(crate) fn run(work: &mut Work, call: &mut Call, steps: Vec<Step>) -> Result<()> {
    let mut wave = Wave::default();
    let mut steps = steps.into_iter().peekable();
    while let Some(mut step) = steps.next() {
        if call.is_full() {
            break;
        }
        work.must_go_on()?;
        let at = |error: Error| error.at(format!("changes[{}].object", step.change));
        if let Some(rights) = call.limits(work) {
            rights.must_begin(&step).map_err(at)?;
        }
        let layout = work.layout(&step.object).map_err(at)?;
        resolve::former_names(&layout, &mut step);
        permits::before(work, call, &step, &layout)?;
        if step.writes() {
            wave.take(work, call, step, &layout)?;
            continue;
        }
        wave.write(work, call)?;
        // What a client may not have made of a record must not be what lets him do more with it.
        permits::judge(work, call)?;
        match step.action {
            Action::Delete { .. } => {
                // Deletes of one object that follow one another are expanded together: one lookup for all.
                let mut together = vec![step];
                while let Some(next) = steps.next_if(|next| next.deletes_as(together.first())) {
                    together.push(next);
                }
                deletes::run(work, call, &layout, &together)?;
            }
            Action::Undelete { .. } => undeletes::run(work, call, &layout, &step)?,
            Action::Act { .. } => {
                // It sees what the changes before it lead to.
                finish(work, call)?;
                actions::run(work, call, step, &layout)?;
            }
            Action::Create(_) | Action::Update { .. } | Action::Upsert { .. } => {}
        }
    }
    wave.write(work, call)?;
    finish(work, call)?;
    permits::judge(work, call)
}

/// What follows from all changes of a call, when they are made.
fn finish(work: &mut Work, call: &mut Call) -> Result<()> {
    summaries::settle(work, call)?;
    settle(work, call)?;
    triggers::after(work, call)
}

/// New or changed records of one object through the stages behind their values. Where there are several, what is done to one of them
/// does not matter to the others until it is checked.
fn complete(work: &mut Work, call: &mut Call, mut drafts: Vec<Draft>) -> Result<()> {
    let mut all: Vec<&mut Draft> = drafts.iter_mut().collect();
    triggers::before_write(work, call, &mut all)?;
    all.iter_mut().for_each(|draft| polymorphic::settle(draft));
    calculate::fields(&mut all, work)?;
    for mut draft in drafts {
        if call.is_full() {
            break;
        }
        // What the record before it took is not there for this one.
        contents::complete(&mut draft, work)?;
        validate::fields(&mut draft);
        among::check(&mut draft);
        machines(&mut draft, work);
        let row = draft.row();
        remember(&draft, &row, work, call);
        constraints::check(&mut draft, work, call)?;
        match draft.findings.is_empty() {
            true => {
                triggers::remember_write(work, call, &draft, &row);
                put(work, &mut draft, row)?;
            }
            false => drop(call.lost.insert((draft.layout.object.name.clone(), draft.id.clone()))),
        }
        tell(call, draft);
    }
    Ok(())
}

/// What was found in a record is the call's.
fn tell(call: &mut Call, draft: Draft) {
    call.find(draft.findings);
    call.warn(draft.warnings);
}

/// Which values may follow which.
fn machines(draft: &mut Draft, work: &Work) {
    for broken in rules::machines(&draft.subject(), work) {
        if !broken.field.as_deref().is_some_and(|field| draft.is_faulty(field)) {
            found(draft, broken);
        }
    }
}

fn found(draft: &mut Draft, broken: Broken) {
    match broken.weight {
        Weight::Error => draft.find(broken.field.as_deref(), broken.code, broken.message, None),
        Weight::Warning => draft.warn(broken.field.as_deref(), broken.code, broken.message),
    }
}

/// Puts a record among those that are validated when all are written.
fn remember(draft: &Draft, row: &Row, work: &Work, call: &mut Call) {
    let event = if draft.old.is_none() { Event::Create } else { Event::Update };
    let object = draft.layout.object.name.as_str();
    if rules::has_validations(object, event, work) || rules::asks(object, work) {
        call.pending.push(Pending {
            change: draft.change,
            layout: draft.layout.clone(),
            event,
            id: draft.told_id(),
            old: draft.old.clone(),
            new: row.clone(),
            faulty: draft.findings.iter().filter_map(|finding| finding.field.clone()).collect(),
        });
    }
}

/// What must hold of the records of a call, all of one object at once.
fn settle(work: &mut Work, call: &mut Call) -> Result<()> {
    let pending = std::mem::take(&mut call.pending);
    judge(work, call, &pending)
}

/// Asks records what must hold of them, all of one object to which the same is done at once.
fn judge(work: &mut Work, call: &mut Call, pending: &[Pending]) -> Result<()> {
    let mut groups: IndexMap<(ObjectName, Event), Vec<&Pending>> = IndexMap::new();
    for record in pending {
        let group = (record.layout.object.name.clone(), record.event);
        groups.entry(group).or_default().push(record);
    }
    for ((object, event), records) in groups {
        let mut broken = match event {
            Event::Delete => Vec::new(),
            _ => rules::missing(&records, validate::is_blank, work)?,
        };
        if event != Event::Delete {
            broken.extend(rules::not_offered(&records, work)?);
        }
        broken.extend(rules::validate(&records, work)?);
        for (at, broken) in broken {
            let Some(record) = records.get(at) else { continue };
            let finding = Finding {
                change: record.change,
                object: object.to_string(),
                id: record.id.clone(),
                field: broken.field,
                code: broken.code.into(),
                message: broken.message,
                constraint: None,
            };
            match broken.weight {
                Weight::Error => call.find([finding]),
                Weight::Warning => call.warn([finding]),
            }
        }
    }
    Ok(())
}

fn put(work: &mut Work, draft: &mut Draft, new: Row) -> Result<()> {
    contents::take(draft, work)?;
    let layout = draft.layout.clone();
    let old = summaries::overtaken(work, draft.change, &layout, draft.old.take());
    summaries::note(work, draft.change, &layout, (old.as_ref(), Some(&new)));
    match old {
        None => work.insert(&layout, new)?,
        Some(old) => {
            users::follow(work, &layout, &old, &new)?;
            work.update(&layout, old, new)?;
        }
    }
    Ok(())
}
