//! Writes the default of a new required field into the records that have no value in it: some hundred records at a time,
//! each time as a transaction of its own, while everything runs.

use std::sync::Arc;

use quarry_metadata::{Default_, Field, FieldName, ObjectName};
use quarry_storage::{CommitInfo, Key, Row, ScanRequest, Value};

use crate::{
    active::Active,
    engine::Engine,
    error::{Error, ErrorKind, Result},
    layout::{Layout, key_of},
    pipeline,
    rules::{self, Subject},
    work::{Actor, Work, keys_in},
};

/// Records of one transaction.
pub(super) const BATCH_RECORDS: usize = 500;
/// Attempts at one batch, which others may write to at the same time.
const ATTEMPTS_MAX: u32 = 20;

/// A field to be filled.
#[derive(Clone, Debug)]
pub(super) struct Fill {
    pub(super) object: ObjectName,
    pub(super) field: FieldName,
}

/// Fills the fields; how many records were written. Blocks.
///
/// # Errors
///
/// `Conflict` when others write to the same records without end; those of the store. What was filled stays so, unseen.
pub(super) fn all(engine: &Engine, active: &Arc<Active>, fills: &[Fill], by: &str) -> Result<u64> {
    let mut written = 0;
    for fill in fills {
        let keys = empty(engine, active, fill)?;
        for batch in keys.chunks(BATCH_RECORDS) {
            written += with_retries(|| self::batch(engine, active, fill, batch, by))?;
        }
    }
    Ok(written)
}

/// The records without a value. Their keys fit into memory: a hundred million are some gigabytes, which is past what one
/// process serves.
fn empty(engine: &Engine, active: &Arc<Active>, fill: &Fill) -> Result<Vec<Key>> {
    let snapshot = engine.store().snapshot();
    let object = active.object(fill.object.as_str())?;
    let table = snapshot.table(object.table())?;
    let column = object.field(fill.field.as_str()).and_then(|field| table.spec().position(field.column()));
    let column =
        column.ok_or_else(|| Error::internal(format!("no column for {}.{}", fill.object, fill.field)))?;
    let mut keys = Vec::new();
    for part in table.scan(ScanRequest { projection: Some(vec![0, column]), ..ScanRequest::default() })? {
        for batch in part {
            let batch = batch?;
            let Some(values) = batch.columns().get(1) else { continue };
            if values.null_count() == 0 {
                continue;
            }
            let mut all = Vec::with_capacity(batch.num_rows());
            keys_in(batch.columns().first(), &mut all)?;
            keys.extend(
                all.into_iter().enumerate().filter(|(at, _)| values.is_null(*at)).map(|(_, key)| key),
            );
        }
    }
    Ok(keys)
}

/// Writes a batch; tries again where others wrote to the same records.
///
/// # Errors
///
/// Those of the last attempt.
pub(super) fn with_retries(write: impl Fn() -> Result<u64>) -> Result<u64> {
    for _ in 1..ATTEMPTS_MAX {
        match write() {
            Err(error) if error.kind == ErrorKind::Conflict => {}
            done => return done,
        }
    }
    write()
}

fn batch(engine: &Engine, active: &Arc<Active>, fill: &Fill, keys: &[Key], by: &str) -> Result<u64> {
    let world = engine.world();
    let actor = Actor {
        user_id: Key::from(by),
        time_zone: chrono_tz::UTC,
        locale: "en".into(),
        now_micros: world.clock.now_micros(),
    };
    let mut work = Work::new(active.clone(), engine.store().snapshot(), actor, world.clone());
    let layout = work.layout(fill.object.as_str())?;
    let missing = || Error::internal(format!("no default for {}.{}", fill.object, fill.field));
    let field = layout.object.field(fill.field.as_str()).ok_or_else(missing)?;
    let column = layout.column(fill.field.as_str()).ok_or_else(missing)?;
    let mut empty = Vec::with_capacity(keys.len());
    for key in keys {
        let row = work.row(&layout.table, key)?;
        empty.extend(row.filter(|row| row.get(column).is_null()));
    }
    let defaults = match &field.default {
        Some(Default_::Computed(_)) => computed(&layout, field, &empty, &mut work)?,
        _ => vec![pipeline::default(field, &work.actor)?.ok_or_else(missing)?; empty.len()],
    };
    let mut written = 0;
    for (old, default) in empty.into_iter().zip(defaults) {
        let mut values: Vec<Value> = (0..layout.spec.columns.len()).map(|at| old.get(at).clone()).collect();
        if let Some(value) = values.get_mut(column) {
            *value = default;
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

/// What a computed default gives for records that are there.
///
/// # Errors
///
/// `Violated` where it gives nothing.
fn computed(layout: &Layout, field: &Field, rows: &[Row], work: &mut Work) -> Result<Vec<Value>> {
    let columns = layout.spec.columns.len();
    let values: Vec<Vec<Value>> =
        rows.iter().map(|row| (0..columns).map(|at| row.get(at).clone()).collect()).collect();
    let subjects: Vec<Subject<'_>> = values.iter().map(|values| Subject::new(layout, None, values)).collect();
    let given = rules::computed_default(&field.name, &subjects, work)?.unwrap_or_default();
    let mut defaults = Vec::with_capacity(given.len());
    for (row, given) in rows.iter().zip(given) {
        let why = match given {
            Ok(Value::Null) => "it is null".to_owned(),
            Ok(value) => {
                defaults.push(value);
                continue;
            }
            Err(fault) => fault,
        };
        let (object, name, id) = (&layout.object.name, &field.name, key_of(row));
        let message = format!("the default of {object}.{name} gives no value for {id:?}: {why}");
        return Err(Error::new(ErrorKind::Violated, "NO_DEFAULT", message));
    }
    Ok(defaults)
}
