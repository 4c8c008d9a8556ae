//! The first rows by a column: what a sorted list that is cut off needs of a large table.
//!
//! What is found holds the first rows and all that equal the last of them, whatever they are sorted by besides. An index is
//! read in the order of its values, from either end, through all segments at once. Where that would
//! look at too many rows, as where few of them are wanted, the values of those that are wanted are read and compared, and of
//! the others no column. Where they are many too, the scan stays as it was.

use std::cmp::Ordering;

use arrow::{
    array::{AsArray, make_comparator},
    compute::{SortOptions, concat, sort_to_indices},
};
use roaring::RoaringBitmap;

use super::unit::Unit;
use crate::{
    catalog::{Indexed, Table},
    columns::arrow_error,
    error::{Error, Result},
    rowset::RowSet,
    schema::ColumnType,
    snapshot::TableView,
    state::{Place, SegmentPart},
    text::in_order,
};

/// It is not worth it for more than one in so many of the rows.
const SHARE_MIN: u64 = 8;
/// Rows that are looked at for each segment there is: so many, or so many for each that is wanted.
const LOOKED_AT_MIN: u64 = 4_096;
const LOOKED_AT_PER_ROW: u64 = 64;
/// Where rows were chosen, so many times what is expected, and no more than so many.
const LOOKED_AT_EXPECTED: u64 = 4;
const LOOKED_AT_MAX: u64 = 1 << 18;
/// Rows that were chosen whose values are compared one by one: reading one takes about as long as looking at so many in an index.
pub const FIRST_CHOSEN_MAX: u64 = 1 << 16;
const COMPARED_COSTS: u64 = 4;
/// Making bits of so many rows takes about as long as they save when one is looked up.
const LOOKS_PER_BIT: u64 = 8;
/// Texts may be long: so many are compared.
const TEXTS_CHOSEN_MAX: u64 = 1 << 10;

/// The first rows in the order of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// The column's position: the key, or one with an index; any but a text where at most [`FIRST_CHOSEN_MAX`] rows are chosen.
    pub column: usize,
    /// The order.
    pub order: Order,
    /// How many.
    pub rows: usize,
    /// How rows that equal one another stand by their keys: then no more of those that equal the last are given than are wanted. `None`:
    /// all of them are.
    pub ties: Option<Ties>,
}

/// An order of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// The least key comes first.
    Ascending,
    /// The greatest does.
    Descending,
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
    fn check(&self, table: &Table, chosen: Option<u64>) -> Result<()> {
        let spec = table.spec.columns.get(self.column);
        let has_order = spec.is_some_and(|spec| spec.column_type != ColumnType::TextList);
        let are_few = chosen.is_some_and(|chosen| chosen <= self.compared_max(table));
        if has_order && (are_few || self.has_index(table)) {
            return Ok(());
        }
        let name = spec.map_or_else(|| format!("#{}", self.column).into(), |spec| spec.name.clone());
        Err(Error::Invalid(format!("column {name:?} of {:?} has no index in order", table.spec.name)))
    }

    fn has_index(&self, table: &Table) -> bool {
        self.column == 0 || table.column_index(self.column).is_some()
    }

    /// Rows whose values may be compared one by one.
    fn compared_max(&self, table: &Table) -> u64 {
        match table.spec.columns.get(self.column).map(|spec| spec.column_type) {
            Some(ColumnType::Text | ColumnType::Bytes) => TEXTS_CHOSEN_MAX,
            _ => FIRST_CHOSEN_MAX,
        }
    }

    fn wanted(&self) -> u64 {
        u64::try_from(self.rows).unwrap_or(u64::MAX)
    }
}

/// Those of the wanted rows that may be among the first; all of them where that is as good. `units` gives what to read of some rows.
pub(super) fn narrow(
    view: &TableView,
    first: First,
    wanted: Option<RowSet>,
    units: impl Fn(&RowSet) -> Result<Vec<Unit>>,
) -> Result<Option<RowSet>> {
    let (table, all) = (&view.parts.table, view.parts.rows());
    let chosen = wanted.as_ref().map(RowSet::len);
    first.check(table, chosen)?;
    if first.wanted().saturating_mul(SHARE_MIN) > chosen.unwrap_or(all) {
        return Ok(wanted);
    }
    let segments = u64::try_from(view.parts.segments.len()).unwrap_or(u64::MAX).max(1);
    let mut looked_at_max =
        first.wanted().saturating_mul(LOOKED_AT_PER_ROW).max(LOOKED_AT_MIN).saturating_mul(segments);
    let mut found = None;
    let in_order = match chosen {
        Some(chosen) => {
            // Of an index as many rows are looked at as there are others among those that are chosen.
            let expected = first.wanted().saturating_mul(all) / chosen.max(1);
            looked_at_max = expected.saturating_mul(LOOKED_AT_EXPECTED).min(LOOKED_AT_MAX).max(looked_at_max);
            first.has_index(table)
                && (chosen > first.compared_max(table) || expected <= chosen.saturating_mul(COMPARED_COSTS))
        }
        None => true,
    };
    if in_order {
        found = find(view, (first, looked_at_max), wanted.as_ref())?;
    }
    match found.or(wanted) {
        Some(rows)
            if rows.len() <= first.compared_max(table) && rows.len() > first.wanted() && first.rows > 0 =>
        {
            cut(&units(&rows)?, first, units).map(Some)
        }
        rows => Ok(rows),
    }
}

/// The first of some rows by the values of the column, and of those that equal the last of them all, or the first by their keys.
fn cut(units: &[Unit], first: First, units_of: impl Fn(&RowSet) -> Result<Vec<Unit>>) -> Result<RowSet> {
    let mut values = Vec::with_capacity(units.len());
    let mut places = Vec::new();
    for unit in units {
        let (mut columns, rows) = unit.read(&[first.column], usize::MAX)?;
        values.extend(columns.pop());
        places.extend(unit.selected(rows).into_iter().map(|row| (unit.part, row)));
    }
    let mut found = RowSet::default();
    if places.is_empty() {
        return Ok(found);
    }
    let values = concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(arrow_error)?;
    let Order { is_descending, nulls_first } = first.order;
    let options = SortOptions { descending: is_descending, nulls_first };
    let sorted = sort_to_indices(&values, Some(options), Some(first.rows)).map_err(arrow_error)?;
    let last = sorted.values().last().and_then(|last| usize::try_from(*last).ok()).unwrap_or(0);
    let compare = make_comparator(&values, &values, options).map_err(arrow_error)?;
    let mut tied = RowSet::default();
    for (row, (part, place)) in places.into_iter().enumerate() {
        match compare(row, last) {
            Ordering::Less => found.insert(part, place),
            Ordering::Equal => tied.insert(part, place),
            Ordering::Greater => {}
        }
    }
    let missing = first.wanted().saturating_sub(found.len());
    match first.ties {
        Some(ties) if tied.len() > missing => Ok(found.or(&by_key(&units_of(&tied)?, ties, missing)?)),
        _ => Ok(found.or(&tied)),
    }
}

/// So many of some rows, by their keys.
fn by_key(units: &[Unit], ties: Ties, wanted: u64) -> Result<RowSet> {
    let (mut keys, mut places) = (Vec::with_capacity(units.len()), Vec::new());
    for unit in units {
        let (mut columns, rows) = unit.read(&[0], usize::MAX)?;
        keys.extend(columns.pop());
        places.extend(unit.selected(rows).into_iter().map(|row| (unit.part, row)));
    }
    let texts =
        keys.iter().filter_map(|keys| keys.as_string_view_opt()).flat_map(|keys| keys.iter().flatten());
    let mut sorted: Vec<(&str, (u32, u32))> = texts.zip(places.iter().copied()).collect();
    if sorted.len() != places.len() {
        return Err(Error::Internal("keys are no texts".into()));
    }
    sorted.sort_unstable_by(|(one, _), (other, _)| match ties {
        Ties::Ascending => one.cmp(other),
        Ties::Descending => other.cmp(one),
    });
    let mut found = RowSet::default();
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    sorted.into_iter().take(wanted).for_each(|(_, (part, place))| found.insert(part, place));
    Ok(found)
}

/// By the key or an index; `None` where too many rows would have to be looked at.
fn find(
    view: &TableView,
    (first, looked_at_max): (First, u64),
    wanted: Option<&RowSet>,
) -> Result<Option<RowSet>> {
    let parts = &view.parts;
    let masked = |part: u32| view.overlay.as_ref().and_then(|overlay| overlay.masked.part(part));
    let mut walked = Vec::with_capacity(parts.segments.len());
    for (number, part) in parts.segments.iter().enumerate() {
        let (id, _) = parts.part_of(Place::Segment(number, 0));
        if let Some(only) = only(wanted, id) {
            walked.push(Walked { view, part, id, only, masked: masked(id) });
        }
    }
    let found = match parts.table.column_index(first.column).filter(|_| first.column > 0) {
        Some(index) => by_index(&walked, index, (first, looked_at_max), wanted)?,
        None => by_place(&walked, (first, looked_at_max)),
    };
    let Some(mut found) = found else { return Ok(None) };
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

/// A segment that has wanted rows.
struct Walked<'a> {
    view: &'a TableView,
    part: &'a SegmentPart,
    id: u32,
    only: Option<&'a RoaringBitmap>,
    masked: Option<&'a RoaringBitmap>,
}

impl Walked<'_> {
    fn is_current(&self, row: u32) -> bool {
        self.view.parts.is_current(self.part, row) && !self.masked.is_some_and(|masked| masked.contains(row))
    }
}

/// The first rows by an index of all segments together; `None` where too many rows would have to be looked at.
fn by_index(
    walked: &[Walked<'_>],
    index: &Indexed,
    (first, looked_at_max): (First, u64),
    wanted: Option<&RowSet>,
) -> Result<Option<RowSet>> {
    let table = walked.first().map(|walked| &walked.view.parts.table);
    let Some(table) = table else { return Ok(Some(RowSet::default())) };
    let mut sources = Vec::with_capacity(walked.len());
    let mut chosen = Vec::with_capacity(walked.len());
    for Walked { part, only, .. } in walked {
        sources.push(part.segment.source(table, index)?);
        let all = wanted.map_or(0, RowSet::len);
        chosen.push(only.map(|only| Chosen::of(only, part.segment.rows(), (first.wanted(), all))));
    }
    let mut found = vec![RoaringBitmap::new(); walked.len()];
    let mut count = 0;
    let is_done = in_order(&sources, index, (first.order, looked_at_max), |at, rows| {
        if let (Some(walked), Some(chosen), Some(found)) = (walked.get(at), chosen.get(at), found.get_mut(at))
        {
            let is_wanted =
                |row: &u32| chosen.as_ref().is_none_or(|chosen| chosen.has(*row)) && walked.is_current(*row);
            let had = found.len();
            found.extend(rows.iter().copied().filter(is_wanted));
            count += found.len() - had;
        }
        count >= first.wanted()
    })?;
    let mut all = RowSet::default();
    walked.iter().zip(found).for_each(|(walked, found)| all.add(walked.id, found));
    Ok(is_done.then_some(all))
}

/// The first rows of each segment by their place: they are sorted by key. `None` where too many would have to be looked at.
fn by_place(walked: &[Walked<'_>], (first, looked_at_max): (First, u64)) -> Option<RowSet> {
    let (mut all, mut left) = (RowSet::default(), looked_at_max);
    for walked in walked {
        let mut found = RoaringBitmap::new();
        for row in along(walked.part.segment.rows(), walked.only, first.order.is_descending) {
            if found.len() >= first.wanted() {
                break;
            }
            left = left.checked_sub(1)?;
            if walked.is_current(row) {
                found.insert(row);
            }
        }
        all.add(walked.id, found);
    }
    Some(all)
}

/// Rows that were chosen, to look others up among.
enum Chosen<'a> {
    Few(&'a RoaringBitmap),
    /// A bit for each row.
    Bits(Vec<u64>),
}

impl<'a> Chosen<'a> {
    /// Those of a segment of so many rows. So many are wanted of so many of all segments: where many others will be looked up before these are
    /// found, as bits.
    fn of(rows: &'a RoaringBitmap, all: u32, (wanted, chosen): (u64, u64)) -> Chosen<'a> {
        let looks = wanted.saturating_mul(u64::from(all)) / chosen.max(1);
        if looks.saturating_mul(LOOKS_PER_BIT) < rows.len() {
            return Chosen::Few(rows);
        }
        let place = |row: u32| usize::try_from(row / u64::BITS).unwrap_or(usize::MAX);
        let mut bits = vec![0; place(all) + 1];
        for row in rows {
            if let Some(word) = bits.get_mut(place(row)) {
                *word |= 1u64 << (row % u64::BITS);
            }
        }
        Chosen::Bits(bits)
    }

    fn has(&self, row: u32) -> bool {
        match self {
            Chosen::Few(rows) => rows.contains(row),
            Chosen::Bits(bits) => {
                let word = usize::try_from(row / u64::BITS).ok().and_then(|at| bits.get(at));
                word.is_some_and(|word| word & 1 << (row % u64::BITS) != 0)
            }
        }
    }
}

/// A segment's rows are sorted by key.
fn along<'a>(
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
