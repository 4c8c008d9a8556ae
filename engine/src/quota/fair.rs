//! Turns that tenants have together, given round where they are short.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Turns of all tenants together, until it is said otherwise.
const RUNNING_MAX: usize = 256;

/// Of fewer that wait, nobody looks for those that have gone.
const LOOKED_AT: usize = 64;

/// The turns.
pub(crate) struct FairTurns {
    tenants: AtomicU64,
    state: Mutex<State>,
}

struct State {
    max: usize,
    taken: usize,
    /// Who waits, by tenant; without those of whom nobody waits.
    waiting: HashMap<u64, VecDeque<oneshot::Sender<FairTurn>>>,
    /// The tenants of whom somebody waits, in the order in which they get a turn.
    ring: VecDeque<u64>,
}

/// A turn. It goes to the next when it is dropped.
pub(crate) struct FairTurn {
    turns: Option<Arc<FairTurns>>,
}

impl Default for FairTurns {
    fn default() -> Self {
        Self::of(RUNNING_MAX)
    }
}

impl FairTurns {
    /// So many turns.
    pub fn of(max: usize) -> Self {
        let state = State { max: max.max(1), taken: 0, waiting: HashMap::new(), ring: VecDeque::new() };
        Self { tenants: AtomicU64::new(0), state: Mutex::new(state) }
    }

    /// A number for one more tenant.
    pub fn number(&self) -> u64 {
        self.tenants.fetch_add(1, Ordering::Relaxed)
    }

    /// From now on there are so many; if there are more now, those go that come back.
    pub fn set_max(self: &Arc<Self>, max: usize) {
        let mut state = self.state.lock();
        state.max = max.max(1);
        self.give(&mut state);
    }

    /// A turn, where one is free and nobody of the tenant waits already.
    pub fn try_take(self: &Arc<Self>, tenant: u64) -> Option<FairTurn> {
        let mut state = self.state.lock();
        if state.taken >= state.max || state.waiting.contains_key(&tenant) {
            return None;
        }
        state.taken += 1;
        Some(FairTurn { turns: Some(self.clone()) })
    }

    /// A turn, when it is there. Who stops waiting loses his place.
    pub async fn take(self: &Arc<Self>, tenant: u64) -> FairTurn {
        let told = {
            let mut state = self.state.lock();
            let (sender, told) = oneshot::channel();
            let is_first = !state.waiting.contains_key(&tenant);
            // The same of queues: whose a login is, is not known yet, so anybody may name as many as he likes.
            if is_first && state.ring.len() >= LOOKED_AT && state.ring.len().is_power_of_two() {
                state.forget_gone();
            }
            let queue = state.waiting.entry(tenant).or_default();
            // Who has gone is passed over when his turn comes; where none comes for long, he goes here.
            if queue.len() >= LOOKED_AT && queue.len().is_power_of_two() {
                queue.retain(|sender| !sender.is_closed());
            }
            queue.push_back(sender);
            if is_first {
                state.ring.push_back(tenant);
            }
            self.give(&mut state);
            told
        };
        // The sender is dropped only when it has sent.
        told.await.unwrap_or(FairTurn { turns: None })
    }

    /// Gives what is free to those who wait.
    fn give(self: &Arc<Self>, state: &mut State) {
        while state.taken < state.max
            && let Some(tenant) = state.ring.pop_front()
        {
            let Some(queue) = state.waiting.get_mut(&tenant) else { continue };
            let next = queue.pop_front();
            match queue.is_empty() {
                true => drop(state.waiting.remove(&tenant)),
                false => state.ring.push_back(tenant),
            }
            let Some(sender) = next else { continue };
            match sender.send(FairTurn { turns: Some(self.clone()) }) {
                Ok(()) => state.taken += 1,
                // He waits no more: the turn was never taken.
                Err(mut turn) => turn.turns = None,
            }
        }
    }

    #[cfg(test)]
    pub fn taken(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.taken, state.waiting.values().map(VecDeque::len).sum())
    }
}

impl State {
    /// Lets go of those who have gone, and of tenants of whom nobody waits then.
    fn forget_gone(&mut self) {
        let State { waiting, ring, .. } = self;
        waiting.retain(|_, queue| {
            queue.retain(|sender| !sender.is_closed());
            !queue.is_empty()
        });
        ring.retain(|tenant| waiting.contains_key(tenant));
    }
}

impl Drop for FairTurn {
    fn drop(&mut self) {
        let Some(turns) = self.turns.take() else { return };
        let mut state = turns.state.lock();
        state.taken = state.taken.saturating_sub(1);
        turns.give(&mut state);
    }
}
