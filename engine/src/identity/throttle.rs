//! Slows down guessing: past a few failed logins of one name, or from one address, each further one doubles the time in which that name or
//! address may not try again; past many of one name, the name is locked. Kept in memory, bounded: a restart forgets it, a flood of names
//! pushes out the oldest. Whether anybody has a name makes no difference to it.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};

/// The first wait.
const WAIT_MICROS_MIN: i64 = 1_000_000;
/// The longest wait: a stranger must not be able to lock someone out for long.
const WAIT_MICROS_MAX: i64 = 60_000_000;
/// What was left alone for so long starts anew.
const FORGET_MICROS: i64 = 15 * 60_000_000;
/// Names, or addresses, remembered.
const KEPT_MAX: usize = 10_000;

/// How patient it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Failures that cost nothing: people mistype, and many of them may sit behind one address.
    pub free_failures: u32,
    /// Past so many failures, nothing more is tried for a while; none: never.
    pub lock: Option<Lock>,
}

/// When a name is locked, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Failed logins in a row, none of them more than 15 minutes after the one before.
    pub failures: u32,
    /// Seconds after the last of them; an administrator may lift it before.
    pub seconds: u64,
}

impl Lock {
    fn micros(self) -> i64 {
        i64::try_from(self.seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
    }
}

pub(crate) struct Throttle {
    free_failures: u32,
    lock: Mutex<Option<Lock>>,
    kept: Mutex<HashMap<String, Failures>>,
}

struct Failures {
    count: u32,
    last_micros: i64,
}

impl Throttle {
    pub fn new(limits: Limits) -> Self {
        Self { free_failures: limits.free_failures, lock: Mutex::new(limits.lock), kept: Mutex::default() }
    }

    /// From now on names are locked so.
    pub fn set_lock(&self, lock: Option<Lock>) {
        *self.lock.lock() = lock;
    }

    /// Whether a name may try now.
    ///
    /// # Errors
    ///
    /// `Limited` with the seconds to wait.
    pub fn check(&self, name: &str, now_micros: i64) -> Result<()> {
        let lock = *self.lock.lock();
        let kept = self.kept.lock();
        let Some(failures) = kept.get(name) else { return Ok(()) };
        let is_locked = lock.is_some_and(|lock| failures.count >= lock.failures);
        let wait = match lock {
            Some(lock) if is_locked => lock.micros(),
            _ => self.wait_micros(failures.count),
        };
        let left = failures.last_micros.saturating_add(wait).saturating_sub(now_micros);
        if left <= 0 {
            return Ok(());
        }
        let seconds = left.saturating_add(999_999) / 1_000_000;
        let (code, message) = match is_locked {
            true => (
                "LOGIN_LOCKED",
                format!(
                    "locked after too many failed logins; an administrator can lift it, or try again in {seconds} s"
                ),
            ),
            false => ("LOGIN_THROTTLED", format!("too many failed logins; try again in {seconds} s")),
        };
        Err(Error::new(ErrorKind::Limited, code, message))
    }

    /// Remembers a failed login; whether it locked the name.
    pub fn failed(&self, name: &str, now_micros: i64) -> bool {
        let lock = *self.lock.lock();
        let mut kept = self.kept.lock();
        if !kept.contains_key(name) && kept.len() >= KEPT_MAX {
            make_room(&mut kept, now_micros);
        }
        let failures = kept.entry(name.to_owned()).or_insert(Failures { count: 0, last_micros: now_micros });
        // Whoever waited a lock out begins with a clean sheet, as does whoever was quiet.
        let forgotten_after = match lock.filter(|lock| failures.count >= lock.failures) {
            Some(lock) => lock.micros(),
            None => FORGET_MICROS,
        };
        if now_micros.saturating_sub(failures.last_micros) > forgotten_after {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last_micros = now_micros;
        lock.is_some_and(|lock| failures.count == lock.failures)
    }

    /// Forgets a name that has proven itself, or whose lock is lifted; whether anything was remembered.
    pub fn forget(&self, name: &str) -> bool {
        self.kept.lock().remove(name).is_some()
    }

    /// So many failures of a name were none.
    pub fn take_back(&self, name: &str, count: u32) {
        let mut kept = self.kept.lock();
        let Some(failures) = kept.get_mut(name) else { return };
        failures.count = failures.count.saturating_sub(count);
        if failures.count == 0 {
            kept.remove(name);
        }
    }

    fn wait_micros(&self, count: u32) -> i64 {
        /// More doublings are past the longest wait anyway.
        const DOUBLINGS_MAX: u32 = 16;
        match count.checked_sub(self.free_failures) {
            None | Some(0) => 0,
            Some(n) => (WAIT_MICROS_MIN << (n - 1).min(DOUBLINGS_MAX)).min(WAIT_MICROS_MAX),
        }
    }
}

/// What stands for a client's address: of IPv6 the network of 64 bits, for whoever has one has all of it.
pub(crate) fn of_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Drops what is forgotten anyway; when that is nothing, the oldest tenth.
fn make_room(kept: &mut HashMap<String, Failures>, now_micros: i64) {
    // A locked name among the dropped is free again: a flood of ten thousand names lifts locks, and gains the waits of those names.
    kept.retain(|_, f| now_micros.saturating_sub(f.last_micros) <= FORGET_MICROS);
    if kept.len() < KEPT_MAX {
        return;
    }
    let mut times: Vec<i64> = kept.values().map(|f| f.last_micros).collect();
    times.sort_unstable();
    let oldest = times.get(KEPT_MAX / 10).copied().unwrap_or(now_micros);
    kept.retain(|_, f| f.last_micros > oldest);
}
