//! `<object>.permission.yml`: who may do what with one object's records, and whose they are for everyone, as its author wrote it.

use crate::{
    definition::{
        Located,
        grant::GrantDefinition,
        mapping::{Keys, Mapping},
        rule::About,
        sharing::SharingDefinition,
        value::{Value, parse},
    },
    issue::Issues,
    limits::PERMISSION_SETS_MAX,
    read::Source,
};

/// What one file says of one object.
#[derive(Debug)]
pub(crate) struct PermissionFile {
    pub(crate) about: About,
    pub(crate) sharing: Option<SharingDefinition>,
    /// The sets by name, each with what it allows.
    pub(crate) sets: Vec<(Located<String>, GrantDefinition)>,
}

const KEYS: Keys = Keys {
    of: "a file of permissions",
    known: &[("extends", &["object"]), ("sharingModel", &[]), ("controlledBy", &[]), ("sets", &[])],
    later: &["audit", "sharingRules"],
};

/// What such a file says in version 4 of this family.
const VERSION_4: &[&str] = &[
    "action_permissions",
    "field_masking",
    "field_permissions",
    "object_permissions",
    "record_rules",
    "roles",
    "sharing_rules",
];

impl PermissionFile {
    /// Reads a file whose name gives `stem`.
    pub(crate) fn read(stem: &str, source: &Source, issues: &mut Issues) -> Option<Self> {
        let node = parse(&source.file, &source.text, issues)?;
        let root = Value::root(&source.file, &node);
        let is_of_version_4 = |(key, _): &(&str, Value<'_>)| VERSION_4.contains(key);
        // What is wrong with its shape is told below.
        let entries = root.entries(&mut Issues::default()).unwrap_or_default();
        if let Some((key, value)) = entries.into_iter().find(is_of_version_4) {
            let message = format!(
                "`{key}` is how version 4 says it; `quarry package import` brings the file into this form (`sets`)"
            );
            issues.error(&value.place(), "unknown-property", message);
            return None;
        }
        let mapping = Mapping::read(&root, &KEYS, issues)?;
        let about = About::read(stem, &root, &mapping, issues);
        let sharing = SharingDefinition::read(&mapping, issues);
        let sets = mapping.get("sets").map(|value| sets(value, issues)).unwrap_or_default();
        if mapping.get("sets").is_none() && sharing.is_none() {
            let message = "a file of permissions says `sets`, `sharingModel` or both";
            issues.error(mapping.place(), "missing-property", message);
        }
        Some(Self { about, sharing, sets })
    }
}

fn sets(value: &Value<'_>, issues: &mut Issues) -> Vec<(Located<String>, GrantDefinition)> {
    let entries = value.entries(issues).unwrap_or_default();
    if entries.is_empty() {
        issues.error(&value.place(), "empty", "`sets` has at least one entry");
    }
    if entries.len() > PERMISSION_SETS_MAX {
        issues.error(&value.place(), "too-many", format!("more than {PERMISSION_SETS_MAX} sets"));
        return Vec::new();
    }
    let grants = entries.into_iter().filter_map(|(name, value)| {
        GrantDefinition::read(&value, issues).map(|grant| (value.located(name.to_owned()), grant))
    });
    grants.collect()
}
