//! Optimizer rules for plans that ObjectQL builds.
//!
//! Those plans are made by us, so they hold no subquery, no set operation, no cross join, no lateral join and no
//! duplicate expression: rules that look for these only cost time (DataFusion's full lists take several hundred
//! microseconds). What stays: fold constants, make outer joins inner where a filter allows, push limits, filters and
//! projections down, and all that physical planning needs to be right.

use std::sync::Arc;

use datafusion::{
    optimizer::{
        OptimizerRule, eliminate_filter::EliminateFilter, eliminate_outer_join::EliminateOuterJoin,
        optimize_projections::OptimizeProjections, push_down_filter::PushDownFilter,
        push_down_limit::PushDownLimit, simplify_expressions::SimplifyExpressions,
        single_distinct_to_groupby::SingleDistinctToGroupBy,
    },
    physical_optimizer::{
        PhysicalOptimizerRule, aggregate_statistics::AggregateStatistics,
        combine_partial_final_agg::CombinePartialFinalAggregate, ensure_coop::EnsureCooperative,
        ensure_requirements::EnsureRequirements, join_selection::JoinSelection,
        limit_pushdown::LimitPushdown, optimizer::PhysicalOptimizer, output_requirements::OutputRequirements,
        projection_pushdown::ProjectionPushdown, sanity_checker::SanityCheckPlan,
        topk_aggregation::TopKAggregation,
    },
};

use crate::{
    totals::ForgetBelowTotals,
    view::{FirstRows, JoinedRows},
};

/// The logical rules, in DataFusion's order.
pub(crate) fn logical() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(EliminateOuterJoin::new()),
        Arc::new(PushDownLimit::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(SingleDistinctToGroupBy::new()),
        Arc::new(OptimizeProjections::new()),
    ]
}

/// The physical rules, in DataFusion's order.
pub(crate) fn physical() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    vec![
        Arc::new(ForgetBelowTotals),
        Arc::new(OutputRequirements::new_add_mode()),
        Arc::new(AggregateStatistics::new()),
        Arc::new(JoinSelection::new()),
        Arc::new(EnsureRequirements::new()),
        Arc::new(CombinePartialFinalAggregate::new()),
        Arc::new(OutputRequirements::new_remove_mode()),
        Arc::new(TopKAggregation::new()),
        Arc::new(LimitPushdown::new()),
        Arc::new(ProjectionPushdown::new()),
        Arc::new(FirstRows),
        Arc::new(EnsureCooperative::new()),
        Arc::new(SanityCheckPlan::new()),
        Arc::new(JoinedRows),
    ]
}

/// DataFusion's own physical rules, with ours before and behind them: for plans that are made of SQL.
pub(crate) fn physical_of_sql() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.insert(0, Arc::new(ForgetBelowTotals));
    rules.push(Arc::new(FirstRows));
    rules.push(Arc::new(JoinedRows));
    rules
}
