//! Predicates whose answers are remembered: which rows of a table something holds for, decided once for each row group.
//!
//! Rows of a segment never change, so what was decided of them by their columns alone stays so. It is kept as a bitmap for each row group, in
//! the cache of the process, under a number that the caller gives: equal numbers must say the same of the same rows. (Predicate caching: Schmidt
//! et al., *Predicate Caching: Query-Driven Secondary Indexing for Cloud Data Warehouses*, SIGMOD 2024.) Nor do versions in a delta, which are
//! decided as they are asked for and remembered with it. Own writes are decided each time.

mod fingerprint;

use arrow::array::{Array, ArrayRef, BooleanArray};
use roaring::RoaringBitmap;

pub use fingerprint::Fingerprint;

use crate::{
    error::{Error, Result},
    rowset::RowSet,
    scan,
    snapshot::{TableSnapshot, TableView},
    state::{Place, SegmentPart},
    value::Key,
};

/// Decides about so many rows with these columns.
pub type Test<'a, E> = dyn Fn(&[ArrayRef], usize) -> std::result::Result<BooleanArray, E> + 'a;

/// Something that holds for a row or not, by some of its columns and nothing else.
#[derive(Clone, Copy)]
pub struct Predicate<'a, E> {
    /// What is remembered is kept under it: another predicate, or the same that would now decide otherwise, must have another.
    pub number: u64,
    /// Positions of the columns that it is decided by.
    pub columns: &'a [usize],
    /// Whether it holds, for each of so many rows with these columns; null is no.
    pub test: &'a Test<'a, E>,
}

/// How many rows may be decided now; what is remembered costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rows of segments, whose decision is remembered: as many as are decided now need not be the next time.
    pub segments: u64,
    /// Rows of deltas, which are remembered too, and own writes.
    pub others: u64,
}

/// Of a delta of more versions, all are asked for where deciding them all is no effort either: which of them are current takes a look at each.
const ALL_OF_DELTAS_MAX: u64 = 1 << 12;

impl Effort {
    /// Whatever it takes.
    pub const ALL: Effort = Effort { segments: u64::MAX, others: u64::MAX };
}

impl TableSnapshot {
    /// Those of some rows, or of all, for which it holds; nothing where that takes more than it may. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the test; `Damaged`, `Io`.
    pub fn holding<E: From<Error>>(
        &self,
        predicate: &Predicate<'_, E>,
        rows: Option<&RowSet>,
        effort: Effort,
    ) -> std::result::Result<Option<RowSet>, E> {
        let view = &*self.view;
        let of_deltas = || view.parts.deltas.iter().map(|delta| u64::from(delta.len())).sum::<u64>();
        if rows.is_none() && of_deltas() > effort.others.max(ALL_OF_DELTAS_MAX) {
            return Ok(None);
        }
        let others = Others::of(view, rows, predicate.number);
        if others.undecided.len() > effort.others {
            return Ok(None);
        }
        let mut found = RowSet::default();
        let mut left = effort.segments;
        for (number, part) in view.parts.segments.iter().enumerate() {
            let id = view.parts.part_of(Place::Segment(number, 0)).0;
            let wanted = match rows.map(|rows| rows.part(id)) {
                None => None,
                Some(None) => continue,
                Some(wanted) => wanted,
            };
            let Some(mut held) = of_segment((view, part), predicate, wanted, &mut left)? else {
                return Ok(None);
            };
            held -= view.parts.deleted(part);
            if let Some(masked) = view.overlay.as_ref().and_then(|overlay| overlay.masked.part(id)) {
                held -= masked;
            }
            found.add(id, held);
        }
        others.decide(view, predicate, &mut found)?;
        Ok(Some(found))
    }
}

impl TableSnapshot {
    /// Whether it holds for the rows of some keys, for each; not where there is no row. Nothing where that takes more than it may. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::holding`].
    pub fn holding_keys<E: From<Error>>(
        &self,
        predicate: &Predicate<'_, E>,
        keys: &[Key],
        effort: Effort,
    ) -> std::result::Result<Option<Vec<bool>>, E> {
        let places = keys.iter().map(|key| self.place(key)).collect::<Result<Vec<_>>>()?;
        let mut rows = RowSet::default();
        for (part, row) in places.iter().flatten() {
            rows.insert(*part, *row);
        }
        let Some(held) = self.holding(predicate, Some(&rows), effort)? else { return Ok(None) };
        let holds = |(part, row): (u32, u32)| held.part(part).is_some_and(|rows| rows.contains(row));
        Ok(Some(places.into_iter().map(|place| place.is_some_and(holds)).collect()))
    }
}

/// The wanted rows of deltas and own writes.
struct Others {
    /// Those of deltas that are known to hold, or not to.
    held: RowSet,
    undecided: RowSet,
}

impl Others {
    fn of(view: &TableView, rows: Option<&RowSet>, number: u64) -> Others {
        let (mut held, mut undecided) = (RowSet::default(), RowSet::default());
        for (place, delta) in view.parts.deltas.iter().enumerate() {
            let id = view.parts.part_of(Place::Delta(place, 0)).0;
            let csn = view.parts.csn;
            let mut wanted = match rows.map(|rows| rows.part(id)) {
                None => delta.visible(csn),
                Some(None) => continue,
                Some(Some(places)) => delta.visible_of(csn, places),
            };
            // What is not read is not decided about: others may ask for what own writes replace.
            if let Some(masked) = view.overlay.as_ref().and_then(|overlay| overlay.masked.part(id)) {
                wanted -= masked;
            }
            let known = delta.known(number);
            held.add(id, &wanted & &known.held);
            undecided.add(id, wanted - &known.decided);
        }
        if let Some(overlay) = &view.overlay {
            let id = view.overlay_part();
            undecided.add(id, rows.map_or_else(|| overlay.matching(|_| true), |rows| of_part(rows, id)));
        }
        Others { held, undecided }
    }

    /// Adds those for which it holds.
    fn decide<E: From<Error>>(
        self,
        view: &TableView,
        predicate: &Predicate<'_, E>,
        found: &mut RowSet,
    ) -> std::result::Result<(), E> {
        if self.undecided.is_empty() {
            found.extend(self.held);
            return Ok(());
        }
        let mut holding = RowSet::default();
        for unit in scan::units(view, Some(&self.undecided), &[])? {
            let (columns, count) = unit.read(predicate.columns, usize::MAX)?;
            let holds = (predicate.test)(&columns, count)?;
            let places = unit.selected(count).into_iter().zip(&holds);
            let places = places.filter(|(_, holds)| *holds == Some(true)).map(|(place, _)| place);
            holding.add(unit.part, places.collect());
        }
        for (place, delta) in view.parts.deltas.iter().enumerate() {
            let id = view.parts.part_of(Place::Delta(place, 0)).0;
            if let Some(decided) = self.undecided.part(id) {
                delta.know(predicate.number, decided, &of_part(&holding, id));
            }
        }
        found.extend(self.held);
        found.extend(holding);
        Ok(())
    }
}

fn of_part(rows: &RowSet, part: u32) -> RoaringBitmap {
    rows.part(part).cloned().unwrap_or_default()
}

/// The wanted rows of a segment for which it holds, replaced ones among them; nothing where more rows than are `left` would have to be decided.
fn of_segment<E: From<Error>>(
    (view, part): (&TableView, &SegmentPart),
    predicate: &Predicate<'_, E>,
    wanted: Option<&RoaringBitmap>,
    left: &mut u64,
) -> std::result::Result<Option<RoaringBitmap>, E> {
    let segment = &part.segment;
    let mut held = RoaringBitmap::new();
    for (group, places) in segment.groups().into_iter().enumerate() {
        if wanted.is_some_and(|wanted| wanted.range(places.clone()).next().is_none()) {
            continue;
        }
        let known = match segment.decided(group, predicate.number) {
            Some(known) => known,
            None => {
                let Some(rest) = left.checked_sub(u64::from(places.end - places.start)) else {
                    return Ok(None);
                };
                *left = rest;
                let columns = segment.columns(&view.parts.table, group, predicate.columns)?;
                let count = usize::try_from(places.end - places.start).unwrap_or(usize::MAX);
                let holds = (predicate.test)(&columns, count)?;
                segment.decide(group, predicate.number, rows_of(&holds, places.start))
            }
        };
        match wanted {
            Some(wanted) => held |= &*known & wanted,
            None => held |= &*known,
        }
    }
    Ok(Some(held))
}

fn rows_of(holds: &BooleanArray, first: u32) -> RoaringBitmap {
    let holds = match holds.nulls() {
        Some(nulls) => holds.values() & nulls.inner(),
        None => holds.values().clone(),
    };
    let rows = holds.set_indices().filter_map(|at| first.checked_add(u32::try_from(at).ok()?));
    let mut rows = RoaringBitmap::from_sorted_iter(rows).unwrap_or_default();
    rows.optimize();
    rows
}

#[cfg(test)]
mod tests;
