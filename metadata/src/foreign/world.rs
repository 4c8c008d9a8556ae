//! Which objects there are: those that are imported, and those of the packages that they will stand on.

use std::collections::BTreeMap;

use crate::{
    foreign::names::{folded, meant},
    model::{Object, Registry},
};

/// Other names that packages of this family give the user.
const USERS: &[&str] = &["users", "sysuser", "user"];

/// Every object by name, with the package that declares it.
pub(super) struct World<'r> {
    known: &'r Registry,
    owners: BTreeMap<String, String>,
    /// Permission sets by name, with the package that declares each.
    sets: BTreeMap<String, String>,
    /// The language of the texts.
    pub(super) locale: String,
}

impl<'r> World<'r> {
    pub(super) fn new(known: &'r Registry, locale: &str) -> Self {
        let owner = |object: &std::sync::Arc<Object>| (object.name.to_string(), object.package.to_string());
        let sets = known.permission_sets.values().map(|set| (set.name.clone(), set.package.to_string()));
        Self {
            known,
            owners: known.objects.values().map(owner).collect(),
            sets: sets.collect(),
            locale: locale.to_owned(),
        }
    }

    /// Enters an object that is imported; what is known already keeps its owner.
    pub(super) fn enter(&mut self, object: &str, package: &str) {
        self.owners.entry(object.to_owned()).or_insert_with(|| package.to_owned());
    }

    /// Enters a permission set that a role becomes; one that is there already keeps its owner.
    pub(super) fn enter_set(&mut self, set: &str, package: &str) {
        self.sets.entry(set.to_owned()).or_insert_with(|| package.to_owned());
    }

    /// The package that declares a permission set.
    pub(super) fn set_owner(&self, set: &str) -> Option<&str> {
        self.sets.get(set).map(String::as_str)
    }

    /// The object of a package that is known, which an imported one of the same name adds to.
    pub(super) fn known(&self, object: &str) -> Option<&'r Object> {
        self.known.objects.get(object).map(std::sync::Arc::as_ref)
    }

    /// The object that a reference means, without case and underscores; `users` is the user.
    pub(super) fn find(&self, reference: &str) -> Option<&str> {
        let found = meant(reference, self.owners.keys().map(String::as_str));
        let is_user = || USERS.contains(&folded(reference).as_str());
        found.or_else(|| {
            is_user().then(|| self.owners.get_key_value("user")).flatten().map(|(name, _)| name.as_str())
        })
    }

    /// The package that declares an object.
    pub(super) fn owner(&self, object: &str) -> Option<&str> {
        self.owners.get(object).map(String::as_str)
    }

    /// The range in which a package is depended on, when it is one of those that are known.
    pub(super) fn range(&self, package: &str) -> Option<String> {
        self.known
            .packages
            .get(package)
            .map(|found| format!("^{}.{}", found.version.major, found.version.minor))
    }
}
