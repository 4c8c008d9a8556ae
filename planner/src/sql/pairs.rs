//! No join tries more pairs of rows than allowed. A nested loop does not yield while its filter matches nothing, so
//! nothing else would end it.
//!
//! What is known before is refused before it runs ([`check`]). But a list's items, a series between two times or the
//! rows of a function are not known before: so the rows that come into each such join are counted as they come, and the
//! join ends with the batch that would make them too many ([`count`]).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use datafusion::{
    common::{
        Result as DataFusionResult,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    functions_table::generate_series::GenericSeriesState,
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        execution_plan::replace_children_if_necessary,
        joins::{CrossJoinExec, NestedLoopJoinExec},
        memory::LazyMemoryExec,
        statistics::{StatisticsArgs, StatisticsContext},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::StreamExt;

use crate::error::{Error, Result};

/// Refuses a plan that is known to try too many pairs.
///
/// # Errors
///
/// `Limited`.
pub(super) fn check(plan: &Arc<dyn ExecutionPlan>, pairs_max: u64) -> Result<()> {
    for child in plan.children() {
        check(child, pairs_max)?;
    }
    if !is_nested_loop(plan) {
        return Ok(());
    }
    let pairs = plan.children().into_iter().map(rows_at_most).fold(1, u64::saturating_mul);
    if pairs <= pairs_max {
        return Ok(());
    }
    let message = format!(
        "a join without an equality would try more than {pairs_max} pairs of rows (join_pairs_max): join on equal \
         columns or filter its inputs"
    );
    Err(Error::limited("", message))
}

fn is_nested_loop(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<CrossJoinExec>() || plan.is::<NestedLoopJoinExec>()
}

/// What is known, which no filter's guess lowers: leaves' rows, multiplied where pairs are made.
fn rows_at_most(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let children = plan.children();
    let fetch = plan.fetch().map_or(u64::MAX, |rows| u64::try_from(rows).unwrap_or(u64::MAX));
    if children.is_empty() {
        return leaf_rows(plan).min(fetch);
    }
    let rows = children.into_iter().map(rows_at_most);
    let bound = if is_nested_loop(plan) {
        rows.fold(1, u64::saturating_mul)
    } else {
        rows.fold(0, u64::saturating_add)
    };
    bound.min(fetch)
}

fn leaf_rows(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    if let Some(rows) = series_rows(plan) {
        return rows;
    }
    let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    let rows = known.ok().and_then(|known| known.num_rows.get_value().copied());
    // What is not known is not guessed: it is counted as it comes.
    rows.map_or(1, |rows| u64::try_from(rows).unwrap_or(u64::MAX))
}

/// The rows of `generate_series` and `range` over numbers.
pub(crate) fn series_rows(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    let lazy = plan.downcast_ref::<LazyMemoryExec>()?;
    let mut rows = 0_u64;
    for generator in lazy.generators() {
        let generator = generator.read();
        let series = generator.as_any().downcast_ref::<GenericSeriesState<i64>>()?;
        let steps = series.end().abs_diff(*series.start()) / series.step().unsigned_abs().max(1);
        rows = rows.saturating_add(steps).saturating_add(1);
    }
    Some(rows)
}

/// The same plan, whose joins without an equality end with an error when they would try too many pairs.
///
/// # Errors
///
/// None in practice.
pub(super) fn count(plan: Arc<dyn ExecutionPlan>, pairs_max: u64) -> Result<Arc<dyn ExecutionPlan>> {
    let counted = plan.transform_up(|node| {
        if !is_nested_loop(&node) {
            return Ok(Transformed::no(node));
        }
        let pairs = Arc::new(Pairs { left: AtomicU64::new(0), right: AtomicU64::new(0), max: pairs_max });
        let inputs = node.children().into_iter().zip([Side::Left, Side::Right]);
        let inputs = inputs.map(|(input, side)| {
            let counted = Counted { input: Arc::clone(input), side, pairs: Arc::clone(&pairs) };
            Arc::new(counted) as Arc<dyn ExecutionPlan>
        });
        let inputs = inputs.collect();
        replace_children_if_necessary(node, inputs).map(Transformed::yes)
    });
    Ok(counted.data()?)
}

/// The rows that have come into one join.
#[derive(Debug)]
struct Pairs {
    left: AtomicU64,
    right: AtomicU64,
    max: u64,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Left,
    Right,
}

impl Pairs {
    /// Counts rows before they are paired.
    fn add(&self, side: Side, rows: usize) -> Result<()> {
        let (here, there) = match side {
            Side::Left => (&self.left, &self.right),
            Side::Right => (&self.right, &self.left),
        };
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        let here = here.fetch_add(rows, Ordering::SeqCst).saturating_add(rows);
        // One side is read whole before the other begins: by itself it may not be larger than with one row there.
        let pairs = here.saturating_mul(there.load(Ordering::SeqCst).max(1));
        if pairs <= self.max {
            return Ok(());
        }
        let message = format!(
            "a join without an equality may try {} pairs of rows, and has more: join on equal columns or filter its \
             inputs",
            self.max
        );
        Err(Error::limited("", message))
    }
}

/// Passes one input of a join on, and counts its rows.
#[derive(Debug)]
struct Counted {
    input: Arc<dyn ExecutionPlan>,
    side: Side,
    pairs: Arc<Pairs>,
}

impl DisplayAs for Counted {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Counted: pairs_max={}", self.pairs.max)
    }
}

impl ExecutionPlan for Counted {
    fn name(&self) -> &'static str {
        "Counted"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Counted { input, side: self.side, pairs: Arc::clone(&self.pairs) }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        let (side, pairs) = (self.side, Arc::clone(&self.pairs));
        let counted = self.input.execute(partition, context)?.map(move |batch| {
            let batch = batch?;
            pairs.add(side, batch.num_rows())?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), counted)))
    }
}
