//! Where heavy questions run: beside the others, on threads of their own that give way.
//!
//! The threads that answer pages must not be found busy with reports. So a question whose plan handles many rows is run by
//! a runtime of its own: as many threads as there are cores, of low priority where the system has such, so that a report has
//! the whole machine when nobody else wants it, and a page gets its core at once when somebody does. A few heavy questions
//! run at a time; others wait for their turn, which goes round by tenant ([`Turns`]), and no more of a tenant wait than is
//! allowed; that it waits is told to its door ([`super::HeavyLine`]). One whose client does not read what is there holds no
//! turn meanwhile.

use std::sync::Arc;

use datafusion::{
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{ExecutionPlan, execute_stream, stream::RecordBatchReceiverStreamBuilder},
};
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::mpsc::error::TrySendError,
};

use super::turns::Turns;
use crate::{
    context::QueryContext,
    error::{Error, ErrorKind, Result},
    planner::PlannerOptions,
};

/// Batches that wait to be read by the client.
const BATCHES_WAITING_MAX: usize = 2;
/// Trees of the deepest question that is let through are walked by recursion.
const STACK_BYTES: usize = 16 << 20;
/// How far the threads stand back: about a tenth of a core when others want it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// The threads, and the turns on them.
pub(crate) struct Heavy {
    threads: usize,
    /// Started when the first heavy question comes.
    runtime: Mutex<Option<Runtime>>,
    turns: Arc<Turns>,
    waiting_max: usize,
}

impl Heavy {
    pub(crate) fn new(options: &PlannerOptions) -> Heavy {
        Heavy {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            runtime: Mutex::new(None),
            turns: Turns::new(options.heavy_running_max, options.heavy_waiting_max),
            waiting_max: options.heavy_waiting_max,
        }
    }

    /// How many run, and how many wait for their turn.
    pub(crate) fn taken(&self) -> (usize, usize) {
        self.turns.taken()
    }

    /// Runs a plan of a tenant when its turn comes; dropping the stream ends it.
    ///
    /// # Errors
    ///
    /// `Limited`, `QUESTIONS_BUSY` when too many of the tenant wait already.
    pub(crate) fn run(
        &self,
        asked: &QueryContext,
        plan: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(threads) = self.handle() else { return Ok(execute_stream(plan, context)?) };
        let place = self.turns.ask(&asked.tenant).ok_or_else(|| busy(self.waiting_max))?;
        let mut stream = RecordBatchReceiverStreamBuilder::new(plan.schema(), BATCHES_WAITING_MAX);
        let (batches, line) = (stream.tx(), asked.line.clone());
        let work = async move {
            let mut turn = line.wait_for(place.turn()).await;
            let mut rows = execute_stream(plan, context)?;
            while let Some(batch) = rows.next().await {
                let room = match batches.try_reserve() {
                    Ok(room) => room,
                    Err(TrySendError::Closed(())) => return Ok(()),
                    Err(TrySendError::Full(())) => {
                        let left = turn.leave();
                        let Ok(room) = batches.reserve().await else { return Ok(()) };
                        turn = line.wait_for(left.back()).await;
                        room
                    }
                };
                let failed = batch.is_err();
                room.send(batch);
                if failed {
                    break;
                }
            }
            drop(turn);
            Ok(())
        };
        stream.spawn_on(work, &threads);
        Ok(stream.build())
    }

    /// The runtime's handle; none where the machine gives no threads: then the question runs where it is asked.
    fn handle(&self) -> Option<Handle> {
        let mut runtime = self.runtime.lock();
        if runtime.is_none() {
            match started(self.threads) {
                Ok(threads) => *runtime = Some(threads),
                Err(error) => tracing::warn!(%error, "heavy questions run among the others"),
            }
        }
        runtime.as_ref().map(|runtime| runtime.handle().clone())
    }
}

impl Drop for Heavy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.lock().take() {
            runtime.shutdown_background();
        }
    }
}

fn busy(waiting_max: usize) -> Error {
    let message = format!(
        "{waiting_max} questions over many rows wait for their turn already (heavy_waiting_max): ask again later, or for \
         less"
    );
    Error::new(ErrorKind::Limited, "QUESTIONS_BUSY", "", message)
}

fn started(threads: usize) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .thread_name("quarry-heavy")
        .thread_stack_size(STACK_BYTES)
        .on_thread_start(stand_back)
        .enable_all()
        .build()
}

/// Lets other threads go first. Where that is refused, the threads are as the others: fewer questions run on them at a time.
pub(crate) fn stand_back() {
    // Linux takes the calling thread for the "process"; elsewhere it would be all of this program.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "a thread for heavy questions keeps its priority");
    }
}
