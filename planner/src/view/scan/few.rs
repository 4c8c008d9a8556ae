//! A few rows, read at once: where indexes leave little to read, planning a stream for it would take longer than reading.

use arrow::{array::RecordBatch, compute::concat_batches};
use datafusion::{
    common::{DataFusionError, Result},
    logical_expr::Expr,
};
use quarry_storage::{ColumnType, First, Order, ScanRequest};

use super::{Found, Layout, ScanTable};
use crate::view::{access::Access, narrow};

/// More rows are left to a plan: it streams, spills, and works on several threads.
pub(crate) const FEW_ROWS_MAX: u64 = 1_024;

/// What is wanted.
pub(crate) struct Wanted<'a> {
    /// Positions of columns in the table's schema.
    pub(crate) columns: &'a [usize],
    /// All of them must be true.
    pub(crate) filters: &'a [Expr],
    /// Only what may be among the first rows by one of the columns (its place among those wanted).
    pub(crate) first: Option<(usize, Order, usize)>,
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
            let stored = self.stored(filter)?;
            match Access::of(&stored, &self.table) {
                Some(access) => accesses.push(access),
                None => {
                    bounds.extend(narrow::bounds_of(&stored, &self.table));
                    unsettled.push(filter.clone());
                }
            }
        }
        let mut found = Found::find(&self.table, &self.restriction, &accesses).map_err(external)?;
        found.rows = narrow::rows_within(&self.table, &bounds, found.rows).map_err(external)?;
        let (rows, _) = found.count(&self.table);
        let layout = Layout::new(self, wanted.columns)?;
        let first = wanted.first.filter(|_| unsettled.is_empty() && rows > FEW_ROWS_MAX);
        let first = first.and_then(|first| self.first(&layout, first));
        if rows > FEW_ROWS_MAX && first.is_none() {
            return Ok(None);
        }
        let request = ScanRequest {
            projection: Some(layout.stored.clone()),
            rows: found.rows,
            hits: found.hits,
            bounds,
            first,
            ..ScanRequest::default()
        };
        let mut batches = Vec::new();
        for part in self.table.scan(request).map_err(external)? {
            for batch in part {
                batches.push(layout.apply(&batch.map_err(external)?)?);
            }
        }
        let rows = match batches.len() {
            1 => batches.swap_remove(0),
            _ => concat_batches(&layout.schema, &batches)?,
        };
        Ok(Some(Few { rows, unsettled }))
    }

    /// The first rows by an index; none where no index has that order.
    fn first(&self, layout: &Layout, (column, order, rows): (usize, Order, usize)) -> Option<First> {
        if u64::try_from(rows).ok()? > FEW_ROWS_MAX {
            return None;
        }
        let column = *layout.stored.get(*layout.output.get(column)?)?;
        let spec = self.table.spec().columns.get(column)?;
        // As for plans: these have other orders in an index, or none.
        let has_order = !matches!(spec.column_type, ColumnType::Float | ColumnType::TextList);
        (has_order && self.table.has_index(&spec.name)).then_some(First { column, order, rows })
    }
}
