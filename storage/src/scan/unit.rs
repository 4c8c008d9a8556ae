//! One unit of a scan: rows of one part that are read at once.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, UInt32Array},
    compute,
    record_batch::RecordBatch,
};
use roaring::RoaringBitmap;

use super::{ColumnBound, FEW_ROWS};
use crate::{
    catalog::Table,
    columns::{self, arrow_error},
    delta::DeltaTable,
    error::{Error, Result},
    rowset::RowSet,
    segment::Segment,
    value::Row,
};

/// Rows of a part.
pub(super) struct Unit {
    /// The part's number.
    pub part: u32,
    /// The places in the part that the source covers.
    places: Range<u32>,
    /// Those of them that are wanted; `None`: all.
    chosen: Option<RoaringBitmap>,
    source: Source,
}

enum Source {
    /// A batch of all columns, a row per place.
    Batch(RecordBatch),
    /// Only the chosen rows.
    Rows(Arc<Table>, Vec<Row>),
    /// A row group of a segment.
    Group(Arc<Table>, Arc<Segment>, usize),
}

impl Unit {
    /// How many rows.
    pub fn rows(&self) -> u64 {
        self.chosen.as_ref().map_or(u64::from(self.places.end - self.places.start), RoaringBitmap::len)
    }

    /// The places of the first `rows` rows.
    pub fn selected(&self, rows: usize) -> Vec<u32> {
        match &self.chosen {
            Some(chosen) => chosen.iter().take(rows).collect(),
            None => self.places.clone().take(rows).collect(),
        }
    }

    /// These columns of the first `limit` rows, and how many those are.
    pub fn read(&self, projection: &[usize], limit: usize) -> Result<(Vec<ArrayRef>, usize)> {
        let rows = usize::try_from(self.rows()).unwrap_or(usize::MAX).min(limit);
        let arrays = match &self.source {
            Source::Batch(batch) => {
                let column = |at: &usize| batch.columns().get(*at).cloned().ok_or_else(|| missing(*at));
                let whole = projection.iter().map(column).collect::<Result<Vec<_>>>()?;
                self.choose(whole, rows)?
            }
            Source::Rows(table, values) => {
                let first = values.get(..rows).unwrap_or(values);
                projection.iter().map(|at| columns::column(&table.spec, *at, first)).collect::<Result<_>>()?
            }
            Source::Group(table, segment, group) => {
                let few = self.chosen.as_ref().filter(|chosen| chosen.len() * 16 <= self.span());
                match few {
                    Some(_) => segment.sparse(table, *group, projection, &self.offsets(rows))?,
                    None => self.choose(segment.columns(table, *group, projection)?, rows)?,
                }
            }
        };
        Ok((arrays, rows))
    }

    fn span(&self) -> u64 {
        u64::from(self.places.end - self.places.start)
    }

    /// The chosen places of the first `rows` rows, counted from the start of the source.
    fn offsets(&self, rows: usize) -> Vec<u32> {
        self.selected(rows).into_iter().map(|at| at - self.places.start).collect()
    }

    fn choose(&self, whole: Vec<ArrayRef>, rows: usize) -> Result<Vec<ArrayRef>> {
        if self.chosen.is_none() {
            return Ok(whole.into_iter().map(|array| array.slice(0, rows)).collect());
        }
        let offsets = self.offsets(rows);
        if let Some(run) = run_of(&offsets) {
            return Ok(whole.into_iter().map(|array| array.slice(run.start, run.len())).collect());
        }
        let offsets = UInt32Array::from(offsets);
        whole.iter().map(|array| compute::take(array, &offsets, None).map_err(arrow_error)).collect()
    }
}

/// The places as one run, where nothing is left out between them.
fn run_of(offsets: &[u32]) -> Option<Range<usize>> {
    let (first, last) = (usize::try_from(*offsets.first()?).ok()?, usize::try_from(*offsets.last()?).ok()?);
    (last - first + 1 == offsets.len()).then(|| first..last + 1)
}

fn missing(at: usize) -> Error {
    Error::Internal(format!("no column {at} in a batch"))
}

/// A batch that covers these places, or the chosen ones of it.
pub(super) fn of_batch(
    units: &mut Vec<Unit>,
    part: u32,
    (places, batch): (Range<u32>, RecordBatch),
    chosen: Option<RoaringBitmap>,
) {
    let chosen = chosen.filter(|chosen| chosen.len() < u64::from(places.end - places.start));
    let unit = Unit { part, places, chosen, source: Source::Batch(batch) };
    if unit.rows() > 0 {
        units.push(unit);
    }
}

/// These rows of a delta.
pub(super) fn of_delta(
    units: &mut Vec<Unit>,
    part: u32,
    delta: &DeltaTable,
    rows: RoaringBitmap,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let all = 0..delta.len();
    if rows.len() <= FEW_ROWS && rows.len() * 4 < u64::from(all.end) {
        let source = Source::Rows(delta.table().clone(), delta.rows(rows.iter()));
        units.push(Unit { part, places: all, chosen: Some(rows), source });
        return Ok(());
    }
    for (places, batch) in delta.batches()? {
        let chosen = cut(&rows, &places);
        of_batch(units, part, (places, batch), Some(chosen));
    }
    Ok(())
}

/// Which rows of a segment.
pub(super) struct Choice<'a> {
    /// Only these; `None`: all.
    pub wanted: Option<&'a RowSet>,
    /// But not these.
    pub without: &'a RoaringBitmap,
    /// Only those that may meet all of this.
    pub bounds: &'a [ColumnBound],
}

/// The row groups of a segment, or the chosen rows of them.
pub(super) fn of_segment(
    units: &mut Vec<Unit>,
    part: u32,
    (table, segment): (&Arc<Table>, &Arc<Segment>),
    choice: &Choice<'_>,
) -> Result<()> {
    let wanted = choice.wanted.map(|wanted| wanted.part(part).cloned().unwrap_or_default());
    if wanted.as_ref().is_some_and(RoaringBitmap::is_empty) {
        return Ok(());
    }
    for (group, places) in segment.groups().into_iter().enumerate() {
        let span = u64::from(places.end - places.start);
        let mut chosen = wanted.as_ref().map(|wanted| cut(wanted, &places));
        if chosen.as_ref().is_some_and(RoaringBitmap::is_empty)
            || !may_match(table, segment, group, choice.bounds)?
        {
            continue;
        }
        if let Some(pages) = pages_that_may_match(table, segment, (group, &places), choice.bounds)? {
            chosen = Some(chosen.map_or_else(|| pages.clone(), |chosen| chosen & &pages));
        }
        let gone = cut(choice.without, &places);
        if !gone.is_empty() {
            let all = chosen.unwrap_or_else(|| RoaringBitmap::from_iter(places.clone()));
            chosen = Some(all - gone);
        }
        let chosen = chosen.filter(|chosen| chosen.len() < span);
        let source = Source::Group(table.clone(), segment.clone(), group);
        let unit = Unit { part, places, chosen, source };
        if unit.rows() > 0 {
            units.push(unit);
        }
    }
    Ok(())
}

fn may_match(table: &Table, segment: &Segment, group: usize, bounds: &[ColumnBound]) -> Result<bool> {
    for bound in bounds {
        let extents = segment.extents(table, bound.column)?;
        if extents.get(group).is_some_and(|extent| !bound.may_hold(extent)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The rows of pages that may meet the bounds; `None` where that is all of them.
fn pages_that_may_match(
    table: &Table,
    segment: &Segment,
    (group, places): (usize, &Range<u32>),
    bounds: &[ColumnBound],
) -> Result<Option<RoaringBitmap>> {
    let mut without = RoaringBitmap::new();
    for bound in bounds {
        for (page, extent) in segment.page_extents(table, bound.column, group)? {
            if !bound.may_hold(&extent) {
                without.insert_range(places.start + page.start..places.start + page.end);
            }
        }
    }
    Ok((!without.is_empty()).then(|| RoaringBitmap::from_iter(places.clone()) - without))
}

/// The rows within these places.
fn cut(rows: &RoaringBitmap, places: &Range<u32>) -> RoaringBitmap {
    RoaringBitmap::from_sorted_iter(rows.range(places.clone())).unwrap_or_default()
}
