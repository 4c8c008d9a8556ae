//! What is not read is not in the history either: the values of fields that are only written, or that the session does not see as they are.

use std::{collections::HashMap, sync::Arc};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, StringViewBuilder};
use datafusion::common::{DataFusionError, Result};
use quarry_metadata::{FieldName, ObjectName};
use serde_json::Value;

use crate::view::Views;

/// The fields whose values are taken out, by their object.
#[derive(Debug)]
pub(super) struct Hidden(HashMap<ObjectName, Vec<FieldName>>);

impl Hidden {
    /// Those of the objects of some views.
    pub(super) fn of(views: &Views) -> Hidden {
        let mut hidden: HashMap<ObjectName, Vec<FieldName>> = HashMap::new();
        for view in views.audited() {
            let whole = views.whole.objects.get(&view.object.name).unwrap_or(&view.object);
            // An older version does not know what was added since.
            let now = views.policies.object(view.object.name.as_str()).unwrap_or(whole);
            let fields = whole.fields.values().chain(now.fields.values());
            for field in fields.filter(|field| !view.shows_in_full(field)) {
                // History tells a renamed object and field by their first names.
                let (table, column) = (ObjectName::from(whole.table()), FieldName::from(field.column()));
                hidden.entry(table).or_default().push(column);
            }
        }
        Hidden(hidden)
    }

    /// Nothing is taken out.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A batch of whole rows of history without those values: an update's are null, a record's do not name the field.
    ///
    /// # Errors
    ///
    /// Internal when the batch has other columns.
    pub(super) fn taken_out_of(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let text = |name: &str| {
            let column = batch.column_by_name(name).and_then(|column| column.as_string_view_opt());
            column.ok_or_else(|| DataFusionError::Internal(format!("history has no column {name:?}")))
        };
        let (tables, columns) = (text("table")?, text("column")?);
        let mut arrays: Vec<ArrayRef> = batch.columns().to_vec();
        for name in ["old", "new"] {
            let shown = self.shown((tables, columns), text(name)?);
            let position = batch.schema().index_of(name)?;
            if let Some(place) = arrays.get_mut(position) {
                *place = Arc::new(shown);
            }
        }
        Ok(RecordBatch::try_new(batch.schema(), arrays)?)
    }

    fn shown(
        &self,
        (tables, columns): (&StringViewArray, &StringViewArray),
        values: &StringViewArray,
    ) -> StringViewArray {
        let mut shown = StringViewBuilder::with_capacity(values.len());
        for ((table, column), value) in tables.iter().zip(columns).zip(values) {
            let hidden = table.and_then(|table| self.0.get(table));
            match (hidden, column, value) {
                (None, _, value) => shown.append_option(value),
                (Some(fields), Some(column), _) if fields.iter().any(|field| field.as_str() == column) => {
                    shown.append_null();
                }
                (Some(_), Some(_), value) => shown.append_option(value),
                (Some(fields), None, value) => {
                    shown.append_option(value.and_then(|row| without(row, fields)))
                }
            }
        }
        shown.finish()
    }
}

/// A record without some of its fields; nothing when it can't be read, as it may then hold anything.
fn without(row: &str, fields: &[FieldName]) -> Option<String> {
    let Ok(Value::Object(mut record)) = serde_json::from_str(row) else { return None };
    fields.iter().for_each(|field| drop(record.shift_remove(field.as_str())));
    Some(Value::Object(record).to_string())
}
