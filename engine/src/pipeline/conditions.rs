//! What may not be written, and what must be, under conditions that fields name.

use super::{
    call::{Call, Right},
    draft::{Draft, Fault},
};
use crate::{
    error::Result,
    rules::{self, Subject},
    work::Work,
};

/// The columns that a client gave, where that is asked later.
pub(super) fn given(draft: &Draft, call: &Call, work: &Work) -> Option<Vec<bool>> {
    let asked = call.right == Right::Client && rules::locks(draft.layout.object.name.as_str(), work);
    asked.then(|| draft.given.clone())
}

/// Refuses what a client gave where it may not: as each record was before the change, or as a new one is with its
/// defaults.
///
/// # Errors
///
/// Those of the evaluation.
pub(super) fn locked(
    drafts: &mut [&mut Draft],
    given: Vec<Option<Vec<bool>>>,
    work: &mut Work,
) -> Result<()> {
    let is_changed =
        |draft: &Draft, given: &[bool], at: usize| given.get(at) == Some(&true) && draft.changes(at);
    let mut asked: Vec<(&mut &mut Draft, Vec<bool>)> = Vec::new();
    for (draft, given) in drafts.iter_mut().zip(given) {
        if let Some(given) = given
            && (0..given.len()).any(|at| is_changed(draft, &given, at))
        {
            asked.push((draft, given));
        }
    }
    let Some(layout) = asked.first().map(|(first, _)| first.layout.clone()) else { return Ok(()) };
    let subjects = asked.iter().map(|(draft, _)| match &draft.old {
        None => draft.subject(),
        Some(old) => Subject::new(&draft.layout, Some(old), &old.0),
    });
    let locked = rules::locked(&subjects.collect::<Vec<_>>(), work)?;
    for ((draft, given), names) in asked.iter_mut().zip(locked) {
        for name in names {
            let found = layout.object.field(name.as_str()).zip(layout.column(name.as_str()));
            if let Some((field, column)) = found
                && is_changed(draft, given, column)
            {
                let message = "the field is read-only as the record is; leave it out";
                draft.fault(field, Fault::new("readonly", message));
            }
        }
    }
    Ok(())
}
