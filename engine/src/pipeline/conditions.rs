//! What may not be written, and what must be, under conditions that fields name.

use quarry_storage::Value;

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

/// Refuses what a client gave where it may not: as the record was before the change, or as a new one is with its
/// defaults.
///
/// # Errors
///
/// Those of the evaluation.
pub(super) fn locked(draft: &mut Draft, given: Option<Vec<bool>>, work: &mut Work) -> Result<()> {
    let Some(given) = given else { return Ok(()) };
    let changed = |column: usize| given.get(column) == Some(&true) && draft.changes(column);
    if !(0..given.len()).any(changed) {
        return Ok(());
    }
    let locked = match &draft.old {
        None => rules::locked(&draft.subject(), work)?,
        Some(old) => {
            let before: Vec<Value> = (0..draft.values.len()).map(|column| old.get(column).clone()).collect();
            rules::locked(&Subject::new(&draft.layout, Some(old), &before), work)?
        }
    };
    let layout = draft.layout.clone();
    for name in locked {
        let (Some(field), Some(column)) = (layout.object.field(name.as_str()), layout.column(name.as_str()))
        else {
            continue;
        };
        if given.get(column) == Some(&true) && draft.changes(column) {
            draft.fault(
                field,
                Fault::new("readonly", "the field is read-only as the record is; leave it out"),
            );
        }
    }
    Ok(())
}
