//! What an expression may name: depends on where it stands.

use std::sync::Arc;

use crate::{
    expression::tree::Expression,
    model::{Field, FieldKind, Object, Registry},
    name::ObjectName,
};

/// The objects that an expression is held against.
pub trait Objects {
    /// The object of that exact name.
    fn object(&self, name: &str) -> Option<&Object>;

    /// What a formula field stands for; nothing for one that did not compile, which has been reported.
    fn formula(&self, object: &Object, field: &Field) -> Option<Arc<Expression>>;
}

impl Objects for Registry {
    fn object(&self, name: &str) -> Option<&Object> {
        self.get(name).map(Arc::as_ref)
    }

    fn formula(&self, _: &Object, field: &Field) -> Option<Arc<Expression>> {
        match &field.kind {
            FieldKind::Formula { expression, .. } => Some(Arc::clone(expression)),
            _ => None,
        }
    }
}

/// Where an expression stands, which decides what it may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A computed field: the record and what its lookups lead to, the clock.
    Formula,
    /// A rule that blocks or warns: also the record as it was, its children, the user.
    Validation,
    /// When a field is required, readonly or visible: as a validation, without children.
    Condition,
    /// What a new record gets: the record as far as it is given, the user, the clock.
    Default,
    /// When a trigger runs, and what its steps set: as a validation.
    Trigger,
    /// Who may see or do what: the record, the user, the clock.
    Policy,
    /// Which records a summary counts: the record alone.
    Summary,
}

impl Use {
    /// What it is called in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Use::Formula => "a formula",
            Use::Validation => "a validation",
            Use::Condition => "a field's condition",
            Use::Default => "a default",
            Use::Trigger => "a trigger",
            Use::Policy => "a policy",
            Use::Summary => "a summary's filter",
        }
    }

    pub(crate) fn sees_old(self) -> bool {
        matches!(self, Use::Validation | Use::Condition | Use::Trigger)
    }

    pub(crate) fn sees_children(self) -> bool {
        matches!(self, Use::Validation | Use::Trigger)
    }

    pub(crate) fn sees_user(self) -> bool {
        !matches!(self, Use::Formula | Use::Summary)
    }
}

/// What the names of an expression are held against.
#[derive(Clone)]
pub struct Scope<'a> {
    pub(crate) objects: &'a dyn Objects,
    pub(crate) object: &'a Object,
    pub(crate) place: Use,
    /// Further records by name: the item of a `forEach`, say.
    pub(crate) named: Vec<(String, ObjectName)>,
}

impl<'a> Scope<'a> {
    /// The scope of an expression about records of `object`.
    pub fn new(objects: &'a dyn Objects, object: &'a Object, place: Use) -> Scope<'a> {
        Scope { objects, object, place, named: Vec::new() }
    }

    /// The same with one more record, by a name of its own.
    pub fn with_record(mut self, name: impl Into<String>, object: ObjectName) -> Scope<'a> {
        self.named.push((name.into(), object));
        self
    }
}
