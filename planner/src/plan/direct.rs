//! Small questions around the general executor: the rows that indexes find are read, filtered, sorted and cut off here.
//!
//! The answer is the plan's: the same predicates, sort keys and columns, evaluated by the same physical expressions, over the
//! same scan of the same view. What is left out is making, optimizing and running a plan, which for a record by id takes much
//! longer than the record. What lookups lead to is read by key and put beside its rows ([`far`]); groups are made of the rows
//! by DataFusion's own aggregation ([`grouped`]). Where it is not sure that there are few rows, the plan does it.

mod columns;
pub(super) mod far;
pub(super) mod grouped;

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch},
    compute::{SortColumn, SortOptions, filter_record_batch, lexsort_to_indices, take_record_batch},
};
use datafusion::{
    common::{Column, DFSchema, Result as PlanResult},
    execution::SessionState,
    logical_expr::{
        BinaryExpr, Expr, Operator, SortExpr, simplify::SimplifyContext, utils::split_conjunction,
    },
    optimizer::simplify_expressions::ExprSimplifier,
};
use quarry_storage::{Order, Ties};

pub(crate) use self::columns::{Read, Told};
use self::{
    columns::Names,
    far::{Beside, Far},
};
use super::scope::ROOT;
use crate::{
    error::Result,
    policy::Seeing,
    run::{Deadline, Gone, aside},
    view::{Few, Foremost, ObjectView, Restriction, Wanted},
};

/// All that reading takes, without the rest of the question.
pub(crate) struct Direct {
    pub(crate) view: Arc<ObjectView>,
    pub(crate) seeing: Seeing,
    pub(crate) restriction: Restriction,
    pub(crate) read: Arc<Read>,
    /// What lookups lead to, each from one before it.
    pub(crate) far: Vec<Far>,
    /// More rows are left to a plan.
    pub(crate) rows_max: u64,
    pub(crate) filter: Option<Expr>,
    pub(crate) sort: Vec<SortExpr>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
    /// The columns of what comes of it.
    pub(crate) told: Arc<[Told]>,
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
        deadline: &Deadline,
    ) -> Result<Option<RecordBatch>> {
        if self.is_at_hand() {
            return deadline.wait(async { self.read_now(state, deadline) }).await;
        }
        let (state, view) = (Arc::clone(state), Arc::clone(&self.view));
        aside(deadline, view.pace(), move |gone| self.read(&state, gone)).await
    }

    /// One row by its key and nothing else, by one of whom all is known: what it takes is bounded, and less than it takes to have another
    /// thread do it.
    pub(crate) fn is_at_hand(&self) -> bool {
        let is_by_key = self.filter.as_ref().is_some_and(|filter| is_by_key(&self.view, filter));
        is_by_key
            && self.far.is_empty()
            && matches!(self.restriction, Restriction::None)
            && self.view.is_ready(&self.seeing)
    }

    /// As [`Self::rows`], on this thread.
    ///
    /// # Errors
    ///
    /// As [`Self::rows`].
    pub(crate) fn read_now(&self, state: &SessionState, deadline: &Deadline) -> Result<Option<RecordBatch>> {
        let rows = self.read(state, &Gone::at(deadline))?;
        deadline.check()?;
        Ok(rows)
    }

    fn read(&self, state: &SessionState, gone: &Gone) -> Result<Option<RecordBatch>> {
        let Some(Gathered { rows, names }) = self.gather(state, gone)? else { return Ok(None) };
        let made = Making { state, read: Some(&self.read), names, gone };
        let page = Page { sort: &self.sort, limit: self.limit, offset: self.offset };
        let rows = page.of(&made, rows)?;
        Ok(Some(Told::batch(&self.told, &made, &rows)?))
    }

    /// The rows for which the conditions hold, with what lookups lead to.
    fn gather(&self, state: &SessionState, gone: &Gone) -> Result<Option<Gathered>> {
        let filters = self.filter.iter().flat_map(split_conjunction).cloned();
        let (own, beyond): (Vec<Expr>, Vec<Expr>) = filters.partition(|filter| self.is_own(filter));
        let first = if beyond.is_empty() { self.first() } else { None };
        let wanted =
            Wanted { columns: self.read.places(), filters: &own, first, rows_max: self.rows_max, gone };
        let Some(Few { rows, unsettled }) = self.view.few(&self.seeing, self.restriction.clone(), &wanted)?
        else {
            return Ok(None);
        };
        let names = Names::own(rows.schema());
        let mut made = Making { state, read: Some(&self.read), names, gone };
        let mut rows = rows;
        for filter in unsettled {
            rows = made.kept(&filter, rows)?;
        }
        for far in &self.far {
            let there = far.beside(&self.seeing, (rows, made.names.qualified()?), gone)?;
            let Some(Beside { rows: joined, schema }) = there else { return Ok(None) };
            (rows, made.names) = (joined, Names::of(schema));
        }
        for filter in beyond {
            rows = made.kept(&filter, rows)?;
        }
        Ok(Some(Gathered { rows, names: made.names }))
    }

    /// Whether a condition looks at the object itself alone.
    fn is_own(&self, filter: &Expr) -> bool {
        let is_own = |column: &&Column| column.relation.as_ref().is_none_or(|of| of.table() == ROOT);
        self.far.is_empty() || filter.column_refs().iter().all(is_own)
    }

    /// The first rows by the first sort key, when it is a column.
    fn first(&self) -> Option<Foremost> {
        let SortExpr { expr: Expr::Column(column), asc, nulls_first } = self.sort.first()? else {
            return None;
        };
        let place = self.read.position(column)?;
        let order = Order { is_descending: !asc, nulls_first: *nulls_first };
        Some(Foremost { place, order, rows: self.limit?.saturating_add(self.offset), ties: self.ties() })
    }

    /// How rows are sorted by their keys that the first sort key leaves as they are.
    fn ties(&self) -> Option<Ties> {
        let SortExpr { expr: Expr::Column(column), asc, .. } = self.sort.get(1)? else { return None };
        let (key, _) = self.view.object.fields.first()?;
        let is_key = self.read.position(column).is_some() && column.name == key.as_str();
        is_key.then_some(if *asc { Ties::Ascending } else { Ties::Descending })
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

/// An order, and which of the rows in it.
struct Page<'a> {
    sort: &'a [SortExpr],
    limit: Option<usize>,
    offset: usize,
}

impl Page<'_> {
    /// In order, and cut off.
    fn of(&self, made: &Making<'_>, rows: RecordBatch) -> Result<RecordBatch> {
        let most = self.limit.map(|limit| limit.saturating_add(self.offset));
        let mut keys = Vec::with_capacity(self.sort.len());
        // Keys of rows without columns are the same for all of them.
        let is_sorted = rows.num_rows() < 2 || rows.num_columns() == 0;
        for key in self.sort.iter().filter(|_| !is_sorted) {
            let options = SortOptions { descending: !key.asc, nulls_first: key.nulls_first };
            keys.push(SortColumn { values: made.column(&key.expr, &rows)?, options: Some(options) });
        }
        let rows = match keys.is_empty() {
            true => rows,
            false => take_record_batch(&rows, &lexsort_to_indices(&keys, most)?)?,
        };
        let from = self.offset.min(rows.num_rows());
        let count = self.limit.unwrap_or(usize::MAX).min(rows.num_rows() - from);
        Ok(if count == rows.num_rows() { rows } else { rows.slice(from, count) })
    }
}

/// Rows, and whose columns they have.
struct Gathered {
    rows: RecordBatch,
    names: Names,
}

/// Columns made of the rows that were read.
struct Making<'a> {
    state: &'a SessionState,
    /// The columns of the object itself, which come first.
    read: Option<&'a Read>,
    names: Names,
    /// Nobody waits for them any more.
    gone: &'a Gone,
}

impl Making<'_> {
    fn column(&self, expr: &Expr, rows: &RecordBatch) -> PlanResult<ArrayRef> {
        if let Expr::Column(column) = expr {
            let own = self.read.and_then(|read| read.position(column));
            let place = match own {
                Some(place) => Some(place),
                None => {
                    let names = self.names.qualified()?;
                    names.index_of_column_by_name(column.relation.as_ref(), &column.name)
                }
            };
            if let Some(column) = place.and_then(|place| rows.columns().get(place)) {
                return Ok(Arc::clone(column));
            }
        }
        self.gone.check()?;
        let physical = self.state.create_physical_expr(expr.clone(), self.names.qualified()?)?;
        physical.evaluate(rows)?.into_array(rows.num_rows())
    }

    /// The rows for which a condition is true.
    fn kept(&self, filter: &Expr, rows: RecordBatch) -> Result<RecordBatch> {
        let kept = self.column(filter, &rows)?;
        Ok(filter_record_batch(&rows, kept.as_boolean())?)
    }
}

/// An expression with values of the types that its operators take.
fn coerced(state: &SessionState, schema: &DFSchema, expr: Expr) -> PlanResult<Expr> {
    simplifier(state, schema).coerce(expr, schema)
}

/// As [`coerced`], and as simple as may be: some functions are there only to become others.
fn settled(state: &SessionState, schema: &DFSchema, expr: Expr) -> PlanResult<Expr> {
    match expr {
        Expr::Column(_) | Expr::Literal(..) => Ok(expr),
        expr => {
            let simplifier = simplifier(state, schema);
            simplifier.simplify(simplifier.coerce(expr, schema)?)
        }
    }
}

fn simplifier(state: &SessionState, schema: &DFSchema) -> ExprSimplifier {
    let context = SimplifyContext::builder()
        .with_schema(Arc::new(schema.clone()))
        .with_config_options(Arc::clone(state.config_options()))
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    ExprSimplifier::new(context)
}
