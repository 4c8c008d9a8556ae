//! Recycle bins in the history. Storage knows rows of two tables: one goes from the first, one comes into the other, and the
//! other way round. People know a record that is deleted, comes back (`undelete`), or is gone for good (`purge`).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray, StringViewBuilder},
    compute::filter_record_batch,
    datatypes::Int64Type,
};
use datafusion::common::{DataFusionError, Result};
use quarry_storage::TableName;
use serde_json::Value;

use crate::{lower, view::Views};

/// The bins of some views, and what of the running entry has been told.
#[derive(Clone, Debug)]
pub(super) struct Binned {
    /// An object's table by that of its deleted records.
    tables: Arc<HashMap<String, String>>,
    kept: Arc<HashSet<String>>,
    csn: i64,
    /// Records that came back, by table and key.
    back: HashSet<(String, String)>,
}

impl Binned {
    pub(super) fn of(views: &Views) -> Binned {
        let live = views.audited().filter(|view| view.object.recycle_bin);
        let tables: HashMap<String, String> =
            live.map(|view| (lower::bin_table(&view.object), view.object.table().to_owned())).collect();
        let kept = Arc::new(tables.values().cloned().collect());
        Binned { tables: Arc::new(tables), kept, csn: -1, back: HashSet::new() }
    }

    /// The tables of deleted records.
    pub(super) fn tables(&self) -> impl Iterator<Item = TableName> {
        self.tables.keys().map(|table| TableName::from(table.as_str()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// A batch of whole rows of history as people know it. Within an entry the rows of an object's own table come first.
    ///
    /// # Errors
    ///
    /// Internal when the batch has other columns.
    pub(super) fn told(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let odd = |name: &str| DataFusionError::Internal(format!("history has no column {name:?}"));
        let text = |name: &str| -> Result<&StringViewArray> {
            let column = batch.column_by_name(name).and_then(|column| column.as_string_view_opt());
            column.ok_or_else(|| odd(name))
        };
        let (tables, keys, operations, new) =
            (text("table")?, text("key")?, text("operation")?, text("new")?);
        let csns = batch.column_by_name("csn").and_then(|column| column.as_primitive_opt::<Int64Type>());
        let csns = csns.ok_or_else(|| odd("csn"))?;
        let mut shown_tables = StringViewBuilder::with_capacity(batch.num_rows());
        let mut shown_operations = StringViewBuilder::with_capacity(batch.num_rows());
        let mut is_shown = Vec::with_capacity(batch.num_rows());
        let rows = tables.iter().zip(keys).zip(operations).zip(new).zip(csns.values());
        for ((((table, key), operation), new), csn) in rows {
            if *csn != self.csn {
                self.csn = *csn;
                self.back.clear();
            }
            let (table, operation) = match (table, operation) {
                (Some(table), Some(operation)) => {
                    let told = self.row(table, key.unwrap_or_default(), operation, new);
                    is_shown.push(told.is_some());
                    told.map_or((Some(table), Some(operation)), |(table, told)| (Some(table), Some(told)))
                }
                other => {
                    is_shown.push(true);
                    other
                }
            };
            shown_tables.append_option(table);
            shown_operations.append_option(operation);
        }
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        for (name, mut shown) in [("table", shown_tables), ("operation", shown_operations)] {
            if let Some(place) = columns.get_mut(batch.schema().index_of(name)?) {
                *place = Arc::new(shown.finish());
            }
        }
        let batch = RecordBatch::try_new(batch.schema(), columns)?;
        Ok(filter_record_batch(&batch, &BooleanArray::from(is_shown))?)
    }

    /// The table and the operation of a row; none when another row says it.
    fn row<'r>(
        &'r mut self,
        table: &'r str,
        key: &str,
        operation: &'r str,
        new: Option<&str>,
    ) -> Option<(&'r str, &'r str)> {
        if let Some(own) = self.tables.get(table) {
            let named = (own.clone(), key.to_owned());
            let is_gone = operation == "delete" && !self.back.contains(&named);
            return is_gone.then_some((own, "purge"));
        }
        if operation == "insert" && self.kept.contains(table) && new.is_some_and(is_old) {
            self.back.insert((table.to_owned(), key.to_owned()));
            return Some((table, "undelete"));
        }
        Some((table, operation))
    }
}

/// A record that is new has its first revision.
fn is_old(row: &str) -> bool {
    let row: Option<Value> = serde_json::from_str(row).ok();
    let revision = row.as_ref().and_then(|row| row.get("revision")?.as_i64());
    revision.is_some_and(|revision| revision > 1)
}
