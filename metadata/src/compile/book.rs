//! Who owns which name, over all packages.

use std::collections::BTreeMap;

use crate::{
    compile::Parsed,
    definition::{object::ObjectDefinition, package::PackageDefinition},
    issue::Issues,
    limits::OBJECTS_MAX,
    name::ObjectName,
    nearest::did_you_mean,
};

/// Packages and objects by name. A name that two want belongs to the first in the order of packages and files.
#[derive(Debug)]
pub(super) struct Book<'a> {
    parsed: &'a Parsed,
    packages: BTreeMap<&'a str, &'a PackageDefinition>,
    objects: BTreeMap<&'a str, (&'a PackageDefinition, &'a ObjectDefinition)>,
    /// Former names of objects.
    aliases: BTreeMap<&'a str, &'a ObjectDefinition>,
}

/// What a reference to an object leads to.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Object(&'a PackageDefinition, &'a ObjectName),
    /// It is not there for a reason that is reported already: its file could not be read, or there is no user at all.
    Broken(ObjectName),
    Nothing,
}

/// The object that the system fields refer to.
pub(super) const USER: &str = "user";
/// Other names that packages of this family give it.
const USER_ALIASES: &[&str] = &["users", "sysuser"];

impl<'a> Book<'a> {
    /// Enters every package and object; names with two owners are issues that name both places.
    pub(super) fn open(parsed: &'a Parsed, issues: &mut Issues) -> Self {
        let mut book =
            Self { parsed, packages: BTreeMap::new(), objects: BTreeMap::new(), aliases: BTreeMap::new() };
        for package in &parsed.packages {
            let name = &package.definition.name;
            if let Some(first) = book.packages.get(name.value.as_str()) {
                let message =
                    format!("the package `{}` is also in {}; names are unique", name.value, first.name.place);
                issues.error(&name.place, "duplicate-package", message);
            } else {
                book.packages.insert(name.value.as_str(), &package.definition);
            }
            for object in &package.objects {
                book.enter(&package.definition, object, issues);
            }
        }
        if book.objects.len() > OBJECTS_MAX
            && let Some(package) = parsed.packages.first()
        {
            let message = format!("more than {OBJECTS_MAX} objects in one registry");
            issues.error(&package.definition.name.place, "too-many", message);
        }
        book.enter_aliases(issues);
        book.check_user(issues);
        book
    }

    /// A former name answers as long as nothing else has taken it.
    fn enter_aliases(&mut self, issues: &mut Issues) {
        for (_, object) in self.objects.values().copied() {
            for alias in &object.alias {
                let name = alias.value.as_str();
                let taken = self.objects.get(name).map(|(_, other)| *other);
                if let Some(other) = taken.or_else(|| self.aliases.get(name).copied()) {
                    let message = format!(
                        "`{name}` can't go on answering for `{}`: `{}` in {} has the name",
                        object.name.value, other.name.value, other.name.place
                    );
                    issues.error(&alias.place, "alias-collision", message);
                    continue;
                }
                self.aliases.insert(name, object);
            }
        }
    }

    /// Whether an object was called so once.
    pub(super) fn is_alias(&self, name: &str) -> bool {
        self.aliases.contains_key(name)
    }

    /// Former names of objects, each with the object that answers to it.
    pub(super) fn aliases(&self) -> BTreeMap<ObjectName, ObjectName> {
        let pair = |(alias, object): (&&str, &&ObjectDefinition)| {
            (ObjectName::from(*alias), object.name.value.clone())
        };
        self.aliases.iter().map(pair).collect()
    }

    /// The object of that name, or of that former name.
    pub(super) fn owned(&self, name: &str) -> Option<&'a ObjectName> {
        let declared = self.objects.get(name).map(|(_, object)| *object);
        declared.or_else(|| self.aliases.get(name).copied()).map(|object| &object.name.value)
    }

    fn enter(&mut self, package: &'a PackageDefinition, object: &'a ObjectDefinition, issues: &mut Issues) {
        let name = &object.name;
        if let Some((owner, first)) = self.objects.get(name.value.as_str()) {
            let message = format!(
                "the object `{}` is also declared by package `{}` in {}; object names are unique over all packages",
                name.value, owner.name.value, first.name.place
            );
            issues.error(&name.place, "duplicate-object", message);
        } else {
            self.objects.insert(name.value.as_str(), (package, object));
        }
    }

    fn check_user(&self, issues: &mut Issues) {
        let known = self.objects.contains_key(USER) || self.parsed.broken_objects.contains(USER);
        if let (false, Some((package, _))) = (known, self.objects.values().next()) {
            let message = "no package declares the object `user`, which every record's `created_by` refers to; load `core` too";
            issues.error(&package.name.place, "no-user-object", message);
        }
    }

    /// The package of that name.
    pub(super) fn package(&self, name: &str) -> Option<&'a PackageDefinition> {
        self.packages.get(name).copied()
    }

    /// The names of all packages.
    pub(super) fn package_names(&self) -> impl Iterator<Item = &'a str> {
        self.packages.keys().copied()
    }

    /// Every object with its package, by name.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&'a PackageDefinition, &'a ObjectDefinition)> {
        self.objects.values().copied()
    }

    /// The names of all objects.
    pub(super) fn object_names(&self) -> impl Iterator<Item = &'a str> {
        self.objects.keys().copied()
    }

    /// The object that `reference` means: the one of that exact name, else the only one of that name without case and
    /// underscores, else, for `users` and `sys_user`, the user.
    pub(super) fn find(&self, reference: &str) -> Found<'a> {
        if let Some((package, object)) = self.objects.get(reference) {
            return Found::Object(package, &object.name.value);
        }
        if let Some(object) = self.aliases.get(reference) {
            return self.find(object.name.value.as_str());
        }
        let wanted = folded(reference);
        let mut matching = self.objects.iter().filter(|(name, _)| folded(name) == wanted);
        if let (Some((_, (package, object))), None) = (matching.next(), matching.next()) {
            return Found::Object(package, &object.name.value);
        }
        if let Some(name) = self.parsed.broken_objects.iter().find(|name| folded(name) == wanted) {
            return Found::Broken(ObjectName::from(name.as_str()));
        }
        match wanted.as_str() {
            USER => Found::Broken(ObjectName::from(USER)),
            alias if USER_ALIASES.contains(&alias) => self.find(USER),
            _ => Found::Nothing,
        }
    }

    /// Whether an object of that name is there but could not be read.
    pub(super) fn is_broken_object(&self, name: &str) -> bool {
        self.parsed.broken_objects.contains(name)
    }

    /// For a name that no permission set has: the end of a message about it.
    pub(super) fn unknown_permission_set(&self, name: &str) -> Option<String> {
        let shelves = || self.parsed.packages.iter().map(|package| &package.shelf);
        let declared = || shelves().flat_map(|shelf| &shelf.sets).map(|set| set.name.value.as_str());
        let is_broken = shelves().any(|shelf| shelf.broken_sets.contains(name));
        let is_known = is_broken || declared().any(|known| known == name);
        (!is_known).then(|| did_you_mean(name, declared()))
    }

    /// Whether a package of that name is there but could not be read.
    pub(super) fn is_broken_package(&self, name: &str) -> bool {
        self.parsed.broken_packages.contains(name)
    }
}

/// Whether a name without case and underscores is one of the user.
pub(super) fn is_user(folded: &str) -> bool {
    folded == USER || USER_ALIASES.contains(&folded)
}

/// A name without case and underscores.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| *c != '_').collect::<String>().to_lowercase()
}
