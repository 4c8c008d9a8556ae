//! The walk through records that are there, when an activation makes something of them: defaults of new required fields,
//! summaries, kept formulas.
//!
//! 1. While everything runs, what is wrong in all records is found by one reading, and written some hundred records at a time,
//!    each time as a transaction of its own.
//! 2. That is done once more, for what was changed meanwhile.
//! 3. While nobody commits, only the records are looked at that were changed since the second walk began: commits wait for
//!    those, and not for the reading of a table.

use std::{collections::HashSet, sync::Arc};

use quarry_metadata::ObjectName;
use quarry_storage::{
    Csn, HistoryRequest, Key, Row, RowSet, Snapshot, TableName, TableSnapshot, Value, history_schema,
};

use super::{
    fill::Fill,
    recompute::Recomputed,
    summarize::{self, Summarized},
};
use crate::{
    active::Active,
    engine::Engine,
    error::{Error, ErrorKind, Result},
    layout::Layout,
    pipeline,
    work::{Work, keys_in},
};

/// Records of one transaction.
const BATCH_RECORDS: usize = 500;
/// Attempts at one batch, which others may write to at the same time.
const ATTEMPTS_MAX: u32 = 20;

/// What is to be made.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) fills: Vec<Fill>,
    pub(super) summaries: Vec<Summarized>,
    pub(super) formulas: Vec<Recomputed>,
}

impl Made {
    /// Nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.fills.is_empty() && self.summaries.is_empty() && self.formulas.is_empty()
    }
}

/// One walk.
pub(super) struct Walk<'a> {
    pub(super) engine: &'a Engine,
    pub(super) active: &'a Arc<Active>,
    /// In whose name.
    pub(super) by: &'a str,
    /// Only what was changed since this state; all where there is none.
    pub(super) since: Option<Snapshot>,
}

impl Walk<'_> {
    /// Makes all of it; how many records were written. Blocks.
    ///
    /// # Errors
    ///
    /// `Conflict` when others write to the same records without end; `Violated` for a default that gives nothing, and for a summary
    /// of more digits than its field; those of the store. What was written stays so, unseen.
    pub(super) fn make(&self, made: &Made) -> Result<u64> {
        let mut written = 0;
        for fill in &made.fills {
            written += fill.make(self)?;
        }
        written += summarize::all(self, &made.summaries)?;
        for formula in &made.formulas {
            written += formula.make(self)?;
        }
        Ok(written)
    }

    /// The newest state.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.engine.store().snapshot()
    }

    /// An object beside its table.
    ///
    /// # Errors
    ///
    /// `Missing`.
    pub(super) fn layout(&self, object: &ObjectName, snapshot: &Snapshot) -> Result<Arc<Layout>> {
        self.active.layout(object.as_str(), snapshot)
    }

    /// The keys of a table's records that were changed since; none where all are to be looked at.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) fn changed(&self, snapshot: &Snapshot, table: &TableName) -> Result<Option<Vec<Key>>> {
        let Some(since) = &self.since else { return Ok(None) };
        let key = history_schema().index_of("key");
        let key = key.map_err(|error| Error::internal("history has no keys").caused_by(error))?;
        let request = HistoryRequest {
            from_csn: Some(Csn(since.csn().0 + 1)),
            tables: Some(vec![table.clone()]),
            projection: Some(vec![key]),
            ..HistoryRequest::default()
        };
        let mut keys = Vec::new();
        for batch in snapshot.history(&request)? {
            let batch = batch?;
            // The rows of a bulk load are one line of history, without their keys.
            if batch.columns().iter().any(|keys| keys.null_count() > 0) {
                return Ok(None);
            }
            keys_in(batch.columns().first(), &mut keys)?;
        }
        let mut seen = HashSet::with_capacity(keys.len());
        keys.retain(|key| seen.insert(key.clone()));
        Ok(Some(keys))
    }

    /// The rows of a table that are to be read; none where all are.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) fn rows(&self, snapshot: &Snapshot, table: &TableSnapshot) -> Result<Option<RowSet>> {
        let changed = self.changed(snapshot, &table.spec().name)?;
        Ok(changed.map(|keys| table.keys(&keys)).transpose()?)
    }

    /// Writes what is made of these records of an object: `remake` gives the values of those that are to be others. It is asked
    /// again where others wrote to the same records.
    ///
    /// # Errors
    ///
    /// As [`Self::make`].
    pub(super) fn write(
        &self,
        object: &ObjectName,
        keys: &[Key],
        remake: impl Fn(&mut Work, &Arc<Layout>, Vec<Row>) -> Result<Vec<(Row, Vec<Value>)>>,
    ) -> Result<u64> {
        let mut written = 0;
        for batch in keys.chunks(BATCH_RECORDS) {
            let mut attempts = 1;
            written += loop {
                match self.write_batch(object, batch, &remake) {
                    Err(error) if error.kind == ErrorKind::Conflict && attempts < ATTEMPTS_MAX => {
                        attempts += 1
                    }
                    done => break done?,
                }
            };
        }
        Ok(written)
    }

    fn write_batch(
        &self,
        object: &ObjectName,
        keys: &[Key],
        remake: impl Fn(&mut Work, &Arc<Layout>, Vec<Row>) -> Result<Vec<(Row, Vec<Value>)>>,
    ) -> Result<u64> {
        let mut work = self.engine.work(self.active, self.by);
        let layout = work.layout(object.as_str())?;
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.extend(work.row(&layout.table, key)?);
        }
        let mut written = 0;
        for (old, mut values) in remake(&mut work, &layout, rows)? {
            pipeline::stamp(&layout, &mut values, Some(&old), &work)?;
            work.update(&layout, old, Row(values.into()))?;
            written += 1;
        }
        self.engine.commit_own(work)?;
        Ok(written)
    }
}

/// A row's values, one for each column.
pub(super) fn values(layout: &Layout, row: &Row) -> Vec<Value> {
    (0..layout.spec.columns.len()).map(|column| row.get(column).clone()).collect()
}
