//! References to a record of one of several objects.
//!
//! Such a field (`related_to: {type: lookup, reference: [account, lead]}`) is laid out as fields that are each something known:
//!
//! ```text
//! related_to              the id, whichever object's: computed of the lookups and kept
//! related_to_type         which object: computed of the lookups and kept
//! related_to_account_id   a lookup to account   ┐ one of them at most has a value
//! related_to_lead_id      a lookup to lead      ┘
//! ```
//!
//! So nobody behind the compiler needs a new notion of a reference: whether the record is there, what happens when it is deleted, ways
//! there and back, indexes and joins are those of lookups. Only the pipeline of a change knows that one of them has the value.

use serde::Serialize;

use crate::name::{FieldName, ObjectName};

/// A reference to a record of one of several objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Polymorphic {
    /// The id, whichever object's it is.
    pub field: FieldName,
    /// Which object's that is.
    pub type_field: FieldName,
    /// Of which at most one has a value.
    pub members: Vec<Member>,
}

/// The lookup to one of the objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// What the type says where this one has a value: the object's first name, which no renaming changes.
    pub type_name: String,
    /// The object.
    pub target: ObjectName,
    /// The lookup.
    pub field: FieldName,
}

impl Polymorphic {
    /// Whether a field is a part of it.
    pub fn has(&self, field: &str) -> bool {
        self.field.as_str() == field || self.type_field.as_str() == field || self.is_member(field)
    }

    /// Whether a field is one of its lookups.
    pub fn is_member(&self, field: &str) -> bool {
        self.members.iter().any(|member| member.field.as_str() == field)
    }

    /// Its lookups by name, for people: `related_to_account_id or related_to_lead_id`.
    pub fn told_members(&self) -> String {
        let names: Vec<&str> = self.members.iter().map(|member| member.field.as_str()).collect();
        names.join(" or ")
    }
}
