//! Makes new summaries of the records that are there: one reading of what is summed up, then some hundred records at a
//! time are written, each time as a transaction of its own, while everything runs. What is done once more while nobody commits
//! finds only what was changed meanwhile.

use std::{collections::HashSet, sync::Arc};

use arrow::array::AsArray;
use quarry_metadata::{FieldName, ObjectName};
use quarry_planner::expression::value_at;
use quarry_storage::{CommitInfo, Key, Row, ScanRequest, Value};

use super::fill::{BATCH_RECORDS, with_retries};
use crate::{
    active::Active,
    engine::Engine,
    error::{Error, Result},
    layout::Layout,
    pipeline,
    summaries::{Plan, nothing, tallies},
    work::{Actor, Work},
};

/// A summary to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Summarized {
    pub(super) object: ObjectName,
    pub(super) field: FieldName,
}

/// Makes the summaries, and those that are made of them; how many records were written. Blocks.
///
/// # Errors
///
/// `Conflict` when others write to the same records without end; `Violated` for one that has more digits than its field; those
/// of the store. What was written stays so, unseen.
pub(super) fn all(engine: &Engine, active: &Arc<Active>, asked: &[Summarized], by: &str) -> Result<u64> {
    let mut made: HashSet<Summarized> = asked.iter().cloned().collect();
    if made.is_empty() {
        return Ok(0);
    }
    let mut written = 0;
    for plan in active.summaries.plans() {
        let this = Summarized { object: plan.parent.clone(), field: plan.field.clone() };
        let stands_on = |field: &FieldName| {
            made.contains(&Summarized { object: plan.child.clone(), field: field.clone() })
        };
        if !made.contains(&this) && !plan.reads.iter().any(stands_on) {
            continue;
        }
        made.insert(this);
        let wrong = wrong(engine, active, plan)?;
        for batch in wrong.chunks(BATCH_RECORDS) {
            written += with_retries(|| write(engine, active, plan, batch, by))?;
        }
    }
    Ok(written)
}

/// The records whose summary is not what it should be, with that. They fit into memory, as the keys of records to be
/// filled do.
fn wrong(engine: &Engine, active: &Arc<Active>, plan: &Plan) -> Result<Vec<(Key, Value)>> {
    let snapshot = engine.store().snapshot();
    let child = Layout::new(active.object(plan.child.as_str())?, None, &snapshot)?;
    let mut found = tallies(plan, &child, &snapshot.table(&child.table)?, None)?;
    let parent = Layout::new(active.object(plan.parent.as_str())?, None, &snapshot)?;
    let no_column = || Error::internal(format!("no column for {}.{}", plan.parent, plan.field));
    let column = parent.column(plan.field.as_str()).ok_or_else(no_column)?;
    let request = ScanRequest { projection: Some(vec![0, column]), ..ScanRequest::default() };
    let mut wrong = Vec::new();
    for part in snapshot.table(&parent.table)?.scan(request)? {
        for batch in part {
            let batch = batch?;
            let [keys, values] = batch.columns() else { return Err(no_column()) };
            let keys = keys.as_string_view_opt().ok_or_else(no_column)?;
            for (row, key) in keys.iter().enumerate() {
                let Some(key) = key else { continue };
                let value = match found.remove(key) {
                    Some(tally) => tally.value(plan).map_err(|_| too_large(plan, key))?,
                    None => nothing(plan.function, &plan.kind),
                };
                if value_at(values, row).ok_or_else(no_column)? != value {
                    wrong.push((Key::from(key), value));
                }
            }
        }
    }
    Ok(wrong)
}

fn too_large(plan: &Plan, key: &str) -> Error {
    let message = format!("{}.{} of {key:?} would have more digits than are kept", plan.parent, plan.field);
    Error::new(crate::ErrorKind::Violated, "MAX_PRECISION", message)
}

fn write(
    engine: &Engine,
    active: &Arc<Active>,
    plan: &Plan,
    batch: &[(Key, Value)],
    by: &str,
) -> Result<u64> {
    let world = engine.world();
    let actor = Actor {
        user_id: Key::from(by),
        time_zone: chrono_tz::UTC,
        locale: "en".into(),
        now_micros: world.clock.now_micros(),
    };
    let mut work = Work::new(active.clone(), engine.store().snapshot(), actor, world.clone());
    let layout = work.layout(plan.parent.as_str())?;
    let Some(column) = layout.column(plan.field.as_str()) else { return Ok(0) };
    let mut written = 0;
    for (key, value) in batch {
        let Some(old) = work.row(&layout.table, key)?.filter(|old| old.get(column) != value) else {
            continue;
        };
        let mut values: Vec<Value> = (0..layout.spec.columns.len()).map(|at| old.get(at).clone()).collect();
        if let Some(place) = values.get_mut(column) {
            *place = value.clone();
        }
        pipeline::stamp(&layout, &mut values, Some(&old), &work)?;
        work.update(&layout, old, Row(values.into()))?;
        written += 1;
    }
    if written > 0 {
        let info = CommitInfo {
            actor: by.to_owned(),
            transaction: world.ids.ulid(),
            time_micros: work.actor.now_micros,
            package_version: active.registry.version.clone(),
        };
        engine.store().commit(work.writes().clone(), info)?;
    }
    Ok(written)
}
