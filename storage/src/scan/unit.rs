//! One unit of a scan: rows of one part that are read at once.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, BooleanBufferBuilder},
    compute::FilterBuilder,
    record_batch::RecordBatch,
};
use roaring::RoaringBitmap;

use super::{ColumnBound, FEW_ROWS};
use crate::{
    catalog::Table,
    columns::{self, arrow_error},
    delta::{DeltaTable, LazyColumns},
    error::{Error, Result},
    rowset::RowSet,
    segment::Segment,
    value::Row,
};

/// Rows of a part.
pub(crate) struct Unit {
    /// The part's number.
    pub part: u32,
    /// The places in the part that the source covers.
    places: Range<u32>,
    chosen: Chosen,
    source: Source,
}

/// Which of a source's places are wanted.
enum Chosen {
    All,
    Only(RoaringBitmap),
    /// These are few, mostly.
    AllBut(RoaringBitmap),
}

enum Source {
    /// A batch of all columns, a row per place.
    Batch(RecordBatch),
    /// A piece of a delta, a row per place.
    Piece(Arc<LazyColumns>),
    /// Only the chosen rows.
    Rows(Arc<Table>, Vec<Row>),
    /// A row group of a segment.
    Group(Arc<Table>, Arc<Segment>, usize),
}

impl Unit {
    /// How many rows.
    pub fn rows(&self) -> u64 {
        match &self.chosen {
            Chosen::All => self.span(),
            Chosen::Only(rows) => rows.len(),
            Chosen::AllBut(gone) => self.span() - gone.len(),
        }
    }

    /// The places of the first `rows` rows.
    pub fn selected(&self, rows: usize) -> Vec<u32> {
        match &self.chosen {
            Chosen::All => self.places.clone().take(rows).collect(),
            Chosen::Only(chosen) => chosen.iter().take(rows).collect(),
            Chosen::AllBut(gone) => (all_of(&self.places) - gone).iter().take(rows).collect(),
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
            Source::Piece(piece) => {
                let whole = projection.iter().map(|at| piece.column(*at)).collect::<Result<Vec<_>>>()?;
                self.choose(whole, rows)?
            }
            Source::Rows(table, values) => {
                let first = values.get(..rows).unwrap_or(values);
                projection.iter().map(|at| columns::column(&table.spec, *at, first)).collect::<Result<_>>()?
            }
            Source::Group(table, segment, group) => {
                if self.rows() * 16 <= self.span() {
                    segment.sparse(table, *group, projection, &self.offsets(rows))?
                } else {
                    self.choose(segment.columns(table, *group, projection)?, rows)?
                }
            }
        };
        Ok((arrays, rows))
    }

    /// Arrays of these columns, and where in them the rows are.
    pub fn pieces(&self, projection: &[usize]) -> Result<(Vec<ArrayRef>, Vec<usize>)> {
        let all = usize::try_from(self.rows()).unwrap_or(usize::MAX);
        let whole = match &self.source {
            Source::Group(table, segment, group) => segment.columns_at_hand(table, *group, projection)?,
            Source::Piece(piece) => {
                Some(projection.iter().map(|at| piece.column(*at)).collect::<Result<Vec<_>>>()?)
            }
            Source::Batch(_) | Source::Rows(..) => None,
        };
        let Some(whole) = whole else {
            let (arrays, rows) = self.read(projection, all)?;
            return Ok((arrays, (0..rows).collect()));
        };
        let offsets = self.offsets(all).into_iter().filter_map(|at| usize::try_from(at).ok());
        Ok((whole, offsets.collect()))
    }

    fn span(&self) -> u64 {
        u64::from(self.places.end - self.places.start)
    }

    /// The chosen places of the first `rows` rows, counted from the start of the source.
    fn offsets(&self, rows: usize) -> Vec<u32> {
        self.selected(rows).into_iter().map(|at| at - self.places.start).collect()
    }

    fn choose(&self, whole: Vec<ArrayRef>, rows: usize) -> Result<Vec<ArrayRef>> {
        let gone = match &self.chosen {
            Chosen::All => return Ok(whole.into_iter().map(|array| array.slice(0, rows)).collect()),
            Chosen::AllBut(gone) => Some(gone),
            Chosen::Only(_) => None,
        };
        if let Some(gone) = gone {
            return self.leave_out(gone, &whole, rows);
        }
        columns::chosen(whole, &self.offsets(rows))
    }

    /// The rows that are not gone: where few are, they are copied in runs.
    fn leave_out(&self, gone: &RoaringBitmap, whole: &[ArrayRef], rows: usize) -> Result<Vec<ArrayRef>> {
        let span = usize::try_from(self.span()).unwrap_or(usize::MAX);
        let mut kept = BooleanBufferBuilder::new(span);
        kept.append_n(span, true);
        for at in gone {
            kept.set_bit(usize::try_from(at - self.places.start).unwrap_or(usize::MAX), false);
        }
        let filter = FilterBuilder::new(&BooleanArray::new(kept.finish(), None)).optimize().build();
        let array = |whole: &ArrayRef| Ok(filter.filter(whole).map_err(arrow_error)?.slice(0, rows));
        whole.iter().map(array).collect()
    }
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
    let chosen = chosen.map_or(Chosen::All, Chosen::Only);
    add(units, Unit { part, places, chosen, source: Source::Batch(batch) });
}

/// A unit that has rows, told in the plainest way.
fn add(units: &mut Vec<Unit>, mut unit: Unit) {
    let (rows, span) = (unit.rows(), unit.span());
    match &unit.chosen {
        _ if rows == span => unit.chosen = Chosen::All,
        Chosen::Only(chosen) if rows * 8 >= span * 7 => {
            unit.chosen = Chosen::AllBut(all_of(&unit.places) - chosen);
        }
        _ => {}
    }
    if rows > 0 {
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
        add(units, Unit { part, places: all, chosen: Chosen::Only(rows), source });
        return Ok(());
    }
    for (places, piece) in delta.columns()? {
        let chosen = Chosen::Only(cut(&rows, &places));
        add(units, Unit { part, places, chosen, source: Source::Piece(piece) });
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
        let chosen = match chosen {
            Some(chosen) => Chosen::Only(chosen - gone),
            None => Chosen::AllBut(gone),
        };
        let source = Source::Group(table.clone(), segment.clone(), group);
        add(units, Unit { part, places, chosen, source });
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
    Ok((!without.is_empty()).then(|| all_of(places) - without))
}

/// All of these places.
fn all_of(places: &Range<u32>) -> RoaringBitmap {
    let mut all = RoaringBitmap::new();
    all.insert_range(places.clone());
    all
}

/// The rows within these places.
fn cut(rows: &RoaringBitmap, places: &Range<u32>) -> RoaringBitmap {
    let within = rows.range_cardinality(places.clone());
    if within == u64::from(places.end - places.start) {
        return all_of(places);
    }
    if within > FEW_ROWS {
        return rows & all_of(places);
    }
    RoaringBitmap::from_sorted_iter(rows.range(places.clone())).unwrap_or_default()
}
