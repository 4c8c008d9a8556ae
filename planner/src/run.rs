//! Running a plan: whether it may, on how many partitions, on which threads, until when, and as what stream.

mod aside;
mod cost;
mod deadline;
mod heavy;
mod hints;
mod line;
mod memory;
mod pace;
pub mod turns;

use std::{
    borrow::Cow,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    catalog::default_table_source::source_as_provider,
    common::{DataFusionError, tree_node::TreeNodeRecursion},
    execution::{RecordBatchStream, SendableRecordBatchStream, SessionState},
    logical_expr::LogicalPlan,
    physical_plan::{ExecutionPlan, execute_stream, stream::RecordBatchStreamAdapter},
};
use futures::Stream;
use tokio::time::{Sleep, sleep_until};

pub(crate) use aside::{Gone, apart, aside};
pub(crate) use cost::{Cost, check_shape};
pub(crate) use deadline::Deadline;
pub use deadline::{Stop, StopWhenDropped};
use heavy::Heavy;
pub(crate) use heavy::stand_back;
pub use line::{HeavyLine, Lent};
pub use memory::MemoryShare;
pub(crate) use memory::{SHARE_TAKEN, SharePool, Total, task};
pub use pace::Pace;

use crate::{
    context::QueryContext,
    error::{Error, Result},
    planner::PlannerOptions,
};

/// What all questions of a planner share when they run.
pub(crate) struct Runs {
    options: Arc<PlannerOptions>,
    /// What was answered around the general executor.
    direct: AtomicU64,
    reading: AtomicUsize,
    heavy: Heavy,
}

/// What is read around the general executor now, until it is dropped.
pub(crate) struct Reading<'a>(&'a AtomicUsize);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Runs {
    pub(crate) fn new(options: Arc<PlannerOptions>) -> Runs {
        let heavy = Heavy::new(&options);
        Runs { heavy, options, direct: AtomicU64::new(0), reading: AtomicUsize::new(0) }
    }

    /// One more begins to be read around the general executor.
    pub(crate) fn begin_reading(&self) -> Reading<'_> {
        self.reading.fetch_add(1, Ordering::Relaxed);
        Reading(&self.reading)
    }

    /// How many are read so now.
    pub(crate) fn reading(&self) -> usize {
        self.reading.load(Ordering::Relaxed)
    }

    /// How many heavy questions run, and how many wait for their turn.
    pub(crate) fn heavy(&self) -> (usize, usize) {
        self.heavy.taken()
    }

    /// Counts what was answered around the general executor.
    pub(crate) fn counted<T>(&self, answer: Option<T>) -> Option<T> {
        if answer.is_some() {
            self.direct.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// How much that was so far.
    pub(crate) fn direct(&self) -> u64 {
        self.direct.load(Ordering::Relaxed)
    }

    /// Starts a physical plan, if its cost allows, in a share of the memory; its rows come until the deadline.
    ///
    /// # Errors
    ///
    /// `Limited` when it would cost too much, or when too many heavy questions of its tenant wait.
    pub(crate) fn start(
        &self,
        (state, asked): (&SessionState, &QueryContext),
        plan: Arc<dyn ExecutionPlan>,
        deadline: &Deadline,
    ) -> Result<SendableRecordBatchStream> {
        let cost = Cost::of(&plan)?;
        cost.check(&self.options)?;
        let plan = if cost.has_vast_hint { hints::without_vast(plan)? } else { plan };
        let context = match &asked.memory {
            Some(share) => share.context(state),
            None => task(state, Arc::clone(state.runtime_env())),
        };
        let inner = match cost.is_heavy(&self.options) {
            true => self.heavy.run(asked, plan, context)?,
            false => execute_stream(plan, context)?,
        };
        Ok(until(inner, deadline))
    }
}

/// The rows of the largest table a plan reads.
pub(crate) fn largest_scan(plan: &LogicalPlan) -> u64 {
    let mut largest = 0;
    // The closure never fails, and neither does the walk.
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let known = source_as_provider(&scan.source).ok().and_then(|provider| provider.statistics());
            let rows = known.and_then(|known| known.num_rows.get_value().copied()).unwrap_or_default();
            largest = largest.max(u64::try_from(rows).unwrap_or(u64::MAX));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if walked.is_err() { u64::MAX } else { largest }
}

/// The state that fits a plan: one partition when every table in it is small.
pub(crate) fn state_for<'a>(
    state: &'a SessionState,
    plan: &LogicalPlan,
    options: &PlannerOptions,
) -> Cow<'a, SessionState> {
    if largest_scan(plan) > options.single_partition_rows || state.config().target_partitions() == 1 {
        return Cow::Borrowed(state);
    }
    let mut small = state.clone();
    small.config_mut().options_mut().execution.target_partitions = 1;
    Cow::Owned(small)
}

/// The physical plan of an optimized logical one.
pub(crate) async fn physical(
    state: &SessionState,
    plan: &LogicalPlan,
    deadline: &Deadline,
) -> Result<Arc<dyn ExecutionPlan>> {
    deadline.wait(state.query_planner().create_physical_plan(plan, state)).await
}

/// A batch as a stream.
pub(crate) fn at_once(batch: RecordBatch) -> SendableRecordBatchStream {
    Box::pin(RecordBatchStreamAdapter::new(batch.schema(), futures::stream::iter([Ok(batch)])))
}

/// A stream that ends with `TIMEOUT` at the deadline.
pub(crate) fn until(inner: SendableRecordBatchStream, deadline: &Deadline) -> SendableRecordBatchStream {
    match deadline.instant() {
        Some(instant) => Box::pin(Until {
            schema: inner.schema(),
            inner: Some(inner),
            end: Box::pin(sleep_until(instant)),
        }),
        None => inner,
    }
}

/// Passes batches on until the end comes; then the inner stream is dropped, which ends its work.
struct Until {
    schema: SchemaRef,
    inner: Option<SendableRecordBatchStream>,
    end: Pin<Box<Sleep>>,
}

impl Stream for Until {
    type Item = Result<RecordBatch, DataFusionError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(inner) = this.inner.as_mut() else { return Poll::Ready(None) };
        if this.end.as_mut().poll(context).is_ready() {
            this.inner = None;
            return Poll::Ready(Some(Err(Error::timeout().into())));
        }
        inner.as_mut().poll_next(context)
    }
}

impl RecordBatchStream for Until {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
