//! Records that come back from the recycle bin, with all that went with the same deletion.
//!
//! 1. The record is looked up in its object's bin, and what has its deletion's id in the bins of all objects. One that came back
//!    with another of the same call is back.
//! 2. Each is as it was: its id, who made it and when; its revision counts on.
//! 3. What is gone meanwhile is left out of it where it may be, and is a finding where it must be there: references are looked
//!    up among the records that are there and those that come back.
//! 4. Unique values may be taken meanwhile: a finding names who has them. The store checks all of it again at commit.
//!
//! It is not validated: it is as it was. Triggers before and after `undelete` run for each of them.

use std::{collections::HashSet, sync::Arc};

use quarry_metadata::{FieldKind, ObjectName};
use quarry_storage::{Key, Row, Value};

use super::{
    calculate,
    call::{Action, Call, Step},
    constraints, defaults,
    draft::Draft,
    permits, polymorphic, summaries, tell,
    triggers::{self, Seen},
};
use crate::{
    change::{Done, Finding, reference_constraint},
    error::{Error, ErrorKind, Result},
    layout::{Bin, Layout, key_of},
    work::{Work, keys_of},
};

/// Records that come back with one.
const TOGETHER_MAX: usize = 100_000;

/// A record in a bin.
struct Kept {
    layout: Arc<Layout>,
    row: Row,
}

/// Brings back the records of a step.
///
/// # Errors
///
/// `Invalid` when the object keeps no recycle bin; `Limited` past the number of records that come back with one; those of the
/// store.
pub(super) fn run(work: &mut Work, call: &mut Call, layout: &Arc<Layout>, step: &Step) -> Result<()> {
    let Action::Undelete { ids } = &step.action else { return Ok(()) };
    let bin = must_keep(layout).map_err(|error| error.at(format!("changes[{}].object", step.change)))?;
    let mut back = Vec::with_capacity(ids.len());
    for id in ids {
        let row = work.row(&bin.table, id)?;
        let row = match row {
            Some(row) if permits::may_bring_back(work, call, layout, id)? => Some(row),
            _ => None,
        };
        let Some(row) = row else {
            match call.back.contains(&(layout.object.name.clone(), id.clone())) {
                // It went with one that was named before it.
                true => back.push(id.clone()),
                false => call.find([missing(step, id)]),
            }
            continue;
        };
        let together = match bin.deletion(&row) {
            Some(deletion) => together(work, &deletion)?,
            None => vec![Kept { layout: layout.clone(), row }],
        };
        let mut may = true;
        for kept in &together {
            may &= permits::may_bring_back(work, call, &kept.layout, &key_of(&kept.row))?;
        }
        if !may {
            let message = format!("what went with this {} is not yours to bring back", layout.object.name);
            call.find([Finding { code: "permission_denied".into(), message, ..missing(step, id) }]);
            continue;
        }
        let names = together.iter().map(|kept| (kept.layout.object.name.clone(), key_of(&kept.row)));
        let names: HashSet<(ObjectName, Key)> = names.collect();
        for kept in together {
            bring_back(work, call, step.change, kept, &names)?;
        }
        call.back.extend(names);
        back.push(id.clone());
    }
    call.done(step.change, layout.object.name.as_str(), Done::Undeleted, &back);
    Ok(())
}

/// The recycle bin of an object.
///
/// # Errors
///
/// `Invalid` when it keeps none.
pub(crate) fn must_keep(layout: &Layout) -> Result<&Bin> {
    layout.bin.as_ref().ok_or_else(|| {
        let message = format!("{} keeps no recycle bin (enable: {{recycleBin: true}})", layout.object.name);
        Error::new(ErrorKind::Invalid, "NO_RECYCLE_BIN", message)
    })
}

fn missing(step: &Step, id: &Key) -> Finding {
    Finding {
        change: step.change,
        object: step.object.clone(),
        id: Some(id.to_string()),
        field: None,
        code: "record_not_found".into(),
        message: format!("there is no deleted {} {id:?}", step.object),
        constraint: None,
    }
}

/// All records that went with a deletion.
fn together(work: &mut Work, deletion: &Key) -> Result<Vec<Kept>> {
    let active = work.active.clone();
    let mut found = Vec::new();
    for object in active.registry.objects.values().filter(|object| object.recycle_bin) {
        let layout = work.layout(object.name.as_str())?;
        let Some(bin) = &layout.bin else { continue };
        let table = work.view().table(&bin.table)?;
        let rows = table.lookup(quarry_planner::lower::DELETION, &[Value::Text(deletion.clone())])?;
        for key in keys_of(&table, rows, TOGETHER_MAX)? {
            if let Some(row) = work.row(&bin.table, &key)? {
                found.push(Kept { layout: layout.clone(), row });
            }
        }
        if found.len() > TOGETHER_MAX {
            return Err(Error::limited("records of one undelete", found.len(), TOGETHER_MAX));
        }
    }
    Ok(found)
}

fn bring_back(
    work: &mut Work,
    call: &mut Call,
    change: usize,
    kept: Kept,
    together: &HashSet<(ObjectName, Key)>,
) -> Result<()> {
    let Kept { layout, row } = kept;
    let bin = must_keep(&layout)?;
    let mut draft = Draft::back(change, layout.clone(), key_of(&row), bin.values(&row));
    references(&mut draft, work, together)?;
    defaults::required(&mut draft, work)?;
    triggers::before(work, call, &Seen::back(&draft))?;
    calculate::stamp_back(&layout, &mut draft.values, work)?;
    constraints::of_returning(&mut draft, work)?;
    if draft.findings.is_empty() {
        triggers::remember_back(work, call, Seen::back(&draft));
        work.delete(&bin.table, row)?;
        let row = draft.row();
        work.insert(&layout, row.clone())?;
        summaries::restored(work, change, &layout, &row);
    } else {
        call.lost.insert((layout.object.name.clone(), draft.id.clone()));
    }
    tell(call, draft);
    Ok(())
}

/// What a record refers to and is gone is left out, or missed.
fn references(draft: &mut Draft, work: &mut Work, together: &HashSet<(ObjectName, Key)>) -> Result<()> {
    let layout = draft.layout.clone();
    for (column, field) in layout.fields() {
        let (FieldKind::Lookup { target, .. } | FieldKind::References { target, .. }) = &field.kind else {
            continue;
        };
        let mut is_there = |key: &Key| -> Result<bool> {
            let named = (target.clone(), key.clone());
            Ok(together.contains(&named) || work.exists(target, key)?)
        };
        match draft.value(column).clone() {
            Value::Text(key) if !is_there(&key)? => {
                draft.set(column, Value::Null);
                if field.required {
                    let constraint = reference_constraint(layout.object.name.as_str(), field.name.as_str());
                    let message = format!("there is no {target} {key:?} any more");
                    let name = field.name.as_str();
                    draft.find(Some(name), "reference_not_found", message, Some(constraint));
                }
            }
            Value::TextList(keys) => {
                let mut left = Vec::with_capacity(keys.len());
                for key in keys.iter() {
                    if is_there(key)? {
                        left.push(key.clone());
                    }
                }
                let list = if left.is_empty() { Value::Null } else { Value::TextList(left.into()) };
                draft.set(column, list);
            }
            _ => {}
        }
    }
    polymorphic::missed(draft);
    Ok(())
}
