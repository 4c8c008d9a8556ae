//! What all stores of a process share: one cache with one byte budget, a few background threads, and the shapes of tables.
//! However many tenants are open, there are no more threads and no more cached bytes, and tables that are the same are
//! described once.

mod pool;
mod replays;

#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub(crate) use self::{
    pool::{Pool, Task},
    replays::{ReplayPlace, Replays},
};
use crate::{catalog::Shapes, commit::Leaders, segment::Cache};

/// Limits of what is shared.
#[derive(Clone, Debug)]
pub struct ResourceOptions {
    /// What decoded columns, footers and index readers of all stores may keep.
    pub cache_bytes: u64,
    /// Threads that fold and compact; one more zeroes logs ahead. 0 is for tests: what is due is then done by who
    /// finds it due, before it goes on, so that every run does the same.
    pub fold_threads: usize,
    /// Past states that the stores may have made of replayed entries at a time; each may hold
    /// [`crate::StoreOptions::time_travel_bytes_max`] until its last reader has gone.
    pub past_states_max: usize,
    /// Who asks for one more waits, behind so many others at most …
    pub past_states_waiting_max: usize,
    /// … and for so long at most.
    pub past_state_wait_ms_max: u64,
}

impl Default for ResourceOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 1 << 30,
            fold_threads: 2,
            past_states_max: 4,
            past_states_waiting_max: 64,
            past_state_wait_ms_max: 10_000,
        }
    }
}

/// Cache and background threads of a process: made once, handed to every [`crate::Store::open`].
pub struct Resources {
    pub(crate) cache: Arc<Cache>,
    pub(crate) folding: Pool,
    /// Apart from folding: a fold may take long, and a log wants its zeros soon.
    pub(crate) zeroing: Pool,
    /// Past states that are made of replayed entries.
    pub(crate) replays: Arc<Replays>,
    /// What follows from the specs of tables.
    pub(crate) shapes: Arc<Shapes>,
    /// Threads that lead commits.
    pub(crate) leaders: Arc<Leaders>,
    stores: AtomicU64,
}

impl Resources {
    /// Starts the threads.
    pub fn new(options: ResourceOptions) -> Arc<Resources> {
        Arc::new(Resources {
            replays: Replays::new(&options),
            cache: Arc::new(Cache::new(options.cache_bytes)),
            folding: Pool::start("quarry-fold", options.fold_threads),
            zeroing: Pool::start("quarry-log", options.fold_threads.min(1)),
            shapes: Arc::default(),
            leaders: Arc::default(),
            stores: AtomicU64::new(0),
        })
    }

    /// A number that no other store of this process has, nor had.
    pub(crate) fn store_number(&self) -> u64 {
        self.stores.fetch_add(1, Ordering::Relaxed)
    }
}
