//! Records by the value of an indexed field, in the transaction's own state.
//!
//! Steps of triggers look up and write in turn, thousands of times in one transaction. Laying all writes over the
//! base for every lookup would grow with the square; instead each column that is asked for has an index of what this
//! transaction has put, from the first question on.

use std::collections::{BTreeSet, HashMap};

use quarry_storage::{Key, Row, ScanRequest, TableName, Value, WriteSet};

use super::{Work, keys_in, keys_of};
use crate::{
    error::{Error, Result},
    layout::{Layout, key_of},
};

/// The keys that were put with a value in a column. Hints, checked against the writes when they are used: what was changed
/// again or rolled back stays.
#[derive(Default)]
pub(super) struct Put {
    columns: HashMap<TableName, HashMap<usize, ByValue>>,
}

/// Keys by the value as it is written down.
type ByValue = HashMap<String, BTreeSet<Key>>;

impl Put {
    /// Notes a row that is put.
    pub fn note(&mut self, table: &TableName, row: &Row) {
        for (column, by_value) in self.columns.get_mut(table).into_iter().flatten() {
            note(by_value, *column, row);
        }
    }

    /// The keys that were put with this value.
    fn keys(&mut self, writes: &WriteSet, table: &TableName, column: usize, value: &Value) -> Vec<Key> {
        let columns = self.columns.entry(table.clone()).or_default();
        let by_value = columns.entry(column).or_insert_with(|| {
            let mut by_value = ByValue::new();
            writes.rows_put(table).for_each(|row| note(&mut by_value, column, row));
            by_value
        });
        by_value.get(&written_down(value)).into_iter().flatten().cloned().collect()
    }
}

fn note(by_value: &mut ByValue, column: usize, row: &Row) {
    by_value.entry(written_down(row.get(column))).or_default().insert(key_of(row));
}

fn written_down(value: &Value) -> String {
    format!("{value:?}")
}

impl Work {
    /// The records whose indexed column has this value, by key; none for a null.
    ///
    /// # Errors
    ///
    /// `Limited` past `rows_max`; those of the store, for a column without an index too.
    pub fn having(
        &mut self,
        layout: &Layout,
        column: usize,
        value: &Value,
        rows_max: usize,
    ) -> Result<Vec<Row>> {
        let Some(spec) = layout.spec.columns.get(column).filter(|_| !value.is_null()) else {
            return Ok(Vec::new());
        };
        let table = self.base.table(&layout.table)?;
        let found = table.lookup(&spec.name, std::slice::from_ref(value))?;
        let mut rows = Vec::new();
        for key in keys_of(&table, found, rows_max)? {
            if self.writes.get(&layout.table, &key).is_none() {
                rows.extend(table.get(&key)?);
            }
        }
        for key in self.put.keys(&self.writes, &layout.table, column, value) {
            let written = self.writes.get(&layout.table, &key).flatten();
            rows.extend(written.filter(|row| row.get(column) == value).cloned());
        }
        must_be_few(rows.len(), rows_max)?;
        rows.sort_by_cached_key(key_of);
        Ok(rows)
    }

    /// All records of an object, by key. Reads the whole table.
    ///
    /// # Errors
    ///
    /// `Limited` past `rows_max`; those of the store.
    pub fn all(&mut self, layout: &Layout, rows_max: usize) -> Result<Vec<Row>> {
        let table = self.base.table(&layout.table)?;
        let mut keys = Vec::new();
        for part in table.scan(ScanRequest { projection: Some(vec![0]), ..ScanRequest::default() })? {
            for batch in part {
                keys_in(batch?.columns().first(), &mut keys)?;
                must_be_few(keys.len(), rows_max)?;
            }
        }
        let mut rows: Vec<Row> = self.writes.rows_put(&layout.table).cloned().collect();
        for key in keys.iter().filter(|key| self.writes.get(&layout.table, key).is_none()) {
            rows.extend(table.get(key)?);
        }
        must_be_few(rows.len(), rows_max)?;
        rows.sort_by_cached_key(key_of);
        Ok(rows)
    }
}

fn must_be_few(found: usize, rows_max: usize) -> Result<()> {
    match found > rows_max {
        true => Err(Error::limited("records looked up for one change", found, rows_max)),
        false => Ok(()),
    }
}
