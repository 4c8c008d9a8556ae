//! A resolved question becomes DataFusion plans.
//!
//! [`scope::Scope`] resolves paths against the session's views and remembers which columns of which objects are read;
//! [`filter`] makes predicates; [`records::Records`] is a question for records, [`groups::Groups`] one for groups. What
//! is expanded hangs below a `Records` as further `Records`, and [`attach`] brings their rows along, one plan per
//! level and batch of parents.

pub(crate) mod attach;
mod bucket;
mod filter;
pub(crate) mod groups;
pub(crate) mod records;
mod scope;
mod search;

pub(crate) use scope::{At, Scope};

use std::sync::Arc;

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
    run::{self, Deadline},
};

/// What planning and running one question needs.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) context: Arc<QueryContext>,
    pub(crate) options: Arc<PlannerOptions>,
    /// For plans over small inputs: one partition.
    pub(crate) small: Arc<SessionState>,
    /// For plans over large inputs.
    pub(crate) large: Arc<SessionState>,
    pub(crate) deadline: Deadline,
    /// A turn for each relation whose records are being read.
    pub(crate) expanding: Arc<Semaphore>,
}

impl Question {
    fn state_for(&self, plan: &LogicalPlan) -> &SessionState {
        let large = run::largest_scan(plan) > self.options.single_partition_rows;
        if large { &self.large } else { &self.small }
    }

    /// Optimizes a plan both ways.
    pub(crate) async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        let state = self.state_for(plan);
        let plan = state.optimize(plan)?;
        run::physical(state, &plan, self.deadline).await
    }

    /// Starts a plan; its rows come until the deadline.
    pub(crate) async fn stream(&self, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
        let physical = self.physical(plan).await?;
        run::stream(self.state_for(plan), physical, self.deadline)
    }
}
