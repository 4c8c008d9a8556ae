//! A formula that is kept in a column, for the records that keep another value than it gives.

use std::sync::Arc;

use arrow::array::AsArray;
use quarry_metadata::{FieldName, ObjectName};
use quarry_planner::expression::value_at;
use quarry_storage::{Key, Row, ScanRequest, Value};

use super::walk::{Walk, values};
use crate::{
    error::{Error, Result},
    layout::Layout,
    work::Work,
};

/// A formula to be computed.
#[derive(Clone, Debug)]
pub(super) struct Recomputed {
    pub(super) object: ObjectName,
    pub(super) field: FieldName,
}

impl Recomputed {
    /// Computes it; how many records were written.
    ///
    /// # Errors
    ///
    /// As [`Walk::make`].
    pub(super) fn make(&self, walk: &Walk<'_>) -> Result<u64> {
        walk.write(&self.object, &self.wrong(walk)?, remade)
    }

    /// The records that keep another value. Their keys fit into memory, as those of records to be filled do.
    fn wrong(&self, walk: &Walk<'_>) -> Result<Vec<Key>> {
        let snapshot = walk.snapshot();
        let layout = walk.layout(&self.object, &snapshot)?;
        let missing = || Error::internal(format!("no column for {}.{}", self.object, self.field));
        let formulas = walk.active.formulas.of_object(self.object.as_str());
        let formula = formulas.iter().find(|formula| formula.field == self.field).ok_or_else(missing)?;
        let mut projection = vec![0, layout.column(self.field.as_str()).ok_or_else(missing)?];
        projection.extend(formula.columns(&layout)?);
        let table = snapshot.table(&layout.table)?;
        let rows = walk.rows(&snapshot, &table)?;
        let request = ScanRequest { projection: Some(projection), rows, ..ScanRequest::default() };
        let mut wrong = Vec::new();
        for part in table.scan(request)? {
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
}

fn remade(work: &mut Work, layout: &Arc<Layout>, rows: Vec<Row>) -> Result<Vec<(Row, Vec<Value>)>> {
    let before: Vec<Vec<Value>> = rows.iter().map(|row| values(layout, row)).collect();
    let mut now = before.clone();
    let mut places: Vec<&mut [Value]> = now.iter_mut().map(Vec::as_mut_slice).collect();
    work.active.formulas.keep(layout, &mut places)?;
    let remade = rows.into_iter().zip(now).zip(before);
    Ok(remade.filter(|((_, now), before)| now != before).map(|(remade, _)| remade).collect())
}
