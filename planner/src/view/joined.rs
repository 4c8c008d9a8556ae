//! Joins: a scan on the larger side need not give rows that find nothing on the smaller one.
//!
//! A hash join reads one side whole before it asks the other for its first row, and then knows all keys that are in it. Where a
//! column of a scan becomes a key of the join's other side, the scan is told of the join's knowledge ([`ScanExec::with_keys`]), and
//! where these keys are few it reads their rows by the index of that column instead of the whole table: the nested loop over an
//! index that row stores take.
//!
//! The join itself stays as it is, and looks at every row again: what the scan leaves out is what would find nothing. DataFusion
//! has a rule of its own that carries such knowledge down. It finds columns by their names, of which a join's output may have
//! two that are the same; here they are followed by their places, through nodes that hand each row on or drop it for its own sake.

use std::sync::Arc;

use datafusion::{
    common::{
        JoinType, NullEquality, Result,
        config::ConfigOptions,
        tree_node::{Transformed, TransformedResult, TreeNode},
    },
    physical_expr::{
        PhysicalExpr,
        expressions::{Column, DynamicFilterPhysicalExpr, lit},
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan, aggregates::AggregateExec, coalesce_partitions::CoalescePartitionsExec,
        coop::CooperativeExec, filter::FilterExec, joins::HashJoinExec, projection::ProjectionExec,
        repartition::RepartitionExec, replace_children_if_necessary,
    },
};

use super::scan::{JoinKey, ScanExec};

/// The rule. It stands behind all that moves nodes.
#[derive(Debug)]
pub(crate) struct JoinedRows;

impl PhysicalOptimizerRule for JoinedRows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let told = plan.downcast_ref::<HashJoinExec>().map(told).transpose()?.flatten();
            Ok(told.map_or_else(|| Transformed::no(plan), Transformed::yes))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "JoinedRows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The join whose other side knows of it; none where no scan could make use of that.
fn told(join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (_, may_leave_out) = join.join_type().on_lr_is_preserved();
    // Where null equals null a key may be null, which no index is asked for.
    if !may_leave_out || join.null_equality() != NullEquality::NullEqualsNothing {
        return Ok(None);
    }
    // `NOT IN` is true of a null where there is nothing on the other side, of which rows would be left out.
    if join.null_aware {
        return Ok(None);
    }
    let keys: Vec<Arc<dyn PhysicalExpr>> = join.on().iter().map(|(_, probe)| Arc::clone(probe)).collect();
    let known = Arc::new(DynamicFilterPhysicalExpr::new(keys.clone(), lit(true)));
    let mut probe = Arc::clone(join.right());
    let mut is_told = false;
    for (number, key) in keys.iter().enumerate() {
        let Some(column) = key.downcast_ref::<Column>() else { continue };
        let key = JoinKey { known: Arc::clone(&known), number, key: Arc::clone(key) };
        if let Some(other) = below(&probe, column.index(), &key) {
            (probe, is_told) = (other, true);
        }
    }
    if !is_told {
        return Ok(None);
    }
    let join = join.builder().with_new_children(vec![Arc::clone(join.left()), probe])?.build()?;
    Ok(Some(Arc::new(join.with_dynamic_filter_expr(known)?)))
}

/// The plan with the scan told that its rows must have one of the keys in a column of the plan's output.
fn below(plan: &Arc<dyn ExecutionPlan>, column: usize, key: &JoinKey) -> Option<Arc<dyn ExecutionPlan>> {
    if let Some(scan) = plan.downcast_ref::<ScanExec>() {
        return scan.with_key(column, key).map(|scan| Arc::new(scan) as Arc<dyn ExecutionPlan>);
    }
    // Of rows that are counted none may be missing.
    if plan.fetch().is_some() {
        return None;
    }
    let (child, column) = from(plan, column)?;
    let mut children: Vec<Arc<dyn ExecutionPlan>> = plan.children().into_iter().cloned().collect();
    let place = children.get_mut(child)?;
    *place = below(place, column, key)?;
    replace_children_if_necessary(Arc::clone(plan), children).ok()
}

/// From which child, and which of its columns, a column comes, where leaving out rows of the child that have some value in it
/// leaves out just the rows that have this value here.
fn from(plan: &Arc<dyn ExecutionPlan>, column: usize) -> Option<(usize, usize)> {
    let place = |expr: &Arc<dyn PhysicalExpr>| expr.downcast_ref::<Column>().map(Column::index);
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        return Some((0, place(&projection.expr().get(column)?.expr)?));
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let projection = filter.projection().as_ref();
        return Some((0, projection.map_or(Some(column), |kept| kept.get(column).copied())?));
    }
    if let Some(groups) = plan.downcast_ref::<AggregateExec>() {
        // What is in no group key makes one group at least, of nothing too.
        let by = groups.group_expr();
        let is_plain = by.is_single() && !by.is_empty() && groups.limit_options().is_none();
        return Some((0, place(&by.expr().get(column).filter(|_| is_plain)?.0)?));
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        return side(join, column);
    }
    let keeps_rows = plan.is::<CoalescePartitionsExec>() || plan.is::<RepartitionExec>();
    (keeps_rows || plan.is::<CooperativeExec>()).then_some((0, column))
}

/// As [`from`], of the side of a join that loses no row for want of another on the side that may lose some.
fn side(join: &HashJoinExec, column: usize) -> Option<(usize, usize)> {
    let column = match &join.projection {
        Some(kept) => *kept.get(column)?,
        None => column,
    };
    let left = join.left().schema().fields().len();
    let of_left = || (column < left).then_some((0, column));
    let of_right = |column: usize| (column < join.right().schema().fields().len()).then_some((1, column));
    match join.join_type() {
        JoinType::Inner => of_left().or_else(|| of_right(column - left)),
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => of_left(),
        JoinType::Right => of_right(column.checked_sub(left)?),
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => of_right(column),
        JoinType::Full => None,
    }
}
