//! As what a login is counted, and waits: by what is told, not by what there is.
//!
//! Somebody who names a tenant is judged by its gate where there is such a tenant and it can be opened, and by the main one's where not. His
//! failures, his turn and his place in the queue must be the same in either, or he who tries would see which of the two judges him.

use std::hash::{DefaultHasher, Hash, Hasher};

use quarry_storage::TenantName;

use super::Gate;
use crate::engines::LOGIN_SEPARATOR;

/// Somebody's name with the tenant that he named, or that judges him where he named none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Under which his failures are counted, and his proofs take turns.
    pub whole: String,
    /// In whose queue he waits for the check of his password, and of whose places he has one.
    pub queue: u64,
}

impl Told {
    /// A user of a tenant, be there such a one or not.
    pub fn of(user: &str, tenant: &TenantName) -> Told {
        Told::whole(&format!("{user}{LOGIN_SEPARATOR}{tenant}"))
    }

    /// The same, told as one text: the tenant's name is behind the last separator.
    pub fn whole(login: &str) -> Told {
        let mut queue = DefaultHasher::new();
        login.rsplit_once(LOGIN_SEPARATOR).map(|(_, tenant)| tenant).hash(&mut queue);
        Told { whole: login.to_owned(), queue: queue.finish() }
    }
}

impl Gate {
    /// A name that was told to this tenant and to no other.
    pub(super) fn told(&self, name: &str) -> Told {
        Told::of(name, &self.tenant)
    }

    /// Lifts what failed logins of a name have brought; whether there was anything.
    pub fn lift(&self, name: &str) -> bool {
        let here = self.names.forget(&self.told(name).whole);
        // The main tenant judges names that end as another tenant's would, too.
        let as_others = self.tenant == TenantName::main() && self.names.forget(name);
        here || as_others
    }
}
