//! `<name>.permissionset.yml`: a permission set as its author wrote it.

use std::collections::BTreeSet;

use crate::{
    definition::{
        Located,
        grant::{FieldGrantDefinition, GrantDefinition},
        identifier::{NameOf, check},
        mapping::{Keys, Mapping},
        value::{Value, parse},
    },
    issue::Issues,
    limits::{INCLUDES_MAX, OBJECTS_MAX},
    model::Labels,
    name::ObjectName,
    naming::camel_case,
    nearest::did_you_mean,
    permissions::Capability,
    read::Source,
};

/// A permission set as its author wrote it.
#[derive(Debug)]
pub(crate) struct SetDefinition {
    pub(crate) name: Located<String>,
    pub(crate) label: Option<Labels>,
    pub(crate) description: Option<String>,
    pub(crate) includes: Vec<Located<String>>,
    pub(crate) capabilities: BTreeSet<Capability>,
    pub(crate) objects: Vec<(Located<ObjectName>, GrantDefinition)>,
}

const KEYS: Keys = Keys {
    of: "a permission set",
    known: &[
        ("name", &[]),
        ("label", &[]),
        ("description", &[]),
        ("includes", &[]),
        ("capabilities", &["systemPermissions"]),
        ("objects", &[]),
        ("fields", &[]),
    ],
    later: &["active", "adminScope", "isDefault", "rowLevelSecurity", "sharingRules", "tabPermissions"],
};

/// Every capability by its name.
const CAPABILITIES: [(&str, Capability); 6] = [
    ("viewAllData", Capability::ViewAllData),
    ("modifyAllData", Capability::ModifyAllData),
    ("manageUsers", Capability::ManageUsers),
    ("managePackages", Capability::ManagePackages),
    ("viewAudit", Capability::ViewAudit),
    ("explainAccess", Capability::ExplainAccess),
];

/// What a capability is called.
pub(crate) fn name_of(capability: Capability) -> &'static str {
    CAPABILITIES.iter().find(|(_, known)| *known == capability).map_or("", |(name, _)| name)
}

impl SetDefinition {
    /// Reads a file whose name gives `stem`.
    pub(crate) fn read(stem: &str, source: &Source, issues: &mut Issues) -> Result<Self, String> {
        let broken = || stem.to_owned();
        let node = parse(&source.file, &source.text, issues).ok_or_else(broken)?;
        let root = Value::root(&source.file, &node);
        let mapping = Mapping::read(&root, &KEYS, issues).ok_or_else(broken)?;
        let name = match mapping.get("name") {
            Some(value) => value.text(issues).map(|text| value.located(text.to_owned())),
            None => Some(root.located(stem.to_owned())),
        };
        let name = name.ok_or_else(broken)?;
        if !check(&name.value, NameOf::Index, &name.place, issues) {
            return Err(name.value);
        }
        let mut objects = mapping.get("objects").map(|value| objects(value, issues)).unwrap_or_default();
        if let Some(fields) = mapping.get("fields") {
            lay_fields(fields, &mut objects, issues);
        }
        Ok(Self {
            name,
            label: mapping.get("label").and_then(|value| value.labels(issues)),
            description: mapping.get("description").and_then(|value| value.text(issues)).map(str::to_owned),
            includes: mapping.get("includes").map(|value| includes(value, issues)).unwrap_or_default(),
            capabilities: mapping
                .get("capabilities")
                .map(|value| capabilities(value, issues))
                .unwrap_or_default(),
            objects,
        })
    }
}

fn objects(value: &Value<'_>, issues: &mut Issues) -> Vec<(Located<ObjectName>, GrantDefinition)> {
    let entries = value.entries(issues).unwrap_or_default();
    if entries.len() > OBJECTS_MAX {
        issues.error(&value.place(), "too-many", format!("more than {OBJECTS_MAX} objects"));
        return Vec::new();
    }
    let grants = entries.into_iter().filter_map(|(name, value)| {
        GrantDefinition::read(&value, issues).map(|grant| (value.located(ObjectName::from(name)), grant))
    });
    grants.collect()
}

/// The newest spec names fields of all objects in one place, as `account.annual_revenue`.
fn lay_fields(
    value: &Value<'_>,
    objects: &mut [(Located<ObjectName>, GrantDefinition)],
    issues: &mut Issues,
) {
    for (path, value) in value.entries(issues).unwrap_or_default() {
        let (object, field) = path.split_once('.').unwrap_or((path, ""));
        let of = objects.iter_mut().find(|(name, _)| name.value.as_str() == object && !field.is_empty());
        let Some((_, grant)) = of else {
            let message =
                format!("`{path}` is no field of an object in `objects`, such as `account.annual_revenue`");
            issues.error(&value.place(), "unknown-field", message);
            continue;
        };
        let each = &mut grant.fields.each;
        if each.iter().any(|(known, _)| known.value.as_str() == field) {
            let message = format!("`{path}` is granted in `objects` already; say it once");
            issues.error(&value.place(), "duplicate-grant", message);
            continue;
        }
        if let Some(read) = FieldGrantDefinition::read(&value, issues) {
            each.push((value.located(field.into()), read));
        }
    }
}

fn includes(value: &Value<'_>, issues: &mut Issues) -> Vec<Located<String>> {
    let items = value.list(issues).unwrap_or_default();
    if items.len() > INCLUDES_MAX {
        issues.error(&value.place(), "too-many", format!("more than {INCLUDES_MAX} sets"));
        return Vec::new();
    }
    let mut names: Vec<Located<String>> = Vec::with_capacity(items.len());
    for item in items {
        let Some(name) = item.text(issues) else { continue };
        match names.iter().any(|known| known.value == name) {
            true => issues.error(&item.place(), "duplicate-key", format!("`{name}` is named twice")),
            false => names.push(item.located(name.to_owned())),
        }
    }
    names
}

fn capabilities(value: &Value<'_>, issues: &mut Issues) -> BTreeSet<Capability> {
    let mut found = BTreeSet::new();
    for item in value.list(issues).unwrap_or_default() {
        let Some(name) = item.text(issues) else { continue };
        let camel = camel_case(name);
        let known = CAPABILITIES.iter().find(|(known, _)| *known == camel);
        let Some((known, capability)) = known else {
            let near = did_you_mean(&camel, CAPABILITIES.iter().map(|(known, _)| *known));
            let message = format!("`{name}` is not a capability{near}");
            issues.error(&item.place(), "wrong-value", message);
            continue;
        };
        if !found.insert(*capability) {
            issues.error(&item.place(), "duplicate-key", format!("`{known}` is named twice"));
        }
    }
    found
}
