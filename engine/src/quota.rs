//! How much of the process a tenant may have: requests a second, requests at once, and a fair share of the turns that all tenants have
//! together.
//!
//! The case is one tenant of two hundred that asks without end. Its own limits bound what runs of it, its own queue what waits of it; and
//! where turns are short, tenants that wait get one each in a ring, however many requests one of them has waiting. So another tenant's request
//! waits for the end of as many running ones as there are tenants before it in the ring, not for the queue of the loud one.
//!
//! A turn is held while a request is worked on, not while its client reads the answer.

mod fair;
mod limits;
#[cfg(test)]
mod tests;

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use quarry_planner::{HeavyLine, Lent};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use fair::FairTurns;
pub(crate) use limits::ForAll;
pub use limits::{TenantLimits, TenantUsage};

use crate::{
    engine::Engine,
    error::{Error, ErrorKind, Result},
};
use fair::FairTurn;

/// What one tenant may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Requests a second, over a while; none: as many as come.
    pub per_second: Option<NonZeroU32>,
    /// Requests that may come at once after a quiet time; at least one second's.
    pub burst: u32,
    /// Requests worked on at once.
    pub running_max: usize,
    /// Requests that wait for that; more are refused.
    pub waiting_max: usize,
    /// How long they wait.
    pub wait_max: Duration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            per_second: None,
            burst: 0,
            running_max: 128,
            waiting_max: 1024,
            wait_max: Duration::from_secs(10),
        }
    }
}

/// The right to work on one request. It is given back while a question of it waits among the heavy ones ([`Engine::in_turn`]).
pub struct RequestTurn(Mutex<Option<Held>>);

/// What a turn is made of.
struct Held {
    _tenant: Option<OwnedSemaphorePermit>,
    _process: FairTurn,
}

impl RequestTurn {
    fn of(tenant: Option<OwnedSemaphorePermit>, process: FairTurn) -> Self {
        Self(Mutex::new(Some(Held { _tenant: tenant, _process: process })))
    }
}

/// The limits of one tenant, and what it has taken of them.
pub(crate) struct Quota {
    now: RwLock<Arc<Now>>,
    bucket: Mutex<Bucket>,
    waiting: AtomicUsize,
    process: Arc<FairTurns>,
    /// Its number among the tenants of the process.
    tenant: u64,
}

/// The limits that hold, with the turns that follow from them.
struct Now {
    limits: RequestLimits,
    turns: Arc<Semaphore>,
}

/// A bucket of tokens, one for each request; it fills as time goes by.
#[derive(Default)]
struct Bucket {
    /// Millionths of a token.
    tokens_micros: u64,
    filled_micros: i64,
}

impl Quota {
    pub fn new(process: Arc<FairTurns>) -> Self {
        let (tenant, limits) = (process.number(), RequestLimits::default());
        let turns = Arc::new(Semaphore::new(limits.running_max));
        let now = RwLock::new(Arc::new(Now { limits, turns }));
        Self { now, bucket: Mutex::default(), waiting: AtomicUsize::new(0), process, tenant }
    }

    /// From now on these hold. What runs goes on.
    pub(crate) fn set(&self, limits: RequestLimits) {
        let turns = Arc::new(Semaphore::new(limits.running_max.clamp(1, Semaphore::MAX_PERMITS)));
        *self.now.write() = Arc::new(Now { limits, turns });
    }

    async fn begin(&self, now_micros: i64) -> Result<RequestTurn> {
        let now = self.now.read().clone();
        if !self.bucket.lock().take(&now.limits, now_micros) {
            return Err(rate_limited());
        }
        if let Ok(tenant) = now.turns.clone().try_acquire_owned()
            && let Some(process) = self.process.try_take(self.tenant)
        {
            return Ok(RequestTurn::of(Some(tenant), process));
        }
        let _waiting = Waiting::begin(&self.waiting, now.limits.waiting_max).ok_or_else(busy)?;
        let turn = async {
            let tenant = now.turns.clone().acquire_owned().await.map_err(|_| busy())?;
            let process = self.process.take(self.tenant).await;
            Ok(RequestTurn::of(Some(tenant), process))
        };
        tokio::time::timeout(now.limits.wait_max, turn).await.map_err(|_| busy())?
    }

    async fn go_on(&self) -> RequestTurn {
        let turns = self.now.read().turns.clone();
        // Nobody closes it.
        let tenant = turns.acquire_owned().await.ok();
        RequestTurn::of(tenant, self.process.take(self.tenant).await)
    }
}

impl Bucket {
    /// Whether there is a token, which then is gone.
    fn take(&mut self, limits: &RequestLimits, now_micros: i64) -> bool {
        const ONE: u64 = 1_000_000;
        let Some(per_second) = limits.per_second else { return true };
        let rate = u64::from(per_second.get());
        let most = u64::from(limits.burst).max(rate).saturating_mul(ONE);
        // A clock that was set back gives nothing, and takes nothing.
        let passed = u64::try_from(now_micros.saturating_sub(self.filled_micros)).unwrap_or(0);
        self.tokens_micros = self.tokens_micros.saturating_add(passed.saturating_mul(rate)).min(most);
        self.filled_micros = now_micros;
        match self.tokens_micros.checked_sub(ONE) {
            Some(left) => {
                self.tokens_micros = left;
                true
            }
            None => false,
        }
    }
}

/// One of those that wait.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize, max: usize) -> Option<Self> {
        let one = Waiting(count);
        // Given back when it is dropped, here too.
        (count.fetch_add(1, Ordering::Relaxed) < max).then_some(one)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn rate_limited() -> Error {
    let message = "too many requests a second; try again in a second";
    Error::new(ErrorKind::Limited, "RATE_LIMITED", message)
}

fn busy() -> Error {
    Error::new(ErrorKind::Limited, "REQUESTS_BUSY", "too many requests at once; try again in a moment")
}

impl Engine {
    /// From now on all tenants of the process have so many turns together.
    pub fn set_requests_running_max(&self, max: usize) {
        self.quota().process.set_max(max);
    }

    /// The right to work on a request, to be held meanwhile. Waits for it a while.
    ///
    /// # Errors
    ///
    /// `Limited`: `RATE_LIMITED`, `REQUESTS_BUSY`.
    pub async fn begin_request(&self) -> Result<RequestTurn> {
        self.quota().begin(self.world().clock.now_micros()).await
    }

    /// How many requests wait for a turn now.
    pub fn requests_waiting(&self) -> usize {
        self.quota().waiting.load(Ordering::Relaxed)
    }

    /// The right to go on with a request that has waited for its client meanwhile, or to prepare one that is still to begin. It counts as
    /// no request of its own, and waits as long as its caller does.
    pub async fn continue_request(&self) -> RequestTurn {
        self.quota().go_on().await
    }

    /// Does the work of a request that has its turn. While a question of it waits for a turn among the heavy ones the request's is given back,
    /// and it is taken again after: reports that wait, however many, keep nobody from asking for a page.
    pub async fn in_turn<T>(&self, turn: &RequestTurn, line: &HeavyLine, work: impl Future<Output = T>) -> T {
        let mut lent = OfRequest { engine: self, turn };
        // What was done in it before may have ended while it waited.
        let is_away = turn.0.lock().is_none();
        if is_away {
            lent.again().await;
        }
        line.work_with(&mut lent, work).await
    }
}

/// A request's turn, and who gives it.
struct OfRequest<'a> {
    engine: &'a Engine,
    turn: &'a RequestTurn,
}

impl Lent for OfRequest<'_> {
    fn give_back(&mut self) {
        drop(self.turn.0.lock().take());
    }

    async fn again(&mut self) {
        let RequestTurn(again) = self.engine.continue_request().await;
        *self.turn.0.lock() = again.into_inner();
    }
}
