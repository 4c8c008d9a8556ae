//! Deciding ahead which rows are seen: small questions do not wait for it, and those behind them find it done.
//!
//! One thread of low priority for the process. It rests after each piece of work for several times as long as that took: where what a decision
//! depends on changes all the time, it takes a small share of a core for nothing.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Instant,
};

use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use quarry_storage::TableSnapshot;

use super::{Guard, Policy, Seeing};
use crate::{error::Result, run::stand_back};

/// Tables that may wait to be decided about; no more are taken.
const WAITING_MAX: usize = 8;
/// Questions that would have been quicker, before it is worth the while.
const ASKED_MIN: u32 = 4;
/// It rests so many times as long as it worked.
const REST: u32 = 4;
/// What it may take to know records of other tables.
const BYTES_MAX: usize = 128 << 20;

static WORK: LazyLock<Option<SyncSender<Job>>> = LazyLock::new(start);

/// What is to be decided.
struct Job {
    policy: Arc<Policy>,
    seeing: Seeing,
    table: TableSnapshot,
    asked: Asked,
}

/// How often something was asked that was not decided.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Arc<AtomicU32>);

impl Asked {
    /// Once more; whether it should be decided now.
    fn again(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) + 1 == ASKED_MIN
    }

    fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Somebody asked about rows that are not decided about.
pub(super) fn note(asked: &Asked, policy: &Arc<Policy>, seeing: &Seeing, table: &TableSnapshot) {
    // States of the past, and a transaction's own, are not asked for again.
    let is_newest = seeing.snapshot().mark(std::slice::from_ref(&table.spec().name)).is_some();
    if !is_newest || !asked.again() {
        return;
    }
    let (policy, seeing, table) = (Arc::clone(policy), seeing.clone(), table.clone());
    let job = Job { policy, seeing, table, asked: asked.clone() };
    if WORK.as_ref().is_none_or(|work| work.try_send(job).is_err()) {
        asked.forget();
    }
}

fn start() -> Option<SyncSender<Job>> {
    let (sender, jobs) = sync_channel(WAITING_MAX);
    match thread::Builder::new().name("quarry-decide".into()).spawn(move || work(&jobs)) {
        Ok(_) => Some(sender),
        Err(error) => {
            tracing::warn!(%error, "nothing is decided ahead");
            None
        }
    }
}

fn work(jobs: &Receiver<Job>) {
    stand_back();
    let pool: &Arc<dyn MemoryPool> = &(Arc::new(GreedyMemoryPool::new(BYTES_MAX)) as _);
    while let Ok(job) = jobs.recv() {
        let begun = Instant::now();
        let asked = job.asked.clone();
        // The state goes before the rest: it may keep a writer waiting.
        match catch_unwind(AssertUnwindSafe(move || decide(&job, pool))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "not decided ahead"),
            Err(_) => tracing::error!("deciding ahead failed"),
        }
        asked.forget();
        thread::sleep(begun.elapsed() * REST);
    }
}

fn decide(job: &Job, pool: &Arc<dyn MemoryPool>) -> Result<()> {
    let Job { policy, seeing, table, .. } = job;
    let mut guard = Guard::new(policy, seeing, table)?;
    guard.account(pool);
    guard.decide_all(seeing, table)
}
