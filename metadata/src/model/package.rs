//! Packages as they were loaded.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    model::Labels,
    name::{ObjectName, PackageName},
};

/// One package as loaded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Package {
    /// Its name; a schema in SQL.
    pub name: PackageName,
    /// Its version.
    pub version: semver::Version,
    /// What people call it.
    pub label: Labels,
    /// What it is for.
    pub description: Option<String>,
    /// The currency of its amounts that name none.
    pub default_currency: Option<String>,
    /// The packages it stands on, with the range it accepts.
    pub depends: BTreeMap<PackageName, semver::VersionReq>,
    /// Its objects by name.
    pub objects: Vec<ObjectName>,
}
