//! Folds the delta into segments.
//!
//! 1. [`Inner::freeze`]: under the log's lock, for a moment, an empty delta is put over the one that took the writes so
//!    far. All up to that CSN is now in the frozen one.
//! 2. [`written`]: its rows become segments, sorted by key; rows of older segments that it replaced join their bitmaps.
//!    Commits go on meanwhile. What they replace of the frozen rows they also note in the new delta.
//! 3. The manifest is published: the one step that counts. A crash before it leaves files that no manifest names, which
//!    the next open removes; the log still has everything.
//! 4. [`Inner::swap`]: under the log's lock, again for a moment, the new segments take the frozen delta's place, and what was
//!    noted becomes deletes of their rows. Readers of the old state keep it.
//!
//! After a failure the frozen delta stays where it is, and the next fold takes it up again at step 2.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    catalog::{Table, TableId},
    compact,
    delta::{DeltaTable, Generation},
    error::{Error, Result},
    log::{LogStart, log_files},
    manifest::{Manifest, ManifestSegment, ManifestTable},
    segment::{SegmentId, SegmentWriter},
    state::{SegmentPart, State},
    store::{Inner, Published, closed},
};

/// Rows of one segment at most.
pub(crate) const SEGMENT_ROWS_MAX: usize = 1 << 20;

/// A table's segments once the frozen delta is in them.
struct Folded {
    segments: Vec<SegmentPart>,
    /// Where each version of the frozen delta went.
    places: HashMap<u32, (SegmentId, u32)>,
}

impl Inner {
    /// Folds all that was committed before it was called.
    pub fn fold(&self) -> Result<u64> {
        let _folding = self.folding.lock();
        self.ground.remove_left();
        if let Some(log) = self.log.lock().as_mut()
            && log.repair().is_ok()
        {
            self.forget_failed_loads();
        }
        // A fold that failed left a frozen delta: that one first, then what came behind it.
        if self.published().state.generations.len() > 1 {
            self.fold_frozen()?;
        }
        if self.freeze()? {
            self.fold_frozen()?;
        }
        while self.keep_history() {
            self.fold_meanwhile()?;
        }
        compact::all(self)?;
        self.measure_again();
        Ok(self.published().state.folded.csn)
    }

    /// Folds if the delta has grown past its target, or a fold was left undone.
    pub fn fold_if_due(&self) -> Result<()> {
        // Not kept while others fold: it would keep what they fold and merge.
        let is_due = {
            let state = self.published().state;
            state.generations.len() > 1 || state.newest_bytes() > self.options.delta_bytes_target
        };
        if self.meter.take_wish() {
            self.fold()?;
            let _folding = self.folding.lock();
            self.expire();
            self.measure_again();
            return Ok(());
        }
        if is_due { self.fold().map(drop) } else { Ok(()) }
    }

    /// Folds in the midst of what comes behind a fold, when the delta has grown past its target: writers must not wait for
    /// room until that is through. The lock for folding is held, and nothing is frozen.
    pub fn fold_meanwhile(&self) -> Result<()> {
        let is_due = self.published().state.newest_bytes() > self.options.delta_bytes_target;
        if is_due && self.freeze()? { self.fold_frozen() } else { Ok(()) }
    }

    /// Puts an empty delta on top; `false` when there is nothing to fold.
    fn freeze(&self) -> Result<bool> {
        let log = self.log.lock();
        let log = log.as_ref().ok_or_else(closed)?;
        let Published { state, csn } = self.published();
        let Some(newest) = state.generations.last() else { return Ok(false) };
        if newest.is_empty() && !state.has_loads_behind(state.folded.csn) {
            return Ok(false);
        }
        let rows = |table: TableId| newest.must_get(table).map_or(0, |delta| delta.count(csn));
        let fresh = Arc::new(Generation::new(&state.catalog, rows, newest.gauge()));
        let frozen = Some(LogStart { csn, hash: log.hash(), time_micros: self.newest_time() });
        let generations = vec![newest.clone(), fresh];
        let state = State { generations, frozen, ..State::clone(&state) };
        self.publish(Arc::new(state), csn);
        Ok(true)
    }

    fn fold_frozen(&self) -> Result<()> {
        let state = self.published().state;
        let (Some(frozen), Some(start)) = (state.generations.first(), state.frozen) else {
            return Err(Error::Internal("nothing is frozen".into()));
        };
        let mut tables = HashMap::new();
        for table in state.catalog.tables() {
            let delta = frozen.must_get(table.id)?;
            if delta.is_written() {
                tables.insert(table.id, self.written(&state, table, delta, start.csn)?);
            }
        }
        // What was not written has the segments that it had.
        let mut segments: HashMap<_, _> =
            state.segments.iter().map(|(table, parts)| (*table, parts.as_slice())).collect();
        segments.extend(tables.iter().map(|(table, folded)| (*table, folded.segments.as_slice())));
        self.publish_manifest(&state, start, segments)?;
        self.swap(start, tables)?;
        self.expire();
        // The room is there when the frozen delta has gone.
        drop(state);
        self.tell_room();
        Ok(())
    }

    /// Writes a table's frozen rows, and brings the bitmaps of its older segments up to date.
    fn written(&self, state: &State, table: &Arc<Table>, delta: &DeltaTable, csn: u64) -> Result<Folded> {
        let mut folded = Folded { segments: Vec::new(), places: HashMap::new() };
        for part in state.segments.get(&table.id).map(|parts| parts.as_slice()).unwrap_or_default() {
            let since = delta.deleted_in(part.segment.id(), csn);
            let deleted =
                if since.is_empty() { part.deleted.clone() } else { Arc::new(&*part.deleted | &*since) };
            folded.segments.push(SegmentPart { deleted, ..part.clone() });
        }
        let mut versions = Vec::new();
        for at in delta.visible(csn) {
            let version = delta.version(at).ok_or_else(|| Error::Internal(format!("no version {at}")))?;
            versions.push((version.row.key()?.clone(), version));
        }
        versions.sort_by(|(a, _), (b, _)| a.cmp(b));
        for chunk in versions.chunks(SEGMENT_ROWS_MAX) {
            let id = SegmentId(self.next_segment.fetch_add(1, Ordering::Relaxed));
            let mut writer = SegmentWriter::create(&self.ground, table, id, self.options.row_group_rows)?;
            for (row, (_, version)) in (0..).zip(chunk) {
                folded.places.insert(version.at, (id, row));
                writer.add(version.row.clone(), version.begin)?;
            }
            let segment = Arc::new(writer.finish()?);
            folded.segments.push(SegmentPart::new(segment));
        }
        Ok(folded)
    }

    /// Publishes a manifest of these segments, as far as they were there at `start`: those loaded behind it are named by
    /// the log. The lock for folding is held.
    pub fn publish_manifest(
        &self,
        state: &State,
        start: LogStart,
        segments: HashMap<TableId, &[SegmentPart]>,
    ) -> Result<()> {
        let mut tables = Vec::new();
        for table in state.catalog.tables() {
            let parts = segments.get(&table.id).copied().unwrap_or_default();
            let parts = parts.iter().filter(|part| part.is_there_at(start.csn));
            let segments = parts.map(entry).collect::<Result<_>>()?;
            tables.push(ManifestTable { table: table.id, segments });
        }
        let manifest = Manifest {
            // A number of its own for each attempt: one that failed behind the link must not block those that follow.
            number: self.manifest.fetch_add(1, Ordering::Relaxed) + 1,
            folded_csn: start.csn,
            folded_hash: start.hash,
            folded_time_micros: start.time_micros,
            next_segment: self.next_segment.load(Ordering::Relaxed),
            catalog: state.catalog.specs(),
            tables,
        };
        let published = manifest.publish(&self.ground.objects);
        let named = || segments.values().copied().flatten().map(|part| &part.segment);
        if published.is_err() {
            // It may be there all the same, and hold after a crash.
            self.doubtful.lock().extend(named().filter(|segment| !segment.is_kept()).cloned());
        }
        named().for_each(|segment| segment.keep());
        published?;
        self.retained.add(&manifest, named());
        Ok(())
    }

    /// Lets go of what only manifests name that are not kept any more. The newest one is published, and the state is that
    /// one's.
    pub fn expire(&self) {
        match self.retained.expire(&self.ground.objects, self.clock.now_micros()) {
            // Those that failed to be published are gone, too.
            Ok(()) => self.doubtful.lock().drain(..).for_each(|segment| segment.retire()),
            Err(error) => tracing::warn!(%error, "past states are left; they go with the next fold"),
        }
    }

    /// Makes history of a log file; `false` when there is none to make it of, for now.
    fn keep_history(&self) -> bool {
        self.keep_oldest_log().unwrap_or_else(|error| {
            tracing::warn!(%error, "folded log files stay where they are");
            false
        })
    }

    /// Makes history of the oldest log file, if its every entry is folded. The file that takes the writes always stays, and
    /// so does all behind it, which a failed roll may have left.
    fn keep_oldest_log(&self) -> Result<bool> {
        let log = self.log.lock();
        let in_use = log.as_ref().ok_or_else(closed)?.path().to_path_buf();
        drop(log);
        let state = self.published().state;
        state.archive.keep_moved(&state.catalog)?;
        let mut logs = log_files(&*self.files, &self.log_ground.folder)?;
        logs.retain(|(_, path)| *path <= in_use);
        let [(first, path), (next, _), ..] = logs.as_slice() else { return Ok(false) };
        let is_folded = *next <= state.folded.csn + 1;
        if is_folded {
            state.archive.keep(&state.catalog, path, &(*first..=next - 1))?;
        }
        Ok(is_folded)
    }

    /// The folded state takes the place of the frozen delta.
    fn swap(&self, folded: LogStart, tables: HashMap<TableId, Folded>) -> Result<()> {
        let _log = self.log.lock();
        let Published { state, csn } = self.published();
        let newest = state.generations.last().ok_or_else(|| Error::Internal("no delta".into()))?;
        let mut segments = state.segments.clone();
        for (table, Folded { segments: parts, places }) in tables {
            let delta = newest.must_get(table)?;
            for (at, csn) in delta.take_replaced() {
                let Some((segment, row)) = places.get(&at) else {
                    return Err(Error::Internal(format!("the frozen version {at} was not folded")));
                };
                delta.delete_in(*segment, *row, csn);
            }
            segments.insert(table, Arc::new(parts));
        }
        let generations = vec![newest.clone()];
        let next = State { segments, generations, folded, frozen: None, ..State::clone(&state) };
        self.publish(Arc::new(next), csn);
        Ok(())
    }
}

fn entry(part: &SegmentPart) -> Result<ManifestSegment> {
    let mut deleted = Vec::new();
    part.deleted
        .serialize_into(&mut deleted)
        .map_err(|error| Error::Internal(format!("a bitmap: {error}")))?;
    Ok(ManifestSegment {
        id: part.segment.id(),
        meta_crc: part.segment.meta_crc(),
        deleted,
        loaded_at: part.loaded_at,
    })
}
