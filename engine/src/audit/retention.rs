//! How long history is kept: for good, unless it is said how many days.
//!
//! It goes as whole files of the store, the oldest first, with a checkpoint in their place ([`quarry_storage::Store::forget_history`]). What is under a legal
//! hold stays, and all behind it.

#[cfg(test)]
mod tests;

use std::{collections::HashSet, num::NonZeroU32};

use quarry_storage::{CommitInfo, Forgotten, Key};

use super::holds::{self, ALL, Held, UPKEEP};
use crate::{engine::Engine, error::Result, identity::EventKind};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What is held, as it is looked up.
struct AllHeld {
    everything: bool,
    objects: HashSet<String>,
    records: HashSet<(String, String)>,
}

impl AllHeld {
    fn of(keys: &[Key]) -> Result<AllHeld> {
        let mut all = AllHeld { everything: false, objects: HashSet::new(), records: HashSet::new() };
        for key in keys {
            match Held::parse(key)? {
                Held::Tenant => all.everything = true,
                Held::Object(object) => drop(all.objects.insert(object)),
                Held::Record(object, record) => drop(all.records.insert((object, record))),
            }
        }
        Ok(all)
    }

    /// Whether a row of a table is held; without a key, whether some row of it may be.
    fn holds(&self, table: &str, key: Option<&Key>) -> bool {
        let object = holds::object_of_table(table);
        let record = || match key {
            Some(key) => self.records.contains(&(object.to_owned(), key.to_string())),
            None => self.records.iter().any(|(held, _)| held == object),
        };
        self.everything || self.objects.contains(object) || record()
    }
}

impl Engine {
    /// How many days of history are kept; none: all.
    pub fn history_days(&self) -> Option<NonZeroU32> {
        let days = self.limits().history_days?;
        NonZeroU32::new(u32::try_from(days).unwrap_or(u32::MAX))
    }

    /// Lets go of history that is older than so many days, as far as nothing of it is held, and tells of it as an event. What went, by
    /// its first and its last entry. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store. What went before stays gone.
    pub fn forget_history(&self, days: NonZeroU32) -> Result<Vec<Forgotten>> {
        let mut gone = Vec::new();
        while let Some(some) = self.forget_some(days)? {
            let (first, last) = (some.entries.start(), some.entries.end());
            let told = format!("entries {first} to {last}, hash {}", some.hash);
            tracing::info!(tenant = %self.tenant(), checkpoint = some.checkpoint, "history was let go of: {told}");
            self.tell(EventKind::HistoryForgotten, None, &told);
            gone.push(some);
        }
        Ok(gone)
    }

    fn forget_some(&self, days: NonZeroU32) -> Result<Option<Forgotten>> {
        // Whoever places a hold waits until it is told what goes: it is in what is looked at next.
        let _alone = self.forgetting().lock();
        let held = AllHeld::of(&holds::keys(&self.store().snapshot())?)?;
        if held.everything {
            tracing::debug!("history is not let go of: there is a legal hold on {ALL}");
            return Ok(None);
        }
        let now_micros = self.world().clock.now_micros();
        let before = now_micros.saturating_sub(MICROS_PER_DAY.saturating_mul(days.get().into()));
        let info = CommitInfo {
            actor: UPKEEP.to_owned(),
            transaction: self.world().ids.ulid(),
            time_micros: now_micros,
            package_version: self.registry().version.clone(),
            origin: None,
        };
        Ok(self.store().forget_history(before, &|table, key| held.holds(table, key), info)?)
    }
}
