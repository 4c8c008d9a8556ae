//! Merges small segments of a table, so that a read has few of them to ask.
//!
//! A merged segment holds the rows of the old ones that were current when the last manifest was written. Rows replaced
//! since are still in it, and their deletes, which the delta remembers by segment and row, are carried over to their
//! new places: the log, replayed on the new manifest, finds every row it changes.
//!
//! Merging takes long, and writers must not wait for it: when the delta wants to be folded meanwhile, it is, in the midst.
//! What that fold finds deleted of the old segments is carried over, too.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use roaring::RoaringBitmap;

use crate::{
    catalog::Table,
    error::Result,
    fold::SEGMENT_ROWS_MAX,
    merge::{Merge, Merged},
    segment::{Segment, SegmentId, SegmentWriter},
    state::{SegmentPart, State},
    store::{Inner, Published},
};

/// A table is left alone up to this many segments that are small: of less than half the rows there may be in one.
const SMALL_MAX: usize = 8;

/// After so many rows it is seen whether the delta wants to be folded.
const ROWS_BETWEEN: u32 = 1_024;

/// Merges what wants merging. The lock for folding is held, and nothing is frozen.
pub(crate) fn all(inner: &Inner) -> Result<()> {
    // Not all of the state: it would keep a delta that is folded meanwhile.
    let catalog = inner.published().state.catalog.clone();
    let oldest = inner.retained.oldest().map_or(u64::MAX, |start| start.csn);
    for table in catalog.tables() {
        let state = inner.published().state;
        let parts = state.segments.get(&table.id).cloned().unwrap_or_default();
        let chosen = choose(&parts, oldest.min(state.folded.csn));
        drop(state);
        if !chosen.is_empty() {
            merge(inner, table, &parts, &chosen)?;
        }
    }
    Ok(())
}

/// The numbers of the segments to merge: where there are too many small ones, some of those; else those that are deleted
/// for the most part. What was loaded behind `kept`, the oldest manifest, is left alone: who replays entries behind it
/// needs it.
fn choose(parts: &[SegmentPart], kept: u64) -> Vec<usize> {
    let live = |part: &SegmentPart| u64::from(part.segment.rows()).saturating_sub(part.deleted.len());
    let is_small = |part: &SegmentPart| live(part) < rows_max() / 2;
    let is_sparse = |part: &SegmentPart| part.deleted.len() * 2 > u64::from(part.segment.rows());
    let too_many = parts.iter().filter(|part| is_small(part)).count() > SMALL_MAX;
    let wanted = |part: &SegmentPart| if too_many { is_small(part) } else { is_sparse(part) };
    let ready = parts.iter().enumerate().filter(|(_, part)| part.is_there_at(kept) && wanted(part));
    let sizes = ready.map(|(at, part)| (live(part), at)).collect();
    let mut chosen = if too_many { alike(sizes) } else { together(sizes) };
    chosen.sort_unstable();
    chosen
}

/// The smallest ones, up to one that is larger than all of those: so a row is not written again before there are as
/// many others to write it with. None where that is one alone.
fn alike(mut sizes: Vec<(u64, usize)>) -> Vec<usize> {
    sizes.sort_unstable();
    let mut rows = 0;
    let few = sizes.into_iter().enumerate().take_while(|(number, (live, _))| {
        let fits = *number < 2 || *live <= rows;
        rows += live;
        fits && rows <= rows_max()
    });
    let chosen: Vec<usize> = few.map(|(_, (_, at))| at).collect();
    if chosen.len() > 1 { chosen } else { Vec::new() }
}

/// As many as make one segment together.
fn together(sizes: Vec<(u64, usize)>) -> Vec<usize> {
    let mut rows = 0;
    let some = sizes.into_iter().take_while(|(live, _)| {
        rows += live;
        rows <= rows_max()
    });
    some.map(|(_, at)| at).collect()
}

/// Rows of one segment at most.
fn rows_max() -> u64 {
    u64::try_from(SEGMENT_ROWS_MAX).unwrap_or(u64::MAX)
}

/// A row that is in no segment any more.
const NOWHERE: u32 = u32::MAX;

/// The segment that takes the place of some, and where each of their rows went in it: by old segment, by old row.
struct Written {
    segment: Option<Segment>,
    places: Vec<Vec<u32>>,
}

fn merge(inner: &Inner, table: &Arc<Table>, parts: &[SegmentPart], chosen: &[usize]) -> Result<()> {
    let old: Vec<&SegmentPart> = chosen.iter().filter_map(|at| parts.get(*at)).collect();
    let Written { segment, places } = write(inner, table, &old)?;
    let state = inner.published().state;
    let now = state.segments.get(&table.id).map(|parts| parts.as_slice()).unwrap_or_default();
    let is_old = |part: &SegmentPart| old.iter().any(|old| old.segment.id() == part.segment.id());
    let mut next: Vec<SegmentPart> = now.iter().filter(|part| !is_old(part)).cloned().collect();
    let into = segment.as_ref().map(Segment::id);
    next.extend(segment.map(|segment| {
        let deleted = Arc::new(deleted_meanwhile(now, &old, &places));
        SegmentPart { deleted, ..SegmentPart::new(Arc::new(segment)) }
    }));
    let mut segments: HashMap<_, &[SegmentPart]> =
        state.segments.iter().map(|(table, parts)| (*table, parts.as_slice())).collect();
    segments.insert(table.id, &next);
    inner.publish_manifest(&state, state.folded, segments)?;
    let moved = into.map(|into| Moved { into, from: old.iter().map(|part| part.segment.id()).zip(places) });
    swap(inner, table, next, moved)?;
    inner.expire();
    Ok(())
}

/// Where rows went that a fold found deleted while they were merged.
fn deleted_meanwhile(now: &[SegmentPart], old: &[&SegmentPart], places: &[Vec<u32>]) -> RoaringBitmap {
    let mut all = RoaringBitmap::new();
    for (old, places) in old.iter().zip(places) {
        let Some(now) = now.iter().find(|now| now.segment.id() == old.segment.id()) else { continue };
        let since = &*now.deleted - &*old.deleted;
        let placed = since.iter().filter_map(|row| places.get(usize::try_from(row).ok()?).copied());
        all.extend(placed.filter(|place| *place != NOWHERE));
    }
    all
}

/// Writes the live rows of these segments as one.
fn write(inner: &Inner, table: &Arc<Table>, old: &[&SegmentPart]) -> Result<Written> {
    let rows = |part: &&SegmentPart| usize::try_from(part.segment.rows()).unwrap_or(usize::MAX);
    let mut places: Vec<Vec<u32>> = old.iter().map(|part| vec![NOWHERE; rows(part)]).collect();
    let mut merge = Merge::new(table, old.iter().map(|part| vec![*part]))?;
    let mut writer = None;
    let mut number = 0;
    while let Some(Merged { row, csn, run, at }) = merge.next()? {
        if number % ROWS_BETWEEN == 0 {
            inner.fold_meanwhile()?;
        }
        let places = places.get_mut(run);
        if let Some(place) = places.and_then(|places| places.get_mut(usize::try_from(at).ok()?)) {
            *place = number;
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            None => {
                let id = SegmentId(inner.next_segment.fetch_add(1, Ordering::Relaxed));
                let group_rows = inner.options.row_group_rows;
                writer.insert(SegmentWriter::create(&inner.ground, table, id, group_rows)?)
            }
        };
        writer.add(row, csn)?;
        number += 1;
    }
    let segment = writer.map(SegmentWriter::finish).transpose()?;
    Ok(Written { segment, places })
}

/// Where rows went.
struct Moved<P> {
    into: SegmentId,
    /// By old segment, the new number of each row.
    from: P,
}

fn swap(
    inner: &Inner,
    table: &Table,
    next: Vec<SegmentPart>,
    moved: Option<Moved<impl Iterator<Item = (SegmentId, Vec<u32>)>>>,
) -> Result<()> {
    let _log = inner.log.lock();
    let Published { state, csn } = inner.published();
    if let Some(Moved { into, from }) = moved {
        let from: Vec<_> = from.collect();
        for generation in &state.generations {
            let delta = generation.must_get(table.id)?;
            let mut carried = Vec::new();
            for (old, places) in &from {
                let place = |row: u32| places.get(usize::try_from(row).ok()?).copied();
                let placed = |(csn, row): (u64, u32)| Some((csn, place(row)?));
                carried.extend(delta.deletes_of(*old).into_iter().filter_map(placed));
            }
            carried.retain(|(_, place)| *place != NOWHERE);
            carried.sort_unstable();
            for (csn, row) in carried {
                delta.delete_in(into, row, csn);
            }
        }
    }
    let mut segments = state.segments.clone();
    segments.insert(table.id, Arc::new(next));
    inner.publish(Arc::new(State { segments, ..State::clone(&state) }), csn);
    Ok(())
}

#[cfg(test)]
mod tests;
