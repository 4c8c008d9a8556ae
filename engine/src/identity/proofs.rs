//! Remembers for a short while that a password was right, so that a client that sends it with every request (HTTP
//! Basic) pays for argon2 once. Kept is an HMAC under a key of this process, never the password or a plain hash.

use std::collections::HashMap;

use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use super::{Principal, scram};
use crate::error::Result;

/// How long a proof holds.
const PROOF_MICROS: i64 = 5 * 60_000_000;
/// Proofs kept.
const PROOFS_MAX: usize = 10_000;

pub(crate) struct Proofs {
    key: [u8; 32],
    names: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    mac: Vec<u8>,
    /// When the credential was last changed, as it was then.
    changed_at_micros: i64,
    principal: Principal,
    until_micros: i64,
}

/// What is remembered of a name and a password.
pub(crate) enum Proof {
    /// Proven, with the credential as it was then.
    Right { principal: Principal, changed_at_micros: i64 },
    /// Another password was proven.
    Wrong,
    /// None was.
    Unknown,
}

impl Proofs {
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, names: Mutex::default() }
    }

    /// Whether this name and password were proven a moment ago.
    pub fn find(&self, name: &str, password: &str, now_micros: i64) -> Proof {
        let Ok(mac) = self.mac(name, password) else { return Proof::Unknown };
        let names = self.names.lock();
        let Some(kept) = names.get(name).filter(|kept| kept.until_micros > now_micros) else {
            return Proof::Unknown;
        };
        match bool::from(kept.mac.ct_eq(&mac)) {
            true => {
                Proof::Right { principal: kept.principal.clone(), changed_at_micros: kept.changed_at_micros }
            }
            false => Proof::Wrong,
        }
    }

    /// Remembers a proof.
    pub fn keep(&self, principal: &Principal, password: &str, changed_at_micros: i64, now_micros: i64) {
        let Ok(mac) = self.mac(&principal.user_name, password) else { return };
        let until_micros = now_micros.saturating_add(PROOF_MICROS);
        let mut names = self.names.lock();
        if names.len() >= PROOFS_MAX {
            names.retain(|_, proof| proof.until_micros > now_micros);
        }
        if names.len() < PROOFS_MAX {
            let proof = Kept { mac, changed_at_micros, principal: principal.clone(), until_micros };
            names.insert(principal.user_name.clone(), proof);
        }
    }

    /// Forgets a user.
    pub fn forget(&self, name: &str) {
        self.names.lock().remove(name);
    }

    fn mac(&self, name: &str, password: &str) -> Result<Vec<u8>> {
        scram::mac(&self.key, &[name.as_bytes(), b"\0", password.as_bytes()])
    }
}
