//! Rules: what must hold of records, and what happens when they change.
//!
//! All of an object's rules, of whichever package, stand in one [`Rules`]. Every expression in them is typed against the
//! objects; names of objects, fields and relations are resolved. Whoever runs them looks nothing up by text.

mod case;
mod message;
mod step;
mod unique;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::Serialize;

pub use case::{Case, CaseChange, CaseRecord, CaseStep, Expected, Matching};
pub use message::{Message, Piece};
pub use step::{Refusal, Step, Target, Values, Wanted};
pub use unique::{Is, Requirement, Unique};

use crate::{
    expression::Expression,
    model::{Field, Labels},
    name::{FieldName, PackageName},
};

/// The rules of one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rules {
    /// What must hold, by package and name.
    pub validations: Vec<Validation>,
    /// Which values of a field may follow which.
    pub machines: Vec<StateMachine>,
    /// What happens before and after a change, in the order in which it does.
    pub triggers: Vec<Trigger>,
    /// What can be asked to be done with a record, by name.
    pub actions: IndexMap<String, Action>,
}

impl Rules {
    /// The `unique` rule that a constraint keeps.
    pub fn keeping(&self, constraint: &str) -> Option<&Validation> {
        let keeps =
            |rule: &&Validation| matches!(&rule.check, Check::Unique(it) if it.constraint == constraint);
        self.validations.iter().find(keeps)
    }
}

/// What is done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Event {
    Create,
    Update,
    Delete,
    Undelete,
}

/// When a trigger runs, seen from the change; both times inside its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Phase {
    Before,
    After,
}

/// What a rule that is broken does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Weight {
    /// The change is made, and told about.
    Warning,
    /// The change is refused.
    Error,
}

/// Something that must hold of a record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Validation {
    /// Its name, unique among those of its object.
    pub name: String,
    /// The package that says so.
    pub package: PackageName,
    /// What it does when it is broken.
    pub severity: Weight,
    /// The changes that it looks at.
    pub on: BTreeSet<Event>,
    /// What programs know it by.
    pub error_code: String,
    /// What people are told.
    pub message: Message,
    /// The fields that the finding is about; none for the record.
    pub fields: Vec<FieldName>,
    /// What is looked at.
    pub check: Check,
}

/// What a validation looks at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Check {
    /// Broken where this is true: false and null are well.
    Broken(Expression),
    /// No two records that count have the same values in its fields.
    Unique(Unique),
}

/// Which values of a field may follow which.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateMachine {
    /// Its name.
    pub name: String,
    /// The package that says so.
    pub package: PackageName,
    /// A select.
    pub field: FieldName,
    /// What a new record may have; any option when nothing is said.
    pub initial: Option<Vec<String>>,
    /// What may follow each value; nothing follows one that is not named.
    pub transitions: IndexMap<String, Vec<String>>,
    /// What it does when it is broken.
    pub severity: Weight,
    /// What programs know it by.
    pub error_code: String,
    /// What people are told.
    pub message: Message,
}

impl StateMachine {
    /// Whether a new record may have this value.
    pub fn may_begin(&self, state: &str) -> bool {
        self.initial.as_ref().is_none_or(|states| states.iter().any(|known| known == state))
    }

    /// Whether one value may follow another.
    pub fn may_follow(&self, from: &str, to: &str) -> bool {
        from == to || self.transitions.get(from).is_some_and(|states| states.iter().any(|known| known == to))
    }
}

/// Steps that run when a record changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trigger {
    /// Its name, unique among those of its object.
    pub name: String,
    /// The package that says so.
    pub package: PackageName,
    /// When it runs.
    pub on: BTreeSet<(Phase, Event)>,
    /// Those with less run first; among equals packages and names decide.
    pub order: i64,
    /// Only where this is true.
    pub when: Option<Expression>,
    /// What it does, in order.
    pub steps: Vec<Step>,
}

/// A named operation on one record, in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Action {
    /// Its name, unique among those of its object.
    pub name: String,
    /// The package that says so.
    pub package: PackageName,
    /// What people call it.
    pub label: Labels,
    /// What it does.
    pub description: Option<String>,
    /// Refused where this is not true.
    pub when: Option<Expression>,
    /// What is told then.
    pub refusal: Option<Refusal>,
    /// What the caller gives; in expressions the fields of `parameters`.
    pub parameters: IndexMap<FieldName, Field>,
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// What the caller gets, by name.
    pub returns: IndexMap<String, Expression>,
}
