//! The first rows by a column: what a sorted list that is cut off needs of a large table.
//!
//! Each part gives its own first rows, and all that equal the last of them: together they hold the first of the table,
//! whatever they are sorted by besides. An index is read in the order of its values, from either end. Where that would
//! look at too many rows, as where few of them are wanted, the scan stays as it was.

use roaring::RoaringBitmap;

use crate::{
    catalog::Table,
    error::{Error, Result},
    rowset::RowSet,
    schema::ColumnType,
    snapshot::TableView,
    state::{Place, SegmentPart},
};

/// It is not worth it for more than one in so many of the rows.
const SHARE_MIN: u64 = 8;
/// Rows of a segment that are looked at: so many, or so many for each that is wanted.
const LOOKED_AT_MIN: u64 = 4_096;
const LOOKED_AT_PER_ROW: u64 = 64;

/// The first rows in the order of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// The column's position: the key, or one with an index.
    pub column: usize,
    /// The order.
    pub order: Order,
    /// How many.
    pub rows: usize,
}

/// The order of values: as [`crate::TableSnapshot::range`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The greatest value comes first.
    pub is_descending: bool,
    /// Rows without a value come before all others.
    pub nulls_first: bool,
}

impl First {
    fn check(&self, table: &Table) -> Result<()> {
        let spec = table.spec.columns.get(self.column);
        let has_order = spec.is_some_and(|spec| spec.column_type != ColumnType::TextList);
        if has_order && (self.column == 0 || table.column_index(self.column).is_some()) {
            return Ok(());
        }
        let name = spec.map_or_else(|| format!("#{}", self.column).into(), |spec| spec.name.clone());
        Err(Error::Invalid(format!("column {name:?} of {:?} has no index in order", table.spec.name)))
    }

    fn looked_at_max(&self) -> u64 {
        let rows = u64::try_from(self.rows).unwrap_or(u64::MAX);
        rows.saturating_mul(LOOKED_AT_PER_ROW).max(LOOKED_AT_MIN)
    }
}

/// Those of the wanted rows that may be among the first; all of them where that is as good.
pub(super) fn narrow(view: &TableView, first: First, wanted: Option<RowSet>) -> Result<Option<RowSet>> {
    first.check(&view.parts.table)?;
    let rows = u64::try_from(first.rows).unwrap_or(u64::MAX);
    let all = wanted.as_ref().map_or_else(|| view.parts.rows(), RowSet::len);
    if rows.saturating_mul(SHARE_MIN) > all {
        return Ok(wanted);
    }
    Ok(find(view, first, wanted.as_ref())?.or(wanted))
}

fn find(view: &TableView, first: First, wanted: Option<&RowSet>) -> Result<Option<RowSet>> {
    let parts = &view.parts;
    let mut found = RowSet::default();
    let masked = |part: u32| view.overlay.as_ref().and_then(|overlay| overlay.masked.part(part));
    for (number, part) in parts.segments.iter().enumerate() {
        let (id, _) = parts.part_of(Place::Segment(number, 0));
        let Some(only) = only(wanted, id) else { continue };
        let own = masked(id);
        let is_current =
            |row: u32| parts.is_current(part, row) && !own.is_some_and(|masked| masked.contains(row));
        let Some(rows) = of_segment(&parts.table, part, first, only, is_current)? else {
            return Ok(None);
        };
        found.add(id, rows);
    }
    for (number, delta) in parts.deltas.iter().enumerate() {
        let (id, _) = parts.part_of(Place::Delta(number, 0));
        let Some(only) = only(wanted, id) else { continue };
        let own = masked(id);
        let is_wanted = |row: u32| {
            only.is_none_or(|only| only.contains(row)) && !own.is_some_and(|masked| masked.contains(row))
        };
        found.add(id, delta.first(first, is_wanted, parts.csn)?);
    }
    if let Some(overlay) = &view.overlay
        && let Some(only) = only(wanted, view.overlay_part())
    {
        let own = overlay.matching(|_| true);
        found.add(view.overlay_part(), only.map_or_else(|| own.clone(), |only| only & &own));
    }
    Ok(Some(found))
}

/// The wanted rows of a part, where not all are; `None` where none is.
fn only(wanted: Option<&RowSet>, part: u32) -> Option<Option<&RoaringBitmap>> {
    match wanted {
        None => Some(None),
        Some(wanted) => wanted.part(part).map(Some),
    }
}

/// `None` where too many rows would have to be looked at.
fn of_segment(
    table: &Table,
    part: &SegmentPart,
    first: First,
    only: Option<&RoaringBitmap>,
    is_current: impl Fn(u32) -> bool,
) -> Result<Option<RoaringBitmap>> {
    let mut found = RoaringBitmap::new();
    let wanted = u64::try_from(first.rows).unwrap_or(u64::MAX);
    let Some(index) = table.column_index(first.column).filter(|_| first.column > 0) else {
        let mut left = first.looked_at_max();
        for row in by_key(part.segment.rows(), only, first.order.is_descending) {
            if found.len() >= wanted {
                break;
            }
            if left == 0 {
                return Ok(None);
            }
            left -= 1;
            if is_current(row) {
                found.insert(row);
            }
        }
        return Ok(Some(found));
    };
    let has_enough = |mut rows: RoaringBitmap| {
        if let Some(only) = only {
            rows &= only;
        }
        found.extend(rows.iter().filter(|row| is_current(*row)));
        found.len() >= wanted
    };
    let segment = &part.segment;
    let is_done = segment.in_order(table, index, (first.order, first.looked_at_max()), has_enough)?;
    Ok(is_done.then_some(found))
}

/// A segment's rows are sorted by key.
fn by_key<'a>(
    rows: u32,
    only: Option<&'a RoaringBitmap>,
    is_descending: bool,
) -> Box<dyn Iterator<Item = u32> + 'a> {
    match (only, is_descending) {
        (Some(only), false) => Box::new(only.iter()),
        (Some(only), true) => Box::new(only.iter().rev()),
        (None, false) => Box::new(0..rows),
        (None, true) => Box::new((0..rows).rev()),
    }
}
