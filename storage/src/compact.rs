//! Merges small segments of a table, so that a read has few of them to ask.
//!
//! A merged segment holds the rows of the old ones that were current when the last manifest was written. Rows replaced
//! since are still in it, and their deletes, which the delta remembers by segment and row, are carried over to their
//! new places: the log, replayed on the new manifest, finds every row it changes.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    catalog::Table,
    columns,
    error::Result,
    fold::SEGMENT_ROWS_MAX,
    segment::{Segment, SegmentId, SegmentWriter},
    state::{SegmentPart, State},
    store::{Inner, Published},
    value::{Key, Row},
};

/// A table is left alone up to this many segments.
const SEGMENTS_MAX: usize = 8;

/// Merges what wants merging. The lock for folding is held, and nothing is frozen.
pub(crate) fn all(inner: &Inner) -> Result<()> {
    let state = inner.published().state;
    for table in state.catalog.tables() {
        let parts = inner.published().state.segments.get(&table.id).cloned().unwrap_or_default();
        let chosen = choose(&parts);
        if !chosen.is_empty() {
            merge(inner, table, &parts, &chosen)?;
        }
    }
    Ok(())
}

/// The numbers of the segments to merge: where there are too many, the smallest ones, as many as make one segment
/// together; else those that are deleted for the most part.
fn choose(parts: &[SegmentPart]) -> Vec<usize> {
    if parts.len() <= SEGMENTS_MAX {
        let is_sparse = |part: &SegmentPart| part.deleted.len() * 2 > u64::from(part.segment.rows());
        return parts.iter().enumerate().filter(|(_, part)| is_sparse(part)).map(|(at, _)| at).collect();
    }
    let live = |part: &SegmentPart| u64::from(part.segment.rows()).saturating_sub(part.deleted.len());
    let mut by_size: Vec<(u64, usize)> =
        parts.iter().enumerate().map(|(at, part)| (live(part), at)).collect();
    by_size.sort_unstable();
    let mut rows = 0;
    let limit = u64::try_from(SEGMENT_ROWS_MAX).unwrap_or(u64::MAX);
    let mut chosen = Vec::new();
    for (live, at) in by_size {
        rows += live;
        if rows > limit {
            break;
        }
        chosen.push(at);
    }
    if chosen.len() < 2 {
        return Vec::new();
    }
    chosen.sort_unstable();
    chosen
}

/// The row of an old segment, by its number.
type OldPlace = (SegmentId, u32);

fn merge(inner: &Inner, table: &Arc<Table>, parts: &[SegmentPart], chosen: &[usize]) -> Result<()> {
    let old: Vec<&SegmentPart> = chosen.iter().filter_map(|at| parts.get(*at)).collect();
    let (merged, places) = write(inner, table, &old)?;
    let gone = |id: SegmentId| old.iter().any(|part| part.segment.id() == id);
    let mut next: Vec<SegmentPart> = parts.iter().filter(|part| !gone(part.segment.id())).cloned().collect();
    next.extend(merged.map(|segment| SegmentPart { segment: Arc::new(segment), deleted: Arc::default() }));

    let state = inner.published().state;
    let mut segments: HashMap<_, &[SegmentPart]> =
        state.segments.iter().map(|(table, parts)| (*table, parts.as_slice())).collect();
    segments.insert(table.id, &next);
    inner.publish_manifest(&state, state.folded, segments)?;
    swap(inner, table, &old, (next, places))?;
    inner.expire();
    Ok(())
}

/// Writes the live rows of these segments as one; `None` when there are none. And where each row went.
fn write(
    inner: &Inner,
    table: &Arc<Table>,
    old: &[&SegmentPart],
) -> Result<(Option<Segment>, HashMap<OldPlace, OldPlace>)> {
    let mut places = HashMap::new();
    let mut runs = old.iter().map(|part| Run::new(table, part)).collect::<Result<Vec<_>>>()?;
    let id = SegmentId(inner.next_segment.fetch_add(1, Ordering::Relaxed));
    let mut writer = None;
    let mut row = 0;
    while let Some(run) = smallest(&mut runs) {
        let Some(next) = run.next.take() else { break };
        places.insert((run.part.segment.id(), next.at), (id, row));
        let writer = match &mut writer {
            Some(writer) => writer,
            None => {
                writer.insert(SegmentWriter::create(&inner.ground, table, id, inner.options.row_group_rows)?)
            }
        };
        writer.add(next.row, next.csn)?;
        run.advance()?;
        row += 1;
    }
    let segment = writer.map(SegmentWriter::finish).transpose()?;
    Ok((segment, places))
}

fn swap(
    inner: &Inner,
    table: &Table,
    old: &[&SegmentPart],
    (next, places): (Vec<SegmentPart>, HashMap<OldPlace, OldPlace>),
) -> Result<()> {
    let _log = inner.log.lock();
    let Published { state, csn } = inner.published();
    for generation in &state.generations {
        let delta = generation.must_get(table.id)?;
        let mut moved = Vec::new();
        for part in old {
            let id = part.segment.id();
            let places = &places;
            let carried = delta.deletes_of(id).into_iter();
            moved.extend(carried.filter_map(|(csn, row)| places.get(&(id, row)).map(|place| (csn, *place))));
        }
        moved.sort_unstable();
        for (csn, (segment, row)) in moved {
            delta.delete_in(segment, row, csn);
        }
    }
    let mut segments = state.segments.clone();
    segments.insert(table.id, Arc::new(next));
    inner.publish(Arc::new(State { segments, ..State::clone(&state) }), csn);
    Ok(())
}

/// The live rows of a segment, in order, a row group at a time.
struct Run<'a> {
    table: &'a Arc<Table>,
    part: &'a SegmentPart,
    group: usize,
    /// The next rows, last first.
    ready: Vec<Next>,
    next: Option<Next>,
}

struct Next {
    key: Key,
    row: Row,
    csn: u64,
    at: u32,
}

impl<'a> Run<'a> {
    fn new(table: &'a Arc<Table>, part: &'a SegmentPart) -> Result<Run<'a>> {
        let mut run = Run { table, part, group: 0, ready: Vec::new(), next: None };
        run.advance()?;
        Ok(run)
    }

    fn advance(&mut self) -> Result<()> {
        let groups = self.part.segment.groups();
        while self.ready.is_empty() {
            let Some(places) = groups.get(self.group) else { break };
            let all: Vec<usize> = (0..self.table.spec.columns.len()).collect();
            let arrays = self.part.segment.columns(self.table, self.group, &all)?;
            let csns = self.part.segment.csns(self.group)?;
            let batch = columns::record_batch(self.table.schema.clone(), arrays, csns.len())?;
            let rows = columns::rows(&self.table.spec, &batch)?;
            for ((at, row), csn) in places.clone().zip(rows).zip(csns) {
                if !self.part.deleted.contains(at) {
                    self.ready.push(Next { key: row.key()?.clone(), row, csn, at });
                }
            }
            self.ready.reverse();
            self.group += 1;
        }
        self.next = self.ready.pop();
        Ok(())
    }
}

/// The run whose next key is the smallest. A key is live in one segment only.
fn smallest<'r, 'a>(runs: &'r mut [Run<'a>]) -> Option<&'r mut Run<'a>> {
    let live = runs.iter_mut().filter(|run| run.next.is_some());
    live.min_by(|a, b| a.next.as_ref().map(|next| &next.key).cmp(&b.next.as_ref().map(|next| &next.key)))
}
