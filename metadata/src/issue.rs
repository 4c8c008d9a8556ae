//! What is wrong with a package, and where.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::PathBuf,
    sync::Arc,
};

use serde::Serialize;

use crate::{
    definition::object::ObjectDefinition,
    name::{FieldName, ObjectName, PackageName},
};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The package compiles; its author should look.
    Warning,
    /// The package does not compile.
    Error,
}

/// Where in the sources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// The path of keys inside the file: `fields.name.maxLength`.
    pub path: String,
}

impl Place {
    /// A key of the mapping that stands here; its line is the mapping's.
    pub(crate) fn below(&self, key: &str) -> Place {
        Place { path: format!("{}.{key}", self.path), ..self.clone() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One finding in metadata.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issue {
    /// Where.
    pub place: Place,
    /// How bad.
    pub severity: Severity,
    /// A stable code: `unknown-property`, `unknown-reference`, `duplicate-object` …
    pub code: &'static str,
    /// What is wrong and what to do; names the nearest known name where there is one.
    pub message: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.place.path.is_empty() {
            write!(f, "{}: ", self.place.path)?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// All findings of one compilation, sorted by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issues(pub Vec<Issue>);

impl Issues {
    /// Whether one of them keeps the packages from compiling.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|issue| issue.severity == Severity::Error)
    }

    pub(crate) fn error(&mut self, place: &Place, code: &'static str, message: impl Into<String>) {
        self.add(Severity::Error, place, code, message.into());
    }

    pub(crate) fn warning(&mut self, place: &Place, code: &'static str, message: impl Into<String>) {
        self.add(Severity::Warning, place, code, message.into());
    }

    pub(crate) fn sort(&mut self) {
        self.0.sort();
    }

    fn add(&mut self, severity: Severity, place: &Place, code: &'static str, message: String) {
        self.0.push(Issue { place: place.clone(), severity, code, message });
    }
}

impl fmt::Display for Issues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for issue in &self.0 {
            writeln!(f, "{issue}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Issues {}

/// Where packages, objects, fields and permission sets are declared. It holds what was parsed, and finds a place when it is asked.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub(crate) packages: HashMap<PackageName, Place>,
    pub(crate) objects: HashMap<ObjectName, Arc<ObjectDefinition>>,
    pub(crate) permissions: SetPlaces,
}

/// Where permission sets are declared, and what each allows on an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetPlaces {
    pub(crate) sets: BTreeMap<String, Place>,
    pub(crate) grants: HashMap<(String, ObjectName), Place>,
}

impl Places {
    /// Where a package is declared.
    pub fn package(&self, name: &PackageName) -> Option<&Place> {
        self.packages.get(name)
    }

    /// Where an object is declared.
    pub fn object(&self, name: &ObjectName) -> Option<&Place> {
        self.objects.get(name).map(|object| &object.name.place)
    }

    /// Where a permission set is declared.
    pub fn permission_set(&self, name: &str) -> Option<&Place> {
        self.permissions.sets.get(name)
    }

    /// Where it is said what a permission set allows on an object.
    pub fn grant(&self, set: &str, object: &ObjectName) -> Option<&Place> {
        self.permissions.grants.get(&(set.to_owned(), object.clone()))
    }

    /// Where a field is that somebody declared.
    pub fn field(&self, object: &ObjectName, field: &FieldName) -> Option<&Place> {
        self.objects.get(object)?.fields.get(field).map(|field| &field.place)
    }
}
