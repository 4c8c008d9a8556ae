//! What a new version changes, and whether it may.
//!
//! [`compare`] holds a registry against the one before it. Every difference is told in the words of those who use the objects
//! (ObjectQL, SQL, GraphQL), with what depended on what is gone, with how many records are concerned, and with its class:
//!
//! | change | class |
//! |---|---|
//! | add an object, an optional field, an option, a relation, an index, a text | allowed |
//! | add a required field | only with a default, which is written into the records that are there |
//! | a summary or kept formula in the place of a readonly field of its type | allowed: clients only read it |
//! | widen: longer text, more digits, required to optional, a wider range | allowed |
//! | rename | only when the old name stays as an alias |
//! | remove, change a type, narrow a rule, remove an option that records use, change an id prefix | refused |
//! | deprecate | allowed |
//! | a validation, a trigger, a state machine or another form of one | allowed: it concerns what is written later |
//! | a permission set, what it allows, whose records are for everyone | allowed; a set that other packages name stays |
//! | a state that records are in goes out of its machine; an action goes, or asks for more | refused |
//!
//! It fails closed: objects and fields are compared property by property in their canonical form, and a property that no rule
//! in [`rules`] knows may not change. A property that is added to the model is thereby frozen until somebody says how it may
//! evolve.
//!
//! It does no I/O: how many records a change concerns is asked of [`Records`], what else depends on a thing of [`Dependents`].

mod actions;
mod behaviour;
mod dependents;
mod difference;
mod fields;
mod machines;
mod objects;
mod options;
mod permissions;
mod readers;
mod rules;

pub use dependents::{Dependent, Dependents, Model};
pub use difference::{Class, Difference, Effect, Subject};

use crate::{
    issue::Places,
    model::{Object, Registry},
    name::{FieldName, ObjectName, PackageName},
};

/// A question about the records that are there.
#[derive(Clone, Debug, PartialEq)]
pub enum Concerned<'a> {
    /// All records of an object.
    All,
    /// Those without a value in a field.
    Empty(&'a FieldName),
    /// Those with a value in a field.
    Filled(&'a FieldName),
    /// Those that use an option of a choice.
    Option(&'a FieldName, &'a str),
    /// Those whose value is longer (characters) or larger than this.
    Above(&'a FieldName, &'a str),
    /// Those whose value is shorter (characters) or smaller than this.
    Below(&'a FieldName, &'a str),
    /// Those in the recycle bin.
    Deleted,
}

/// Counts records, for who can see them.
pub trait Records {
    /// How many records of `object`, as the old registry knows it, a change concerns; nothing when that can't be told.
    fn count(&self, object: &Object, concerned: &Concerned<'_>) -> Option<u64>;
}

/// Nobody can see the records: two folders are compared.
#[derive(Clone, Copy, Debug)]
pub struct Unseen;

impl Records for Unseen {
    fn count(&self, _: &Object, _: &Concerned<'_>) -> Option<u64> {
        None
    }
}

/// What a comparison looks at beside the two registries.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Where the new registry's things are declared.
    pub places: &'a Places,
    /// Counts records.
    pub records: &'a dyn Records,
    /// Finds what depends on a thing of the old registry.
    pub dependents: &'a [&'a dyn Dependents],
}

/// Everything that is different in `new`, in the order of packages and objects.
pub fn compare(old: &Registry, new: &Registry, surroundings: Surroundings<'_>) -> Vec<Difference> {
    let mut comparison = Comparison { old, new, surroundings, found: Vec::new() };
    comparison.packages();
    comparison.objects();
    comparison.behaviour();
    comparison.permissions();
    comparison.found
}

/// A comparison on its way.
struct Comparison<'a> {
    old: &'a Registry,
    new: &'a Registry,
    surroundings: Surroundings<'a>,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn packages(&mut self) {
        for (name, package) in &self.old.packages {
            match self.new.packages.get(name) {
                None => {
                    let message =
                        format!("the package `{name}` is gone, with {} objects", package.objects.len());
                    self.add(Class::Refused, "package-removed", Subject::Package(name.clone()), message);
                }
                Some(now) if now.version != package.version => {
                    let message = format!("`{name}` goes from {} to {}", package.version, now.version);
                    self.add(Class::Allowed, "package-version", Subject::Package(name.clone()), message);
                }
                Some(_) => {}
            }
        }
        for (name, package) in
            self.new.packages.iter().filter(|(name, _)| !self.old.packages.contains_key(*name))
        {
            let message = format!("the package `{name}` {} is new", package.version);
            self.found.push(Difference::new(
                Class::Allowed,
                "package-added",
                Subject::Package(name.clone()),
                message,
            ));
        }
    }

    /// Notes a difference, with what is known of its subject.
    fn add(
        &mut self,
        class: Class,
        code: &'static str,
        subject: Subject,
        message: String,
    ) -> &mut Difference {
        let mut difference = Difference::new(class, code, subject, message);
        difference.api = difference.subject.api(self.old, self.new);
        difference.place = self.place(&difference.subject);
        if class == Class::Refused {
            for dependents in self.surroundings.dependents {
                dependents.of(self.old, &difference.subject, &mut difference.dependents);
            }
        }
        let at = self.found.len();
        self.found.push(difference);
        &mut self.found[at]
    }

    fn place(&self, subject: &Subject) -> Option<crate::issue::Place> {
        let places = self.surroundings.places;
        let package = |name: &PackageName| places.package(name);
        let object = |name: &ObjectName| {
            let known = self.new.get(name.as_str()).and_then(|object| places.object(&object.name));
            known.or_else(|| package(&self.old.get(name.as_str())?.package))
        };
        let found = match subject {
            Subject::Package(name) => package(name),
            Subject::PermissionSet(set) => places.permission_set(set),
            Subject::Grant(set, name) => {
                let now = self.new.get(name.as_str()).map_or(name, |object| &object.name);
                places.grant(set, now).or_else(|| places.permission_set(set))
            }
            Subject::Object(name)
            | Subject::Relation(name, _)
            | Subject::Index(name, _)
            | Subject::Rule(name, _) => object(name),
            Subject::Field(name, field) | Subject::Option(name, field, _) => {
                let now = self.new.get(name.as_str());
                let declared =
                    now.and_then(|now| Some((now.name.clone(), now.field(field.as_str())?.name.clone())));
                declared.and_then(|(object, field)| places.field(&object, &field)).or_else(|| object(name))
            }
        };
        found.cloned()
    }
}

/// The first thing that keeps `differences` from being activated, if there is one.
pub fn refused(differences: &[Difference]) -> impl Iterator<Item = &Difference> {
    differences.iter().filter(|difference| difference.class != Class::Allowed)
}

#[cfg(test)]
mod tests;
