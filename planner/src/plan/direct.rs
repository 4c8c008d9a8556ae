//! Small questions around the general executor: the rows that indexes find are read, filtered, sorted and cut off here.
//!
//! The answer is the plan's: the same predicates, sort keys and columns, evaluated by the same physical expressions, over the
//! same scan of the same view. What is left out is making, optimizing and running a plan, which for a record by id takes much
//! longer than the record. Where it is not sure that there are few rows, and where other objects are joined, the plan does it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions},
    compute::{SortColumn, SortOptions, filter_record_batch, lexsort_to_indices, take_record_batch},
    datatypes::{Field, Schema},
};
use datafusion::{
    common::{DFSchema, Result as PlanResult, exec_err},
    execution::SessionState,
    logical_expr::{BinaryExpr, Expr, Operator, SortExpr, utils::split_conjunction},
};
use quarry_storage::Order;

use super::scope::ROOT;
use crate::{
    error::{Error, Result},
    policy::Seeing,
    run::Deadline,
    view::{Few, ObjectView, Restriction, Wanted},
};

/// All that reading takes, without the rest of the question.
pub(crate) struct Direct {
    pub(crate) view: Arc<ObjectView>,
    pub(crate) seeing: Seeing,
    pub(crate) restriction: Restriction,
    /// The columns that are read.
    pub(crate) read: Vec<String>,
    pub(crate) filter: Option<Expr>,
    pub(crate) sort: Vec<SortExpr>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
    /// The columns of what comes of it, named `c0`, `c1` …
    pub(crate) columns: Vec<Expr>,
}

impl Direct {
    /// The rows, or nothing where a plan should read them.
    ///
    /// # Errors
    ///
    /// As those of a plan.
    pub(crate) async fn rows(
        self,
        state: &Arc<SessionState>,
        deadline: Deadline,
    ) -> Result<Option<RecordBatch>> {
        if self.is_at_hand() {
            return deadline.wait(async { self.read_now(state) }).await;
        }
        let state = Arc::clone(state);
        let wanted = StillWanted::default();
        let asked = Arc::clone(&wanted.0);
        let reading = tokio::task::spawn_blocking(move || self.read(&state, &asked));
        let read = async { reading.await.map_err(|error| Error::internal(error.to_string()))? };
        deadline.wait(read).await
    }

    /// One row by its key and nothing else, by one of whom all is known: what it takes is bounded, and less than it takes to have another
    /// thread do it.
    pub(crate) fn is_at_hand(&self) -> bool {
        let is_by_key = self.filter.as_ref().is_some_and(|filter| is_by_key(&self.view, filter));
        is_by_key && matches!(self.restriction, Restriction::None) && self.view.is_ready(&self.seeing)
    }

    /// As [`Self::rows`], on this thread.
    ///
    /// # Errors
    ///
    /// As [`Self::rows`].
    pub(crate) fn read_now(&self, state: &SessionState) -> Result<Option<RecordBatch>> {
        self.read(state, &AtomicBool::new(false))
    }

    fn read(&self, state: &SessionState, gone: &AtomicBool) -> Result<Option<RecordBatch>> {
        let filters: Vec<Expr> = self.filter.iter().flat_map(split_conjunction).cloned().collect();
        let wanted = Wanted { columns: &self.positions()?, filters: &filters, first: self.first() };
        let Some(Few { rows, unsettled }) = self.view.few(&self.seeing, self.restriction.clone(), &wanted)?
        else {
            return Ok(None);
        };
        let schema = DFSchema::try_from_qualified_schema(ROOT, rows.schema_ref())?;
        let made = Making { state, schema, gone };
        let mut rows = rows;
        for filter in unsettled {
            let kept = made.column(&filter, &rows)?;
            rows = filter_record_batch(&rows, kept.as_boolean())?;
        }
        let rows = self.page(&made, rows)?;
        let columns = self.columns.iter().map(|column| made.column(column, &rows));
        let columns = columns.collect::<PlanResult<Vec<_>>>()?;
        let field = |(index, column): (usize, &ArrayRef)| {
            Field::new(format!("c{index}"), column.data_type().clone(), true)
        };
        let fields: Vec<Field> = columns.iter().enumerate().map(field).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(Some(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?))
    }

    /// In order, and cut off.
    fn page(&self, made: &Making<'_>, rows: RecordBatch) -> Result<RecordBatch> {
        let most = self.limit.map(|limit| limit.saturating_add(self.offset));
        let mut keys = Vec::with_capacity(self.sort.len());
        for key in &self.sort {
            let options = SortOptions { descending: !key.asc, nulls_first: key.nulls_first };
            keys.push(SortColumn { values: made.column(&key.expr, &rows)?, options: Some(options) });
        }
        // Keys of rows without columns are the same for all of them.
        let rows = match keys.is_empty() || rows.num_rows() < 2 || rows.num_columns() == 0 {
            true => rows,
            false => take_record_batch(&rows, &lexsort_to_indices(&keys, most)?)?,
        };
        let from = self.offset.min(rows.num_rows());
        let count = self.limit.unwrap_or(usize::MAX).min(rows.num_rows() - from);
        Ok(rows.slice(from, count))
    }

    fn positions(&self) -> Result<Vec<usize>> {
        let places = self.view.places(&self.read);
        places.ok_or_else(|| Error::internal("a column that is not in the view"))
    }

    /// The first rows by the first sort key, when it is a column.
    fn first(&self) -> Option<(usize, Order, usize)> {
        let SortExpr { expr: Expr::Column(column), asc, nulls_first } = self.sort.first()? else {
            return None;
        };
        let place = self.read.iter().position(|name| *name == column.name)?;
        let order = Order { is_descending: !asc, nulls_first: *nulls_first };
        Some((place, order, self.limit?.saturating_add(self.offset)))
    }
}

/// Whether a condition says what the key is, and nothing else.
pub(crate) fn is_by_key(view: &ObjectView, filter: &Expr) -> bool {
    let Some((key, _)) = view.object.fields.first() else { return false };
    let is_key = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == key.as_str());
    let is_value = |expr: &Expr| match expr {
        Expr::Cast(cast) => matches!(&*cast.expr, Expr::Placeholder(_)),
        other => matches!(other, Expr::Literal(..) | Expr::Placeholder(_)),
    };
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            is_key(left) && is_value(right) || is_value(left) && is_key(right)
        }
        _ => false,
    }
}

/// Columns made of the rows that were read.
struct Making<'a> {
    state: &'a SessionState,
    schema: DFSchema,
    /// Nobody waits for them any more.
    gone: &'a AtomicBool,
}

/// Tells a thread that reads when nobody waits for it any more: it ends before the next column.
#[derive(Default)]
struct StillWanted(Arc<AtomicBool>);

impl Drop for StillWanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Making<'_> {
    fn column(&self, expr: &Expr, rows: &RecordBatch) -> PlanResult<ArrayRef> {
        if let Expr::Column(column) = expr
            && let Some(column) = rows.column_by_name(&column.name)
        {
            return Ok(Arc::clone(column));
        }
        if self.gone.load(Ordering::Relaxed) {
            return exec_err!("nobody waits for the answer any more");
        }
        let physical = self.state.create_physical_expr(expr.clone(), &self.schema)?;
        physical.evaluate(rows)?.into_array(rows.num_rows())
    }
}
