//! One proof at a time for each name: whoever wants to prove a name waits until the one before has been told right or
//! wrong. So that however many guess at once, each guess is checked against all failures before it.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// Those who may wait for their turn, for all names together.
const WAITING_MAX: usize = 1_024;

pub(crate) struct Turns {
    names: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    waiting: Arc<Semaphore>,
}

/// The right to prove one name; the next one's turn comes when it is dropped.
pub(crate) struct Turn {
    _name: OwnedMutexGuard<()>,
    _waiting: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self { names: Mutex::default(), waiting: Arc::new(Semaphore::new(WAITING_MAX)) }
    }
}

impl Turns {
    /// Waits for the turn of a name, first come first served; none when too many wait.
    pub async fn take(&self, name: &str) -> Option<Turn> {
        let waiting = self.waiting.clone().try_acquire_owned().ok()?;
        let line = {
            let mut names = self.names.lock();
            // Names in use are no more than may wait.
            names.retain(|_, line| Arc::strong_count(line) > 1);
            names.entry(name.to_owned()).or_default().clone()
        };
        Some(Turn { _name: line.lock_owned().await, _waiting: waiting })
    }
}
