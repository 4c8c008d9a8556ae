//! Bulk load: many new rows that become segments at once, with one log entry.
//!
//! 1. [`BulkLoad::add`] gathers rows, up to a bound. What was gathered is sorted by key and written behind the rows of
//!    the open segment where its keys go on, else to a new one. Ids are made in order, so nearly always there is one run of
//!    segments.
//! 2. [`BulkLoad::commit`] merges runs that overlap, a few at a time, until there is one: no key is in two segments,
//!    so a lookup asks one of them, and a key that was added twice is found.
//! 3. The load is checked as a whole against the newest state ([`check`]), while commits go on; what they
//!    changed meanwhile is checked under the log's lock.
//! 4. One log entry names the segments, which are durable by then. It is the one step that counts: before it no one names
//!    them, and they go when they are dropped, or at the next open; behind it the log makes them part of the state, until a
//!    manifest does.
//!
//! The CSN of the commit is not known while rows are written, so their `_csn` says 0 and the load's CSN goes with the
//! segment in the state ([`SegmentPart::loaded_at`]) and in manifests. A reader at an older CSN does not see it.
//!
//! A load holds the lock of folds while it commits: segments stay as they are then, but for what it adds itself.

mod check;
mod runs;

use std::{collections::BTreeMap, sync::Arc};

use self::runs::Runs;
use crate::{
    catalog::{Table, TableId},
    commit::{check_shape, committed},
    delta::DeltaTable,
    error::{Error, Result},
    log::{Entry, LoadEntry, LoadedSegment, LoadedTable, TransactionEntry},
    retained::Retained,
    schema::TableName,
    segment::Ground,
    state::{SegmentPart, State},
    store::{CommitInfo, Committed, Inner, Store, closed},
    value::Row,
};

/// What the indexes of open segments hold in memory.
const INDEX_BYTES_MAX: usize = 256 << 20;

/// New rows on their way into segments. Dropped without a commit, it leaves nothing. Its methods block.
pub struct BulkLoad {
    /// Dropped before the store: what was written of it goes while the store's folder is still its own.
    tables: BTreeMap<TableName, Runs>,
    waiting_bytes: u64,
    rows: u64,
    /// A step failed: rows may be missing.
    is_broken: bool,
    store: Arc<Store>,
}

/// The new segments of a table.
pub(crate) struct Loaded {
    pub table: Arc<Table>,
    /// In the order of keys, none of which is in two of them.
    pub parts: Vec<SegmentPart>,
}

impl BulkLoad {
    pub(crate) fn new(store: Arc<Store>) -> BulkLoad {
        BulkLoad { tables: BTreeMap::new(), waiting_bytes: 0, rows: 0, is_broken: false, store }
    }

    /// One more new row. Rows that come in the order of keys cost least.
    ///
    /// # Errors
    ///
    /// `UnknownTable`, `Invalid` by this row, and the load can go on without it; `DuplicateKey` by one of those before,
    /// `Io`, `Unavailable` when the store is closed: then the load can't be committed.
    pub fn add(&mut self, table: &TableName, row: Row) -> Result<()> {
        self.must_be_whole()?;
        if !self.tables.contains_key(table) {
            let state = self.store.inner.published().state;
            self.tables.insert(table.clone(), Runs::new(state.catalog.must_get(table)?.clone()));
        }
        let Some(runs) = self.tables.get_mut(table) else {
            return Err(Error::UnknownTable(table.to_string()));
        };
        check_shape(runs.table(), &row)?;
        self.waiting_bytes += row.bytes();
        self.rows += 1;
        runs.add(row);
        if self.waiting_bytes <= self.store.inner.options.load_bytes_target {
            return Ok(());
        }
        let written = self.must_fit().and_then(|()| self.write_out());
        self.is_broken = written.is_err();
        written
    }

    /// How many rows were added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes all rows durable and visible at once, as one transaction: keys, unique values and references are checked
    /// against the newest state and among each other.
    ///
    /// # Errors
    ///
    /// `DuplicateKey`, the violations, each by one row of many perhaps; `Unavailable`, `Io`. The load then left nothing.
    pub fn commit(mut self, info: CommitInfo) -> Result<Committed> {
        self.must_be_whole()?;
        let inner = self.store.inner.clone();
        let mut loaded = Vec::new();
        for runs in std::mem::take(&mut self.tables).into_values() {
            let (table, segments) = runs.finish(&inner)?;
            let parts: Vec<_> = segments.into_iter().map(|one| SegmentPart::new(Arc::new(one))).collect();
            if !parts.is_empty() {
                loaded.push(Loaded { table, parts });
            }
        }
        inner.commit_load(loaded, info)
    }

    /// What was added so far must have room: a load that is refused in the end shall not fill the disk first.
    fn must_fit(&self) -> Result<()> {
        let inner = &self.store.inner;
        inner.meter.forget_bytes();
        inner.measure_if_bounded()?;
        let counted = self.tables.iter().filter(|(table, _)| inner.meter.counts(table));
        let rows: u64 = counted.map(|(_, runs)| runs.rows()).sum();
        let bounded = if rows > 0 { inner.meter.rows().saturating_add(rows) } else { 0 };
        inner.meter.must_fit(bounded, 0)
    }

    /// Writes what waits, and closes segments that have grown large.
    fn write_out(&mut self) -> Result<()> {
        let inner = &self.store.inner;
        let waiting: u64 = self.tables.values().map(Runs::waiting_bytes).sum();
        for runs in self.tables.values_mut() {
            // A table of which little waits keeps it: many small segments would come of it.
            if runs.waiting_bytes() * 4 >= waiting {
                runs.write_out(inner)?;
            }
        }
        self.waiting_bytes = self.tables.values().map(Runs::waiting_bytes).sum();
        while self.tables.values().map(Runs::index_bytes).sum::<usize>() > INDEX_BYTES_MAX {
            let Some(largest) = self.tables.values_mut().max_by_key(|runs| runs.index_bytes()) else { break };
            largest.close()?;
        }
        Ok(())
    }

    fn must_be_whole(&self) -> Result<()> {
        if self.is_broken {
            return Err(Error::Invalid("a load that failed can't go on; begin it anew".into()));
        }
        Ok(())
    }
}

impl Store {
    /// A load of many new rows, which become segments at once and need no room in memory.
    pub fn bulk_load(self: &Arc<Self>) -> BulkLoad {
        BulkLoad::new(self.clone())
    }
}

impl Inner {
    fn commit_load(&self, mut loaded: Vec<Loaded>, info: CommitInfo) -> Result<Committed> {
        if loaded.is_empty() {
            return Ok(committed(self.published().csn));
        }
        let _folding = self.folding.lock();
        let before = self.published();
        // Columns and constraints may have come since the load began.
        for Loaded { table, .. } in &mut loaded {
            *table = before.state.catalog.must_by_id(table.id)?.clone();
        }
        check::whole(&before.state, before.csn, &loaded)?;
        self.meter.forget_bytes();
        self.measure_if_bounded()?;
        let time_micros = info.time_micros;
        let payload = Entry::Load(entry(&loaded, info)).encode()?;

        let mut place = self.log.lock();
        let log = place.as_mut().ok_or_else(closed)?;
        let state = self.published().state;
        check::changed_since(&state, before.csn, &loaded)?;
        let rows = self.rows_with(&loaded);
        if rows > self.meter.rows() {
            // The segments are among what was measured.
            self.meter.must_fit(rows, u64::try_from(payload.len()).unwrap_or(u64::MAX))?;
        }
        let csn = log.csn() + 1;
        let next = with_loaded(&state, &loaded, csn)?;
        let named = || loaded.iter().flat_map(|loaded| &loaded.parts);
        named().for_each(|part| part.segment.keep());
        if let Err(error) = log.append([payload.as_slice()].into_iter()) {
            for Loaded { table, .. } in &loaded {
                newest_delta(&state, table.id)?.forget_count(csn);
            }
            // An entry that could not be taken back may hold after a crash: its segments stay until it is.
            self.unlogged.lock().extend(named().map(|part| part.segment.clone()));
            if log.is_clean() {
                self.forget_failed_loads();
            }
            return Err(error);
        }
        self.retained.note(named().map(|part| &part.segment));
        self.note_time(time_micros);
        self.meter.set_rows(rows);
        self.meter.add_bytes(u64::try_from(payload.len()).unwrap_or(u64::MAX));
        self.publish(Arc::new(next), csn);
        Ok(committed(csn))
    }

    /// How many rows there will be with a load.
    fn rows_with(&self, loaded: &[Loaded]) -> u64 {
        let counted = loaded.iter().filter(|loaded| self.meter.counts(&loaded.table.spec.name));
        let parts = counted.flat_map(|loaded| &loaded.parts);
        let rows: u64 = parts.map(|part| u64::from(part.segment.rows())).sum();
        self.meter.rows().saturating_add(rows)
    }

    /// Nothing of a failed write is left in the log: no one names the segments of loads that failed. The log's lock is held.
    pub fn forget_failed_loads(&self) {
        self.unlogged.lock().drain(..).for_each(|segment| segment.retire());
    }
}

fn entry(loaded: &[Loaded], info: CommitInfo) -> LoadEntry {
    let segment = |part: &SegmentPart| LoadedSegment {
        id: part.segment.id(),
        meta_crc: part.segment.meta_crc(),
        rows: part.segment.rows(),
    };
    let table = |loaded: &Loaded| LoadedTable {
        table: loaded.table.id,
        segments: loaded.parts.iter().map(segment).collect(),
    };
    let CommitInfo { actor, transaction, time_micros, package_version, origin } = info;
    let tables = Vec::new();
    let by = TransactionEntry { actor, time_micros, transaction, package_version, tables, origin };
    LoadEntry { by, tables: loaded.iter().map(table).collect() }
}

/// The state once a load of that CSN is in it.
fn with_loaded(state: &State, loaded: &[Loaded], csn: u64) -> Result<State> {
    for Loaded { table, parts } in loaded {
        let rows = parts.iter().map(|part| u64::from(part.segment.rows())).sum();
        newest_delta(state, table.id)?.add_count(csn, rows, 0);
    }
    let parts = loaded.iter().map(|Loaded { table, parts }| {
        let at_csn = |part: &SegmentPart| SegmentPart { loaded_at: Some(csn), ..part.clone() };
        (table.id, parts.iter().map(at_csn).collect())
    });
    Ok(state.with_segments(parts))
}

fn newest_delta(state: &State, table: TableId) -> Result<&Arc<DeltaTable>> {
    let newest = state.generations.last().ok_or_else(|| Error::Internal("no delta".into()))?;
    newest.must_get(table)
}

/// The state behind an entry of the log; nothing is checked but that its segments are there.
pub(crate) fn replay(
    state: &State,
    (retained, ground): (&Retained, &Arc<Ground>),
    entry: &LoadEntry,
    csn: u64,
) -> Result<State> {
    let mut loaded = Vec::new();
    for LoadedTable { table, segments } in &entry.tables {
        let table = state.catalog.must_by_id(*table)?.clone();
        let open = |named: &LoadedSegment| {
            let segment = retained.open_segment(ground, table.id, (named.id, named.meta_crc))?;
            Ok(SegmentPart::new(segment))
        };
        let parts = segments.iter().map(open).collect::<Result<_>>()?;
        loaded.push(Loaded { table, parts });
    }
    with_loaded(state, &loaded, csn)
}
