//! Turns that tenants have together: given round where they are short.
//!
//! A free turn goes to the tenant that has the fewest, of those that wait; among these to the one that has waited longest
//! for its next. So one that asks without end gets what the others leave, and who comes with a single question waits for
//! one running question to end, not for the queue of the loud one. The queue is each tenant's own.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use quarry_storage::TenantName;
use tokio::sync::oneshot;

/// The turns.
pub struct Turns {
    state: Mutex<State>,
    waiting_max: usize,
}

struct State {
    free: usize,
    /// What tenants have and wait for; without those of which nobody runs or waits.
    tenants: HashMap<TenantName, Asking>,
    /// The tenants of whom somebody waits, whoever waits longest for his next turn first.
    ring: VecDeque<TenantName>,
}

#[derive(Default)]
struct Asking {
    running: usize,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    /// It has had a turn before: it is over no limit.
    is_back: bool,
    give: oneshot::Sender<Turn>,
}

/// A turn. It goes to the next when it is dropped.
pub struct Turn {
    of: Option<(Arc<Turns>, TenantName)>,
}

/// One that has given its turn back, and may have another.
pub struct Left(Option<(Arc<Turns>, TenantName)>);

/// A turn, or a place in the queue for one; dropped, it makes room.
pub struct Place(oneshot::Receiver<Turn>);

impl Turns {
    /// So many turns, and for each tenant so many places to wait for one.
    pub fn new(running_max: usize, waiting_max: usize) -> Arc<Turns> {
        let state = State { free: running_max.max(1), tenants: HashMap::new(), ring: VecDeque::new() };
        Arc::new(Turns { state: Mutex::new(state), waiting_max })
    }

    /// How many have a turn, and how many wait for one, of all tenants.
    pub fn taken(&self) -> (usize, usize) {
        let state = self.state.lock();
        let waits = |asking: &Asking| asking.waiting.iter().filter(|one| !one.give.is_closed()).count();
        let all = state.tenants.values().map(|asking| (asking.running, waits(asking)));
        all.fold((0, 0), |(running, waiting), one| (running + one.0, waiting + one.1))
    }

    /// A turn, or a place in the tenant's queue; none when that is full.
    pub fn ask(self: &Arc<Self>, tenant: &TenantName) -> Option<Place> {
        self.queue(tenant, false)
    }

    /// The same for who has given his turn back for a while: there is always a place.
    async fn again(self: &Arc<Self>, tenant: &TenantName) -> Turn {
        match self.queue(tenant, true) {
            Some(place) => place.turn().await,
            None => Turn { of: None },
        }
    }

    fn queue(self: &Arc<Self>, tenant: &TenantName, is_back: bool) -> Option<Place> {
        let mut state = self.state.lock();
        let is_free = state.free > 0;
        let asking = state.tenants.entry(tenant.clone()).or_default();
        asking.waiting.retain(|waiting| !waiting.give.is_closed());
        let new = asking.waiting.iter().filter(|waiting| !waiting.is_back).count();
        // Where one is free nobody waits.
        if !is_free && !is_back && new >= self.waiting_max {
            state.forget(tenant);
            return None;
        }
        let (give, place) = oneshot::channel();
        asking.waiting.push_back(Waiting { is_back, give });
        if !state.ring.contains(tenant) {
            state.ring.push_back(tenant.clone());
        }
        self.give(&mut state);
        Some(Place(place))
    }

    /// Gives what is free to those who wait.
    fn give(self: &Arc<Self>, state: &mut State) {
        while state.free > 0 {
            let running = |tenant: &TenantName| state.tenants.get(tenant).map_or(0, |asking| asking.running);
            let next = state.ring.iter().enumerate().min_by_key(|(_, tenant)| running(tenant));
            let Some(tenant) = next.map(|(at, _)| at).and_then(|at| state.ring.remove(at)) else { return };
            let Some(asking) = state.tenants.get_mut(&tenant) else { continue };
            let Some(waiting) = asking.waiting.pop_front() else {
                state.forget(&tenant);
                continue;
            };
            match waiting.give.send(Turn { of: Some((Arc::clone(self), tenant.clone())) }) {
                Ok(()) => {
                    asking.running += 1;
                    state.free -= 1;
                }
                // He waits no more: the turn was never taken.
                Err(mut turn) => turn.of = None,
            }
            if !asking.waiting.is_empty() {
                state.ring.push_back(tenant);
            } else {
                state.forget(&tenant);
            }
        }
    }
}

impl State {
    /// Lets go of a tenant of which nobody runs or waits.
    fn forget(&mut self, tenant: &TenantName) {
        if self.tenants.get(tenant).is_some_and(|asking| asking.running == 0 && asking.waiting.is_empty()) {
            self.tenants.remove(tenant);
            self.ring.retain(|other| other != tenant);
        }
    }
}

impl Place {
    /// Waits for the turn.
    pub async fn turn(self) -> Turn {
        // The giver is dropped only when it has given.
        self.0.await.unwrap_or(Turn { of: None })
    }
}

impl Turn {
    /// Gives the turn back; who left may come back.
    pub fn leave(&mut self) -> Left {
        let left = Left(self.of.clone());
        drop(std::mem::replace(self, Turn { of: None }));
        left
    }
}

impl Left {
    /// Waits for the next turn.
    pub async fn back(self) -> Turn {
        match self.0 {
            Some((turns, tenant)) => turns.again(&tenant).await,
            None => Turn { of: None },
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((turns, tenant)) = self.of.take() else { return };
        let mut state = turns.state.lock();
        state.free += 1;
        if let Some(asking) = state.tenants.get_mut(&tenant) {
            asking.running = asking.running.saturating_sub(1);
        }
        state.forget(&tenant);
        turns.give(&mut state);
    }
}

#[cfg(test)]
mod tests;
