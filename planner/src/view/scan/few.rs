//! A few rows, read at once: where indexes leave little to read, planning a stream for it would take longer than reading.

use arrow::{array::RecordBatch, compute::concat_batches};
use datafusion::{
    common::{DataFusionError, Result},
    logical_expr::Expr,
};
use quarry_storage::{
    ColumnBound, ColumnType, Effort, FIRST_CHOSEN_MAX, First, Order, RowSet, ScanRequest, TableSnapshot, Ties,
};

use super::{Found, Guarded, Layout, Reach, ScanTable, to_u64};
use crate::{
    answer::bytes_of,
    policy::Guard,
    run::Gone,
    view::{Access, Restriction, narrow},
};

/// More rows are left to a plan: it streams, spills, and works on several threads.
pub(crate) const FEW_ROWS_MAX: u64 = 1_024;
/// Rows that take more bytes are left to a plan: what it holds is counted against the memory of all questions.
pub(crate) const FEW_BYTES_MAX: usize = 8 << 20;
/// More rows than an index says there are at most are not looked up, in the hope that another leaves few of them.
const LOOKED_UP_MAX: u64 = 1 << 16;
/// Rows read at once, at first; their bytes are counted before the next are read.
const PIECE_ROWS: usize = 64;
/// Rows read at once when it is known about how wide they are.
const NEXT_ROWS_MAX: usize = 240;
/// Where the first rows of an order are read, all that equal the last of them come too: so many times the rows wanted.
const FIRST_TIES_MAX: usize = 4;
/// Rows that are not in segments are decided about for each question: so many.
const DECIDED_OTHERS_MAX: u64 = 1 << 8;
/// Rows are cut before they are read where one in so many is wanted.
const FIRST_SHARE: u64 = 8;
/// Where not all rows are seen, so many more are read than are expected to be enough.
const FIRST_SPARE: usize = 8;

/// What is wanted.
pub(crate) struct Wanted<'a> {
    /// Positions of columns in the table's schema.
    pub(crate) columns: &'a [usize],
    /// All of them must be true.
    pub(crate) filters: &'a [Expr],
    /// Only what may be among the first rows.
    pub(crate) first: Option<Foremost>,
    /// More rows are left to a plan; no more than [`FEW_ROWS_MAX`].
    pub(crate) rows_max: u64,
    /// Whether they are still wanted is asked between pieces.
    pub(crate) gone: &'a Gone,
}

/// The first rows by one of the columns.
#[derive(Clone, Copy)]
pub(crate) struct Foremost {
    /// Its place among those that are wanted.
    pub(crate) place: usize,
    pub(crate) order: Order,
    pub(crate) rows: usize,
    /// Nothing but the key comes behind it in the order.
    pub(crate) ties: Option<Ties>,
}

/// What was read.
pub(crate) struct Few {
    pub(crate) rows: RecordBatch,
    /// The filters that still have to be looked at, row by row.
    pub(crate) unsettled: Vec<Expr>,
}

impl ScanTable {
    /// Reads the rows if there are few; nothing if there may be many. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(crate) fn few(&self, wanted: &Wanted<'_>) -> Result<Option<Few>> {
        let external = |error: quarry_storage::Error| DataFusionError::External(Box::new(error));
        let (mut accesses, mut bounds, mut unsettled) = (Vec::new(), Vec::new(), Vec::new());
        for filter in wanted.filters {
            match self.reach(filter)? {
                Reach::Exact(access) => {
                    accesses.push(access);
                    continue;
                }
                Reach::Loose(access) => accesses.push(access),
                Reach::Bounds(own) => bounds.extend(own),
            }
            unsettled.push(filter.clone());
        }
        let rows_max = wanted.rows_max.min(FEW_ROWS_MAX);
        if wanted.first.is_none() && self.are_many(&accesses, &bounds, rows_max).map_err(external)? {
            return Ok(None);
        }
        let mut found = Found::find(&self.table, &self.restriction, &accesses).map_err(external)?;
        found.rows = narrow::rows_within(&self.table, &bounds, found.rows).map_err(external)?;
        if let Some(Guarded { policy, seeing, .. }) = &self.guarded {
            let guard = Guard::new(policy, seeing, &self.table);
            let guard = guard.map_err(|error| DataFusionError::External(Box::new(error)))?;
            // One row is decided about at once.
            let is_worth_it = found.count(&self.table).0 > to_u64(PIECE_ROWS);
            let effort = is_worth_it.then_some(Effort { segments: 0, others: DECIDED_OTHERS_MAX });
            found
                .guard((policy, seeing, &self.table), guard, effort)
                .map_err(|error| DataFusionError::External(Box::new(error)))?;
        }
        let (rows, _) = found.count(&self.table);
        let layout = Layout::new(self, wanted.columns, found.guard.clone())?;
        let leaves_out = found.leaves_out();
        // Where few of the rows are wanted, their values in order are read before all others, unless those behind them may be wanted too.
        let is_cut = |wanted: usize| !leaves_out && to_u64(wanted).saturating_mul(FIRST_SHARE) <= rows;
        let first =
            wanted.first.filter(|first| unsettled.is_empty() && (rows > rows_max || is_cut(first.rows)));
        let are_chosen = found.rows.is_some() || found.hits.is_some();
        let are_few = are_chosen && rows <= FIRST_CHOSEN_MAX;
        let first = first.and_then(|first| self.first(&layout, first, are_few));
        if rows > rows_max && first.is_none() {
            return Ok(None);
        }
        let request = ScanRequest {
            projection: Some(layout.stored.clone()),
            rows: found.rows,
            hits: found.hits,
            bounds,
            first: None,
            batch_rows: PIECE_ROWS,
            ..ScanRequest::default()
        };
        let mut reading = match first {
            Some(first) => self.read_first((&layout, wanted.gone), request.clone(), (first, leaves_out))?,
            None => None,
        };
        if reading.is_none() && rows <= rows_max {
            let mut all = Reading::new(&self.table, layout.clone(), wanted.gone);
            reading = all.read(request)?.then_some(all);
        }
        let Some(Reading { mut batches, .. }) = reading else { return Ok(None) };
        let rows = match batches.len() {
            1 => batches.swap_remove(0),
            _ => concat_batches(&layout.schema, &batches)?,
        };
        Ok(Some(Few { rows, unsettled }))
    }

    /// Whether it is plain without a look that there are many rows, or that it takes long to know.
    fn are_many(
        &self,
        accesses: &[Access],
        bounds: &[ColumnBound],
        rows_max: u64,
    ) -> quarry_storage::Result<bool> {
        if !matches!(self.restriction, Restriction::None) || !bounds.is_empty() {
            return Ok(false);
        }
        let mut least = self.table.statistics().rows;
        if accesses.is_empty() {
            return Ok(self.guarded.is_none() && least > rows_max);
        }
        for access in accesses {
            least = least.min(access.estimate(&self.table)?);
        }
        Ok(least > LOOKED_UP_MAX)
    }

    /// The first rows by an index, and where some of them are not seen, those behind them, until there are enough or these are all; nothing
    /// where that is too much.
    fn read_first<'a>(
        &'a self,
        (layout, gone): (&Layout, &'a Gone),
        request: ScanRequest,
        (first, leaves_out): (First, bool),
    ) -> Result<Option<Reading<'a>>> {
        let few_rows_max = usize::try_from(FEW_ROWS_MAX).unwrap_or(usize::MAX);
        // Of one who sees nearly all, some more than are wanted are enough.
        let mut asked = if leaves_out { first.rows + first.rows / 4 + FIRST_SPARE } else { first.rows };
        loop {
            let mut reading = Reading::new(&self.table, layout.clone(), gone);
            if !reading
                .read(ScanRequest { first: Some(First { rows: asked, ..first }), ..request.clone() })?
            {
                return Ok(None);
            }
            if !leaves_out || reading.rows >= first.rows || reading.given < asked {
                return Ok(Some(reading));
            }
            if asked >= few_rows_max {
                return Ok(None);
            }
            // As many as it takes where the same share of them is seen.
            let expected = first.rows.saturating_mul(reading.given) / reading.rows.max(1);
            let expected = expected + expected / 4 + FIRST_SPARE;
            asked = expected.max(asked.saturating_mul(2)).min(few_rows_max);
        }
    }

    /// The first rows by an index, or by their values where few are chosen; none where neither has that order.
    fn first(
        &self,
        layout: &Layout,
        Foremost { place, order, rows, ties }: Foremost,
        are_few: bool,
    ) -> Option<First> {
        if u64::try_from(rows).ok()? > FEW_ROWS_MAX {
            return None;
        }
        let column = layout.plain(place)?;
        let spec = self.table.spec().columns.get(column)?;
        // As for plans: these have other orders in an index, or none.
        let has_order = !matches!(spec.column_type, ColumnType::Float | ColumnType::TextList);
        let is_long = matches!(spec.column_type, ColumnType::Text | ColumnType::Bytes);
        (has_order && (are_few && !is_long || self.table.has_index(&spec.name))).then_some(First {
            column,
            order,
            rows,
            ties,
        })
    }
}

/// What has been read so far.
struct Reading<'a> {
    table: &'a TableSnapshot,
    layout: Layout,
    batches: Vec<RecordBatch>,
    /// Rows that are seen.
    rows: usize,
    /// Rows that storage gave.
    given: usize,
    bytes: usize,
    gone: &'a Gone,
}

impl<'a> Reading<'a> {
    fn new(table: &'a TableSnapshot, layout: Layout, gone: &'a Gone) -> Reading<'a> {
        Reading { table, layout, batches: Vec::new(), rows: 0, given: 0, bytes: 0, gone }
    }
}

impl Reading<'_> {
    /// Reads all that is asked for; false where that is too much. Chosen rows are read a few at a time, since a scan copies
    /// them; what it does not copy, it shares with the store's own columns.
    fn read(&mut self, mut request: ScanRequest) -> Result<bool> {
        if let Some(First { rows, .. }) = request.first {
            let allowed = rows.saturating_mul(FIRST_TIES_MAX).max(PIECE_ROWS);
            return Ok(self.sample(&request, rows)?
                && self.take(ScanRequest { limit: Some(allowed.saturating_add(1)), ..request })?
                && self.given <= allowed);
        }
        let chosen = match (request.rows.take(), &request.hits) {
            (Some(rows), Some(hits)) => Some(rows.and(hits.rows())),
            (Some(rows), None) => Some(rows),
            (None, hits) => hits.as_ref().map(|hits| hits.rows().clone()),
        };
        let chosen = match chosen {
            Some(chosen) if chosen.len() > to_u64(PIECE_ROWS) => chosen,
            few => return self.take(request_of(&request, few)),
        };
        let (mut piece, mut rest) = chosen.split(PIECE_ROWS);
        while !piece.is_empty() {
            if !self.take(request_of(&request, Some(piece)))? {
                return Ok(false);
            }
            let width = self.bytes / self.rows.max(1) + 1;
            let fitting = (FEW_BYTES_MAX - self.bytes) / width;
            (piece, rest) = rest.split(fitting.clamp(PIECE_ROWS, NEXT_ROWS_MAX));
        }
        Ok(true)
    }

    /// Which rows are the first is known to the scan alone, which reads them at once: a few of them tell how wide they are.
    fn sample(&self, request: &ScanRequest, rows: usize) -> Result<bool> {
        if rows <= PIECE_ROWS {
            return Ok(true);
        }
        let mut few = Reading { layout: self.layout.clone(), batches: Vec::new(), ..*self };
        let fits = few.take(ScanRequest { limit: Some(PIECE_ROWS), ..request.clone() })?;
        Ok(fits && few.bytes.saturating_mul(rows) / few.rows.max(1) <= FEW_BYTES_MAX)
    }

    /// Reads these rows too; false when they are too much.
    fn take(&mut self, request: ScanRequest) -> Result<bool> {
        let external = |error: quarry_storage::Error| DataFusionError::External(Box::new(error));
        self.gone.check()?;
        for part in self.table.scan(request).map_err(external)? {
            for batch in part {
                self.gone.check()?;
                let batch = batch.map_err(external)?;
                self.given += batch.num_rows();
                let batch = self.layout.apply(&batch)?;
                self.rows += batch.num_rows();
                self.bytes = self.bytes.saturating_add(bytes_of(&batch));
                self.batches.push(batch);
                if self.bytes > FEW_BYTES_MAX {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

fn request_of(request: &ScanRequest, rows: Option<RowSet>) -> ScanRequest {
    ScanRequest { rows, ..request.clone() }
}
