//! Cases: what a package promises, to be tried on a store of its own.

use serde_json::Value as Json;

use crate::{
    issue::Place,
    name::{FieldName, ObjectName, PackageName},
    rules::Weight,
};

/// Records that are there, changes that are made, and what is expected then.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The package that promises it.
    pub package: PackageName,
    /// What it shows.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The instant at which it happens, in microseconds since 1970-01-01T00:00:00Z.
    pub now_micros: i64,
    /// What is there before, written by the system: rules run, readonly fields are given.
    pub given: Vec<CaseRecord>,
    /// One transaction after another.
    pub steps: Vec<CaseStep>,
    /// What is there in the end.
    pub records: Vec<Expected>,
    /// What the last transaction finds: these, and no other errors.
    pub findings: Vec<(String, Weight)>,
    /// What the last transaction warns of: these, and nothing else; whatever it does when nothing is said.
    pub warnings: Option<Vec<String>>,
}

/// A record by its key in the case. A value `$key` is the id of the record of that key.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseRecord {
    /// Of this object.
    pub object: ObjectName,
    /// What the case calls it.
    pub key: String,
    /// Its fields.
    pub values: Vec<(FieldName, Json)>,
}

/// A transaction of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseStep {
    /// By the system, which writes readonly fields; else by a user.
    pub as_system: bool,
    /// What it does.
    pub change: CaseChange,
}

/// What a transaction of a case does.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum CaseChange {
    Create(Vec<CaseRecord>),
    Update(Vec<CaseRecord>),
    Delete(Vec<(ObjectName, String)>),
    Undelete(Vec<(ObjectName, String)>),
    /// An action on the record of a key.
    Action {
        name: String,
        on: String,
        parameters: Vec<(FieldName, Json)>,
    },
}

/// Records that are there in the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Of this object.
    pub object: ObjectName,
    /// Which.
    pub which: Matching,
    /// How many there are.
    pub count: Option<u32>,
    /// What each of them has.
    pub has: Vec<(FieldName, Json)>,
    /// Where it says so.
    pub place: Place,
}

/// Which records are expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Matching {
    /// The one of that key.
    Key(String),
    /// Those that have these values.
    Values(Vec<(FieldName, Json)>),
}
