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

use super::Told;
use crate::{
    error::Result,
    identity::{
        IdentityOptions, Origin,
        throttle::{Limits, Throttle, of_address},
        turns::Turns,
    },
    quota::FairTurns,
};

/// Passwords checked at once: each takes a core and 19 MiB for some tens of milliseconds.
const CHECKS_MAX: usize = 2;
/// Failures of one name that cost nothing.
const NAME_FREE_FAILURES: u32 = 3;
/// Failures from one address that cost nothing: many people may share it.
const ADDRESS_FREE_FAILURES: u32 = 30;

/// How often somebody from one address may come to tenants in vain, before anybody there has proven himself: more is slowed down.
const FREE_OPENINGS: u32 = 20;

/// Addresses and tenants of whom it may be taken back: of more nobody takes any back until some are forgotten.
const OPENED_MAX: usize = 10_000;
/// How long one may be taken back: as long as it counts.
const OPENED_MICROS: i64 = 15 * 60_000_000;

/// So long after a tenant could not be opened, names of none are answered as if they were such a one's.
const FAILED_MICROS: i64 = 60_000_000;

/// How often somebody from an address came to a tenant in vain, and when last.
#[derive(Default)]
struct Openings {
    count: u32,
    last_micros: i64,
    /// It was opened for one who is neither proven nor refused yet: he is counted already, and so are those who come with him.
    is_pending: bool,
}

/// What the gates of all tenants of a process have in common: whoever tries at many of them is slowed down as at one, and passwords are
/// checked no more at once.
///
/// All of it is one for all tenants, and what it shares out goes by what is told ([`Told`]): what were each tenant's own would be had only where
/// there is that tenant, and be felt there.
pub(crate) struct Doorstep {
    pub addresses: Arc<Throttle>,
    /// Those who came to a tenant, or to a name that is none's, and have not proven themselves since, by their address.
    openings: Throttle,
    /// Which they were, so that each is taken back by who proves himself there, and by nobody else.
    opened: RwLock<HashMap<(String, TenantName), Openings>>,
    /// When a tenant could not be opened.
    failed_micros: AtomicI64,
    /// Of all tenants. They outlive a tenant's engine, which is closed when nobody comes for a while: so a guess is not forgotten by waiting for
    /// that.
    pub names: Arc<Throttle>,
    /// Of proofs; with the places of those who wait.
    pub turns: Arc<Turns>,
    /// What fake verifiers are made from, stable over restarts: the main tenant's, for all.
    fake_secret: Mutex<Option<Arc<[u8]>>>,
    /// Given round by tenant where they are short, as requests are: who floods one tenant with logins keeps nobody of another waiting for all
    /// of them.
    pub checks: Arc<FairTurns>,
}

impl Default for Doorstep {
    fn default() -> Self {
        let limits = Limits { free_failures: ADDRESS_FREE_FAILURES, lock: None };
        let names = Limits { free_failures: NAME_FREE_FAILURES, lock: IdentityOptions::default().lock };
        Self {
            addresses: Arc::new(Throttle::new(limits)),
            openings: Throttle::new(Limits { free_failures: FREE_OPENINGS, lock: None }),
            opened: RwLock::default(),
            failed_micros: AtomicI64::new(i64::MIN),
            names: Arc::new(Throttle::new(names)),
            turns: Arc::default(),
            fake_secret: Mutex::default(),
            checks: Arc::new(FairTurns::of(CHECKS_MAX)),
        }
    }
}

impl Doorstep {
    /// Whether a stranger who comes as this user, or with a token, is led to a tenant, be there such a one or not.
    ///
    /// # Errors
    ///
    /// `Limited`: what he could try there is throttled, or too many came from there in vain.
    pub fn may_come(
        &self,
        tenant: &TenantName,
        user: Option<&str>,
        origin: &Origin,
        now_micros: i64,
    ) -> Result<()> {
        let address = origin.address.map(of_address);
        if let Some(user) = user {
            self.names.check(&Told::of(user, tenant).whole, now_micros)?;
            address.as_ref().map_or(Ok(()), |address| self.addresses.check(address, now_micros))?;
        }
        address.map_or(Ok(()), |address| self.openings.check(&address, now_micros))
    }

    /// A tenant is opened for him: that counts before he is refused, for he may never be. Those who come with him cost no more.
    pub fn note_opening(&self, tenant: &TenantName, origin: &Origin, now_micros: i64) {
        let Some(address) = origin.address.map(of_address) else { return };
        let key = (address, tenant.clone());
        let mut opened = self.opened.write();
        if opened.get(&key).is_some_and(|openings| openings.is_pending) {
            return;
        }
        if let Some(openings) = self.count(&mut opened, key, now_micros) {
            openings.is_pending = true;
        }
    }

    /// He was refused where he named a tenant. That counts as a failure until he comes in, and it counts the same whether the tenant was
    /// opened for him, was open before, or is none: what somebody may try tells him nothing of what there is.
    ///
    /// # Errors
    ///
    /// `Limited` where too many came from there before him: he is to be told so instead, and is not counted.
    pub fn note_refusal(&self, tenant: &TenantName, origin: &Origin, now_micros: i64) -> Result<()> {
        let Some(address) = origin.address.map(of_address) else { return Ok(()) };
        let key = (address, tenant.clone());
        let mut opened = self.opened.write();
        if let Some(openings) = opened.get_mut(&key)
            && std::mem::take(&mut openings.is_pending)
        {
            return Ok(());
        }
        self.openings.check(&key.0, now_micros)?;
        self.count(&mut opened, key, now_micros);
        Ok(())
    }

    /// Counts one more; none where there is no room to remember whose it is, and so nobody takes it back.
    fn count<'a>(
        &self,
        opened: &'a mut HashMap<(String, TenantName), Openings>,
        key: (String, TenantName),
        now_micros: i64,
    ) -> Option<&'a mut Openings> {
        self.openings.failed(&key.0, now_micros);
        if opened.len() >= OPENED_MAX {
            opened.retain(|_, openings| now_micros.saturating_sub(openings.last_micros) <= OPENED_MICROS);
        }
        if opened.len() >= OPENED_MAX && !opened.contains_key(&key) {
            return None;
        }
        let openings = opened.entry(key).or_default();
        openings.count = openings.count.saturating_add(1);
        openings.last_micros = now_micros;
        Some(openings)
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
