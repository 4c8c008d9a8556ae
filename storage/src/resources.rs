//! What all stores of a process share: one cache with one byte budget, a few background threads, and the shapes of tables.
//! However many tenants are open, there are no more threads and no more cached bytes, and tables that are the same are
//! described once.

mod pool;

#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub(crate) use self::pool::{Pool, Task};
use crate::{catalog::Shapes, segment::Cache};

/// Limits of what is shared.
#[derive(Clone, Debug)]
pub struct ResourceOptions {
    /// What decoded columns, footers and index readers of all stores may keep.
    pub cache_bytes: u64,
    /// Threads that fold and compact; one more zeroes logs ahead. 0 is for tests: what is due is then done by who
    /// finds it due, before it goes on, so that every run does the same.
    pub fold_threads: usize,
}

impl Default for ResourceOptions {
    fn default() -> Self {
        Self { cache_bytes: 1 << 30, fold_threads: 2 }
    }
}

/// Cache and background threads of a process: made once, handed to every [`crate::Store::open`].
pub struct Resources {
    pub(crate) cache: Arc<Cache>,
    pub(crate) folding: Pool,
    /// Apart from folding: a fold may take long, and a log wants its zeros soon.
    pub(crate) zeroing: Pool,
    /// What follows from the specs of tables.
    pub(crate) shapes: Arc<Shapes>,
    stores: AtomicU64,
}

impl Resources {
    /// Starts the threads.
    pub fn new(options: ResourceOptions) -> Arc<Resources> {
        Arc::new(Resources {
            cache: Arc::new(Cache::new(options.cache_bytes)),
            folding: Pool::start("quarry-fold", options.fold_threads),
            zeroing: Pool::start("quarry-log", options.fold_threads.min(1)),
            shapes: Arc::default(),
            stores: AtomicU64::new(0),
        })
    }

    /// A number that no other store of this process has, nor had.
    pub(crate) fn store_number(&self) -> u64 {
        self.stores.fetch_add(1, Ordering::Relaxed)
    }
}
