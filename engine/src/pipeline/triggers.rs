//! Triggers: what packages do before and after a record is written.
//!
//! Before-triggers run where the record stands in the pipeline: they may set its fields and refuse it. After-triggers
//! run when everything that the call wrote is written and holds, record by record in the order of writing, each with its
//! record as it was and as it was written. Where something was found there is nothing to follow: they do not run.

use std::sync::Arc;

use indexmap::IndexMap;
use quarry_metadata::rules::{Event, Phase};
use quarry_storage::Row;

use super::{
    call::Call,
    draft::Draft,
    steps::{self, About, Runner},
};
use crate::{
    error::Result,
    layout::{Layout, key_of},
    rules::{Decided, Program, Subject},
    work::Work,
};

/// A record to which something was or is about to be done, as triggers see it.
pub(crate) struct Seen {
    /// Which change of the call.
    pub change: usize,
    pub layout: Arc<Layout>,
    /// Its id, where findings may tell it.
    pub id: Option<String>,
    pub event: Event,
    pub old: Option<Row>,
    /// As it is written; as it was, where it is deleted.
    pub new: Row,
}

impl Seen {
    /// A record that is deleted.
    pub fn gone(change: usize, layout: &Arc<Layout>, row: &Row) -> Seen {
        Seen {
            change,
            layout: layout.clone(),
            id: Some(key_of(row).to_string()),
            event: Event::Delete,
            old: Some(row.clone()),
            new: row.clone(),
        }
    }

    /// A record that comes back.
    pub fn back(draft: &Draft) -> Seen {
        Seen {
            change: draft.change,
            layout: draft.layout.clone(),
            id: draft.told_id(),
            event: Event::Undelete,
            old: None,
            new: draft.row(),
        }
    }

    /// As rules look at it.
    pub fn subject(&self) -> Subject<'_> {
        Subject::new(&self.layout, self.old.as_ref(), &self.new.0)
    }
}

/// Runs the triggers before records of one object are created or updated, each trigger for all of them before the next one.
///
/// # Errors
///
/// Those of the evaluation and of what they write.
pub(super) fn before_write(work: &mut Work, call: &mut Call, drafts: &mut [&mut Draft]) -> Result<()> {
    for event in [Event::Create, Event::Update] {
        let of_event = drafts.iter_mut().map(|draft| &mut **draft).filter(|draft| event_of(draft) == event);
        let mut of_event: Vec<&mut Draft> = of_event.collect();
        before_event(work, call, event, &mut of_event)?;
    }
    Ok(())
}

fn before_event(work: &mut Work, call: &mut Call, event: Event, drafts: &mut [&mut Draft]) -> Result<()> {
    let Some(object) = drafts.first().map(|first| first.layout.object.name.clone()) else { return Ok(()) };
    let (active, written) = (work.active.clone(), work.triggered);
    let programs = active.rules.programs(object.as_str(), Phase::Before, event);
    if programs.is_empty() {
        return Ok(());
    }
    let subjects: Vec<Subject<'_>> = drafts.iter().map(|draft| draft.subject()).collect();
    let mut decided = programs.decided(&subjects, work)?;
    for (at, program) in programs.iter().enumerate() {
        decide(work, (at, program), drafts, &mut decided)?;
        let mut starting: Vec<&mut Draft> = Vec::new();
        for (draft, decided) in drafts.iter_mut().zip(&mut decided) {
            if decided.get(at).copied().flatten() == Some(true) {
                starting.push(draft);
                // What it sets may decide otherwise.
                programs.unsettled(at).iter().for_each(|later| forget(decided, *later));
            }
        }
        if program.is_own() {
            steps::set_own(work, call, &mut starting, program)?;
        } else {
            for draft in starting {
                Runner::new(work, call, About::Draft(draft), program).run(Some(true))?;
            }
        }
    }
    if work.triggered != written {
        drafts.iter_mut().try_for_each(|draft| must_be_unchanged(work, draft))?;
    }
    Ok(())
}

fn forget(decided: &mut [Option<bool>], at: usize) {
    if let Some(place) = decided.get_mut(at) {
        *place = None;
    }
}

/// Asks those records for which it is open whether a trigger starts.
fn decide(
    work: &mut Work,
    (at, program): (usize, &Program),
    drafts: &[&mut Draft],
    decided: &mut Decided,
) -> Result<()> {
    let Some(when) = &program.when else { return Ok(()) };
    let is_open = |decided: &Vec<Option<bool>>| decided.get(at).copied().flatten().is_none();
    let (subjects, places): (Vec<Subject<'_>>, Vec<&mut Option<bool>>) = drafts
        .iter()
        .zip(decided)
        .filter(|(_, decided)| is_open(decided))
        .filter_map(|(draft, decided)| Some((draft.subject(), decided.get_mut(at)?)))
        .unzip();
    if subjects.is_empty() {
        return Ok(());
    }
    for (place, is_true) in places.into_iter().zip(when.are_true(&subjects, work)?) {
        *place = Some(is_true);
    }
    Ok(())
}

/// A record that was changed under the hands of its change: what that goes on with is not what is there.
fn must_be_unchanged(work: &Work, draft: &mut Draft) -> Result<()> {
    if work.row(&draft.layout.table, &draft.id)? != draft.old {
        let message = "what a trigger before the change wrote has changed the record itself; let it run after the change";
        draft.find(None, "changed_by_trigger", message.to_owned(), None);
    }
    Ok(())
}

/// Runs the triggers before a record is deleted, or comes back.
///
/// # Errors
///
/// As [`before_write`].
pub(super) fn before(work: &mut Work, call: &mut Call, seen: &Seen) -> Result<()> {
    let active = work.active.clone();
    for program in active.rules.programs(seen.layout.object.name.as_str(), Phase::Before, seen.event).iter() {
        Runner::new(work, call, About::Seen(seen), program).run(None)?;
    }
    Ok(())
}

/// Puts a record that is about to be written among those that after-triggers run for.
pub(super) fn remember_write(work: &Work, call: &mut Call, draft: &Draft, row: &Row) {
    let event = event_of(draft);
    if follows(work, &draft.layout, event) {
        call.afters.push(Seen {
            change: draft.change,
            layout: draft.layout.clone(),
            id: draft.told_id(),
            event,
            old: draft.old.clone(),
            new: row.clone(),
        });
    }
}

/// Puts a deleted record among them.
pub(super) fn remember_delete(work: &Work, call: &mut Call, change: usize, layout: &Arc<Layout>, row: &Row) {
    if follows(work, layout, Event::Delete) {
        call.afters.push(Seen::gone(change, layout, row));
    }
}

/// Puts a record that came back among them.
pub(super) fn remember_back(work: &Work, call: &mut Call, seen: Seen) {
    if follows(work, &seen.layout, Event::Undelete) {
        call.afters.push(seen);
    }
}

fn event_of(draft: &Draft) -> Event {
    if draft.old.is_some() { Event::Update } else { Event::Create }
}

fn follows(work: &Work, layout: &Layout, event: Event) -> bool {
    !work.active.rules.programs(layout.object.name.as_str(), Phase::After, event).is_empty()
}

/// Runs the triggers after what a call wrote.
///
/// # Errors
///
/// As [`before_write`].
pub(super) fn after(work: &mut Work, call: &mut Call) -> Result<()> {
    let seen = std::mem::take(&mut call.afters);
    if call.found() > 0 || seen.is_empty() {
        return Ok(());
    }
    let active = work.active.clone();
    let decided = decided(work, &seen)?;
    for (record, decided) in seen.iter().zip(&decided) {
        let programs = active.rules.programs(record.layout.object.name.as_str(), Phase::After, record.event);
        for (program, starts) in programs.iter().zip(decided) {
            if call.is_full() {
                return Ok(());
            }
            if *starts != Some(false) {
                Runner::new(work, call, About::Seen(record), program).run(*starts)?;
            }
        }
    }
    Ok(())
}

/// Which triggers start for which records, where nothing but the record itself decides: asked of all that have the same
/// triggers at once.
fn decided(work: &mut Work, seen: &[Seen]) -> Result<Decided> {
    let active = work.active.clone();
    let mut groups: IndexMap<(&str, Event), Vec<usize>> = IndexMap::new();
    for (at, record) in seen.iter().enumerate() {
        groups.entry((record.layout.object.name.as_str(), record.event)).or_default().push(at);
    }
    let mut decided: Decided = vec![Vec::new(); seen.len()];
    for ((object, event), places) in &groups {
        let programs = active.rules.programs(object, Phase::After, *event);
        let subjects: Vec<Subject<'_>> =
            places.iter().filter_map(|at| seen.get(*at)).map(Seen::subject).collect();
        for (at, starts) in places.iter().zip(programs.decided(&subjects, work)?) {
            if let Some(place) = decided.get_mut(*at) {
                *place = starts;
            }
        }
    }
    Ok(decided)
}
