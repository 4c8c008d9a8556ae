//! Slows down guessing: past a few failed logins of one name, each further one doubles the time in which that name
//! may not try again. Kept in memory, bounded: a restart forgets it, a flood of names pushes out the oldest.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};

/// Failures that cost nothing: people mistype.
const FREE_FAILURES: u32 = 3;
/// The first wait.
const WAIT_MICROS_MIN: i64 = 1_000_000;
/// The longest wait: a stranger must not be able to lock someone out for long.
const WAIT_MICROS_MAX: i64 = 60_000_000;
/// A name that was left alone for so long starts anew.
const FORGET_MICROS: i64 = 15 * 60_000_000;
/// Names remembered.
const NAMES_MAX: usize = 10_000;

#[derive(Default)]
pub(crate) struct Throttle {
    names: Mutex<HashMap<String, Failures>>,
}

struct Failures {
    count: u32,
    last_micros: i64,
}

impl Failures {
    fn wait_micros(&self) -> i64 {
        match self.count.checked_sub(FREE_FAILURES) {
            None | Some(0) => 0,
            Some(n) => {
                WAIT_MICROS_MIN.checked_shl(n - 1).unwrap_or(WAIT_MICROS_MAX).clamp(0, WAIT_MICROS_MAX)
            }
        }
    }
}

impl Throttle {
    /// Whether a name may try now.
    ///
    /// # Errors
    ///
    /// `Limited` with the seconds to wait.
    pub fn check(&self, name: &str, now_micros: i64) -> Result<()> {
        let names = self.names.lock();
        let Some(failures) = names.get(name) else { return Ok(()) };
        let left = failures.last_micros.saturating_add(failures.wait_micros()).saturating_sub(now_micros);
        if left <= 0 {
            return Ok(());
        }
        let seconds = left.saturating_add(999_999) / 1_000_000;
        let message = format!("too many failed logins; try again in {seconds} s");
        Err(Error::new(ErrorKind::Limited, "LOGIN_THROTTLED", message))
    }

    /// Remembers a failed login.
    pub fn failed(&self, name: &str, now_micros: i64) {
        let mut names = self.names.lock();
        if !names.contains_key(name) && names.len() >= NAMES_MAX {
            make_room(&mut names, now_micros);
        }
        let failures = names.entry(name.to_owned()).or_insert(Failures { count: 0, last_micros: now_micros });
        if now_micros.saturating_sub(failures.last_micros) > FORGET_MICROS {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1).min(FREE_FAILURES + 16);
        failures.last_micros = now_micros;
    }

    /// Forgets a name that has proven itself.
    pub fn proven(&self, name: &str) {
        self.names.lock().remove(name);
    }
}

/// Drops what is forgotten anyway; when that is nothing, the oldest tenth.
fn make_room(names: &mut HashMap<String, Failures>, now_micros: i64) {
    names.retain(|_, f| now_micros.saturating_sub(f.last_micros) <= FORGET_MICROS);
    if names.len() < NAMES_MAX {
        return;
    }
    let mut times: Vec<i64> = names.values().map(|f| f.last_micros).collect();
    times.sort_unstable();
    let oldest = times.get(NAMES_MAX / 10).copied().unwrap_or(now_micros);
    names.retain(|_, f| f.last_micros > oldest);
}
