//! Permission sets, when all objects and their rules are known: every name in them is resolved, every condition typed.
//!
//! 1. Sets are entered by name; `includes` becomes the sets that whoever has one has too ([`includes::settle`]).
//! 2. Each grant, in a set's file or beside an object, is held against its object ([`grants`]): one for each set and object.
//!
//! What can't hold together is refused here; whether it is enough for what somebody wants to do is no matter of a compiler.

mod fields;
mod grants;
mod includes;
mod records;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use indexmap::IndexMap;

use crate::{
    compile::{Draft, Drafts, ParsedPackage, book::Book},
    definition::{
        Located, grant::GrantDefinition, package::PackageDefinition, permission::PermissionFile,
        permission_set::SetDefinition, rule::About,
    },
    issue::{Issues, Place, SetPlaces},
    limits::PERMISSION_SETS_MAX,
    model::Labels,
    name::{ObjectName, PackageName},
    naming::title_case,
    nearest::did_you_mean,
    permissions::PermissionSet,
};

/// The permission sets by name.
pub(super) type AllSets = IndexMap<String, Arc<PermissionSet>>;

/// Compiles the permission sets of all packages.
pub(super) fn compile(
    packages: &[ParsedPackage],
    book: &Book<'_>,
    drafts: &Drafts<'_>,
    issues: &mut Issues,
) -> (AllSets, SetPlaces) {
    let mut compiler = Compiler {
        drafts,
        book,
        actions: actions(packages, book),
        sets: BTreeMap::new(),
        places: SetPlaces::default(),
        broken: packages.iter().flat_map(|package| package.shelf.broken_sets.iter().cloned()).collect(),
    };
    for ParsedPackage { definition, shelf, .. } in packages {
        compiler.enter_all(definition, &shelf.sets, issues);
    }
    includes::settle(&mut compiler, packages, issues);
    for ParsedPackage { definition, shelf, .. } in packages {
        for set in &shelf.sets {
            if compiler.is_entered_at(&set.name) {
                compiler.grants_of(definition, set, issues);
            }
        }
    }
    for ParsedPackage { definition, shelf, .. } in packages {
        for file in &shelf.permissions {
            compiler.beside(definition, file, issues);
        }
    }
    let frozen = compiler.sets.into_iter().map(|(name, mut set)| {
        set.objects.sort_keys();
        (name, Arc::new(set))
    });
    (frozen.collect(), compiler.places)
}

/// The names of every object's actions.
fn actions(packages: &[ParsedPackage], book: &Book<'_>) -> HashMap<ObjectName, BTreeSet<String>> {
    let mut found: HashMap<ObjectName, BTreeSet<String>> = HashMap::new();
    for file in packages.iter().flat_map(|package| &package.shelf.actions) {
        let Some(object) = book.owned(file.about.object.value.as_str()) else { continue };
        let names = file.actions.iter().map(|action| action.name.value.clone());
        found.entry(object.clone()).or_default().extend(names);
    }
    found
}

struct Compiler<'a> {
    drafts: &'a Drafts<'a>,
    book: &'a Book<'a>,
    actions: HashMap<ObjectName, BTreeSet<String>>,
    sets: BTreeMap<String, PermissionSet>,
    /// Where each set and each grant stands.
    places: SetPlaces,
    /// Sets that are declared but could not be read.
    broken: BTreeSet<String>,
}

impl<'a> Compiler<'a> {
    fn enter_all(&mut self, package: &PackageDefinition, sets: &[SetDefinition], issues: &mut Issues) {
        for written in sets {
            let name = &written.name;
            if let Some(first) = self.places.sets.get(&name.value) {
                let message = format!("the permission set `{}` is also declared in {first}", name.value);
                issues.error(&name.place, "duplicate-permission-set", message);
                continue;
            }
            if self.sets.len() == PERMISSION_SETS_MAX {
                let message = format!("more than {PERMISSION_SETS_MAX} permission sets in one registry");
                issues.error(&name.place, "too-many", message);
                return;
            }
            let mut label: Labels = written.label.clone().unwrap_or_default();
            label.0.entry("en".to_owned()).or_insert_with(|| title_case(&name.value));
            let set = PermissionSet {
                name: name.value.clone(),
                label,
                description: written.description.clone(),
                package: package.name.value.clone(),
                includes: BTreeSet::new(),
                capabilities: written.capabilities.clone(),
                objects: IndexMap::new(),
            };
            self.places.sets.insert(name.value.clone(), name.place.clone());
            self.sets.insert(name.value.clone(), set);
        }
    }

    /// What a set's own file allows.
    fn grants_of(&mut self, package: &PackageDefinition, set: &SetDefinition, issues: &mut Issues) {
        for (object, grant) in &set.objects {
            if let Some(draft) = self.object(package, object, issues) {
                self.grant(package, &set.name.value, draft, grant, issues);
            }
        }
    }

    /// What a file beside an object allows.
    fn beside(&mut self, package: &PackageDefinition, file: &PermissionFile, issues: &mut Issues) {
        let draft = self.about(package, &file.about, issues);
        for (set, grant) in &file.sets {
            let is_known = self.set(package, set, issues);
            if let (Some(draft), true) = (draft, is_known) {
                self.grant(package, &set.value, draft, grant, issues);
            }
        }
    }

    /// Whether this is the declaration that has the name.
    fn is_entered_at(&self, name: &Located<String>) -> bool {
        self.places.sets.get(&name.value) == Some(&name.place)
    }

    /// Whether a set that is named is there, in this package or one that it depends on; an issue when it is not.
    fn set(&self, package: &PackageDefinition, name: &Located<String>, issues: &mut Issues) -> bool {
        let Some(set) = self.sets.get(&name.value) else {
            if !self.broken.contains(&name.value) {
                let near = did_you_mean(&name.value, self.sets.keys().map(String::as_str));
                let message = format!("there is no permission set `{}`{near}", name.value);
                issues.error(&name.place, "unknown-permission-set", message);
            }
            return false;
        };
        check_reach(
            package,
            &set.package,
            &format!("the permission set `{}`", name.value),
            &name.place,
            issues,
        );
        true
    }

    /// The object that a file is about; one of another package must be said to be so.
    fn about(
        &self,
        package: &PackageDefinition,
        about: &About,
        issues: &mut Issues,
    ) -> Option<&'a Draft<'a>> {
        let draft = self.object(package, &about.object, issues)?;
        let (name, owner) = (&draft.object.name, &draft.object.package);
        let is_own = *owner == package.name.value;
        if is_own == about.extends {
            let message = match is_own {
                true => format!("`{name}` is an object of this package; take `extends` out"),
                false => format!("`{name}` belongs to package `{owner}`; say `extends: {name}` to add to it"),
            };
            issues.error(&about.object.place, "wrong-value", message);
        }
        Some(draft)
    }

    /// The object that is named, also by a former name; one that is not there, or not depended on, is an issue.
    fn object(
        &self,
        package: &PackageDefinition,
        name: &Located<ObjectName>,
        issues: &mut Issues,
    ) -> Option<&'a Draft<'a>> {
        let drafts: &'a Drafts<'a> = self.drafts;
        let found = self.book.owned(name.value.as_str()).and_then(|found| drafts.get(found));
        let Some(draft) = found else {
            if !self.book.is_broken_object(name.value.as_str()) {
                let near = did_you_mean(name.value.as_str(), self.book.object_names());
                let message = format!("there is no object `{}`{near}", name.value);
                issues.error(&name.place, "unknown-object", message);
            }
            return None;
        };
        check_reach(package, &draft.object.package, &format!("`{}`", name.value), &name.place, issues);
        Some(draft)
    }

    /// Compiles a grant into its set.
    fn grant(
        &mut self,
        package: &PackageDefinition,
        set: &str,
        draft: &Draft<'_>,
        written: &GrantDefinition,
        issues: &mut Issues,
    ) -> Option<()> {
        let name = draft.object.name.clone();
        let key = (set.to_owned(), name.clone());
        if let Some(first) = self.places.grants.get(&key) {
            let message =
                format!("what `{set}` allows on `{name}` is said in {first} already; one of them must go");
            issues.error(&written.place, "duplicate-grant", message);
            return None;
        }
        self.places.grants.insert(key, written.place.clone());
        let mut grant = grants::grant(self, draft, written, issues);
        let set = self.sets.get_mut(set)?;
        grant.added_by = Some(&package.name.value).filter(|by| **by != set.package).cloned();
        set.objects.insert(name, grant);
        Some(())
    }
}

/// Reports what is of a package that this one does not depend on.
fn check_reach(
    package: &PackageDefinition,
    owner: &PackageName,
    what: &str,
    place: &Place,
    issues: &mut Issues,
) {
    let depends = package.depends.iter().any(|(known, _)| known.value == *owner);
    if *owner != package.name.value && !depends {
        let message = format!(
            "{what} belongs to package `{owner}`, which `{}` does not depend on; add `{owner}` to `depends` in its package.yml",
            package.name.value
        );
        issues.error(place, "undeclared-dependency", message);
    }
}
