//! The one way in: every change of every door runs through these stages, in this order.
//!
//! 1. [`targets`]: which records a change is about.
//! 2. [`resolve`]: which field each name means; what a client may not write is found here.
//! 3. [`defaults`]: what a new record gets that the client did not give.
//! 4. [`coerce`]: from what came in to values of the fields' types.
//! 5. [`calculate`]: what the engine writes itself: numbers, times, revision, version.
//! 6. [`validate`]: what must hold of one record: required, lengths, ranges, options, formats; [`among`]: of its fields
//!    together; then the packages' own [`rules`].
//! 7. [`constraints`]: what must hold between records: references, unique values; for deletes [`deletes`].
//!
//! A stage that finds something goes on with the rest: all findings of all records of a call come back together.

mod among;
mod calculate;
mod call;
mod coerce;
mod constraints;
mod defaults;
mod deletes;
mod draft;
mod formats;
mod resolve;
mod targets;
mod users;
mod validate;

pub(crate) use calculate::stamp;
pub(crate) use call::{Action, Call, Step};
pub(crate) use coerce::{days_of, micros_of};
pub(crate) use defaults::default;
use draft::Draft;
use quarry_storage::Key;

use crate::{
    change::{Done, Record},
    error::{Error, Result},
    rules::{self, Subject},
    work::Work,
};

/// Runs steps one after another; what is wrong with the data is collected in `call`.
///
/// # Errors
///
/// What is not about the data: an unknown object, a limit, the store.
pub(crate) fn run(work: &mut Work, call: &mut Call, steps: Vec<Step>) -> Result<()> {
    let mut steps = steps.into_iter().peekable();
    while let Some(mut step) = steps.next() {
        if call.is_full() {
            break;
        }
        let at = |error: Error| error.at(format!("changes[{}].object", step.change));
        let layout = work.layout(&step.object).map_err(at)?;
        resolve::former_names(&layout, &mut step);
        match step.action {
            Action::Create(data) => {
                let draft = Draft::create(step.change, layout, data.get("id"), work, call);
                write(work, call, draft, data)?;
            }
            Action::Update { ref ids, ref data } => {
                for id in ids {
                    if let Some(draft) = targets::existing(work, call, &step, &layout, id)? {
                        write(work, call, draft, data.clone())?;
                    }
                }
                call.done(step.change, layout.object.name.as_str(), Done::Updated, &[]);
            }
            Action::Upsert { ref on, ref data } => {
                if let Some((draft, data)) = targets::upsert(work, call, &step, &layout, on, data)? {
                    write(work, call, draft, data)?;
                }
            }
            Action::Delete { .. } => {
                // Deletes of one object that follow one another are expanded together: one lookup for all.
                let mut together = vec![step];
                while let Some(next) = steps.next_if(|next| next.deletes_as(together.first())) {
                    together.push(next);
                }
                deletes::run(work, call, &layout, &together)?;
            }
        }
    }
    Ok(())
}

/// One record through all stages.
fn write(work: &mut Work, call: &mut Call, mut draft: Draft, data: Record) -> Result<()> {
    let inputs = resolve::fields(&mut draft, data);
    coerce::inputs(&mut draft, inputs, work, call);
    defaults::fill(&mut draft, work)?;
    let done = match draft.old {
        Some(_) => Done::Updated,
        None => Done::Created,
    };
    let id: Key = draft.id.clone();
    if done == Done::Created || draft.has_changed() {
        calculate::fields(&mut draft, work)?;
        validate::fields(&mut draft);
        among::check(&mut draft);
        rules(&mut draft, work);
        constraints::check(&mut draft, work, call)?;
        match draft.findings.is_empty() {
            true => put(work, &mut draft)?,
            false => call.lost.insert((draft.layout.object.name.clone(), id.clone())),
        };
    }
    call.done(draft.change, draft.layout.object.name.as_str(), done, &[id]);
    call.find(draft.findings);
    Ok(())
}

/// What packages say must hold.
fn rules(draft: &mut Draft, work: &Work) {
    let layout = draft.layout.clone();
    let subject = Subject { layout: &layout, old: draft.old.as_ref(), new: &draft.values };
    for broken in rules::machines(&subject, work) {
        if !broken.field.as_deref().is_some_and(|field| draft.is_faulty(field)) {
            draft.find(broken.field.as_deref(), broken.code, broken.message, None);
        }
    }
}

fn put(work: &mut Work, draft: &mut Draft) -> Result<bool> {
    let layout = draft.layout.clone();
    let new = draft.row();
    match draft.old.take() {
        None => work.insert(&layout, new)?,
        Some(old) => {
            users::follow(work, &layout, &old, &new)?;
            work.update(&layout, old, new)?;
        }
    }
    Ok(true)
}
