//! Remembers for a short while that a password was right, so that a client that sends it with every request (HTTP
//! Basic) pays for argon2 once. Kept is an HMAC under a key of this process, never the password or a plain hash.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use super::scram;
use crate::{error::Result, system::Credential};

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
    user_id: Arc<str>,
    until_micros: i64,
}

/// What is remembered of a name and a password.
pub(crate) enum Proof {
    /// Proven, with the credential as it was then.
    Right { user_id: Arc<str>, changed_at_micros: i64 },
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
            true => Proof::Right { user_id: kept.user_id.clone(), changed_at_micros: kept.changed_at_micros },
            false => Proof::Wrong,
        }
    }

    /// Remembers that this password proved the user of a credential.
    pub fn keep(&self, credential: &Credential, password: &str, now_micros: i64) {
        let Ok(mac) = self.mac(&credential.name, password) else { return };
        let until_micros = now_micros.saturating_add(PROOF_MICROS);
        let mut names = self.names.lock();
        if names.len() >= PROOFS_MAX {
            names.retain(|_, proof| proof.until_micros > now_micros);
        }
        if names.len() < PROOFS_MAX {
            let (user_id, changed_at_micros) = (credential.user_id.clone(), credential.changed_at_micros);
            names.insert(credential.name.to_string(), Kept { mac, changed_at_micros, user_id, until_micros });
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
