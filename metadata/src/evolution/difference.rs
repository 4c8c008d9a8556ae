//! One difference between two versions.

use std::fmt;

use serde::Serialize;

use crate::{
    evolution::Dependent,
    issue::Place,
    model::{FieldKind, Object, Registry},
    name::{FieldName, ObjectName, PackageName, RelationName},
    naming::{camel_case, pascal_case, relation_of_lookup},
};

/// Whether a difference may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nobody who uses the old version notices anything wrong.
    Allowed,
    /// It may be once a default says what the records that are there get.
    NeedsDefault,
    /// It would break who uses the old version.
    Refused,
}

/// What activating it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The default of a field is written into the records that have no value in it.
    Backfill {
        /// The object, by its new name.
        object: ObjectName,
        /// The field, by its new name.
        field: FieldName,
    },
    /// A summary is made of the records that are there.
    Summarize {
        /// The object, by its new name.
        object: ObjectName,
        /// The field, by its new name.
        field: FieldName,
    },
    /// A formula that an index finds is computed for the records that are there.
    Recompute {
        /// The object, by its new name.
        object: ObjectName,
        /// The field, by its new name.
        field: FieldName,
    },
    /// An index is made over the records that are there.
    BuildIndex {
        /// The object, by its new name.
        object: ObjectName,
        /// The index.
        index: String,
    },
    /// A table is made.
    NewTable {
        /// The object.
        object: ObjectName,
    },
    /// A column is added.
    NewColumn {
        /// The object, by its new name.
        object: ObjectName,
        /// The field.
        field: FieldName,
    },
}

/// What a difference is about, by the names of the old version where it has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A package.
    Package(PackageName),
    /// An object.
    Object(ObjectName),
    /// A field.
    Field(ObjectName, FieldName),
    /// An option of a field.
    Option(ObjectName, FieldName, String),
    /// A way to another object.
    Relation(ObjectName, RelationName),
    /// An index or a unique constraint.
    Index(ObjectName, String),
    /// A validation, a state machine, a trigger or an action.
    Rule(ObjectName, String),
    /// A permission set.
    PermissionSet(String),
    /// What a permission set allows on an object.
    Grant(String, ObjectName),
}

/// What a thing is called by those who use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Api {
    /// `account.industry`.
    pub objectql: String,
    /// `crm.account.industry`; empty for what SQL does not know.
    pub sql: String,
    /// `Account.industry`; empty for what GraphQL does not know.
    pub graphql: String,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Whether it may be.
    pub class: Class,
    /// A stable code: `field-removed`, `option-added`, …
    pub code: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// What that is called outside.
    pub api: Api,
    /// What is different, and for what is refused what to do instead.
    pub message: String,
    /// What depends on what would be gone.
    pub dependents: Vec<Dependent>,
    /// How many records it concerns, where that is known and matters.
    pub records: Option<u64>,
    /// What activating it takes.
    pub effects: Vec<Effect>,
    /// Where the new version says so, or the nearest place where it does not.
    pub place: Option<Place>,
}

impl Difference {
    /// Something that may not be for a reason that is not in the model.
    pub fn refused(code: &'static str, subject: Subject, message: String) -> Self {
        Self::new(Class::Refused, code, subject, message)
    }

    /// Something that may be, for a reason that is not in the model.
    pub fn allowed(code: &'static str, subject: Subject, message: String) -> Self {
        Self::new(Class::Allowed, code, subject, message)
    }

    pub(super) fn new(class: Class, code: &'static str, subject: Subject, message: String) -> Self {
        let api = Api { objectql: subject.to_string(), ..Api::default() };
        Self {
            class,
            code,
            subject,
            api,
            message,
            dependents: Vec::new(),
            records: None,
            effects: Vec::new(),
            place: None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}", self.subject, self.message)?;
        if let Some(records) = self.records {
            write!(f, "; {records} records")?;
        }
        if !self.dependents.is_empty() {
            let names: Vec<String> = self.dependents.iter().map(ToString::to_string).collect();
            write!(f, "; used by {}", names.join(", "))?;
        }
        write!(f, " [{}]", self.code)
    }
}

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(name) => write!(f, "{name}"),
            Self::Object(name) => write!(f, "{name}"),
            Self::Field(object, field) => write!(f, "{object}.{field}"),
            Self::Option(object, field, value) => write!(f, "{object}.{field} = {value:?}"),
            Self::Relation(object, relation) => write!(f, "{object}.{relation}"),
            Self::Index(object, index) => write!(f, "{object}: {index}"),
            Self::Rule(object, rule) => write!(f, "{object}.{rule}"),
            Self::PermissionSet(set) => f.write_str(set),
            Self::Grant(set, object) => write!(f, "{set} on {object}"),
        }
    }
}

impl Subject {
    /// What it is called outside; the old registry's word comes first, that being what clients know.
    pub(super) fn api(&self, old: &Registry, new: &Registry) -> Api {
        let objectql = self.to_string();
        let found = |name: &ObjectName| old.get(name.as_str()).or_else(|| new.get(name.as_str())).cloned();
        let (sql, graphql) = match self {
            Self::Package(name) => (name.to_string(), String::new()),
            Self::Object(name) => match found(name) {
                Some(object) => (format!("{}.{name}", object.package), pascal_case(name.as_str())),
                None => Default::default(),
            },
            Self::Field(name, field) | Self::Option(name, field, _) => match found(name) {
                Some(object) => (
                    format!("{}.{name}.{field}", object.package),
                    format!("{}.{}", pascal_case(name.as_str()), graphql_field(&object, field)),
                ),
                None => Default::default(),
            },
            Self::Relation(name, relation) => {
                (String::new(), format!("{}.{}", pascal_case(name.as_str()), camel_case(relation.as_str())))
            }
            // What a rule is called is told with its findings, the same in every language.
            Self::Rule(..) | Self::PermissionSet(_) | Self::Grant(..) => Default::default(),
            Self::Index(name, index) => match found(name) {
                Some(object) => (format!("{}.{index}", object.package), String::new()),
                None => Default::default(),
            },
        };
        Api { objectql, sql, graphql }
    }
}

/// A lookup is its id there: `accountId`.
fn graphql_field(object: &Object, field: &FieldName) -> String {
    let is_lookup = object.field(field.as_str()).is_some_and(|f| matches!(f.kind, FieldKind::Lookup { .. }));
    match is_lookup {
        true => format!("{}Id", camel_case(relation_of_lookup(field.as_str()))),
        false => camel_case(field.as_str()),
    }
}
