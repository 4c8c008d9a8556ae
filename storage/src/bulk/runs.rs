//! The rows of one table of a load, as runs of segments. In a run each segment goes on behind the keys of the one before.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    catalog::Table,
    error::{Error, Result},
    fold::SEGMENT_ROWS_MAX,
    merge::{Merge, Merged},
    segment::{Segment, SegmentId, SegmentWriter},
    state::SegmentPart,
    store::{Inner, closed},
    value::{Key, Row},
};

/// Runs that are merged at a time: a slice of each is in memory.
const MERGED_MAX: usize = 16;

/// The rows of one table.
pub(super) struct Runs {
    table: Arc<Table>,
    /// Rows that are not written yet.
    waiting: Vec<Row>,
    waiting_bytes: u64,
    /// Rows that were added.
    rows: u64,
    /// The segment that is being written.
    open: Option<SegmentWriter>,
    /// The last key of the run that is being written.
    last: Option<Key>,
    /// Finished segments.
    done: Vec<Segment>,
}

impl Runs {
    pub fn new(table: Arc<Table>) -> Runs {
        Runs {
            table,
            waiting: Vec::new(),
            waiting_bytes: 0,
            rows: 0,
            open: None,
            last: None,
            done: Vec::new(),
        }
    }

    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of rows that are not written yet, roughly.
    pub fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }

    /// What the index of the open segment holds in memory.
    pub fn index_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, SegmentWriter::index_bytes)
    }

    pub fn add(&mut self, row: Row) {
        self.waiting_bytes += row.bytes();
        self.rows += 1;
        self.waiting.push(row);
    }

    /// Writes the rows that wait, in the order of keys: behind those before where they go on, else as a new run.
    pub fn write_out(&mut self, inner: &Inner) -> Result<()> {
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let keyed = waiting.into_iter().map(|row| Ok((row.key()?.clone(), row)));
        let mut rows = keyed.collect::<Result<Vec<_>>>()?;
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let Some((first, _)) = rows.first() else { return Ok(()) };
        if self.last.as_ref().is_some_and(|last| last >= first) {
            self.close()?;
            self.last = None;
        }
        rows.into_iter().try_for_each(|(key, row)| self.append(inner, key, row))
    }

    /// Finishes the open segment; the run goes on in the next one.
    pub fn close(&mut self) -> Result<()> {
        if let Some(writer) = self.open.take() {
            self.done.push(writer.finish()?);
        }
        Ok(())
    }

    /// All rows as one run.
    pub fn finish(mut self, inner: &Inner) -> Result<(Arc<Table>, Vec<Segment>)> {
        self.write_out(inner)?;
        self.close()?;
        let mut runs = chained(self.done);
        while runs.len() > 1 {
            let mut fewer = Vec::new();
            while !runs.is_empty() {
                let some = runs.drain(..runs.len().min(MERGED_MAX)).collect();
                fewer.push(merged(inner, &self.table, some)?);
            }
            runs = fewer;
        }
        Ok((self.table, runs.pop().unwrap_or_default()))
    }

    /// The next row of the run.
    fn append(&mut self, inner: &Inner, key: Key, row: Row) -> Result<()> {
        if self.last.as_ref() == Some(&key) {
            let table = self.table.spec.name.to_string();
            return Err(Error::DuplicateKey { table, key: key.to_string() });
        }
        let is_full = |writer: &SegmentWriter| writer.rows() >= SEGMENT_ROWS_MAX;
        if self.open.as_ref().is_some_and(is_full) {
            self.close()?;
        }
        let writer = match &mut self.open {
            Some(writer) => writer,
            None => self.open.insert(writer(inner, &self.table)?),
        };
        self.last = Some(key);
        writer.add(row, 0)
    }
}

/// A new segment.
fn writer(inner: &Inner, table: &Arc<Table>) -> Result<SegmentWriter> {
    // Once the store is closed, the folder may be another's.
    if inner.log.lock().is_none() {
        return Err(closed());
    }
    let id = SegmentId(inner.next_segment.fetch_add(1, Ordering::Relaxed));
    Ok(SegmentWriter::create(&inner.ground, table, id, inner.options.row_group_rows)?.urgent())
}

/// As few runs as these segments make, if each goes to the first whose keys it goes on.
fn chained(mut segments: Vec<Segment>) -> Vec<Vec<Segment>> {
    segments.sort_by(|a, b| first_key(a).cmp(&first_key(b)));
    let mut runs: Vec<Vec<Segment>> = Vec::new();
    for segment in segments {
        let goes_on = |run: &&mut Vec<Segment>| run.last().and_then(last_key) < first_key(&segment);
        match runs.iter_mut().find(goes_on) {
            Some(run) => run.push(segment),
            None => runs.push(vec![segment]),
        }
    }
    runs
}

fn first_key(segment: &Segment) -> Option<&Key> {
    segment.key_spans().next().map(|(first, _)| first)
}

fn last_key(segment: &Segment) -> Option<&Key> {
    segment.key_spans().last().map(|(_, last)| last)
}

/// One run of the rows of some.
fn merged(inner: &Inner, table: &Arc<Table>, mut runs: Vec<Vec<Segment>>) -> Result<Vec<Segment>> {
    if runs.len() <= 1 {
        return Ok(runs.pop().unwrap_or_default());
    }
    let part = |segment| SegmentPart::new(Arc::new(segment));
    let runs: Vec<Vec<SegmentPart>> =
        runs.into_iter().map(|run| run.into_iter().map(part).collect()).collect();
    let mut merge = Merge::new(table, runs.iter().map(|run| run.iter().collect()))?;
    let mut into = Runs::new(table.clone());
    while let Some(Merged { row, .. }) = merge.next()? {
        into.append(inner, row.key()?.clone(), row)?;
    }
    into.close()?;
    Ok(into.done)
}
