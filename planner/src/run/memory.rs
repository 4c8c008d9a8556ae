//! The memory that questions hold: so much of all together, and a share of it for each tenant.
//!
//! Within a share it is given as DataFusion's fair pool gives it: what can spill gets an equal part of what is left by what can't. What a share
//! gives is taken from the total too, first come first served, so shares may be promised that are more than the total together.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use datafusion::{
    common::DataFusionError,
    execution::{
        SessionState, TaskContext,
        memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation},
        runtime_env::RuntimeEnv,
    },
};
use parking_lot::Mutex;

#[cfg(test)]
mod tests;

/// In every message about a share that is taken.
pub(crate) const SHARE_TAKEN: &str =
    "the questions of this tenant hold all the memory that they may have together";

/// The part of the memory for questions that one tenant's may hold together. Cheap to clone.
#[derive(Clone)]
pub struct MemoryShare {
    runtime: Arc<RuntimeEnv>,
    pool: Arc<SharePool>,
}

impl MemoryShare {
    /// A share of `runtime`'s memory, all of it until it is bounded.
    pub(crate) fn of(runtime: &RuntimeEnv, total: &Arc<Total>) -> MemoryShare {
        let pool = Arc::new(SharePool::of(total));
        let memory_pool = Arc::clone(&pool) as Arc<dyn MemoryPool>;
        MemoryShare { runtime: Arc::new(RuntimeEnv { memory_pool, ..runtime.clone() }), pool }
    }

    /// From now on its questions may hold so many bytes; what they hold already stays.
    pub fn set_bytes_max(&self, bytes: u64) {
        self.pool.bytes_max.store(usize::try_from(bytes).unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// What its questions hold now.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.pool.reserved()).unwrap_or(u64::MAX)
    }

    /// Where what a question holds is told.
    pub(crate) fn pool(&self) -> &Arc<dyn MemoryPool> {
        &self.runtime.memory_pool
    }

    /// What a plan runs in, in this share.
    pub(crate) fn context(&self, state: &SessionState) -> Arc<TaskContext> {
        task(state, Arc::clone(&self.runtime))
    }
}

/// What a plan runs in. It has its functions in itself: those of the session, some hundreds, are not copied for it.
pub(crate) fn task(state: &SessionState, runtime: Arc<RuntimeEnv>) -> Arc<TaskContext> {
    let (id, config) = (state.session_id().to_owned(), state.config().clone());
    let (scalar, higher, aggregate, window) = Default::default();
    Arc::new(TaskContext::new(None, id, config, scalar, higher, aggregate, window, runtime))
}

impl fmt::Debug for MemoryShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryShare({} bytes)", self.bytes())
    }
}

/// What all questions of a planner may hold together.
#[derive(Debug)]
pub(crate) struct Total {
    bytes_max: usize,
    taken: AtomicUsize,
}

impl Total {
    pub(crate) fn new(bytes_max: u64) -> Arc<Total> {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Arc::new(Total { bytes_max, taken: AtomicUsize::new(0) })
    }

    fn take(&self, bytes: usize) -> bool {
        let more = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= self.bytes_max);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Takes without asking: what is there already is told.
    fn note(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A share as DataFusion asks it.
#[derive(Debug)]
pub(crate) struct SharePool {
    total: Arc<Total>,
    bytes_max: AtomicUsize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// Of consumers that can write what they hold to disk.
    spillable: usize,
    unspillable: usize,
    spillers: usize,
}

impl SharePool {
    pub(crate) fn of(total: &Arc<Total>) -> SharePool {
        let bytes_max = AtomicUsize::new(total.bytes_max);
        SharePool { total: Arc::clone(total), bytes_max, held: Mutex::default() }
    }

    /// What one more consumer could get, of this share alone.
    fn left(&self, held: &Held, reservation: &MemoryReservation) -> usize {
        let max = self.bytes_max.load(Ordering::Relaxed).min(self.total.bytes_max);
        if reservation.consumer().can_spill() {
            let for_spillers = max.saturating_sub(held.unspillable);
            return (for_spillers / held.spillers.max(1)).saturating_sub(reservation.size());
        }
        max.saturating_sub(held.unspillable.saturating_add(held.spillable))
    }

    fn refused(&self, reservation: &MemoryReservation, asked: usize, left: usize) -> DataFusionError {
        let max = self.bytes_max.load(Ordering::Relaxed);
        let name = reservation.consumer().name();
        let told = match max < self.total.bytes_max {
            true => format!("{SHARE_TAKEN} ({max} bytes): {name} asked for {asked}, {left} are left"),
            false => format!("{name} asked for {asked} bytes of the memory for questions, {left} are left"),
        };
        DataFusionError::ResourcesExhausted(told)
    }
}

impl fmt::Display for SharePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "share({} of {})", self.reserved(), self.bytes_max.load(Ordering::Relaxed))
    }
}

impl MemoryPool for SharePool {
    fn name(&self) -> &'static str {
        "share"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.held.lock().spillers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            let mut held = self.held.lock();
            held.spillers = held.spillers.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.total.note(additional);
        self.held.lock().add(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.held.lock().take(reservation, shrink);
        self.total.give_back(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<(), DataFusionError> {
        let mut held = self.held.lock();
        let left = self.left(&held, reservation);
        if additional > left {
            return Err(self.refused(reservation, additional, left));
        }
        if !self.total.take(additional) {
            let told = format!(
                "the memory for questions of all tenants is taken: {} asked for {additional} bytes",
                reservation.consumer().name()
            );
            return Err(DataFusionError::ResourcesExhausted(told));
        }
        held.add(reservation, additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        let held = self.held.lock();
        held.spillable.saturating_add(held.unspillable)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes_max.load(Ordering::Relaxed).min(self.total.bytes_max))
    }
}

impl Held {
    fn add(&mut self, reservation: &MemoryReservation, bytes: usize) {
        let part = self.part(reservation);
        *part = part.saturating_add(bytes);
    }

    fn take(&mut self, reservation: &MemoryReservation, bytes: usize) {
        let part = self.part(reservation);
        *part = part.saturating_sub(bytes);
    }

    fn part(&mut self, reservation: &MemoryReservation) -> &mut usize {
        match reservation.consumer().can_spill() {
            true => &mut self.spillable,
            false => &mut self.unspillable,
        }
    }
}
