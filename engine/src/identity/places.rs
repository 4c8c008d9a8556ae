//! Places of those who prove themselves: bounded for the process, for each tenant that they name, and for each address that they come from.
//!
//! Whoever waits to be checked takes memory, and a core for some tens of milliseconds when his turn comes. So there are only so many at once. A
//! tenant that is flooded has no more than its share of them, and so has an address that floods: logins of others find theirs.
//!
//! The share is that of the tenant which was *told* ([`Told`](super::gate::Told)), be there such a one or not. One share for all names that are
//! no tenant's would be harder to flood past, and would tell what there is: who fills it with a name that he made up is refused where he tells
//! another one of these, and is not where he tells a tenant's. Nor is anything kept back for tenants that there are, for the same reason. So who has
//! names *and* addresses enough can fill all places; with names alone he can't.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

/// Of all together.
const ALL_MAX: usize = 8_192;
/// Of those who name one tenant.
const TENANT_MAX: usize = 1_024;
/// Of those who come from one address: an application's requests with passwords come from one, all at once; and fewer than a tenant has.
const ADDRESS_MAX: usize = 768;

const _: () = assert!(ADDRESS_MAX < TENANT_MAX && TENANT_MAX <= ALL_MAX / 4);

/// The places.
#[derive(Default)]
pub(crate) struct Places {
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Without those of whom none is taken: two for each that is taken, at most.
    shares: HashMap<Share, usize>,
}

/// Of whom no more than so many are taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Share {
    /// By the queue in which it waits.
    Tenant(u64),
    /// By what stands for it.
    Address(String),
}

/// One of the places, until it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    shares: Vec<Share>,
}

impl Places {
    /// A place of those who name this tenant, told by its queue, and who come from this address, where it is known; none when these have all of
    /// theirs, or all are taken.
    pub fn take(self: &Arc<Self>, tenant: u64, address: Option<String>) -> Option<Place> {
        let address = address.map(Share::Address);
        let shares: Vec<Share> = [Share::Tenant(tenant)].into_iter().chain(address).collect();
        let mut taken = self.taken.lock();
        if taken.all >= ALL_MAX || shares.iter().any(|share| taken.is_full(share)) {
            return None;
        }
        taken.all += 1;
        for share in &shares {
            *taken.shares.entry(share.clone()).or_default() += 1;
        }
        drop(taken);
        Some(Place { places: Arc::clone(self), shares })
    }
}

impl Taken {
    fn is_full(&self, share: &Share) -> bool {
        self.shares.get(share).is_some_and(|count| *count >= share.places_max())
    }

    fn give_back(&mut self, share: &Share) {
        let Some(count) = self.shares.get_mut(share) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.shares.remove(share);
        }
    }
}

impl Share {
    fn places_max(&self) -> usize {
        match self {
            Share::Tenant(_) => TENANT_MAX,
            Share::Address(_) => ADDRESS_MAX,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        for share in &self.shares {
            taken.give_back(share);
        }
    }
}
