//! Values that one record only may have, among those that count.

use serde::Serialize;

use crate::name::FieldName;

/// No two records that count have the same values in these fields; a null is like no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unique {
    /// What the constraint is called that keeps it.
    pub constraint: String,
    /// The fields, in order.
    pub fields: Vec<FieldName>,
    /// A record counts that meets all of these.
    pub when: Vec<Requirement>,
}

/// What a field of a record must be, for the record to count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The field; its values are stored.
    pub field: FieldName,
    /// What it must be.
    pub is: Is,
}

/// See [`Requirement`]. Null is nothing but [`Is::Empty`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Is {
    /// Null.
    Empty,
    /// Any value.
    Filled,
    /// This one.
    Bool(bool),
    /// This whole number.
    Int(i64),
    /// One of these texts.
    AnyOf(Vec<String>),
    /// A text, and none of these.
    NoneOf(Vec<String>),
}
