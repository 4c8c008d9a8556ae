//! What a plan will cost, told before it runs.
//!
//! Two looks are taken. The first ([`check_shape`]) is at the logical plan, before anything walks over it as a whole: a plan
//! of a few words may be a tree of billions (`WITH a AS …, b AS (a UNION ALL a), …`), and each rule of the optimizer walks it.
//! The second ([`Cost::of`]) is at the physical plan: leaves know their rows, joins what their columns' statistics say; the
//! rest is bounded by its inputs. It is an estimate: what it lets through, the deadline and the memory of all questions end.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::{
    common::{DataFusionError, Statistics, tree_node::TreeNodeRecursion},
    logical_expr::LogicalPlan,
    physical_expr::{
        PhysicalExprRef,
        expressions::{Column, Literal},
    },
    physical_plan::{
        ExecutionPlan,
        aggregates::{AggregateExec, AggregateInputMode},
        coalesce_partitions::CoalescePartitionsExec,
        coop::CooperativeExec,
        joins::{
            CrossJoinExec, HashJoinExec, JoinOnRef, NestedLoopJoinExec, SortMergeJoinExec,
            SymmetricHashJoinExec,
        },
        recursive_query::RecursiveQueryExec,
        repartition::RepartitionExec,
        statistics::{StatisticsArgs, StatisticsContext},
    },
};

use super::hints;
use crate::{
    error::{Error, Result},
    planner::PlannerOptions,
    sql::series_rows,
};

/// Bytes that a text, a list or a struct takes, about: how long they are is not known.
const VARYING_BYTES: u64 = 32;
/// Bytes between two texts of a `string_agg`.
const SEPARATOR_BYTES_MAX: usize = 1_024;
/// Rows of an input that tells nothing: functions that make rows of their arguments.
const UNKNOWN_ROWS: u64 = 1_000;

/// Refuses a plan of too many parts, or one that is too deep, before it is walked over as a whole.
///
/// # Errors
///
/// `Limited`, naming the limit.
pub(crate) fn check_shape(plan: &LogicalPlan, options: &PlannerOptions) -> Result<()> {
    let mut shape = Shape { options, operators: 0, joins: 0 };
    shape.walk(plan, 1)
}

struct Shape<'a> {
    options: &'a PlannerOptions,
    operators: usize,
    joins: usize,
}

impl Shape<'_> {
    fn walk(&mut self, plan: &LogicalPlan, depth: usize) -> Result<()> {
        let options = self.options;
        self.operators += 1;
        if self.operators > options.plan_operators_max {
            return Err(too_complex("operators", "plan_operators_max", options.plan_operators_max));
        }
        if depth > options.plan_depth_max {
            return Err(too_complex("levels", "plan_depth_max", options.plan_depth_max));
        }
        if matches!(plan, LogicalPlan::Join(_)) {
            self.joins += 1;
            if self.joins > options.plan_joins_max {
                return Err(too_complex("joins", "plan_joins_max", options.plan_joins_max));
            }
        }
        plan.apply_subqueries(|subquery| {
            self.walk(subquery, depth + 1).map_err(DataFusionError::from)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        plan.inputs().into_iter().try_for_each(|input| self.walk(input, depth + 1))
    }
}

fn too_complex(what: &str, limit: &str, allowed: usize) -> Error {
    let message = format!(
        "the question is too complex: its plan has more than {allowed} {what} ({limit}); ask for less at once, or in parts"
    );
    Error::limited("", message)
}

/// What a plan will handle, about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Rows that its operators take in, all together; of a join without an equality, the pairs.
    pub(crate) rows: u64,
    /// Pairs that equal joins may find beyond that, where nothing tells how many different values they join by. They refuse nothing: the
    /// question runs beside the others.
    pub(crate) pairs: u64,
    /// Bytes of what is read and of what joins make.
    pub(crate) bytes: u64,
    /// Nobody knows how many: it goes on until nothing new comes of it.
    pub(crate) open_ended: bool,
    /// An aggregate would take room for more groups than it should.
    pub(crate) has_vast_hint: bool,
}

impl Cost {
    /// Whether the plan runs beside the others.
    pub(crate) fn is_heavy(self, options: &PlannerOptions) -> bool {
        self.open_ended || self.rows.saturating_add(self.pairs) > options.heavy_rows
    }

    /// The cost of a plan.
    ///
    /// # Errors
    ///
    /// `Limited` for what no estimate covers: a text that is joined by a very long one.
    pub(crate) fn of(plan: &Arc<dyn ExecutionPlan>) -> Result<Cost> {
        let mut walk = Walk { known: StatisticsContext::new(), cost: Cost::default() };
        walk.rows_out(plan)?;
        Ok(walk.cost)
    }

    /// Refuses what is past the budget.
    ///
    /// # Errors
    ///
    /// `Limited` with the limit.
    pub(crate) fn check(self, options: &PlannerOptions) -> Result<()> {
        let limits = [
            ("rows", "plan_rows_max", self.rows, options.plan_rows_max),
            ("bytes", "plan_bytes_max", self.bytes, options.plan_bytes_max),
        ];
        for (what, limit, estimate, allowed) in limits {
            if estimate > allowed {
                // By how many more would tell of rows that are not seen.
                let message = format!(
                    "the question would handle more than {allowed} {what} ({limit}): filter it by fields with an index, \
                     join on equal columns, or ask for a part at a time"
                );
                return Err(Error::limited("", message));
            }
        }
        Ok(())
    }
}

struct Walk {
    known: StatisticsContext,
    cost: Cost,
}

impl Walk {
    /// How many rows come out at most, as far as is known; what goes in is added to the cost.
    fn rows_out(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Result<u64> {
        let inputs = plan.children().into_iter().map(|child| self.rows_out(child));
        let inputs = inputs.collect::<Result<Vec<u64>>>()?;
        let fetch = plan.fetch().map_or(u64::MAX, to_u64);
        let (handled, rows) = match &inputs[..] {
            [] => {
                let rows = series_rows(plan).or_else(|| self.statistics(plan)).unwrap_or(UNKNOWN_ROWS);
                self.hold(plan, rows.min(fetch));
                (rows.min(fetch), rows)
            }
            [left, right] if plan.is::<CrossJoinExec>() || plan.is::<NestedLoopJoinExec>() => {
                let pairs = left.saturating_mul(*right);
                self.hold(plan, pairs.min(fetch));
                (pairs, pairs)
            }
            [left, right] if let Some(on) = joined_by(plan) => {
                let most = left.saturating_mul(*right) / self.different(plan, on).max(1);
                self.cost.pairs = self.cost.pairs.saturating_add(most);
                let rows = self.statistics(plan).unwrap_or(0).max(*left).max(*right);
                self.hold(plan, rows.min(fetch));
                (left.saturating_add(*right).saturating_add(rows), rows)
            }
            inputs => {
                let rows = inputs.iter().copied().fold(0, u64::saturating_add);
                (if passes_on(plan) { 0 } else { rows }, if is_one_row(plan) { 1 } else { rows })
            }
        };
        self.cost.rows = self.cost.rows.saturating_add(handled);
        self.cost.open_ended |= plan.is::<RecursiveQueryExec>();
        if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
            self.cost.has_vast_hint |= hints::is_vast(plan);
            check_separators(aggregate)?;
        }
        Ok(rows.min(fetch))
    }

    /// How many different values these joined columns have together, as far as anybody knows.
    fn different(&self, join: &Arc<dyn ExecutionPlan>, on: JoinOnRef<'_>) -> u64 {
        let of =
            |input: &Arc<dyn ExecutionPlan>| self.known.compute(input.as_ref(), &StatisticsArgs::new()).ok();
        let [left, right] = &join.children()[..] else { return 1 };
        let (left, right) = (of(left), of(right));
        let distinct = |known: &Option<Arc<Statistics>>, key: &PhysicalExprRef| {
            let column = key.downcast_ref::<Column>()?;
            let known = known.as_ref()?.column_statistics.get(column.index())?;
            known.distinct_count.get_value().copied().map(to_u64)
        };
        let keys =
            on.iter().map(|(one, other)| distinct(&left, one).max(distinct(&right, other)).unwrap_or(1));
        keys.max().unwrap_or(1)
    }

    fn statistics(&self, plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
        let known = self.known.compute(plan.as_ref(), &StatisticsArgs::new()).ok()?;
        known.num_rows.get_value().copied().map(to_u64)
    }

    fn hold(&mut self, plan: &Arc<dyn ExecutionPlan>, rows: u64) {
        self.cost.bytes = self.cost.bytes.saturating_add(rows.saturating_mul(width(&plan.schema())));
    }
}

/// What stands between the texts of a `string_agg` comes once for each row, before anybody counts the memory.
fn check_separators(aggregate: &AggregateExec) -> Result<()> {
    for made in aggregate.aggr_expr().iter().filter(|made| made.fun().name() == "string_agg") {
        let arguments = made.expressions();
        let separator = arguments.get(1).and_then(|separator| separator.downcast_ref::<Literal>());
        let length = separator.and_then(|separator| separator.value().try_as_str()?).map_or(0, str::len);
        if length > SEPARATOR_BYTES_MAX {
            let message = format!(
                "a separator of string_agg has at most {SEPARATOR_BYTES_MAX} bytes (separator_bytes_max), not {length}"
            );
            return Err(Error::limited("", message));
        }
    }
    Ok(())
}

/// The keys of an equal join.
fn joined_by(plan: &Arc<dyn ExecutionPlan>) -> Option<JoinOnRef<'_>> {
    let hash = plan.downcast_ref::<HashJoinExec>().map(HashJoinExec::on);
    let merge = || plan.downcast_ref::<SortMergeJoinExec>().map(SortMergeJoinExec::on);
    hash.or_else(merge)
        .or_else(|| plan.downcast_ref::<SymmetricHashJoinExec>().map(SymmetricHashJoinExec::on))
}

/// Hands its rows on as they are, or puts together what was counted where it was taken apart.
fn passes_on(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let aggregate = plan.downcast_ref::<AggregateExec>();
    let is_second = aggregate.is_some_and(|made| made.mode().input_mode() == AggregateInputMode::Partial);
    is_second
        || plan.is::<RepartitionExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>()
}

/// An aggregate without groups.
fn is_one_row(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let aggregate = plan.downcast_ref::<AggregateExec>();
    aggregate.is_some_and(|made| made.group_expr().is_empty())
}

/// Bytes of a row, about.
fn width(schema: &Schema) -> u64 {
    let width = |data_type: &DataType| data_type.primitive_width().map_or(VARYING_BYTES, to_u64);
    schema.fields().iter().map(|field| width(field.data_type())).sum::<u64>().max(1)
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
