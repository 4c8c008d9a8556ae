//! Who may do what with which records and fields.
//!
//! Permissions are held by sets. A user has some sets; what any of them allows, he may (sets add up). Inside one set, what is
//! denied wins over what is allowed. Nothing is allowed that no set allows.

mod seen;
mod shape;

use std::{collections::BTreeSet, sync::Arc};

pub use shape::{FieldRight, Layer, READ_ALL_DATA, Reason, Records, Shape, WRITE_ALL_DATA};

use indexmap::IndexMap;
use serde::Serialize;

use crate::{
    expression::Expression,
    model::Labels,
    name::{FieldName, ObjectName, PackageName},
};

/// A named collection of grants.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PermissionSet {
    /// Its name: what users are given, and what `user.roles` holds.
    pub name: String,
    /// What people call it.
    pub label: Labels,
    /// What it is for.
    pub description: Option<String>,
    /// The package that declares it.
    pub package: PackageName,
    /// Sets that whoever has this one has too, transitively, by name; without itself.
    pub includes: BTreeSet<String>,
    /// What it allows beyond records.
    pub capabilities: BTreeSet<Capability>,
    /// What it allows on objects; nothing on those that are not here.
    pub objects: IndexMap<ObjectName, Grant>,
}

/// Something that is no matter of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Capability {
    /// Read every record of every object, and every field in clear.
    ViewAllData,
    /// That, and change them.
    ModifyAllData,
    /// Users, their permission sets and keys.
    ManageUsers,
    /// Publish and activate packages.
    ManagePackages,
    /// Read `audit.*`.
    ViewAudit,
    /// Be told why others may or may not.
    ExplainAccess,
}

/// What one set allows on one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Grant {
    /// What may be done at all; with which records, sharing and `records` say.
    pub allow: BTreeSet<Act>,
    /// The actions that may be done with a record that may be updated.
    pub actions: Actions,
    /// Fields that are not as the others.
    pub fields: IndexMap<FieldName, FieldGrant>,
    /// All other fields.
    pub other_fields: FieldGrant,
    /// Records beyond those that sharing gives, and records that are denied all the same.
    pub records: Vec<RecordRule>,
    /// The package that grants it, where that is not the set's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_by: Option<PackageName>,
}

/// What can be done with records of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Act {
    /// Make one.
    Create,
    /// See it.
    Read,
    /// Change it.
    Update,
    /// Delete it, and bring it back.
    Delete,
    /// See all of them, whoever owns them.
    ViewAll,
    /// Change and delete all of them, whoever owns them.
    ModifyAll,
    /// Take many away at once: exports, `COPY TO`, streams of Arrow.
    Export,
    /// Give it to another owner.
    Transfer,
}

impl Act {
    /// All of them.
    pub const ALL: [Act; 8] = [
        Act::Create,
        Act::Read,
        Act::Update,
        Act::Delete,
        Act::ViewAll,
        Act::ModifyAll,
        Act::Export,
        Act::Transfer,
    ];
}

/// Which of an object's actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Actions {
    /// Every one, also those to come.
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Default for Actions {
    fn default() -> Self {
        Actions::Only(BTreeSet::new())
    }
}

/// What may be done with a field, where the object allows the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FieldGrant {
    /// How it is read.
    pub read: FieldRead,
    /// It may be given a value.
    pub update: bool,
}

impl Default for FieldGrant {
    /// As any field that nothing is said of: read (masked where the field says so) and updated.
    fn default() -> Self {
        FieldGrant { read: FieldRead::AsDeclared, update: true }
    }
}

/// How a field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum FieldRead {
    /// Not at all: it does not exist.
    Hidden,
    /// Masked, if it has `maskAs`; in clear otherwise.
    AsDeclared,
    /// In clear, whatever `maskAs` says.
    Clear,
}

/// Records that a set lets someone do something with, or does not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordRule {
    /// Its name, unique in the grant.
    pub name: String,
    /// What it does.
    pub effect: Effect,
    /// With respect to what: among `Create`, `Read`, `Update` and `Delete`.
    pub acts: BTreeSet<Act>,
    /// Which records: a condition over the record, its to-one paths and the user. Null is false.
    pub when: Arc<Expression>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[allow(missing_docs)]
pub enum Effect {
    Allow,
    Deny,
}

/// What holds for records of an object for everyone who may do the like with some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Sharing {
    /// Its owner, whoever is above the owner, and whom rules and shares name.
    #[default]
    Private,
    /// All may see them; changing is as when private.
    PublicRead,
    /// All may see and change them.
    PublicReadWrite,
    /// As the record that this lookup leads to.
    Parent(FieldName),
}

impl Sharing {
    pub(crate) fn is_private(&self) -> bool {
        *self == Sharing::Private
    }
}

/// What is shown of a masked value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Mask {
    /// `j***@example.com`.
    Email,
    /// The last four digits.
    Phone,
    /// The last four characters.
    Last4,
    /// The first character of each word.
    Name,
    /// The year of a day or an instant: January 1st of it.
    Year,
    /// That there is a value: `***` for texts, null for all else.
    All,
}

impl FieldGrant {
    /// Neither read nor updated.
    pub const NONE: FieldGrant = FieldGrant { read: FieldRead::Hidden, update: false };
}
