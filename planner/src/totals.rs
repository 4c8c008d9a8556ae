//! Groups with totals (`ROLLUP`, `CUBE`, `GROUPING SETS`) forget what was known of the rows that they are made of.
//!
//! A key is null in the rows of the totals above it: two keys that a join makes equal are not equal there, a key that a condition
//! fixes is not one value, rows that were sorted by it are not. DataFusion (55.2) takes such knowledge of an aggregate's input for
//! knowledge of its groups, and then leaves keys of a sort out. Between such an aggregate and what reads it stands [`Totals`], of
//! which nothing is known.

use std::{fmt, sync::Arc};

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
        aggregates::AggregateExec,
    },
};

/// The rule; before all others, which use what is known.
#[derive(Debug)]
pub(crate) struct ForgetBelowTotals;

impl PhysicalOptimizerRule for ForgetBelowTotals {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let makes_totals = |of: &AggregateExec| of.group_expr().has_grouping_set();
            match plan.downcast_ref::<AggregateExec>().is_some_and(makes_totals) {
                true => Ok(Transformed::yes(Arc::new(Totals::of(plan)) as Arc<dyn ExecutionPlan>)),
                false => Ok(Transformed::no(plan)),
            }
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "ForgetBelowTotals"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The rows of its input, as they are.
#[derive(Debug)]
struct Totals {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl Totals {
    fn of(input: Arc<dyn ExecutionPlan>) -> Totals {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(partitions),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Totals { input, properties: Arc::new(properties) }
    }
}

impl DisplayAs for Totals {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Totals")
    }
}

impl ExecutionPlan for Totals {
    fn name(&self) -> &'static str {
        "Totals"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Totals::of(input)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}
