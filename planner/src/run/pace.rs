//! How long work of a kind took lately, which says where the next of it is done.
//!
//! Handing on what a thread has to do wakes another one, which costs as much as a few records. Work that is always quick need not do that;
//! work that has kept its thread for longer has to show anew that it is quick.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// Others wait for no longer than this behind work that is quick.
const QUICK: Duration = Duration::from_micros(500);
/// Work of a kind is quick when so many in a row were.
const QUICK_MIN: u32 = 16;

/// How many in a row were quick, of work of one kind.
#[derive(Debug, Default)]
pub struct Pace(AtomicU32);

impl Pace {
    /// Whether the next may be expected to be quick.
    pub fn is_quick(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= QUICK_MIN
    }

    /// Does some of it, and sees how long that takes.
    pub fn measured<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        match begun.elapsed() <= QUICK {
            true if self.is_quick() => {}
            true => drop(self.0.fetch_add(1, Ordering::Relaxed)),
            false => self.0.store(0, Ordering::Relaxed),
        }
        done
    }
}
