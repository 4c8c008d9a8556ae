//! Reading rows as Arrow batches.
//!
//! A scan is cut into units: a row group of a segment, a piece of a delta, the own writes. Units are gathered into
//! parts of about one row group each, so that a part is worth a thread. A unit is turned into one batch when its part
//! comes to it, and handed on in slices of `batch_rows`; slices share memory with the cache, nothing is copied unless
//! rows are left out.

mod bounds;
mod first;
mod unit;

use std::{collections::VecDeque, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, Float32Array},
    compute::interleave,
    datatypes::{DataType, Field, Schema, SchemaRef},
    record_batch::RecordBatch,
};

pub(crate) use self::bounds::Extent;
use self::unit::Unit;
pub use self::{
    bounds::{BoundIs, ColumnBound},
    first::{FIRST_CHOSEN_MAX, First, Order, Ties},
};
use crate::{
    columns,
    error::{Error, Result},
    rowset::RowSet,
    schema::ColumnType,
    search::TextHits,
    snapshot::TableView,
    state::Place,
};

/// Rows per batch where the request does not say.
const BATCH_ROWS: usize = 8_192;
/// A part is closed when it has so many rows.
const PART_ROWS: u64 = 32_768;
/// So few rows of many units are put together into one batch; so few of a delta are turned into columns one by one, not by way of its cached batches.
const FEW_ROWS: u64 = 512;

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct ScanRequest {
    /// Positions of the columns, in the order wanted; `None`: all.
    pub projection: Option<Vec<usize>>,
    /// Only these rows; `None`: all.
    pub rows: Option<RowSet>,
    /// Only rows that hit; a Float32 column `_score` is appended behind the projection.
    pub hits: Option<Arc<TextHits>>,
    /// What rows must hold, all of it. Row groups, pages and deltas that can't are left out; of the others all rows are
    /// given: look at them again. A limit counts them too.
    pub bounds: Vec<ColumnBound>,
    /// Of these rows, the first by a column are enough: they are given, with all that equal the last of them, and perhaps
    /// others; in no order. With bounds, all rows are given.
    pub first: Option<First>,
    /// Stop after so many rows, of all parts together.
    pub limit: Option<usize>,
    /// Rows per batch at most; 0 means 8,192.
    pub batch_rows: usize,
}

/// A share of a scan that can be read apart from the others, on its own thread.
pub struct ScanPart {
    units: VecDeque<Unit>,
    rows: u64,
    how: Arc<How>,
    /// Rows that may still be handed on.
    left: usize,
    /// A batch that is being handed on, and how many of its rows were.
    current: Option<(RecordBatch, usize)>,
}

/// What all parts of a scan have in common.
pub(crate) struct How {
    pub columns: Vec<usize>,
    pub schema: SchemaRef,
    pub hits: Option<Arc<TextHits>>,
    batch_rows: usize,
}

impl ScanPart {
    /// Rows in it, at most.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn read(&mut self, unit: &Unit) -> Result<RecordBatch> {
        let (mut arrays, rows) = unit.read(&self.how.columns, self.left)?;
        if let Some(hits) = &self.how.hits {
            let scores = hits.scores(unit.part, &unit.selected(rows));
            arrays.push(Arc::new(Float32Array::from(scores)) as ArrayRef);
        }
        columns::record_batch(self.how.schema.clone(), arrays, rows)
    }

    /// A few rows of many units as one batch: what is done with a batch then costs once, not for each of them.
    fn read_together(&mut self) -> Result<RecordBatch> {
        let units = std::mem::take(&mut self.units);
        let pieces = units.iter().map(|unit| unit.pieces(&self.how.columns)).collect::<Result<Vec<_>>>()?;
        let mut places = Vec::new();
        for (number, (_, offsets)) in pieces.iter().enumerate() {
            places.extend(offsets.iter().map(|at| (number, *at)));
        }
        let mut arrays = Vec::with_capacity(self.how.columns.len() + 1);
        for column in 0..self.how.columns.len() {
            let whole = |(arrays, _): &(Vec<ArrayRef>, Vec<usize>)| arrays.get(column).cloned();
            let whole = pieces.iter().map(whole).collect::<Option<Vec<_>>>();
            let whole = whole.ok_or_else(|| Error::Internal("a column short".into()))?;
            let whole: Vec<&dyn Array> = whole.iter().map(AsRef::as_ref).collect();
            arrays.push(interleave(&whole, &places).map_err(columns::arrow_error)?);
        }
        if let Some(hits) = &self.how.hits {
            let scores = units.iter().flat_map(|unit| hits.scores(unit.part, &unit.selected(usize::MAX)));
            arrays.push(Arc::new(scores.collect::<Float32Array>()) as ArrayRef);
        }
        columns::record_batch(self.how.schema.clone(), arrays, places.len())
    }

    fn are_few(&self) -> bool {
        self.units.len() > 1
            && self.rows <= FEW_ROWS
            && self.rows <= u64::try_from(self.left).unwrap_or(u64::MAX)
            && self.units.iter().map(Unit::rows).sum::<u64>() == self.rows
    }
}

impl Iterator for ScanPart {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((batch, done)) = self.current.take() {
                let rows = self.how.batch_rows.min(batch.num_rows() - done).min(self.left);
                if rows > 0 {
                    self.left -= rows;
                    if rows == batch.num_rows() {
                        return Some(Ok(batch));
                    }
                    let slice = batch.slice(done, rows);
                    self.current = Some((batch, done + rows));
                    return Some(Ok(slice));
                }
            }
            if self.left == 0 {
                return None;
            }
            let batch = match self.are_few() {
                true => self.read_together(),
                false => {
                    let unit = self.units.pop_front()?;
                    self.read(&unit)
                }
            };
            match batch {
                Ok(batch) => self.current = Some((batch, 0)),
                Err(error) => {
                    self.units.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

/// The parts of a scan.
pub(crate) fn scan(view: &TableView, request: ScanRequest) -> Result<Vec<ScanPart>> {
    let how = Arc::new(how(view, &request)?);
    let mut wanted = wanted(request.rows, request.hits.as_deref());
    if let Some(first) = request.first
        && request.bounds.is_empty()
    {
        wanted = first::narrow(view, first, wanted, |rows| units(view, Some(rows), &[]))?;
    }
    let units = units(view, wanted.as_ref(), &request.bounds)?;
    Ok(gather(units, &how, request.limit.unwrap_or(usize::MAX)))
}

/// What there is to read of the wanted rows.
pub(crate) fn units(view: &TableView, wanted: Option<&RowSet>, bounds: &[ColumnBound]) -> Result<Vec<Unit>> {
    let mut units = Vec::new();
    for (number, part) in view.parts.segments.iter().enumerate() {
        let id = view.parts.part_of(Place::Segment(number, 0)).0;
        let mut without = view.parts.deleted(part);
        if let Some(masked) = view.overlay.as_ref().and_then(|overlay| overlay.masked.part(id)) {
            without |= masked;
        }
        let choice = unit::Choice { wanted, without: &without, bounds };
        unit::of_segment(&mut units, id, (&view.parts.table, &part.segment), &choice)?;
    }
    for (number, delta) in view.parts.deltas.iter().enumerate() {
        if bounds.iter().any(|bound| !bound.may_hold(&delta.extent(bound.column))) {
            continue;
        }
        let id = view.parts.part_of(Place::Delta(number, 0)).0;
        let mut rows = match wanted.map(|wanted| wanted.part(id)) {
            None => delta.visible(view.parts.csn),
            Some(None) => continue,
            Some(Some(places)) => delta.visible_of(view.parts.csn, places),
        };
        if let Some(masked) = view.overlay.as_ref().and_then(|overlay| overlay.masked.part(id)) {
            rows -= masked;
        }
        unit::of_delta(&mut units, id, delta, rows)?;
    }
    if let Some(overlay) = &view.overlay {
        let id = view.overlay_part();
        let all = 0..u32::try_from(overlay.put()).unwrap_or(u32::MAX);
        let rows = wanted.map(|wanted| wanted.part(id).cloned().unwrap_or_default());
        unit::of_batch(&mut units, id, (all, overlay.batch()?), rows);
    }
    Ok(units)
}

fn how(view: &TableView, request: &ScanRequest) -> Result<How> {
    let table = &view.parts.table;
    let columns = match &request.projection {
        Some(projection) => projection.clone(),
        None => (0..table.spec.columns.len()).collect(),
    };
    let mut fields = Vec::with_capacity(columns.len() + 1);
    for at in &columns {
        let Some(field) = table.schema.fields().get(*at) else {
            return Err(Error::UnknownColumn {
                table: table.spec.name.to_string(),
                column: format!("#{at}"),
            });
        };
        fields.push(field.clone());
    }
    if request.hits.is_some() {
        fields.push(Arc::new(Field::new("_score", DataType::Float32, false)));
    }
    request.bounds.iter().try_for_each(|bound| bound.check(&table.spec))?;
    let batch_rows = if request.batch_rows == 0 { BATCH_ROWS } else { request.batch_rows };
    Ok(How { columns, schema: Arc::new(Schema::new(fields)), hits: request.hits.clone(), batch_rows })
}

fn wanted(rows: Option<RowSet>, hits: Option<&TextHits>) -> Option<RowSet> {
    match (rows, hits) {
        (Some(rows), Some(hits)) => Some(rows.and(hits.rows())),
        (Some(rows), None) => Some(rows),
        (None, Some(hits)) => Some(hits.rows().clone()),
        (None, None) => None,
    }
}

/// Units in parts. Each unit knows its rows, so what lies behind the limit is not part of the scan at all.
fn gather(units: Vec<Unit>, how: &Arc<How>, limit: usize) -> Vec<ScanPart> {
    let mut left = u64::try_from(limit).unwrap_or(u64::MAX);
    let part = || ScanPart { units: VecDeque::new(), rows: 0, how: how.clone(), left: 0, current: None };
    let mut parts = Vec::new();
    let mut open = part();
    for unit in units {
        let rows = unit.rows().min(left);
        if rows == 0 {
            break;
        }
        left -= rows;
        open.rows += rows;
        open.left += usize::try_from(rows).unwrap_or(usize::MAX);
        open.units.push_back(unit);
        if open.rows >= PART_ROWS {
            parts.push(std::mem::replace(&mut open, part()));
        }
    }
    if open.rows > 0 {
        parts.push(open);
    }
    parts
}

/// Bytes that a cell of this type takes, about.
pub(crate) fn width_guess(kind: ColumnType) -> u64 {
    match kind {
        ColumnType::Bool => 1,
        ColumnType::Date => 4,
        ColumnType::Int | ColumnType::Float | ColumnType::Time | ColumnType::Timestamp => 8,
        ColumnType::Decimal { .. } => 16,
        ColumnType::Text | ColumnType::Bytes => 32,
        ColumnType::TextList => 64,
    }
}
