//! Made anew: the records that refer to some others, or all of them, read and added up.

use std::collections::HashMap;

use arrow::array::{Array, AsArray};
use quarry_storage::{Key, ScanRequest, TableSnapshot, Value};

use super::{Plan, Tally};
use crate::{
    error::{Error, Result},
    layout::Layout,
};

/// What the records that refer to each of `parents` come to, by the index of the lookup; of all records without. Those of whom
/// no record counts are left out. Blocks.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn tallies(
    plan: &Plan,
    layout: &Layout,
    table: &TableSnapshot,
    parents: Option<&[Key]>,
) -> Result<HashMap<Key, Tally>> {
    let missing = || Error::internal(format!("no column for {}.{}", plan.child, plan.lookup));
    let lookup = layout.column(plan.lookup.as_str()).ok_or_else(missing)?;
    let rows = match parents {
        Some(parents) => {
            let keys: Vec<Value> = parents.iter().cloned().map(Value::Text).collect();
            Some(table.lookup(layout.stored_name(&plan.lookup).ok_or_else(missing)?, &keys)?)
        }
        None => None,
    };
    let mut found: HashMap<Key, Tally> = HashMap::new();
    if rows.as_ref().is_some_and(|rows| rows.is_empty()) {
        return Ok(found);
    }
    let mut projection = vec![lookup];
    projection.extend(plan.columns(layout)?);
    let request = ScanRequest { projection: Some(projection), rows, ..ScanRequest::default() };
    for part in table.scan(request)? {
        for batch in part {
            let batch = batch?;
            let (keys, columns) = batch.columns().split_first().ok_or_else(missing)?;
            let keys = keys.as_string_view_opt().ok_or_else(missing)?;
            let taken = plan.taken(columns.to_vec(), batch.num_rows())?;
            for row in (0..keys.len()).filter(|row| keys.is_valid(*row)) {
                let Some(value) = taken.of(row)? else { continue };
                match found.get_mut(keys.value(row)) {
                    Some(tally) => tally.add(value),
                    None => found.entry(Key::from(keys.value(row))).or_default().add(value),
                }
            }
        }
    }
    Ok(found)
}
