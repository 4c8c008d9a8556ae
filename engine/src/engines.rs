//! All tenants of a process: which there are, and the engine of each, opened when it is first wanted and closed when it is idle.
//!
//! **A session holds one engine**, and so one tenant; nothing behind a door can reach another. Doors come here once, when someone comes in:
//!
//! 1. [`Engines::log_in`]: a login name, `user@tenant`, and a password.
//! 2. [`Engines::by_bearer`], [`Engines::refresh`]: a token or key, which begins with its tenant.
//! 3. [`Engines::of_database`]: a database's name at the Postgres door.
//!
//! What of these names no tenant is the main tenant's to judge, as any other name that is nobody's. No body and no other header
//! is asked. A tenant that is suspended lets nobody in, and sends away whoever is ([`Engine::ended`]); but it is its engine that says so, to
//! who has proven himself: to a stranger it is a tenant as any other, and as none.
//!
//! **A tenant has one engine at a time**, from when it is opened until nobody holds it any more: suspended and resumed it is the same. Two over
//! one store would not know of each other's activations and holds.

mod keys;
mod lives;
mod strangers;

use std::{
    collections::HashMap,
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use parking_lot::Mutex;
use quarry_storage::{
    TenantName, TenantRecord, TenantState, World,
    encryption::{KeyState, key_state},
    must_be_store,
};
use tokio::sync::Semaphore;

pub use self::{
    keys::master_keys,
    lives::{NewTenant, TenantInfo, TenantQuota},
};
use crate::{
    engine::Engine,
    error::{Error, ErrorKind, Result},
    quota::TenantLimits,
};

/// Between a user's name and the tenant's.
pub(crate) const LOGIN_SEPARATOR: char = '@';
/// Tenants that are opened at a time, for whoever comes in.
const OPENINGS_MAX: usize = 4;
/// An engine that nobody holds, and nobody has asked for so long, is closed.
const IDLE_MICROS: i64 = 10 * 60 * 1_000_000;

/// The engines of a process. Cheap to clone.
#[derive(Clone)]
pub struct Engines(Arc<Inner>);

struct Inner {
    main: Arc<Engine>,
    /// All but the main one, as the file has them.
    catalogue: Mutex<Vec<TenantRecord>>,
    /// Held by whoever makes, deletes, suspends or resumes a tenant.
    changing: Mutex<()>,
    slots: Mutex<HashMap<TenantName, Arc<Slot>>>,
    /// Held by whoever waits on a thread while a tenant is opened.
    opening: Semaphore,
}

/// A tenant's place. Its engine is behind a lock that is held while it is opened.
#[derive(Default)]
struct Slot {
    engine: Mutex<Option<Arc<Engine>>>,
    used_micros: AtomicI64,
}

impl From<Arc<Engine>> for Engines {
    /// The main tenant alone.
    fn from(main: Arc<Engine>) -> Engines {
        Engines::over(main, Vec::new())
    }
}

impl Engines {
    fn over(main: Arc<Engine>, records: Vec<TenantRecord>) -> Engines {
        Engines(Arc::new(Inner {
            main,
            catalogue: Mutex::new(records),
            changing: Mutex::default(),
            slots: Mutex::default(),
            opening: Semaphore::new(OPENINGS_MAX),
        }))
    }

    /// The main tenant's engine. Its administrators look after the others.
    pub fn main(&self) -> &Arc<Engine> {
        &self.0.main
    }

    /// The tenants' engines that are open and serve, the main one first.
    pub fn open_ones(&self) -> Vec<Arc<Engine>> {
        let slots: Vec<Arc<Slot>> = self.0.slots.lock().values().cloned().collect();
        let others = slots.iter().filter_map(|slot| slot.engine.try_lock()?.clone());
        let others = others.filter(|engine| !engine.has_ended());
        std::iter::once(self.main().clone()).chain(others).collect()
    }

    /// Closes engines that nobody holds and nobody asked for lately. Blocks.
    pub fn close_idle(&self) {
        let before = self.now().saturating_sub(IDLE_MICROS);
        self.close_unheld(|used| used <= before);
    }

    /// Closes engines that nobody holds, however lately they were asked for.
    #[cfg(test)]
    pub(crate) fn close_all_unheld(&self) {
        self.close_unheld(|_| true);
    }

    /// Closes all of them, the main one last; no call after it succeeds. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the last syncs; all are closed.
    pub fn close(&self) -> Result<()> {
        let slots: Vec<Arc<Slot>> = self.0.slots.lock().drain().map(|(_, slot)| slot).collect();
        let engines = slots.iter().filter_map(|slot| slot.engine.lock().take());
        let closed: Vec<Result<()>> = engines.map(|engine| engine.close()).collect();
        let main = self.main().close();
        closed.into_iter().chain([main]).collect()
    }

    /// The engine of a tenant. What may block is done off the async threads.
    async fn get(&self, tenant: TenantName) -> Result<Arc<Engine>> {
        if tenant == TenantName::main() {
            return Ok(self.main().clone());
        }
        if let Some(engine) = self.open_one(&tenant)? {
            return Ok(engine);
        }
        // Strangers may ask for many: they wait here, and not on threads that others need.
        let _turn = self.0.opening.acquire().await.map_err(|error| Error::internal(error.to_string()))?;
        if let Some(engine) = self.open_one(&tenant)? {
            return Ok(engine);
        }
        let engines = self.clone();
        tokio::task::spawn_blocking(move || engines.engine_of(&tenant)).await?
    }

    /// The engine of a tenant that is open already.
    fn open_one(&self, tenant: &TenantName) -> Result<Option<Arc<Engine>>> {
        self.must_be_there(tenant)?;
        let Some(slot) = self.0.slots.lock().get(tenant).cloned() else { return Ok(None) };
        slot.used_micros.store(self.now(), Ordering::Relaxed);
        Ok(slot.engine.try_lock().and_then(|engine| engine.clone()))
    }

    /// The engine of a tenant, opened if it is not. Blocks.
    ///
    /// # Errors
    ///
    /// `Missing` when there is no such tenant; `Unavailable` when its files are not what they should be; `Limited` when too many others are in use; those of opening.
    pub fn engine_of(&self, tenant: &TenantName) -> Result<Arc<Engine>> {
        if *tenant == TenantName::main() {
            return Ok(self.main().clone());
        }
        let slot = self.0.slots.lock().entry(tenant.clone()).or_default().clone();
        let mut place = slot.engine.lock();
        slot.used_micros.store(self.now(), Ordering::Relaxed);
        // Looked at under the lock of its place, which whoever suspends, resumes or deletes it takes behind what he has written down.
        let record = self.must_be_there(tenant)?;
        if let Some(engine) = &*place {
            return Ok(engine.clone());
        }
        self.make_room();
        self.pin(tenant)?;
        let tenants = &self.main().process().tenants;
        if must_be_store(&tenants.folder(tenant), self.main().world()).is_err() {
            let message = format!("the files of the tenant {tenant} are not where they should be");
            return Err(Error::new(ErrorKind::Unavailable, "STORE_UNAVAILABLE", message));
        }
        must_be_encrypted(&record, &tenants.folder(tenant), self.main().world())?;
        let opened = self.main().open_tenant(tenant, None)?;
        if let Some(refused) = &opened.refused {
            tracing::error!(%tenant, "the package folders are not served, the active versions are: {refused}");
        }
        opened.engine.set_own_limits(TenantLimits::of_kept(&record.limits));
        if record.state == TenantState::Suspended {
            opened.engine.end();
        }
        Ok(place.insert(opened.engine).clone())
    }

    /// One more engine may be open: where all places are taken, the one goes that was not asked for longest, of those that nobody holds.
    fn make_room(&self) {
        let open_max = self.main().process().tenants.open_max();
        if self.count_open() < open_max {
            return;
        }
        let is_unheld = |slot: &Arc<Slot>| {
            let place = slot.engine.try_lock();
            Arc::strong_count(slot) == 1
                && place
                    .is_some_and(|place| place.as_ref().is_some_and(|engine| Arc::strong_count(engine) == 1))
        };
        let oldest = {
            let slots = self.0.slots.lock();
            let used = slots.values().filter(|slot| is_unheld(slot));
            used.map(|slot| slot.used_micros.load(Ordering::Relaxed)).min()
        };
        if let Some(oldest) = oldest {
            self.close_unheld(|used| used <= oldest);
        }
    }

    fn count_open(&self) -> usize {
        let slots: Vec<Arc<Slot>> = self.0.slots.lock().values().cloned().collect();
        // One whose place is taken is being opened.
        1 + slots.iter().filter(|slot| slot.engine.try_lock().is_none_or(|place| place.is_some())).count()
    }

    fn close_unheld(&self, is_due: impl Fn(i64) -> bool) {
        let mut closing = Vec::new();
        self.0.slots.lock().retain(|_, slot| {
            if Arc::strong_count(slot) > 1 || !is_due(slot.used_micros.load(Ordering::Relaxed)) {
                return true;
            }
            let Some(mut place) = slot.engine.try_lock() else { return true };
            if place.as_ref().is_some_and(|engine| Arc::strong_count(engine) > 1) {
                return true;
            }
            closing.extend(place.take());
            false
        });
        // Its store is folded and closed by who has the stores, when it is idle too.
        for engine in closing {
            if let Err(error) = engine.write_events() {
                tracing::error!(tenant = %engine.tenant(), "the last events were not kept: {error}");
            }
        }
    }

    fn record(&self, tenant: &TenantName) -> Option<TenantRecord> {
        self.0.catalogue.lock().iter().find(|record| record.name == *tenant).cloned()
    }

    /// One that has records: half made and half deleted ones have not.
    fn must_be_there(&self, tenant: &TenantName) -> Result<TenantRecord> {
        let is_there =
            |record: &TenantRecord| matches!(record.state, TenantState::Active | TenantState::Suspended);
        self.record(tenant).filter(is_there).ok_or_else(|| missing(tenant))
    }

    fn now(&self) -> i64 {
        self.main().world().clock.now_micros()
    }
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engines({} others)", self.0.catalogue.lock().len())
    }
}

/// Whose database a name is.
pub enum Database {
    /// A tenant's.
    Of(Arc<Engine>),
    /// Nobody's, and it could be a tenant's. Whether it is, nobody is told: the main tenant's engine refuses who asks for it, as whom it does
    /// not know.
    Nobodys(Arc<Engine>),
    /// No tenant has such a name. That it is nobody's is told to who has proven himself to the main tenant, whose engine this is.
    NoTenants(Arc<Engine>),
}

/// A store in the place of one that was encrypted has no keys: nothing of it is read.
///
/// # Errors
///
/// `Unavailable`.
pub(crate) fn must_be_encrypted(record: &TenantRecord, folder: &Path, world: &World) -> Result<()> {
    if !record.is_encrypted || key_state(folder, world)? != KeyState::Plain {
        return Ok(());
    }
    let message = format!(
        "the store of the tenant {} was encrypted, and has no keys now: it is another, or its file of keys is gone",
        record.name
    );
    Err(Error::new(ErrorKind::Unavailable, "NOT_ENCRYPTED", message))
}

fn missing(tenant: &TenantName) -> Error {
    Error::new(ErrorKind::Missing, "TENANT_NOT_FOUND", format!("there is no tenant {tenant}"))
}
