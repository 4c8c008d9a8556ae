//! Lists that are sorted and cut off: a scan below such a sort need not give more rows than may be among the first.
//!
//! Where the first key of a sort with a limit is a column of a scan, with nothing between the two that drops, makes or
//! changes rows, the scan is told ([`ScanExec::with_first`]), and reads them by the key or an index of that column. The sort
//! stays: it has the other keys, and puts the few rows in order.

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TransformedResult, TreeNode},
    },
    physical_expr::expressions::Column,
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan, coalesce_partitions::CoalescePartitionsExec, coop::CooperativeExec,
        projection::ProjectionExec, repartition::RepartitionExec, replace_children_if_necessary,
        sorts::sort::SortExec,
    },
};
use quarry_storage::Order;

use super::scan::ScanExec;

/// The rule.
#[derive(Debug)]
pub(crate) struct FirstRows;

impl PhysicalOptimizerRule for FirstRows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let told = plan.downcast_ref::<SortExec>().and_then(told);
            match told {
                Some(input) => replace_children_if_necessary(plan, vec![input]).map(Transformed::yes),
                None => Ok(Transformed::no(plan)),
            }
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "FirstRows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A sort's input that knows of the limit.
fn told(sort: &SortExec) -> Option<Arc<dyn ExecutionPlan>> {
    let rows = sort.fetch()?;
    let key = sort.expr().first();
    let order = Order { is_descending: key.options.descending, nulls_first: key.options.nulls_first };
    below(sort.input(), key.expr.downcast_ref::<Column>()?.index(), order, rows)
}

fn below(
    plan: &Arc<dyn ExecutionPlan>,
    column: usize,
    order: Order,
    rows: usize,
) -> Option<Arc<dyn ExecutionPlan>> {
    if let Some(scan) = plan.downcast_ref::<ScanExec>() {
        return scan.with_first(column, order, rows).map(|scan| Arc::new(scan) as Arc<dyn ExecutionPlan>);
    }
    let column = match plan.downcast_ref::<ProjectionExec>() {
        Some(projection) => projection.expr().get(column)?.expr.downcast_ref::<Column>()?.index(),
        None => column,
    };
    let keeps_rows = plan.is::<ProjectionExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<RepartitionExec>()
        || plan.is::<CooperativeExec>();
    let [input] = plan.children()[..] else { return None };
    if !keeps_rows || plan.fetch().is_some() {
        return None;
    }
    let input = below(input, column, order, rows)?;
    replace_children_if_necessary(Arc::clone(plan), vec![input]).ok()
}
