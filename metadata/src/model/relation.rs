//! Ways between objects.

use serde::Serialize;

use crate::name::{FieldName, ObjectName, RelationName};

/// A way from an object to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Relation {
    /// The names that it had; they still answer.
    pub alias: Vec<RelationName>,
    /// Its name: of a to-one, the lookup's name without `_id` (`account_id` → `account`; the lookup's own name
    /// also answers in paths); of a to-many, `reverseName` of the lookup, else the plural of the other
    /// object (`opportunities`), made unique by `_by_<lookup relation>` where two lookups would collide.
    pub name: RelationName,
    /// The object at the other end.
    pub target: ObjectName,
    /// Which lookup carries it.
    pub kind: RelationKind,
}

impl Relation {
    /// Whether it is the way to one, or to several, that `field` of its own object makes.
    pub fn is_carried_by(&self, field: &str) -> bool {
        use RelationKind::{ToOne, ToSeveral};
        matches!(&self.kind, ToOne { field: own } | ToSeveral { field: own } if own.as_str() == field)
    }
}

/// Which end of a lookup, or of a list of references, a relation is seen from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum RelationKind {
    /// This object holds the lookup.
    ToOne {
        /// The lookup here.
        field: FieldName,
    },
    /// This object holds a list of references.
    ToSeveral {
        /// The list here.
        field: FieldName,
    },
    /// The other object holds it.
    ToMany {
        /// The lookup there.
        field: FieldName,
    },
}
