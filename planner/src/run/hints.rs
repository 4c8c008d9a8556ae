//! Limits that the optimizer writes into aggregates as hints. An aggregate takes room for as many groups at once: of a page a
//! million millions far down, more than any machine has.

use std::sync::Arc;

use datafusion::{
    common::tree_node::{Transformed, TransformedResult, TreeNode},
    physical_plan::{ExecutionPlan, aggregates::AggregateExec},
};

use crate::error::Result;

/// Groups that room is taken for at once.
const HINT_ROWS_MAX: usize = 100_000;

/// Whether the node has a hint that asks for too much room.
pub(super) fn is_vast(node: &Arc<dyn ExecutionPlan>) -> bool {
    let aggregate = node.downcast_ref::<AggregateExec>();
    let hint = aggregate.and_then(AggregateExec::limit_options);
    hint.is_some_and(|hint| hint.limit > HINT_ROWS_MAX)
}

/// The same plan without such hints: what cuts off the rows stands above the aggregate, and stays.
///
/// # Errors
///
/// None in practice.
pub(super) fn without_vast(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let plain = plan.transform_up(|node| match node.downcast_ref::<AggregateExec>() {
        Some(aggregate) if is_vast(&node) => {
            let plain = aggregate.with_new_limit_options(None);
            Ok(Transformed::yes(Arc::new(plain) as Arc<dyn ExecutionPlan>))
        }
        _ => Ok(Transformed::no(node)),
    });
    Ok(plain.data()?)
}
