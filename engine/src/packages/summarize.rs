//! New summaries, for the records that have another one than what is summed up gives.

use std::collections::{BTreeSet, HashSet};

use arrow::array::AsArray;
use indexmap::IndexMap;
use quarry_metadata::{FieldName, ObjectName};
use quarry_planner::expression::value_at;
use quarry_storage::{Key, ScanRequest, Snapshot, Value};

use super::walk::{Walk, values};
use crate::{
    error::{Error, Result},
    layout::{Layout, key_of},
    summaries::{Plan, nothing, tallies},
};

/// A summary to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Summarized {
    pub(super) object: ObjectName,
    pub(super) field: FieldName,
}

/// Makes the summaries, and those that are made of them; how many records were written.
///
/// # Errors
///
/// As [`Walk::make`].
pub(super) fn all(walk: &Walk<'_>, asked: &[Summarized]) -> Result<u64> {
    let mut made: HashSet<Summarized> = asked.iter().cloned().collect();
    if made.is_empty() {
        return Ok(0);
    }
    let mut written = 0;
    for plan in walk.active.summaries.plans() {
        let this = Summarized { object: plan.parent.clone(), field: plan.field.clone() };
        let stands_on = |field: &FieldName| {
            made.contains(&Summarized { object: plan.child.clone(), field: field.clone() })
        };
        if made.contains(&this) || plan.reads.iter().any(stands_on) {
            made.insert(this);
            written += make(walk, plan)?;
        }
    }
    Ok(written)
}

fn make(walk: &Walk<'_>, plan: &Plan) -> Result<u64> {
    let wrong = wrong(walk, plan)?;
    let keys: Vec<Key> = wrong.keys().cloned().collect();
    walk.write(&plan.parent, &keys, |_, layout, rows| {
        let column = column(plan, layout)?;
        let remade = rows.into_iter().filter_map(|row| {
            let value = wrong.get(&key_of(&row)).filter(|value| row.get(column) != *value)?;
            let mut values = values(layout, &row);
            *values.get_mut(column)? = value.clone();
            Some((row, values))
        });
        Ok(remade.collect())
    })
}

fn column(plan: &Plan, parent: &Layout) -> Result<usize> {
    let no_column = || Error::internal(format!("no column for {}.{}", plan.parent, plan.field));
    parent.column(plan.field.as_str()).ok_or_else(no_column)
}

/// The records whose summary is not what it should be, with that. They fit into memory, as the keys of records to be
/// filled do.
fn wrong(walk: &Walk<'_>, plan: &Plan) -> Result<IndexMap<Key, Value>> {
    let snapshot = walk.snapshot();
    let (parent, child) = (walk.layout(&plan.parent, &snapshot)?, walk.layout(&plan.child, &snapshot)?);
    let concerned = concerned(walk, plan, &snapshot, (&parent, &child))?;
    let children = snapshot.table(&child.table)?;
    let mut found = tallies(plan, &child, &children, concerned.as_deref())?;
    let table = snapshot.table(&parent.table)?;
    let rows = concerned.map(|keys| table.keys(&keys)).transpose()?;
    let projection = Some(vec![0, column(plan, &parent)?]);
    let odd = || Error::internal(format!("{}.{} can't be read", plan.parent, plan.field));
    let mut wrong = IndexMap::new();
    for part in table.scan(ScanRequest { projection, rows, ..ScanRequest::default() })? {
        for batch in part {
            let batch = batch?;
            let [keys, values] = batch.columns() else { return Err(odd()) };
            let keys = keys.as_string_view_opt().ok_or_else(odd)?;
            for (row, key) in keys.iter().enumerate() {
                let Some(key) = key else { continue };
                let value = match found.remove(key) {
                    Some(tally) => tally.value(plan).map_err(|_| too_large(plan, key))?,
                    None => nothing(plan.function, &plan.kind),
                };
                if value_at(values, row).ok_or_else(odd)? != value {
                    wrong.insert(Key::from(key), value);
                }
            }
        }
    }
    Ok(wrong)
}

/// The records whose summary may have become another since the walk's state: those that were changed themselves, and those that
/// changed records refer to, or referred to. None where all are concerned.
fn concerned(
    walk: &Walk<'_>,
    plan: &Plan,
    snapshot: &Snapshot,
    (parent, child): (&Layout, &Layout),
) -> Result<Option<Vec<Key>>> {
    let Some(since) = &walk.since else { return Ok(None) };
    let Some(parents) = walk.changed(snapshot, &parent.table)? else { return Ok(None) };
    let Some(children) = walk.changed(snapshot, &child.table)? else { return Ok(None) };
    let missing = || Error::internal(format!("no column for {}.{}", plan.child, plan.lookup));
    let lookup = child.column(plan.lookup.as_str()).ok_or_else(missing)?;
    let mut concerned: BTreeSet<Key> = parents.into_iter().collect();
    for key in children {
        for state in [since, snapshot] {
            let row = state.table(&child.table)?.get(&key)?;
            if let Some(Value::Text(parent)) = row.as_ref().map(|row| row.get(lookup)) {
                concerned.insert(parent.clone());
            }
        }
    }
    Ok(Some(concerned.into_iter().collect()))
}

fn too_large(plan: &Plan, key: &str) -> Error {
    let message = format!("{}.{} of {key:?} would have more digits than are kept", plan.parent, plan.field);
    Error::new(crate::ErrorKind::Violated, "MAX_PRECISION", message)
}
