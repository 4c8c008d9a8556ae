//! What a tenant may have: rows, storage, memory, requests. What is said for it alone holds before what is said for all.

use std::collections::BTreeMap;

use quarry_planner::MemoryShare;
use quarry_storage::StoreQuota;

use super::RequestLimits;
use crate::{
    engine::Engine,
    error::{Error, Result},
};

/// The largest number that JSON's readers agree about.
const LIMIT_MAX: u64 = (1 << 53) - 1;

/// What a tenant may have. None: as it is said for all tenants, and where nothing is said, without a bound; 0: without a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantLimits {
    /// Records, those in recycle bins among them.
    pub rows: Option<u64>,
    /// Bytes of all its files: records with their indexes, past states, history, documents.
    pub storage_bytes: Option<u64>,
    /// Bytes that its questions may hold together. Without a bound of its own: half of what all may hold where other tenants are open, else all.
    pub memory_bytes: Option<u64>,
    /// Requests a second.
    pub requests_per_second: Option<u64>,
    /// Requests worked on at once.
    pub requests_running: Option<u64>,
    /// Days of history that are kept; 0: all of it.
    pub history_days: Option<u64>,
}

/// What a tenant has now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantUsage {
    /// Records, those in recycle bins among them.
    pub rows: u64,
    /// Bytes of all its files.
    pub storage_bytes: u64,
    /// Bytes that its questions hold now.
    pub memory_bytes: u64,
}

impl TenantLimits {
    /// Their names, as people write them.
    pub const NAMES: [&str; 6] =
        ["rows", "storageBytes", "memoryBytes", "requestsPerSecond", "requestsRunning", "historyDays"];

    /// The one of a name.
    pub fn get(&self, name: &str) -> Option<u64> {
        match name {
            "rows" => self.rows,
            "storageBytes" => self.storage_bytes,
            "memoryBytes" => self.memory_bytes,
            "requestsPerSecond" => self.requests_per_second,
            "requestsRunning" => self.requests_running,
            "historyDays" => self.history_days,
            _ => None,
        }
    }

    /// Says one of them anew.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that there is not, or a number that is too large.
    pub fn set(&mut self, name: &str, limit: Option<u64>) -> Result<()> {
        if limit.is_some_and(|limit| limit > LIMIT_MAX) {
            return Err(Error::invalid(format!("{name}: a limit is at most {LIMIT_MAX}")));
        }
        *match name {
            "rows" => &mut self.rows,
            "storageBytes" => &mut self.storage_bytes,
            "memoryBytes" => &mut self.memory_bytes,
            "requestsPerSecond" => &mut self.requests_per_second,
            "requestsRunning" => &mut self.requests_running,
            "historyDays" => &mut self.history_days,
            _ => {
                let known = Self::NAMES.join(", ");
                return Err(Error::invalid(format!("there is no limit {name:?}; there are {known}")));
            }
        } = limit;
        Ok(())
    }

    /// As the catalogue of tenants keeps them.
    pub(crate) fn kept(&self) -> BTreeMap<String, u64> {
        let known = Self::NAMES.iter().filter_map(|name| Some(((*name).to_owned(), self.get(name)?)));
        known.collect()
    }

    /// What [`Self::kept`] gave.
    pub(crate) fn of_kept(kept: &BTreeMap<String, u64>) -> TenantLimits {
        let mut limits = TenantLimits::default();
        for (name, limit) in kept {
            if let Err(error) = limits.set(name, Some(*limit)) {
                tracing::warn!(%error, "a limit of a tenant does not hold");
            }
        }
        limits
    }

    /// These, and where they say nothing, those.
    fn or(&self, all: &TenantLimits) -> TenantLimits {
        TenantLimits {
            rows: self.rows.or(all.rows),
            storage_bytes: self.storage_bytes.or(all.storage_bytes),
            memory_bytes: self.memory_bytes.or(all.memory_bytes),
            requests_per_second: self.requests_per_second.or(all.requests_per_second),
            requests_running: self.requests_running.or(all.requests_running),
            history_days: self.history_days.or(all.history_days),
        }
    }

    /// What of it requests go by.
    fn requests(&self, all: RequestLimits) -> RequestLimits {
        let per_second = match self.requests_per_second {
            Some(limit) => std::num::NonZeroU32::new(u32::try_from(limit).unwrap_or(u32::MAX)),
            None => all.per_second,
        };
        let running_max = match self.requests_running {
            Some(0) => usize::MAX,
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
            None => all.running_max,
        };
        RequestLimits { per_second, running_max, ..all }
    }

    fn store(&self) -> StoreQuota {
        let bound = |limit: Option<u64>| limit.and_then(std::num::NonZeroU64::new);
        StoreQuota { rows_max: bound(self.rows), bytes_max: bound(self.storage_bytes) }
    }
}

/// What is said for all tenants of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForAll {
    pub requests: RequestLimits,
    pub limits: TenantLimits,
}

impl Engine {
    /// From now on requests of each tenant are bounded so, where nothing is said for it alone. What runs goes on. To be said before
    /// others are opened.
    pub fn set_request_limits(&self, limits: RequestLimits) {
        self.process().for_all.write().requests = limits;
        self.apply_limits();
    }

    /// From now on each tenant may have so much, where nothing is said for it alone. To be said before others are opened.
    pub fn set_limits_of_all(&self, limits: TenantLimits) {
        self.process().for_all.write().limits = limits;
        self.apply_limits();
    }

    /// From now on this one may have so much. What it has already stays.
    pub(crate) fn set_own_limits(&self, limits: TenantLimits) {
        *self.own_limits().write() = limits;
        self.apply_limits();
    }

    /// What it may have.
    pub fn limits(&self) -> TenantLimits {
        let all = self.process().for_all.read().limits.clone();
        self.own_limits().read().or(&all)
    }

    /// What it has. Blocks: its files are listed the first time.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn usage(&self) -> Result<TenantUsage> {
        let held = self.store().usage()?;
        Ok(TenantUsage {
            rows: held.rows,
            storage_bytes: held.bytes,
            memory_bytes: self.own_memory().bytes(),
        })
    }

    fn apply_limits(&self) {
        let all = self.process().for_all.read().clone();
        let limits = self.own_limits().read().or(&all.limits);
        self.quota().set(limits.requests(all.requests));
        self.store().set_quota(limits.store());
        *self.memory_bytes_max().write() = limits.memory_bytes.filter(|bytes| *bytes > 0);
    }

    /// The memory that questions of this tenant share.
    pub(crate) fn memory_share(&self) -> MemoryShare {
        let process = self.process();
        let all = process.planner.memory_bytes_max();
        let own = *self.memory_bytes_max().read();
        // Whoever is alone has nobody to leave anything for.
        let bytes_max = own.unwrap_or(if process.tenants.open() > 1 { all / 2 } else { all });
        let share = self.own_memory();
        share.set_bytes_max(bytes_max);
        share.clone()
    }
}
