//! Records of one object that are written together: what their rules say is evaluated once for all of them.
//!
//! Those go together that follow one another in a call with the same kind of change. What is done to one of them must not matter to
//! the next before it is checked and put: where a trigger writes other records, or an expression looks at other records of the
//! same object, each goes alone; and a record that is named again waits until what was said of it before is written.

use std::{collections::HashSet, sync::Arc};

use quarry_metadata::ObjectName;
use quarry_storage::Key;

use super::{
    call::{Action, Call, Step},
    coerce, complete, conditions, constraints, contents, defaults,
    draft::Draft,
    permits, polymorphic, resolve,
    targets::{self, Sought},
    tell,
};
use crate::{
    change::{Done, Record},
    error::Result,
    layout::Layout,
    rules,
    work::Work,
};

/// How many records of an object can be written together.
pub(super) fn width(object: &str, work: &Work) -> usize {
    let take_many = work.active.rules.take_many(object) && rules::take_many(object, work);
    if take_many { work.together_max } else { 1 }
}

/// Records that have their values, and wait for the others.
#[derive(Default)]
pub(super) struct Wave {
    kind: Option<Kind>,
    /// How many may go together.
    width: usize,
    /// With what a client gave, where that is asked later.
    records: Vec<(Draft, Option<Vec<bool>>)>,
    named: HashSet<Name>,
}

#[derive(PartialEq)]
enum Kind {
    Create(ObjectName),
    Update(ObjectName),
    Upsert(ObjectName, Vec<String>),
}

/// What a change calls its record.
#[derive(PartialEq, Eq, Hash)]
enum Name {
    Id(Key),
    /// Values of unique fields, written down.
    Values(String),
}

impl Wave {
    /// Takes the records of a step that creates or updates.
    ///
    /// # Errors
    ///
    /// As [`super::run`].
    pub fn take(&mut self, work: &mut Work, call: &mut Call, step: Step, layout: &Arc<Layout>) -> Result<()> {
        self.begin(work, call, &step, layout)?;
        match step.action {
            Action::Create(data) => {
                self.make_room(work, call, None)?;
                let draft = Draft::create(step.change, layout.clone(), data.get("id"), work, call);
                self.add(work, call, draft, data)?;
            }
            Action::Update { ref ids, ref data } => {
                for id in ids {
                    let id = call.reference(id).unwrap_or_else(|| id.clone());
                    self.make_room(work, call, Some(Name::Id(id.clone())))?;
                    if let Some(draft) = targets::existing(work, call, &step, layout, &id)? {
                        self.add(work, call, draft, data.clone())?;
                    }
                }
                call.done(step.change, layout.object.name.as_str(), Done::Updated, &[]);
            }
            Action::Upsert { ref on, ref data } => {
                let Some(sought) = targets::sought(work, call, &step, layout, (on, data))? else {
                    return Ok(());
                };
                let name = match &sought {
                    Sought::New => None,
                    Sought::Id(id) => Some(Name::Id(id.clone())),
                    Sought::Values(_, values) => Some(Name::Values(format!("{values:?}"))),
                };
                self.make_room(work, call, name)?;
                if let Some(draft) = targets::upsert(work, call, &step, layout, (&sought, data))? {
                    self.add(work, call, draft, data.clone())?;
                }
            }
            Action::Delete { .. } | Action::Undelete { .. } | Action::Act { .. } => {}
        }
        Ok(())
    }

    /// Writes those that wait, when the step is of another kind.
    fn begin(&mut self, work: &mut Work, call: &mut Call, step: &Step, layout: &Layout) -> Result<()> {
        let object = layout.object.name.clone();
        let (kind, on): (_, &[String]) = match &step.action {
            Action::Update { .. } => (Kind::Update(object), &[]),
            Action::Upsert { on, .. } => (Kind::Upsert(object, on.clone()), on),
            _ => (Kind::Create(object), &[]),
        };
        if self.kind.as_ref() != Some(&kind) {
            self.write(work, call)?;
            let object = layout.object.name.as_str();
            // What a trigger sets there may be what the next record is sought by.
            let is_set = on.iter().any(|field| work.active.rules.set(object, field));
            self.width = if is_set { 1 } else { width(object, work) };
            self.kind = Some(kind);
        }
        Ok(())
    }

    /// Writes those that wait, when there is no place for one more, or it is one of them.
    fn make_room(&mut self, work: &mut Work, call: &mut Call, name: Option<Name>) -> Result<()> {
        if self.records.len() >= self.width || name.as_ref().is_some_and(|name| self.named.contains(name)) {
            self.write(work, call)?;
        }
        self.named.extend(name);
        Ok(())
    }

    fn add(&mut self, work: &mut Work, call: &mut Call, mut draft: Draft, mut data: Record) -> Result<()> {
        let rights = call.limits(work);
        let view = rights.as_ref().and_then(|rights| rights.view(draft.layout.object.name.as_str()));
        let seen = view.map(|view| &*view.object);
        let meant = polymorphic::take(&mut draft, &mut data, (work, call), seen)?;
        let inputs = resolve::fields(&mut draft, data, call.right, seen.zip(rights.as_deref()));
        coerce::inputs(&mut draft, inputs, work, call);
        polymorphic::give(&mut draft, meant);
        polymorphic::settle(&mut draft);
        contents::complete(&mut draft, work)?;
        let done = if draft.old.is_some() { Done::Updated } else { Done::Created };
        call.done(draft.change, draft.layout.object.name.as_str(), done, std::slice::from_ref(&draft.id));
        call.written.push(draft.id.clone());
        permits::note(&mut draft, call, rights.is_some());
        let given = conditions::given(&draft, call, work);
        self.records.push((draft, given));
        Ok(())
    }

    /// Brings those that wait through the other stages.
    ///
    /// # Errors
    ///
    /// As [`super::run`].
    pub fn write(&mut self, work: &mut Work, call: &mut Call) -> Result<()> {
        self.named.clear();
        let (mut drafts, given): (Vec<Draft>, Vec<_>) = std::mem::take(&mut self.records).into_iter().unzip();
        let mut all: Vec<&mut Draft> = drafts.iter_mut().collect();
        defaults::fill(&mut all, work)?;
        conditions::locked(&mut all, given, work)?;
        let (drafts, same): (Vec<Draft>, Vec<Draft>) =
            drafts.into_iter().partition(|draft| draft.old.is_none() || draft.has_changed());
        for mut draft in same.into_iter().filter(|draft| draft.asked.contains(&true)) {
            constraints::references(&mut draft, work, call)?;
            tell(call, draft);
        }
        complete(work, call, drafts)
    }
}

#[cfg(test)]
mod tests;
