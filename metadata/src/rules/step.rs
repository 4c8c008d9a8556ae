//! What triggers and actions do, step by step.

use indexmap::IndexMap;
use serde::Serialize;

use crate::{
    expression::Step as Lookup,
    expression::{Children, Expression, Root},
    name::{FieldName, ObjectName},
    rules::{Message, Weight},
};

/// Fields with what they are set to. Each expression gives its field's type, or null.
pub type Values = IndexMap<FieldName, Expression>;

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Step {
    /// Sets fields of the record that is about to be written, one after another.
    Set(Values),
    /// Adds a finding; with the weight of an error nothing of the change is written.
    Find(Refusal),
    /// Makes a record.
    Create {
        /// Only where this is true.
        when: Option<Expression>,
        /// Of this object.
        object: ObjectName,
        /// What later steps call it; all its fields are null when it was not made.
        name: Option<String>,
        /// Its fields. Bare names are those of the triggering record.
        values: Values,
    },
    /// Makes a record, or changes the one that has the same in its key.
    Upsert {
        /// Only where this is true.
        when: Option<Expression>,
        /// Of this object.
        object: ObjectName,
        /// The fields of its key, which are unique together, and are among the values.
        on: Vec<FieldName>,
        /// What later steps call it; all its fields are null when it is not there.
        name: Option<String>,
        /// Its fields. Bare names are those of the triggering record.
        values: Values,
    },
    /// Changes records.
    Update {
        /// Only where this is true.
        when: Option<Expression>,
        /// Which.
        target: Target,
        /// Their fields. Bare names are those of the record that is changed, `this` is the triggering one.
        values: Values,
    },
    /// Deletes records.
    Delete {
        /// Only where this is true.
        when: Option<Expression>,
        /// Which.
        target: Target,
    },
    /// Does an action with records.
    CallAction {
        /// Only where this is true.
        when: Option<Expression>,
        /// The action, one of the object of these records.
        action: String,
        /// Which.
        target: Target,
        /// What it is given. Bare names are those of the record that it is done with, `this` is the triggering one.
        parameters: Values,
    },
    /// Does steps for each child of the record.
    ForEach {
        /// Which children.
        children: Children,
        /// What the steps call one of them.
        name: String,
        /// Only those for which this is true.
        filter: Option<Expression>,
        /// What is done.
        steps: Vec<Step>,
    },
    /// Does steps with the first record that matches, if there is one.
    First {
        /// Of this object.
        wanted: Wanted,
        /// What the steps call it.
        name: String,
        /// By this field of it, the least first; else by id.
        order_by: Option<FieldName>,
        /// What is done.
        steps: Vec<Step>,
    },
}

/// A finding that a step adds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refusal {
    /// Only where this is true.
    pub when: Option<Expression>,
    /// What it does.
    pub severity: Weight,
    /// What programs know it by.
    pub error_code: String,
    /// What people are told.
    pub message: Message,
}

/// Records that a step is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Target {
    /// What lookups lead to from a record; the record itself where there are none.
    Record {
        /// The record to begin with.
        root: Root,
        /// The lookups to follow.
        path: Vec<Lookup>,
        /// What it is a record of.
        object: ObjectName,
        /// Only where this is true of it.
        filter: Option<Expression>,
    },
    /// Children of the record.
    Children {
        /// Which.
        children: Children,
        /// Only those for which this is true.
        filter: Option<Expression>,
    },
    /// All that match.
    Matching(Wanted),
}

impl Target {
    /// What they are records of.
    pub fn object(&self) -> &ObjectName {
        match self {
            Target::Record { object, .. } => object,
            Target::Children { children, .. } => &children.object,
            Target::Matching(wanted) => &wanted.object,
        }
    }
}

/// Records of an object that match.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wanted {
    /// The object.
    pub object: ObjectName,
    /// An indexed field, or the id, that must have this value for the filter to be true: how they are found. All records of the
    /// object are looked at when there is none.
    pub by: Option<(FieldName, Expression)>,
    /// Which.
    pub filter: Expression,
}
