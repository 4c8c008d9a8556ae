//! Object identifiers that stay: the same name has the same oid after a restart, an upgrade, on another machine.
//!
//! An oid is a hash of what the thing is (`table`, `index` …) and its full name, laid into `0x0010_0000 … 0x3fff_ffff`: above
//! everything PostgreSQL itself uses (its own tables and types keep PostgreSQL's oids), below 2³¹ because clients read oids as
//! signed. Two names that hash alike are told apart by hashing again with a count; names are assigned in name order over the
//! **whole** registry, not over what a session may see, so that sessions agree. (What could move an oid is a new name that
//! collides with an old one and sorts before it: about one chance in a million per new object.)

use std::collections::{BTreeMap, HashSet};

const FIRST: u64 = 0x0010_0000;
const COUNT: u64 = 0x3ff0_0000;

/// Oids by (kind, full name).
#[derive(Debug, Default)]
pub struct Oids(BTreeMap<(&'static str, String), u32>);

impl Oids {
    /// Assigns an oid to each name.
    pub fn assign(names: impl IntoIterator<Item = (&'static str, String)>) -> Oids {
        let mut oids: BTreeMap<(&'static str, String), u32> =
            names.into_iter().map(|name| (name, 0)).collect();
        let mut taken = HashSet::new();
        for ((kind, name), oid) in &mut oids {
            *oid = (0..)
                .map(|attempt| hashed(kind, name, attempt))
                .find(|oid| taken.insert(*oid))
                .unwrap_or_default();
        }
        Oids(oids)
    }

    /// The oid of a name that was assigned; 0, PostgreSQL's "none", for any other.
    pub fn get(&self, kind: &'static str, name: &str) -> u32 {
        self.0.get(&(kind, name.to_owned())).copied().unwrap_or_default()
    }
}

/// The oid of a name on its own, for things outside the registry (roles, the database).
pub fn hashed(kind: &str, name: &str, attempt: u32) -> u32 {
    let bytes = kind.bytes().chain([0]).chain(name.bytes()).chain([0]).chain(attempt.to_le_bytes());
    // FNV-1a, then the finalizer of MurmurHash3 to spread it over all bits.
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    u32::try_from(FIRST + hash % COUNT).unwrap_or_default()
}
