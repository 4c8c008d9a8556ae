//! Records whose summaries are others now are changed like any record: their triggers and rules see it.
//!
//! What was written waits in [`Work`], not in a call: what triggers write is a call within the call, and each settles all that
//! was written before it.

use std::sync::Arc;

use quarry_storage::Row;

use super::{call::Call, complete, draft::Draft, waves};
use crate::{
    error::Result,
    layout::{Layout, key_of},
    summaries::{self, Awaited, Parent},
    work::Work,
};

/// A record was written, or deleted.
pub(super) fn note(work: &mut Work, change: usize, layout: &Arc<Layout>, rows: (Option<&Row>, Option<&Row>)) {
    let noted = summaries::note(work, change, layout, rows);
    work.awaited.noted.extend(noted);
}

/// A record that was deleted is there again, as `row`: it counts again where it did, and its own summaries are made anew.
pub(super) fn restored(work: &mut Work, change: usize, layout: &Arc<Layout>, row: &Row) {
    note(work, change, layout, (None, Some(row)));
    make_anew(work, change, layout, row);
}

/// The row that a draft takes the place of: not the one that it began with, where a trigger wrote the record meanwhile. What it
/// thinks of its summaries is old then, and they are made anew.
pub(super) fn overtaken(
    work: &mut Work,
    change: usize,
    layout: &Arc<Layout>,
    old: Option<Row>,
) -> Option<Row> {
    let old = old?;
    if !work.active.summaries.concern(layout.object.name.as_str()) {
        return Some(old);
    }
    let current = work.writes().get(&layout.table, &key_of(&old)).flatten().cloned();
    match current.filter(|current| *current != old) {
        None => Some(old),
        Some(current) => {
            make_anew(work, change, layout, &current);
            Some(current)
        }
    }
}

fn make_anew(work: &mut Work, change: usize, layout: &Layout, row: &Row) {
    let active = work.active.clone();
    for plan in active.summaries.of_parent(layout.object.name.as_str()) {
        work.awaited.stale.insert((plan, key_of(row)), change);
    }
}

/// Brings summaries up to date, from below: what is summed up of a record may be summed up again. Not where something is wrong
/// with the records: nothing of the call is kept then.
///
/// # Errors
///
/// Those of the store.
pub(super) fn settle(work: &mut Work, call: &mut Call) -> Result<()> {
    while call.found() == 0 && !work.awaited.is_empty() {
        let Awaited { noted, stale } = std::mem::take(&mut work.awaited);
        let mut together: Vec<Draft> = Vec::new();
        for parent in summaries::settle(work, noted, stale)? {
            let object = parent.layout.object.name.as_str();
            let fits = together.first().is_none_or(|first| first.layout.object.name.as_str() == object);
            if !fits || together.len() >= waves::width(object, work) {
                complete(work, call, std::mem::take(&mut together))?;
            }
            together.extend(changed(work, parent)?);
        }
        complete(work, call, together)?;
    }
    Ok(())
}

/// A parent with its new summaries, where it becomes another.
fn changed(work: &mut Work, parent: Parent) -> Result<Option<Draft>> {
    let Parent { change, layout, row, values, is_held } = parent;
    let key = key_of(&row);
    if work.row(&layout.table, &key)?.as_ref() != Some(&row) {
        // What another parent's triggers wrote has changed it since.
        let anew = values.into_iter().map(|(plan, ..)| ((plan, key.clone()), change));
        work.awaited.stale.extend(anew);
        return Ok(None);
    }
    let mut draft = Draft::update(change, layout.clone(), row);
    for (_, field, value) in values {
        let Some(column) = layout.column(field.as_str()) else { continue };
        match value {
            Ok(value) => draft.give(column, value),
            Err(_) => {
                let message = "what is summed up has more digits than are kept".to_owned();
                draft.find(Some(field.as_str()), "max_precision", message, None);
            }
        }
    }
    if draft.has_changed() {
        return Ok(Some(draft));
    }
    if is_held
        && let Some(row) = draft.old
        && work.writes().get(&layout.table, &key).is_none()
    {
        // Who changes another of its records meanwhile did not see this one, and has to begin again.
        work.update(&layout, row.clone(), row)?;
    }
    Ok(None)
}
