//! The lives of tenants: made, listed, suspended, resumed, deleted.
//!
//! The catalogue is written before what it tells begins, and what a crash leaves half-done is finished at the next start
//! ([`Engines::open`]): a tenant that was being made goes, and so does one that was being deleted.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use quarry_storage::{
    TenantName, TenantRecord, TenantState, destroy_store,
    encryption::{Erased, KeyState, key_state},
    must_be_store, read_catalogue, write_catalogue,
};

use super::{Engines, missing};
use crate::{
    engine::Engine,
    error::{Error, ErrorKind, Result},
    quota::{TenantLimits, TenantUsage},
    session::Session,
};

/// Tenants that a catalogue may have.
const TENANTS_MAX: usize = 100_000;

/// A tenant to be made.
#[derive(Clone, Default)]
pub struct NewTenant {
    /// The named location it is pinned to; none: the data folder.
    pub location: Option<String>,
    /// The password of its user `admin`; none: a random one, told once.
    pub admin_password: Option<String>,
}

/// What is told of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantInfo {
    /// Its name.
    pub name: TenantName,
    /// What it may do.
    pub state: TenantState,
    /// The location it is pinned to.
    pub location: Option<String>,
    /// When it was made; none for the main one.
    pub made_micros: Option<i64>,
    /// The name of the master key that it is encrypted under; none: it is not encrypted.
    pub master_key: Option<String>,
    /// What is said for it alone that it may have.
    pub limits: TenantLimits,
}

/// What a tenant may have, and has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantQuota {
    /// What is said for it alone.
    pub own: TenantLimits,
    /// What holds.
    pub limits: TenantLimits,
    /// What it has.
    pub usage: TenantUsage,
}

impl Engines {
    /// All tenants of the data folder of the main one. What a crash left half-made or half-deleted goes now.
    ///
    /// # Errors
    ///
    /// A catalogue that can't be read; what is half-done and can't be removed.
    pub fn open(main: Arc<Engine>) -> Result<Engines> {
        let records = read_catalogue(&main.process().data, main.world())?;
        let engines = Engines::over(main, records);
        let half_done = |record: &TenantRecord| {
            matches!(record.state, TenantState::Making | TenantState::Deleting).then(|| record.name.clone())
        };
        engines.note_keys()?;
        let half_done: Vec<_> = engines.0.catalogue.lock().iter().filter_map(half_done).collect();
        for tenant in half_done {
            tracing::warn!(%tenant, "a tenant that was half made or half deleted goes now");
            if let Err(error) = engines.remove(&tenant) {
                // The others are served all the same; it is tried again at the next start.
                tracing::error!(%tenant, "it could not be removed: {error}");
            }
        }
        Ok(engines)
    }

    /// Writes down who is encrypted, where an earlier program did not.
    fn note_keys(&self) -> Result<()> {
        let main = self.record(&TenantName::main()).unwrap_or_else(|| self.unsaid_main());
        let mut records = self.0.catalogue.lock().clone();
        records.retain(|record| record.name != main.name);
        records.push(main);
        let mut is_changed = false;
        for record in records.iter_mut().filter(|record| !record.is_encrypted) {
            let tenants = &self.main().process().tenants;
            // One whose location is missing is told of when it is opened.
            let Ok(folder) = tenants.folder_in(&record.name, record.location.as_deref()) else { continue };
            record.is_encrypted = key_state(&folder, self.main().world())? != KeyState::Plain;
            is_changed |= record.is_encrypted;
        }
        if !is_changed {
            return Ok(());
        }
        self.change(|now| *now = records)
    }

    /// The main tenant, of whom nothing was said yet.
    fn unsaid_main(&self) -> TenantRecord {
        TenantRecord {
            name: TenantName::main(),
            state: TenantState::Active,
            location: None,
            made_micros: i64::MIN,
            is_encrypted: false,
            limits: BTreeMap::new(),
        }
    }

    /// Makes a tenant, with a user `admin`; the random password, where none was given. Blocks.
    ///
    /// # Errors
    ///
    /// `Violated` when there is one of that name; `Invalid` for a location that is not there; those of opening: it is not made then.
    pub fn create(&self, tenant: &TenantName, new: NewTenant) -> Result<Option<String>> {
        let _changing = self.0.changing.lock();
        if *tenant == TenantName::main() || self.record(tenant).is_some() {
            let message = format!("there is a tenant {tenant} already");
            return Err(Error::new(ErrorKind::Violated, "TENANT_EXISTS", message));
        }
        let count = self.0.catalogue.lock().len();
        if count >= TENANTS_MAX {
            return Err(Error::limited("tenants", count + 1, TENANTS_MAX));
        }
        let tenants = &self.main().process().tenants;
        tenants.pin(tenant, new.location.as_deref())?;
        if must_be_store(&tenants.folder(tenant), self.main().world()).is_ok() {
            let place = tenants.folder(tenant).display().to_string();
            let message = format!("there are files of a tenant {tenant} in {place} already; move them away");
            return Err(Error::new(ErrorKind::Violated, "TENANT_EXISTS", message));
        }
        let made_micros = self.now();
        let record = TenantRecord {
            name: tenant.clone(),
            state: TenantState::Making,
            location: new.location,
            made_micros,
            is_encrypted: self.main().world().keys.is_some(),
            limits: BTreeMap::new(),
        };
        self.change(|records| records.push(record.clone()))?;
        self.make_room();
        let made = self.main().open_tenant(tenant, new.admin_password).and_then(|opened| {
            // Whoever comes in from now on waits for this engine, and opens no other.
            let slot = self.0.slots.lock().entry(tenant.clone()).or_default().clone();
            let mut place = slot.engine.lock();
            self.set_state(tenant, TenantState::Active)?;
            slot.used_micros.store(self.now(), Ordering::Relaxed);
            *place = Some(opened.engine);
            Ok(opened.admin_password)
        });
        if made.is_err()
            && let Err(error) = self.remove(tenant)
        {
            tracing::error!(%tenant, %error, "what was made of a tenant could not be removed; it goes at the next start");
        }
        made
    }

    /// All tenants, the main one first.
    ///
    /// # Errors
    ///
    /// A key file that can't be read.
    pub fn list(&self) -> Result<Vec<TenantInfo>> {
        let main = self.record(&TenantName::main()).unwrap_or_else(|| self.unsaid_main());
        let mut records = self.0.catalogue.lock().clone();
        records.retain(|record| record.name != main.name);
        std::iter::once(main).chain(records).map(|record| self.info(record)).collect()
    }

    fn info(&self, record: TenantRecord) -> Result<TenantInfo> {
        // Where it lies is asked, and not said: whoever makes one of that name meanwhile may say otherwise.
        let tenants = &self.main().process().tenants;
        let folder = tenants.folder_in(&record.name, record.location.as_deref())?;
        let master_key = match key_state(&folder, self.main().world())? {
            KeyState::Encrypted { master, .. } => Some(master),
            KeyState::Plain => None,
        };
        let made_micros = (record.name != TenantName::main()).then_some(record.made_micros);
        Ok(TenantInfo {
            name: record.name,
            state: record.state,
            location: record.location,
            made_micros,
            master_key,
            limits: TenantLimits::of_kept(&record.limits),
        })
    }

    /// Lets nobody in any more, and sends away whoever is; records are kept. Blocks.
    ///
    /// # Errors
    ///
    /// `Missing`; `Invalid` for the main tenant.
    pub fn suspend(&self, tenant: &TenantName) -> Result<()> {
        let _changing = self.0.changing.lock();
        self.must_be_other(tenant)?;
        self.set_state(tenant, TenantState::Suspended)?;
        self.tell_engine(tenant, Engine::end);
        Ok(())
    }

    /// Lets people in again. Blocks.
    ///
    /// # Errors
    ///
    /// `Missing`; `Invalid` for the main tenant.
    pub fn resume(&self, tenant: &TenantName) -> Result<()> {
        let _changing = self.0.changing.lock();
        self.must_be_other(tenant)?;
        self.set_state(tenant, TenantState::Active)?;
        self.tell_engine(tenant, Engine::resume);
        Ok(())
    }

    /// What is said for a tenant, what it may have and what it has. Blocks: it is opened.
    ///
    /// # Errors
    ///
    /// `Missing`; those of opening it.
    pub fn quota(&self, tenant: &TenantName) -> Result<TenantQuota> {
        let engine = self.engine_of(tenant)?;
        let own = self.record(tenant).map(|record| TenantLimits::of_kept(&record.limits));
        Ok(TenantQuota { own: own.unwrap_or_default(), limits: engine.limits(), usage: engine.usage()? })
    }

    /// From now on a tenant may have so much; what it has already stays. Blocks.
    ///
    /// # Errors
    ///
    /// `Missing`; `Io` of writing it down.
    pub fn set_limits(
        &self,
        tenant: &TenantName,
        how: impl FnOnce(&mut TenantLimits) -> Result<()>,
    ) -> Result<TenantLimits> {
        let _changing = self.0.changing.lock();
        let is_main = *tenant == TenantName::main();
        let record = match is_main {
            true => self.record(tenant).unwrap_or_else(|| self.unsaid_main()),
            false => self.must_be_there(tenant)?,
        };
        let mut limits = TenantLimits::of_kept(&record.limits);
        how(&mut limits)?;
        let record = TenantRecord { limits: limits.kept(), ..record };
        self.change(|records| {
            records.retain(|known| known.name != *tenant);
            records.push(record);
        })?;
        match is_main {
            true => self.main().set_own_limits(limits.clone()),
            false => self.tell_engine(tenant, |engine| engine.set_own_limits(limits.clone())),
        }
        Ok(limits)
    }

    /// Deletes a tenant for good: its keys first, so that no copy of its files can be read any more, then its files. Whether
    /// there were keys. Blocks.
    ///
    /// # Errors
    ///
    /// `Missing`; `Invalid` for the main tenant; `Unavailable` when its files can't be removed: it is tried again at the next start.
    pub fn delete(&self, tenant: &TenantName) -> Result<bool> {
        let _changing = self.0.changing.lock();
        self.must_be_other(tenant)?;
        self.set_state(tenant, TenantState::Deleting)?;
        self.send_away(tenant);
        self.remove(tenant).map(|erased| erased == Erased::Keys)
    }

    /// The keys and files of a tenant that nobody can come into, and then its record.
    fn remove(&self, tenant: &TenantName) -> Result<Erased> {
        let process = self.main().process();
        self.pin(tenant)?;
        process.tenants.release(tenant)?;
        let erased = destroy_store(&process.tenants.folder(tenant), self.main().world())?;
        self.change(|records| records.retain(|record| record.name != *tenant))?;
        process.tenants.pin(tenant, None)?;
        Ok(erased)
    }

    /// Tells where the tenant's files are.
    pub(super) fn pin(&self, tenant: &TenantName) -> Result<()> {
        let location = self.record(tenant).and_then(|record| record.location);
        Ok(self.main().process().tenants.pin(tenant, location.as_deref())?)
    }

    /// Tells the engine, where it is open. What it goes by was written down before: whoever opens it now, goes by that.
    fn tell_engine(&self, tenant: &TenantName, told: impl FnOnce(&Engine)) {
        let slot = self.0.slots.lock().get(tenant).cloned();
        let Some(slot) = slot else { return };
        if let Some(engine) = &*slot.engine.lock() {
            told(engine);
        }
    }

    /// Whoever is in goes; the engine is not given to anyone any more.
    fn send_away(&self, tenant: &TenantName) {
        let Some(slot) = self.0.slots.lock().remove(tenant) else { return };
        if let Some(engine) = slot.engine.lock().take() {
            engine.end();
        }
    }

    fn must_be_other(&self, tenant: &TenantName) -> Result<()> {
        if *tenant == TenantName::main() {
            return Err(Error::invalid("the main tenant has the others in its keeping, and always serves"));
        }
        match self.record(tenant).map(|record| record.state) {
            Some(TenantState::Active | TenantState::Suspended | TenantState::Deleting) => Ok(()),
            Some(TenantState::Making) | None => Err(missing(tenant)),
        }
    }

    fn set_state(&self, tenant: &TenantName, state: TenantState) -> Result<()> {
        self.change(|records| {
            records
                .iter_mut()
                .filter(|record| record.name == *tenant)
                .for_each(|record| record.state = state);
        })
    }

    /// Changes the catalogue, in the file first.
    fn change(&self, how: impl FnOnce(&mut Vec<TenantRecord>)) -> Result<()> {
        // Whoever reads it does not wait for the disk; only one changes it at a time.
        let mut next = self.0.catalogue.lock().clone();
        how(&mut next);
        write_catalogue(&self.main().process().data, self.main().world(), &next)?;
        *self.0.catalogue.lock() = next;
        Ok(())
    }
}

impl Engines {
    /// For what concerns tenants: an administrator of the main one, with all his rights.
    ///
    /// # Errors
    ///
    /// `Denied`.
    pub fn must_operate(&self, session: &Session) -> Result<()> {
        if !Arc::ptr_eq(session.engine(), self.main()) {
            let message = "only an administrator of the main tenant may look after tenants";
            return Err(Error::new(ErrorKind::Denied, "PERMISSION_DENIED", message));
        }
        session.must_administer("tenants")
    }
}
