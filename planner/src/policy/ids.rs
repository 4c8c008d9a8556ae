//! Ids that policies ask for, with what they are known by again: the hash of all of them, however many they are.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
};

use quarry_storage::Fingerprint;

/// Ids in an order. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct IdList(Arc<Hashed<Arc<[Arc<str>]>>>);

/// Ids of which a test wants one. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct IdSet(Arc<Hashed<HashSet<Arc<str>>>>);

/// With their hash, once it was asked for.
#[derive(Default)]
struct Hashed<I> {
    ids: I,
    fingerprint: OnceLock<Fingerprint>,
}

impl<I> Hashed<I> {
    fn new(ids: I) -> Arc<Hashed<I>> {
        Arc::new(Hashed { ids, fingerprint: OnceLock::new() })
    }
}

impl IdList {
    pub(super) fn new(ids: impl Into<Arc<[Arc<str>]>>) -> IdList {
        IdList(Hashed::new(ids.into()))
    }

    pub(super) fn ids(&self) -> &[Arc<str>] {
        &self.0.ids
    }

    /// What they are known by.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        *self.0.fingerprint.get_or_init(|| Fingerprint::of(self.ids().iter().map(|id| &**id)))
    }
}

impl IdSet {
    pub(super) fn new(ids: HashSet<Arc<str>>) -> IdSet {
        IdSet(Hashed::new(ids))
    }

    pub(super) fn ids(&self) -> &HashSet<Arc<str>> {
        &self.0.ids
    }

    /// What they are known by.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        *self.0.fingerprint.get_or_init(|| {
            let mut sorted: Vec<&str> = self.ids().iter().map(|id| &**id).collect();
            sorted.sort_unstable();
            Fingerprint::of(sorted)
        })
    }
}
