//! The stores of all tenants of a data folder: opened when they are first wanted, closed when nobody has wanted them for
//! a while.
//!
//! However many tenants there are, they share one cache and a few threads ([`Resources`]). A store that is closed holds no
//! memory, no file and no thread; it was folded before, so that it opens again at once.

pub(crate) mod catalogue;
pub(crate) mod destroy;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    error::{Error, Result},
    resources::{Resources, Task},
    store::{Store, StoreOptions},
    verify::must_be_store,
    world::World,
};

/// The folder of all tenants in a data folder.
const FOLDER: &str = "tenant";
/// Longest name.
const NAME_BYTES_MAX: usize = 63;
/// How often idle stores are looked for: so often in the time that they may be idle, but not all the time.
const LOOKS_PER_IDLE: u32 = 4;
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(10);

/// A tenant's name: up to 63 of `a`–`z`, `0`–`9`, `-` and `_`, the first a letter or a digit. It names a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantName(Arc<str>);

impl TenantName {
    /// The tenant of a server that was told of no other.
    pub fn main() -> TenantName {
        TenantName("main".into())
    }

    /// Where its store lies in a data folder.
    pub fn folder(&self, data: &Path) -> PathBuf {
        data.join(FOLDER).join(&*self.0)
    }
}

impl TryFrom<&str> for TenantName {
    type Error = Error;

    fn try_from(name: &str) -> Result<TenantName> {
        let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = |byte: &u8| is_letter(byte) || matches!(byte, b'-' | b'_');
        let bytes = name.as_bytes();
        if bytes.len() <= NAME_BYTES_MAX && bytes.first().is_some_and(is_letter) && bytes.iter().all(fits) {
            return Ok(TenantName(name.into()));
        }
        let rule = "up to 63 of a-z, 0-9, - and _, beginning with a letter or a digit";
        Err(Error::Invalid(format!("{name:?} can't name a tenant: {rule}")))
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Limits of what is open.
#[derive(Clone, Debug)]
pub struct TenantOptions {
    /// Stores that may be open at a time.
    pub open_max: usize,
    /// A store that nobody holds, and nobody has asked for so long, is closed.
    pub idle_seconds: u64,
    /// Folders by name that a tenant can be pinned to, beside the data folder.
    pub locations: BTreeMap<String, PathBuf>,
    /// Of each store.
    pub store: StoreOptions,
}

impl Default for TenantOptions {
    fn default() -> Self {
        Self { open_max: 256, idle_seconds: 600, locations: BTreeMap::new(), store: StoreOptions::default() }
    }
}

/// The stores of a data folder. Every method may be called from any thread, and may block.
pub struct Tenants {
    inner: Arc<Inner>,
    /// Closes what is idle.
    _closing: Task,
}

struct Inner {
    data: PathBuf,
    options: TenantOptions,
    world: World,
    resources: Arc<Resources>,
    slots: Mutex<HashMap<TenantName, Arc<Slot>>>,
    /// Where those are that do not lie in the data folder.
    bases: Mutex<HashMap<TenantName, PathBuf>>,
    /// Stores that are open or being opened.
    open: AtomicUsize,
}

/// A tenant's place. Its store is behind a lock that is held while it is opened and closed.
#[derive(Default)]
struct Slot {
    store: Mutex<Option<Arc<Store>>>,
    used_micros: AtomicI64,
}

impl Tenants {
    /// Those of a data folder; none is opened yet.
    pub fn new(data: &Path, options: TenantOptions, world: World, resources: &Arc<Resources>) -> Tenants {
        let pause = (Duration::from_secs(options.idle_seconds) / LOOKS_PER_IDLE).max(LOOK_PAUSE_MIN);
        let inner = Arc::new(Inner {
            data: data.to_path_buf(),
            options,
            world,
            resources: resources.clone(),
            slots: Mutex::default(),
            bases: Mutex::default(),
            open: AtomicUsize::new(0),
        });
        let idle: Weak<Inner> = Arc::downgrade(&inner);
        let closing = resources.folding.task_every(pause, "closing idle stores", move || {
            idle.upgrade().map_or(Ok(()), |inner| inner.close_idle())
        });
        Tenants { inner, _closing: closing }
    }

    /// What their stores share.
    pub fn resources(&self) -> &Arc<Resources> {
        &self.inner.resources
    }

    /// The store of a tenant, opened if it is not; whoever keeps a snapshot of it keeps this too, or it may be closed
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is no such tenant; `Limited` when too many others are in use; those of [`Store::open`].
    pub fn get(&self, tenant: &TenantName) -> Result<Arc<Store>> {
        self.inner.get(tenant, |folder, world| match must_be_store(folder, world) {
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::Invalid(format!("there is no tenant {tenant}")))
            }
            Err(Error::Invalid(_)) => Err(Error::Invalid(format!("there is no tenant {tenant}"))),
            other => other,
        })
    }

    /// As [`Self::get`]; the tenant is made if there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub fn get_or_make(&self, tenant: &TenantName) -> Result<Arc<Store>> {
        self.inner.get(tenant, |_, _| Ok(()))
    }

    /// From now on the store of a tenant is looked for, and made, in this location; without one in the data folder.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is no such location.
    pub fn pin(&self, tenant: &TenantName, location: Option<&str>) -> Result<()> {
        let base = match location {
            None => None,
            Some(name) => Some(self.inner.location(name)?.to_path_buf()),
        };
        let mut bases = self.inner.bases.lock();
        match base {
            Some(base) => drop(bases.insert(tenant.clone(), base)),
            None => drop(bases.remove(tenant)),
        }
        Ok(())
    }

    /// The folder that the store of a tenant has in a location, without pinning it there.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is no such location.
    pub fn folder_in(&self, tenant: &TenantName, location: Option<&str>) -> Result<PathBuf> {
        Ok(match location {
            None => tenant.folder(&self.inner.data),
            Some(name) => tenant.folder(self.inner.location(name)?),
        })
    }

    /// The folder of a tenant's store, whether or not there is one.
    pub fn folder(&self, tenant: &TenantName) -> PathBuf {
        self.inner.folder(tenant)
    }

    /// Closes the store of a tenant that is to be destroyed, whoever holds it: nothing is written after this.
    ///
    /// # Errors
    ///
    /// `Io` of the last sync; it is closed.
    pub fn release(&self, tenant: &TenantName) -> Result<()> {
        let slot = self.inner.slots.lock().remove(tenant);
        let Some(slot) = slot else { return Ok(()) };
        let Some(store) = slot.store.lock().take() else { return Ok(()) };
        self.inner.open.fetch_sub(1, Ordering::AcqRel);
        store.inner.ground.objects.shut();
        store.close()
    }

    /// How many stores may be open.
    pub fn open_max(&self) -> usize {
        self.inner.options.open_max
    }

    /// How many stores are open.
    pub fn open(&self) -> usize {
        self.inner.open.load(Ordering::Acquire)
    }

    /// Closes the stores that are idle; it is also done by itself.
    ///
    /// # Errors
    ///
    /// Those of closing; all others are closed.
    pub fn close_idle(&self) -> Result<()> {
        self.inner.close_idle()
    }
}

impl Inner {
    /// The folder of a location.
    fn location(&self, name: &str) -> Result<&Path> {
        let known = self.options.locations.get(name);
        let missing = || {
            let names: Vec<_> = self.options.locations.keys().map(String::as_str).collect();
            Error::Invalid(format!("there is no location {name:?}; there are: {}", names.join(", ")))
        };
        Ok(known.ok_or_else(missing)?.as_path())
    }

    fn get(
        &self,
        tenant: &TenantName,
        check: impl FnOnce(&Path, &World) -> Result<()>,
    ) -> Result<Arc<Store>> {
        let slot = self.slots.lock().entry(tenant.clone()).or_default().clone();
        let mut place = slot.store.lock();
        slot.used_micros.store(self.world.clock.now_micros(), Ordering::Relaxed);
        if let Some(store) = &*place {
            return Ok(store.clone());
        }
        let opened = self.take_place().and_then(|taken| {
            let folder = self.folder(tenant);
            check(&folder, &self.world)?;
            let store =
                Store::open(&folder, self.options.store.clone(), self.world.clone(), &self.resources)?;
            std::mem::forget(taken);
            Ok(store)
        });
        match opened {
            Ok(store) => Ok(place.insert(store).clone()),
            Err(error) => {
                drop(place);
                drop(slot);
                self.forget_unused();
                Err(error)
            }
        }
    }

    fn folder(&self, tenant: &TenantName) -> PathBuf {
        match self.bases.lock().get(tenant) {
            Some(base) => tenant.folder(base),
            None => tenant.folder(&self.data),
        }
    }

    /// One more store may be open; where all places are taken, the store that was longest unused is closed.
    fn take_place(&self) -> Result<PlaceTaken<'_>> {
        loop {
            let open = self.open.load(Ordering::Acquire);
            if open < self.options.open_max {
                let next = self.open.compare_exchange(open, open + 1, Ordering::AcqRel, Ordering::Relaxed);
                if next.is_ok() {
                    return Ok(PlaceTaken(self));
                }
            } else if !self.close_one()? {
                let allowed = u64::try_from(self.options.open_max).unwrap_or(u64::MAX);
                return Err(Error::Limited { limit: "open_max", asked: allowed + 1, allowed });
            }
        }
    }

    /// Closes the store that nobody holds and that was longest unused, if there is one.
    fn close_one(&self) -> Result<bool> {
        let mut slots: Vec<Arc<Slot>> = self.slots.lock().values().cloned().collect();
        slots.sort_by_key(|slot| slot.used_micros.load(Ordering::Relaxed));
        for slot in slots {
            if self.close(&slot, |_| true)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn close_idle(&self) -> Result<()> {
        let idle_micros =
            i64::try_from(self.options.idle_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let before = self.world.clock.now_micros().saturating_sub(idle_micros);
        let slots: Vec<Arc<Slot>> = self.slots.lock().values().cloned().collect();
        let mut failed = Ok(());
        for slot in &slots {
            let closed = self.close(slot, |used_micros| used_micros <= before);
            failed = failed.and(closed.map(drop));
        }
        drop(slots);
        self.forget_unused();
        failed
    }

    /// Closes a store, unless someone holds it, or is at opening or closing it. Whoever asks for it meanwhile waits.
    fn close(&self, slot: &Slot, is_due: impl FnOnce(i64) -> bool) -> Result<bool> {
        let Some(mut place) = slot.store.try_lock() else { return Ok(false) };
        let Some(store) = place.as_ref().filter(|store| Arc::strong_count(store) == 1) else {
            return Ok(false);
        };
        if !is_due(slot.used_micros.load(Ordering::Relaxed)) {
            return Ok(false);
        }
        if let Err(error) = store.fold() {
            tracing::warn!(%error, "a store is closed that could not be folded; it opens the slower");
        }
        let closed = store.close();
        *place = None;
        self.open.fetch_sub(1, Ordering::AcqRel);
        closed.map(|()| true)
    }

    /// Tenants that are not open, and that no one is at opening, take no place here.
    fn forget_unused(&self) {
        let is_unused = |slot: &Arc<Slot>| {
            Arc::strong_count(slot) == 1 && slot.store.try_lock().is_some_and(|store| store.is_none())
        };
        self.slots.lock().retain(|_, slot| !is_unused(slot));
    }
}

/// A place for a store that is being opened; given back when it is dropped.
struct PlaceTaken<'a>(&'a Inner);

impl Drop for PlaceTaken<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}
