//! Who commits, and who must be alone: packages are switched, and holds are set, while nobody commits.
//!
//! As a lock that many may read, but for a right to commit that is held by no thread: it goes with the commit until that is done.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// The place.
#[derive(Clone, Default)]
pub(crate) struct Commits(Arc<Place>);

#[derive(Default)]
struct Place {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Rights that were given.
    committing: usize,
    /// Somebody is alone, or waits to be.
    closed: bool,
}

/// The right to commit; until it is dropped.
pub(crate) struct Right(Arc<Place>);

/// Nobody commits until it is dropped.
pub(crate) struct Alone(Arc<Place>);

impl Commits {
    /// The right to commit; waits while somebody is alone.
    pub fn read(&self) -> Right {
        let mut state = self.0.state.lock();
        while state.closed {
            self.0.changed.wait(&mut state);
        }
        state.committing += 1;
        Right(Arc::clone(&self.0))
    }

    /// The right to commit; none while somebody is alone.
    pub fn try_read(&self) -> Option<Right> {
        let mut state = self.0.state.lock();
        if state.closed {
            return None;
        }
        state.committing += 1;
        Some(Right(Arc::clone(&self.0)))
    }

    /// Waits until nobody commits; whoever comes meanwhile waits behind.
    pub fn write(&self) -> Alone {
        let mut state = self.0.state.lock();
        while state.closed {
            self.0.changed.wait(&mut state);
        }
        state.closed = true;
        while state.committing > 0 {
            self.0.changed.wait(&mut state);
        }
        Alone(Arc::clone(&self.0))
    }
}

impl Drop for Right {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.committing -= 1;
        if state.committing == 0 && state.closed {
            self.0.changed.notify_all();
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.state.lock().closed = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
