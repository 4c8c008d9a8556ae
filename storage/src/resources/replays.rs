//! How many past states may be made of replayed entries at a time.
//!
//! Each may hold `time_travel_bytes_max`, from the first entry on until the last reader of anything in it has gone: so long
//! it has its place. Who comes while all places are taken waits for one, though not for ever, and not behind too many others.

use std::{sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

use super::ResourceOptions;
use crate::error::{Error, Result};

/// The places of a process.
pub(crate) struct Replays {
    places: usize,
    waiting_max: usize,
    wait_max: Duration,
    line: Mutex<Line>,
    freed: Condvar,
}

#[derive(Default)]
struct Line {
    taken: usize,
    waiting: usize,
}

/// A place; the next one gets it when it is dropped.
pub(crate) struct ReplayPlace(Arc<Replays>);

impl Replays {
    pub fn new(options: &ResourceOptions) -> Arc<Replays> {
        Arc::new(Replays {
            places: options.past_states_max,
            waiting_max: options.past_states_waiting_max,
            wait_max: Duration::from_millis(options.past_state_wait_ms_max),
            line: Mutex::default(),
            freed: Condvar::new(),
        })
    }

    /// A place, as soon as one is free. Blocks.
    ///
    /// # Errors
    ///
    /// `Limited` when too many wait already, or none was free in time.
    pub fn take(self: &Arc<Self>) -> Result<ReplayPlace> {
        let mut line = self.line.lock();
        if line.taken >= self.places {
            if line.waiting >= self.waiting_max {
                return Err(limited("past_states_waiting_max", self.waiting_max));
            }
            line.waiting += 1;
            let is_full = |line: &mut Line| line.taken >= self.places;
            self.freed.wait_while_for(&mut line, is_full, self.wait_max);
            line.waiting -= 1;
            if line.taken >= self.places {
                return Err(limited("past_states_max", self.places));
            }
        }
        line.taken += 1;
        Ok(ReplayPlace(self.clone()))
    }

    /// How many wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.line.lock().waiting
    }
}

impl Drop for ReplayPlace {
    fn drop(&mut self) {
        self.0.line.lock().taken -= 1;
        self.0.freed.notify_one();
    }
}

fn limited(limit: &'static str, allowed: usize) -> Error {
    let allowed = u64::try_from(allowed).unwrap_or(u64::MAX);
    Error::Limited { limit, asked: allowed.saturating_add(1), allowed }
}
