//! Records whose summaries are others now are changed like any record: their triggers and rules see it.

use std::sync::Arc;

use quarry_storage::{Key, Row};

use super::{call::Call, complete, draft::Draft};
use crate::{
    error::Result,
    layout::Layout,
    summaries::{self, Noted, Stale},
    work::Work,
};

/// What summaries wait for.
#[derive(Default)]
pub(crate) struct Awaited {
    noted: Vec<Noted>,
    stale: Stale,
}

/// A record was written, or deleted.
pub(super) fn note(
    work: &Work,
    call: &mut Call,
    change: usize,
    layout: &Arc<Layout>,
    rows: (Option<&Row>, Option<&Row>),
) {
    call.awaited.noted.extend(summaries::note(work, change, layout, rows));
}

/// A record that was deleted is there again, as `row`: it counts again where it did, and its own summaries are made anew.
#[allow(dead_code)]
pub(crate) fn restored(work: &Work, call: &mut Call, change: usize, layout: &Arc<Layout>, row: &Row) {
    note(work, call, change, layout, (None, Some(row)));
    let key: Key = crate::layout::key_of(row);
    for plan in work.active.summaries.of_parent(layout.object.name.as_str()) {
        call.awaited.stale.insert((plan, key.clone()), change);
    }
}

/// Brings summaries up to date, from below: what is summed up of a record may be summed up again. Not where something is wrong
/// with the records: nothing of the call is kept then.
///
/// # Errors
///
/// Those of the store.
pub(super) fn settle(work: &mut Work, call: &mut Call) -> Result<()> {
    while !call.has_findings() {
        let Awaited { noted, stale } = std::mem::take(&mut call.awaited);
        if noted.is_empty() && stale.is_empty() {
            return Ok(());
        }
        for parent in summaries::settle(work, noted, stale)? {
            let mut draft = Draft::update(parent.change, parent.layout.clone(), parent.row);
            for (field, value) in parent.values {
                let Some(column) = parent.layout.column(field.as_str()) else { continue };
                match value {
                    Ok(value) => draft.give(column, value),
                    Err(_) => {
                        let message = "what is summed up has more digits than are kept".to_owned();
                        draft.find(Some(field.as_str()), "max_precision", message, None);
                    }
                }
            }
            if draft.has_changed() {
                complete(work, call, draft)?;
            } else if parent.is_held
                && let Some(row) = draft.old
                && work.writes().get(&parent.layout.table, &draft.id).is_none()
            {
                // Who changes another of its records meanwhile did not see this one, and has to begin again.
                work.update(&parent.layout, row.clone(), row)?;
            }
        }
    }
    Ok(())
}
