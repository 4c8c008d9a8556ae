//! Cancel requests: which connection a process id and its secret stand for, and what it runs now.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use quarry_planner::Stop;
use rand::RngCore;
use tokio_util::sync::CancellationToken;

/// All connections that may be asked to stop.
#[derive(Default)]
pub struct Cancels {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    last_pid: i32,
    connections: HashMap<i32, (Bytes, Arc<Running>)>,
}

/// What a connection runs now.
#[derive(Default)]
pub struct Running {
    current: Mutex<Cancel>,
}

impl Running {
    /// A statement begins: requests that came before are not for it.
    pub fn begin(&self) -> Cancel {
        let cancel = Cancel::default();
        *self.current.lock() = cancel.clone();
        cancel
    }
}

/// What ends a statement on request: who waits for its work hears of it, and so does work that does not wait. What is cloned of it is the same.
#[derive(Clone)]
pub struct Cancel {
    waiting: CancellationToken,
    working: Stop,
}

impl Default for Cancel {
    fn default() -> Self {
        Cancel { waiting: CancellationToken::new(), working: Stop::new() }
    }
}

impl Cancel {
    /// Ends the statement.
    pub fn call(&self) {
        // Who hears it asks who called.
        self.waiting.cancel();
        self.working.call();
    }

    /// Whether it was ended.
    pub fn is_called(&self) -> bool {
        self.waiting.is_cancelled()
    }

    /// Waits until it is.
    pub async fn called(&self) {
        self.waiting.cancelled().await;
    }

    /// What its questions are to look at.
    pub fn of_work(&self) -> &Stop {
        &self.working
    }
}

/// A connection's place in the list; it leaves with it.
pub struct Registration {
    /// Its process id.
    pub pid: i32,
    /// Its secret.
    pub key: Bytes,
    /// What it runs.
    pub running: Arc<Running>,
    cancels: Arc<Cancels>,
}

impl Cancels {
    /// Gives a connection its process id and a secret of `length` bytes.
    pub fn register(self: &Arc<Self>, length: usize) -> Registration {
        let mut secret = vec![0; length];
        rand::rng().fill_bytes(&mut secret);
        let key = Bytes::from(secret);
        let running = Arc::new(Running::default());
        let mut known = self.known.lock();
        loop {
            known.last_pid = known.last_pid.checked_add(1).unwrap_or(1);
            let pid = known.last_pid;
            if let std::collections::hash_map::Entry::Vacant(free) = known.connections.entry(pid) {
                free.insert((key.clone(), running.clone()));
                return Registration { pid, key, running, cancels: self.clone() };
            }
        }
    }

    /// Ends what the connection runs, if the secret is its own; says nothing either way.
    pub fn cancel(&self, pid: i32, key: &[u8]) {
        let known = self.known.lock();
        if let Some((secret, running)) = known.connections.get(&pid)
            && is_same(secret, key)
        {
            running.current.lock().call();
        }
    }
}

/// Compares in a time that does not tell where the two differ.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.cancels.known.lock().connections.remove(&self.pid);
    }
}
