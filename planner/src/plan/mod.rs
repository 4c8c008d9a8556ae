//! A resolved question becomes DataFusion plans.
//!
//! [`scope::Scope`] resolves paths against the session's views and remembers which columns of which objects are read;
//! [`filter`] makes predicates; [`records::Records`] is a question for records, [`groups::Groups`] one for groups. What
//! is expanded hangs below a `Records` as further `Records`, and [`attach`] brings their rows along, one plan per
//! level and batch of parents.

mod aggregates;
pub(crate) mod attach;
mod bucket;
mod building;
mod cursor;
pub(crate) mod direct;
mod filter;
mod formula;
pub(crate) mod groups;
mod member;
mod order;
pub(crate) mod records;
mod scope;
mod search;
mod windows;

pub use cursor::Next;
pub(crate) use scope::{At, ROOT, Scope};
pub(crate) use search::text_query;

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, UInt64Array},
    compute::take_record_batch,
};
use datafusion::{
    execution::{SendableRecordBatchStream, SessionState},
    logical_expr::LogicalPlan,
    physical_plan::ExecutionPlan,
};

use tokio::sync::Semaphore;

use crate::{
    context::QueryContext,
    error::Result,
    planner::PlannerOptions,
    run::{self, Deadline, Runs},
    view::Restriction,
};
use groups::Groups;
use records::Records;

/// What planning and running one question needs.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) context: Arc<QueryContext>,
    pub(crate) options: Arc<PlannerOptions>,
    /// For plans over small inputs: one partition.
    pub(crate) small: Arc<SessionState>,
    /// For plans over large inputs.
    pub(crate) large: Arc<SessionState>,
    pub(crate) runs: Arc<Runs>,
    pub(crate) deadline: Deadline,
    /// A turn for each relation whose records are being read.
    pub(crate) expanding: Arc<Semaphore>,
}

impl Question {
    fn state_for(&self, plan: &LogicalPlan) -> &SessionState {
        let large = run::largest_scan(plan) > self.options.single_partition_rows;
        if large { &self.large } else { &self.small }
    }

    /// The rows of a small question, without a plan; nothing where there should be one.
    pub(crate) async fn direct(
        &self,
        records: &Records,
        restriction: Restriction,
    ) -> Result<Option<RecordBatch>> {
        let Some(rows_max) = self.direct_rows() else { return Ok(None) };
        let Some(direct) = records.direct(&self.context.seeing(), restriction, rows_max)? else {
            return Ok(None);
        };
        match direct.rows(&self.small, &self.deadline).await? {
            Some(rows) if records.is_backwards() => Ok(Some(turned_round(&rows)?)),
            rows => Ok(rows),
        }
    }

    /// Up to how many rows are read around the general executor; none where all is planned.
    pub(crate) fn direct_rows(&self) -> Option<u64> {
        self.options.direct_rows()
    }

    /// The groups of a small question, without a plan; nothing where there should be one, or no more rows may be handled.
    pub(crate) async fn direct_groups(&self, groups: &Groups) -> Result<Option<RecordBatch>> {
        let Some(rows_max) = self.direct_rows() else { return Ok(None) };
        let rows_max = rows_max.min(self.options.plan_rows_max);
        let Some(direct) = groups.direct(&self.context.seeing(), rows_max)? else { return Ok(None) };
        direct.rows((&self.small, &self.context), &self.deadline).await
    }

    /// Optimizes a plan both ways.
    pub(crate) async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        run::check_shape(plan, &self.options)?;
        let state = self.state_for(plan);
        let plan = state.optimize(plan)?;
        run::physical(state, &plan, &self.deadline).await
    }

    /// Starts a plan; its rows come until the deadline.
    pub(crate) async fn stream(&self, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
        let physical = self.physical(plan).await?;
        self.runs.start((self.state_for(plan), &self.context), physical, &self.deadline)
    }
}

/// The same rows from the last to the first.
fn turned_round(rows: &RecordBatch) -> Result<RecordBatch> {
    let last_first = (0..u64::try_from(rows.num_rows()).unwrap_or(u64::MAX)).rev();
    Ok(take_record_batch(rows, &UInt64Array::from_iter_values(last_first))?)
}
