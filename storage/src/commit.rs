//! Group commit, led by those who wait for it, or by a thread for those who do not.
//!
//! 1. Who wants to commit encodes the entry ([`encode`]) and joins the queue.
//! 2. Whoever finds no leader becomes one: it takes all that wait, checks and applies them in order, writes their entries
//!    with one sync, moves the published CSN, and wakes them.
//! 3. Who joined in the meantime is the next batch ([`queue`]).

mod leaders;
mod queue;
mod ways;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use leaders::Leaders;
use queue::Tell;
pub(crate) use queue::{Queue, Waiting};

use crate::{
    Csn,
    apply::{self, Applied},
    catalog::{Catalog, Table, TableId},
    error::{Error, Result},
    log::{ChangeEntry, Entry, LogWriter, TableEntry, TransactionEntry},
    resources::Task,
    state::State,
    store::{CommitInfo, Committed, Inner, closed},
    value::Row,
    write::{Change, WriteSet},
};

/// What those of a batch are told.
type Answers<'b> = Vec<(&'b Waiting, Result<Committed>)>;

/// How long a writer that waits for room sleeps at a time.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Inner {
    /// Applies, writes and publishes a batch; every transaction of it gets its answer.
    pub fn commit_batch(&self, batch: &[Arc<Waiting>]) {
        let mut place = self.log.lock();
        // Taken out while the state is in between: should this panic, the store takes no more writes, and readers stay
        // at the published CSN.
        let mut answers: Answers<'_> = Vec::with_capacity(batch.len());
        match place.take() {
            Some(mut log) => {
                self.append_batch(&mut log, batch, &mut answers);
                *place = Some(log);
            }
            None => answers.extend(batch.iter().map(|waiting| (&**waiting, Err(closed())))),
        }
        // Who is told may let go of the store, which closes it: that takes the log.
        drop(place);
        answers.into_iter().for_each(|(waiting, answer)| waiting.finish(answer));
    }

    fn append_batch<'b>(&self, log: &mut LogWriter, batch: &'b [Arc<Waiting>], answers: &mut Answers<'b>) {
        let state = self.published().state;
        let mut applied: Vec<(&'b Waiting, Applied)> = Vec::with_capacity(batch.len());
        let (mut csn, mut rows, mut bytes) = (log.csn(), self.meter.rows(), 0);
        for waiting in batch {
            match self.apply_one(&state, waiting, csn + 1, (rows, bytes)) {
                Ok((done, rows_now)) => {
                    csn += 1;
                    rows = rows_now;
                    bytes += u64::try_from(waiting.payload.len()).unwrap_or(u64::MAX);
                    applied.push((waiting, done));
                }
                Err(error) => answers.push((&**waiting, Err(error))),
            }
        }
        if applied.is_empty() {
            return;
        }
        let first = log.csn() + 1;
        match log.append(applied.iter().map(|(waiting, _)| waiting.payload.as_slice())) {
            Ok(()) => {
                let times = applied.iter().map(|(waiting, _)| waiting.time_micros);
                self.note_time(times.max().unwrap_or(i64::MIN));
                self.meter.set_rows(rows);
                self.meter.add_bytes(bytes);
                for (waiting, _) in &applied {
                    let bytes = u64::try_from(waiting.payload.len()).unwrap_or(u64::MAX);
                    self.meter.note_margin(&waiting.writes, bytes);
                }
                let writes = applied.iter().flat_map(|(waiting, _)| waiting.writes.tables());
                // All of them were found when they were applied.
                let tables =
                    writes.filter_map(|(name, _)| state.catalog.must_get(name).ok().map(|table| table.id));
                let tables: Vec<TableId> = tables.collect();
                self.publish_changes(state, csn, tables.into_iter());
                answers
                    .extend((first..).zip(applied).map(|(csn, (waiting, _))| (waiting, Ok(committed(csn)))));
            }
            Err(error) => {
                let what = error.to_string();
                while let Some((waiting, done)) = applied.pop() {
                    done.undo();
                    answers.push((waiting, Err(Error::Unavailable(what.clone()))));
                }
            }
        }
    }

    /// Applies one transaction behind others that made so many rows and bytes; the rows with it.
    fn apply_one(
        &self,
        state: &State,
        waiting: &Waiting,
        csn: u64,
        (rows, bytes): (u64, u64),
    ) -> Result<(Applied, u64)> {
        let after = self.meter.rows_with(rows, &waiting.writes);
        let bytes = bytes.saturating_add(u64::try_from(waiting.payload.len()).unwrap_or(u64::MAX));
        // Asked behind all else: what can't be committed anyway is told as what it is.
        let done = apply::apply(state, &waiting.writes, csn)?;
        match self.meter.must_have_room(&waiting.writes, (rows, after), bytes) {
            Ok(()) => Ok((done, after)),
            Err(error) => {
                done.undo();
                Err(error)
            }
        }
    }

    #[allow(clippy::disallowed_methods)] // a deadline: it ends the wait and is never part of the log
    /// Waits until deltas hold no more than they may; meanwhile they are folded.
    pub fn wait_for_room(&self, folding: &Task) -> Result<()> {
        let limit = self.options.delta_bytes_max;
        let full = || self.gauge.bytes() > limit;
        if !full() {
            return Ok(());
        }
        let deadline = Instant::now() + Duration::from_millis(self.options.write_wait_ms_max);
        loop {
            folding.ask();
            let mut lock = self.room_lock.lock();
            if !full() {
                return Ok(());
            }
            let now = Instant::now();
            if now >= deadline {
                let asked = self.gauge.bytes();
                return Err(Error::Limited { limit: "delta_bytes_max", asked, allowed: limit });
            }
            // A fold tells of the room it makes; a snapshot that goes does not.
            let _timed_out = self.room.wait_until(&mut lock, deadline.min(now + LOOK_AGAIN)).timed_out();
        }
    }
}

/// Checks the shape of all rows and encodes the log entry. Holds no lock: entries of many are encoded side by side.
///
/// # Errors
///
/// `UnknownTable`; `Invalid`, naming the column and the value.
pub(crate) fn encode(catalog: &Catalog, writes: &WriteSet, info: CommitInfo) -> Result<Vec<u8>> {
    let mut tables = Vec::new();
    for (name, changes) in writes.tables() {
        let table = catalog.must_get(name)?;
        let mut entries = Vec::with_capacity(changes.len());
        for (key, change) in changes {
            if let Some(row) = change.new_row() {
                check_shape(table, row)?;
            }
            entries.push(match change {
                Change::Insert(new) => ChangeEntry::Insert(new.clone()),
                Change::Update { old, new } => ChangeEntry::update(key.clone(), old, new),
                Change::Delete(old) => ChangeEntry::Delete(old.clone()),
            });
        }
        tables.push(TableEntry { table: table.id, changes: entries });
    }
    let CommitInfo { actor, transaction, time_micros, package_version, origin } = info;
    let entry = TransactionEntry { actor, time_micros, transaction, package_version, tables, origin };
    Entry::Transaction(entry).encode()
}

pub(crate) fn check_shape(table: &Table, row: &Row) -> Result<()> {
    let spec = &table.spec;
    let (has, given) = (spec.columns.len(), row.0.len());
    if given > has {
        return Err(Error::Invalid(format!(
            "a row of {given} values for {:?}, which has {has} columns",
            spec.name
        )));
    }
    row.key()?;
    for (column, value) in spec.columns.iter().zip(row.0.iter()) {
        if !column.column_type.fits(value) {
            return Err(Error::Invalid(format!(
                "column {:?} of {:?} is {:?} and can't hold {value:?}",
                column.name, spec.name, column.column_type
            )));
        }
    }
    Ok(())
}

/// The answer of a commit.
pub(crate) fn committed(csn: u64) -> Committed {
    Committed { csn: Csn(csn) }
}
