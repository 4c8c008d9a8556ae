//! The default of a new required field, for the records that have no value in it.

use std::sync::Arc;

use quarry_metadata::{Default_, Field, FieldName, ObjectName};
use quarry_storage::{Key, Row, ScanRequest, Value};

use super::walk::{Walk, values};
use crate::{
    error::{Error, ErrorKind, Result},
    layout::{Layout, key_of},
    pipeline,
    rules::{self, Subject},
    work::{Work, keys_in},
};

/// A field to be filled.
#[derive(Clone, Debug)]
pub(super) struct Fill {
    pub(super) object: ObjectName,
    pub(super) field: FieldName,
}

impl Fill {
    /// Fills it; how many records were written.
    ///
    /// # Errors
    ///
    /// As [`Walk::make`].
    pub(super) fn make(&self, walk: &Walk<'_>) -> Result<u64> {
        walk.write(&self.object, &self.empty(walk)?, |work, layout, rows| self.remade(work, layout, rows))
    }

    /// The records without a value. Their keys fit into memory: a hundred million are some gigabytes, which is past what one
    /// process serves.
    fn empty(&self, walk: &Walk<'_>) -> Result<Vec<Key>> {
        let snapshot = walk.snapshot();
        let layout = walk.layout(&self.object, &snapshot)?;
        let table = snapshot.table(&layout.table)?;
        let projection = Some(vec![0, self.column(&layout)?]);
        let rows = walk.rows(&snapshot, &table)?;
        let mut keys = Vec::new();
        for part in table.scan(ScanRequest { projection, rows, ..ScanRequest::default() })? {
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

    fn column(&self, layout: &Layout) -> Result<usize> {
        let missing = || Error::internal(format!("no column for {}.{}", self.object, self.field));
        layout.column(self.field.as_str()).ok_or_else(missing)
    }

    fn remade(
        &self,
        work: &mut Work,
        layout: &Arc<Layout>,
        mut rows: Vec<Row>,
    ) -> Result<Vec<(Row, Vec<Value>)>> {
        let missing = || Error::internal(format!("no default for {}.{}", self.object, self.field));
        let field = layout.object.field(self.field.as_str()).ok_or_else(missing)?;
        let column = self.column(layout)?;
        rows.retain(|row| row.get(column).is_null());
        let defaults = match &field.default {
            Some(Default_::Computed(_)) => computed(layout, field, &rows, work)?,
            _ => vec![pipeline::default(field, &work.actor)?.ok_or_else(missing)?; rows.len()],
        };
        let filled = |(row, default): (Row, Value)| {
            let mut values = values(layout, &row);
            if let Some(place) = values.get_mut(column) {
                *place = default;
            }
            (row, values)
        };
        Ok(rows.into_iter().zip(defaults).map(filled).collect())
    }
}

/// What a computed default gives for records that are there.
///
/// # Errors
///
/// `Violated` where it gives nothing.
fn computed(layout: &Layout, field: &Field, rows: &[Row], work: &mut Work) -> Result<Vec<Value>> {
    let subjects: Vec<Subject<'_>> = rows.iter().map(|row| Subject::new(layout, None, &row.0)).collect();
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
