//! Computes formulas that are kept in a column, for the records that are there: some hundred records at a time, each time as a
//! transaction of its own, while everything runs.

use std::sync::Arc;

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
    work::{Actor, Work},
};

/// A formula to be computed.
#[derive(Clone, Debug)]
pub(super) struct Recomputed {
    pub(super) object: ObjectName,
    pub(super) field: FieldName,
}

/// Computes them; how many records were written. Blocks.
///
/// # Errors
///
/// `Conflict` when others write to the same records without end; those of the store. What was written stays so, unseen.
pub(super) fn all(engine: &Engine, active: &Arc<Active>, asked: &[Recomputed], by: &str) -> Result<u64> {
    let mut written = 0;
    for formula in asked {
        let keys = wrong(engine, active, formula)?;
        for batch in keys.chunks(BATCH_RECORDS) {
            written += with_retries(|| write(engine, active, &formula.object, batch, by))?;
        }
    }
    Ok(written)
}

/// The records that keep another value than the formula gives. Their keys fit into memory, as those of records to be filled do.
fn wrong(engine: &Engine, active: &Arc<Active>, asked: &Recomputed) -> Result<Vec<Key>> {
    let snapshot = engine.store().snapshot();
    let layout = Layout::new(active.object(asked.object.as_str())?, None, &snapshot)?;
    let missing = || Error::internal(format!("no column for {}.{}", asked.object, asked.field));
    let formulas = active.formulas.of_object(asked.object.as_str());
    let formula = formulas.iter().find(|formula| formula.field == asked.field).ok_or_else(missing)?;
    let column = layout.column(asked.field.as_str()).ok_or_else(missing)?;
    let mut projection = vec![0, column];
    projection.extend(formula.columns(&layout)?);
    let request = ScanRequest { projection: Some(projection), ..ScanRequest::default() };
    let mut wrong = Vec::new();
    for part in snapshot.table(&layout.table)?.scan(request)? {
        for batch in part {
            let batch = batch?;
            let [keys, kept, columns @ ..] = batch.columns() else { return Err(missing()) };
            let keys = keys.as_string_view_opt().ok_or_else(missing)?;
            let computed = formula.evaluate(columns.to_vec(), batch.num_rows())?;
            for (row, key) in keys.iter().enumerate() {
                let is_kept = value_at(kept, row).ok_or_else(missing)? == computed.value(row)?;
                wrong.extend(key.filter(|_| !is_kept).map(Key::from));
            }
        }
    }
    Ok(wrong)
}

fn write(engine: &Engine, active: &Arc<Active>, object: &ObjectName, batch: &[Key], by: &str) -> Result<u64> {
    let world = engine.world();
    let actor = Actor {
        user_id: Key::from(by),
        time_zone: chrono_tz::UTC,
        locale: "en".into(),
        now_micros: world.clock.now_micros(),
    };
    let mut work = Work::new(active.clone(), engine.store().snapshot(), actor, world.clone());
    let layout = work.layout(object.as_str())?;
    let mut written = 0;
    for key in batch {
        let Some(old) = work.row(&layout.table, key)? else { continue };
        let before: Vec<Value> = (0..layout.spec.columns.len()).map(|at| old.get(at).clone()).collect();
        let mut values = before.clone();
        active.formulas.keep(&layout, &mut values)?;
        if values == before {
            continue;
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
