//! What SQL is let through: queries, and no join that would try every pair of large inputs.

use std::sync::Arc;

use datafusion::{
    execution::context::SQLOptions,
    logical_expr::LogicalPlan,
    physical_plan::{
        ExecutionPlan,
        joins::{CrossJoinExec, NestedLoopJoinExec},
        statistics::{StatisticsArgs, StatisticsContext},
    },
    sql::sqlparser::ast::Statement,
};

use super::bounds;
use crate::error::{Error, Result};

/// Rows taken for a leaf that does not know its own.
const UNKNOWN_LEAF_ROWS: u64 = 10_000;

/// Only statements that read.
pub(super) fn check_statement(statement: &Statement) -> Result<()> {
    bounds::refuse_ignored(statement)?;
    let inner = match statement {
        Statement::Explain { statement, .. } => statement,
        other => other,
    };
    match inner {
        Statement::Query(_)
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ExplainTable { .. } => Ok(()),
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            let message = format!(
                "only queries are answered here, not {:?}: objects come from packages, changes go through the engine",
                words.join(" ")
            );
            Err(Error::invalid("NOT_A_QUERY", "", message))
        }
    }
}

/// What a text that is no query, or more than one, is told.
pub(super) fn not_one_statement() -> Error {
    Error::invalid("NOT_A_QUERY", "", "exactly one query is answered here")
}

/// No plan that writes or sets, however it was spelled.
pub(super) fn check_plan(plan: &LogicalPlan) -> Result<()> {
    let only_queries =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_queries.verify_plan(plan).map_err(|error| Error::invalid("NOT_A_QUERY", "", error.strip_backtrace()))
}

/// A nested loop does not yield while its filter matches nothing, so the pairs it may try are limited before it runs.
///
/// # Errors
///
/// `Limited` with the estimate.
pub(crate) fn check_pairs(plan: &Arc<dyn ExecutionPlan>, pairs_max: u64) -> Result<()> {
    for child in plan.children() {
        check_pairs(child, pairs_max)?;
    }
    if !is_nested_loop(plan) {
        return Ok(());
    }
    let pairs = plan.children().into_iter().map(rows_at_most).fold(1, u64::saturating_mul);
    if pairs <= pairs_max {
        return Ok(());
    }
    let message = format!(
        "a join without an equality would try about {pairs} pairs of rows, {pairs_max} are allowed: join on equal \
         columns or filter its inputs"
    );
    Err(Error::limited("", message))
}

fn is_nested_loop(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<CrossJoinExec>() || plan.is::<NestedLoopJoinExec>()
}

/// A bound that no filter's guess lowers: leaves' rows, multiplied where pairs are made.
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
    let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    let rows = known.ok().and_then(|known| known.num_rows.get_value().copied());
    rows.map_or(UNKNOWN_LEAF_ROWS, |rows| u64::try_from(rows).unwrap_or(u64::MAX))
}
