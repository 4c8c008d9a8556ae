//! What the gates of all tenants have in common.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use quarry_storage::TenantName;

use crate::{
    error::Result,
    identity::{
        Origin,
        throttle::{Limits, Throttle, of_address},
    },
    quota::FairTurns,
};

/// Passwords checked at once: each takes a core and 19 MiB for some tens of milliseconds.
const CHECKS_MAX: usize = 2;
/// Failures from one address that cost nothing: many people may share it.
const ADDRESS_FREE_FAILURES: u32 = 30;

/// Tenants that are opened for one address before anybody there has proven himself, and cost nothing.
const FREE_OPENINGS: u32 = 20;

/// Openings that may be taken back: of more nobody takes any back until some are forgotten.
const OPENED_MAX: usize = 10_000;
/// How long one may be taken back: as long as it counts.
const OPENED_MICROS: i64 = 15 * 60_000_000;

/// So long after a tenant could not be opened, names of none are answered as if they were such a one's.
const FAILED_MICROS: i64 = 60_000_000;

/// How often a tenant was opened for an address, and when last.
struct Openings {
    count: u32,
    last_micros: i64,
}

/// What the gates of all tenants of a process have in common: whoever tries at many of them is slowed down as at one, and passwords are
/// checked no more at once.
pub(crate) struct Doorstep {
    pub addresses: Arc<Throttle>,
    /// Tenants that were opened for who has not proven himself since, by his address.
    openings: Throttle,
    /// Which they were, so that each is taken back by who proves himself there, and by nobody else.
    opened: RwLock<HashMap<(String, TenantName), Openings>>,
    /// When a tenant could not be opened.
    failed_micros: AtomicI64,
    /// The names of each tenant. They outlive its engine, which is closed when nobody comes for a while: so a guess is not forgotten
    /// by waiting for that.
    names: Mutex<HashMap<TenantName, Arc<Throttle>>>,
    /// What fake verifiers are made from, stable over restarts: the main tenant's, for all.
    fake_secret: Mutex<Option<Arc<[u8]>>>,
    /// Given round by tenant where they are short, as requests are: who floods one tenant with logins keeps nobody of another waiting for all
    /// of them.
    pub checks: Arc<FairTurns>,
}

impl Default for Doorstep {
    fn default() -> Self {
        let limits = Limits { free_failures: ADDRESS_FREE_FAILURES, lock: None };
        Self {
            addresses: Arc::new(Throttle::new(limits)),
            openings: Throttle::new(Limits { free_failures: FREE_OPENINGS, lock: None }),
            opened: RwLock::default(),
            failed_micros: AtomicI64::new(i64::MIN),
            names: Mutex::default(),
            fake_secret: Mutex::default(),
            checks: Arc::new(FairTurns::of(CHECKS_MAX)),
        }
    }
}

impl Doorstep {
    /// Whether a tenant is opened for a stranger who comes as this user, or with a token.
    ///
    /// # Errors
    ///
    /// `Limited`: what he could try there is throttled, or too many were opened for him.
    pub fn may_come(
        &self,
        tenant: &TenantName,
        user: Option<&str>,
        origin: &Origin,
        now_micros: i64,
    ) -> Result<()> {
        let address = origin.address.map(of_address);
        if let Some(user) = user {
            let names = self.names.lock().get(tenant).cloned();
            names.map_or(Ok(()), |names| names.check(user, now_micros))?;
            address.as_ref().map_or(Ok(()), |address| self.addresses.check(address, now_micros))?;
        }
        address.map_or(Ok(()), |address| self.openings.check(&address, now_micros))
    }

    /// One is opened for him, or looked for: that counts as a failure until he comes in.
    pub fn note_opening(&self, tenant: &TenantName, origin: &Origin, now_micros: i64) {
        let Some(address) = origin.address.map(of_address) else { return };
        self.openings.failed(&address, now_micros);
        let mut opened = self.opened.write();
        if opened.len() >= OPENED_MAX {
            opened.retain(|_, openings| now_micros.saturating_sub(openings.last_micros) <= OPENED_MICROS);
        }
        let key = (address, tenant.clone());
        if opened.len() < OPENED_MAX || opened.contains_key(&key) {
            let openings = opened.entry(key).or_insert(Openings { count: 0, last_micros: now_micros });
            openings.count = openings.count.saturating_add(1);
            openings.last_micros = now_micros;
        }
    }

    /// A tenant could not be opened.
    pub fn note_failure(&self, now_micros: i64) {
        self.failed_micros.store(now_micros, Ordering::Release);
    }

    /// Whether one could not be opened of late.
    pub fn has_failed(&self, now_micros: i64) -> bool {
        now_micros < self.failed_micros.load(Ordering::Acquire).saturating_add(FAILED_MICROS)
    }

    /// Somebody from there has proven himself to a tenant: that this one was opened for him counts no more. Others do.
    pub fn came_in(&self, tenant: &TenantName, origin: &Origin) {
        // Whoever comes with a request comes by here: those for whom nothing was opened don't wait for each other.
        if self.opened.read().is_empty() {
            return;
        }
        let Some(address) = origin.address.map(of_address) else { return };
        let key = (address, tenant.clone());
        if !self.opened.read().contains_key(&key) {
            return;
        }
        if let Some(openings) = self.opened.write().remove(&key) {
            self.openings.take_back(&key.0, openings.count);
        }
    }

    /// The throttle of a tenant's names. Of those whose engines are closed, the ones that remember nothing any more go.
    pub fn names_of(&self, tenant: &TenantName, limits: Limits, now_micros: i64) -> Arc<Throttle> {
        let mut names = self.names.lock();
        names.retain(|_, throttle| Arc::strong_count(throttle) > 1 || throttle.remembers(now_micros));
        names.entry(tenant.clone()).or_insert_with(|| Arc::new(Throttle::new(limits))).clone()
    }

    /// What fake verifiers are made from; `of_main` where nobody has asked yet, for then it is the main tenant that is opened.
    ///
    /// # Errors
    ///
    /// Those of `of_main`.
    pub fn fake_secret(&self, of_main: impl FnOnce() -> Result<Vec<u8>>) -> Result<Arc<[u8]>> {
        let mut secret = self.fake_secret.lock();
        match &*secret {
            Some(secret) => Ok(secret.clone()),
            None => Ok(secret.insert(of_main()?.into()).clone()),
        }
    }
}
