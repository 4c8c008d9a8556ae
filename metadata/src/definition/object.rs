//! `<name>.object.yml`: an object as its author wrote it.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::{
    definition::{
        Located,
        field::{FieldDefinition, Within},
        identifier::{NameOf, aliases, check},
        mapping::{Keys, Mapping},
        options,
        reference::{self, Target},
        sharing::SharingDefinition,
        value::{Value, parse},
    },
    issue::{Issues, Place},
    limits::{FIELDS_MAX, ID_PREFIX_CHARS_MAX},
    model::{Labels, SelectOption},
    name::{FieldName, ObjectName},
    read::Source,
};

/// An object as its author wrote it.
#[derive(Clone, Debug)]
pub(crate) struct ObjectDefinition {
    pub(crate) name: Located<ObjectName>,
    /// The names that it had, oldest first.
    pub(crate) alias: Vec<Located<ObjectName>>,
    pub(crate) label: Option<Labels>,
    pub(crate) plural_label: Option<Labels>,
    pub(crate) description: Option<String>,
    pub(crate) icon: Option<String>,
    pub(crate) name_field: Option<Located<FieldName>>,
    pub(crate) id_prefix: Option<Located<String>>,
    pub(crate) searchable: Vec<Located<FieldName>>,
    /// What `enable` turns on.
    pub(crate) enabled: Enabled,
    pub(crate) fields: IndexMap<FieldName, FieldDefinition>,
    /// Fields that are declared but could not be read: nothing is said about references to them.
    pub(crate) broken_fields: BTreeSet<String>,
    pub(crate) indexes: Vec<IndexDefinition>,
    /// The object of another package that this file adds to.
    pub(crate) extends: Option<Located<String>>,
    /// Options that it adds to fields of that object.
    pub(crate) added_options: Vec<(Located<FieldName>, Vec<SelectOption>)>,
    /// Objects to which fields of that object may lead too.
    pub(crate) added_references: Vec<(Located<FieldName>, Vec<Target>)>,
    /// Whose its records are for everyone.
    pub(crate) sharing: Option<SharingDefinition>,
    /// Its references to one of several objects, once they are laid out as fields.
    pub(crate) polymorphic: Vec<PolymorphicDefinition>,
}

/// A reference to a record of one of several objects, laid out as fields.
#[derive(Clone, Debug)]
pub(crate) struct PolymorphicDefinition {
    /// The id of the record, whichever object it is of.
    pub(crate) field: FieldName,
    /// Which object that is.
    pub(crate) type_field: FieldName,
    /// A lookup for each object, with what the type says of it.
    pub(crate) members: Vec<(String, FieldName)>,
}

/// The switches that an object may turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Enabled {
    /// `enable.searchable`.
    pub(crate) search: bool,
    /// `enable.recycleBin`.
    pub(crate) recycle_bin: bool,
    /// `enable.drafts`.
    pub(crate) drafts: bool,
    /// `enable.clone: false`.
    pub(crate) uncloned: bool,
}

/// One entry of `indexes`.
#[derive(Clone, Debug)]
pub(crate) struct IndexDefinition {
    pub(crate) place: Place,
    pub(crate) name: Option<Located<String>>,
    pub(crate) fields: Vec<Located<FieldName>>,
    pub(crate) unique: bool,
}

pub(crate) const KEYS: Keys = Keys {
    of: "an object",
    known: &[
        ("name", &[]),
        ("alias", &["aliases"]),
        ("label", &[]),
        ("pluralLabel", &["labelPlural"]),
        ("description", &[]),
        ("icon", &[]),
        ("nameField", &["displayNameField"]),
        ("idPrefix", &[]),
        ("searchable", &["searchableFields"]),
        ("enable", &[]),
        ("fields", &[]),
        ("indexes", &[]),
        ("extends", &[]),
        ("options", &[]),
        ("references", &[]),
        ("sharingModel", &[]),
        ("controlledBy", &[]),
    ],
    later: &[
        "access",
        "actions",
        "active",
        "activityMilestones",
        "datasource",
        "editMode",
        "external",
        "externalSharingModel",
        "fieldGroups",
        "fileAccessDelegate",
        "highlightFields",
        "isSystem",
        "keyPrefix",
        "lifecycle",
        "listViews",
        "managedBy",
        "namespace",
        "ownership",
        "permissions",
        "protection",
        "publicSharing",
        "recordName",
        "requiredPermissions",
        "softDelete",
        "stageField",
        "systemFields",
        "tags",
        "tenancy",
        "titleFormat",
        "trash",
        "triggers",
        "userActions",
        "validations",
        "versioning",
        "workflows",
    ],
};

const INDEX_KEYS: Keys = Keys {
    of: "an index",
    known: &[("name", &[]), ("fields", &[]), ("unique", &[])],
    later: &["type", "where", "partial"],
};

/// The switches of `enable` that can't be turned yet, with the position they are in.
const FIXED_SWITCHES: &[(&str, bool)] =
    &[("activities", false), ("feeds", false), ("files", false), ("apiEnabled", true)];

const ENABLE_KEYS: Keys = Keys {
    of: "`enable`",
    known: &[
        ("searchable", &[]),
        ("trackHistory", &[]),
        ("activities", &[]),
        ("feeds", &[]),
        ("files", &[]),
        ("clone", &[]),
        ("apiEnabled", &[]),
        ("recycleBin", &["trash"]),
        ("drafts", &[]),
    ],
    later: &["apiMethods", "approvalProcess", "emailToCase", "enableDuplicateDetection", "mru", "search"],
};

/// What became of an object's file.
#[derive(Debug)]
pub(crate) enum ObjectFile {
    Read(Box<ObjectDefinition>),
    /// Its name is known, what it declares is not: nothing is said about references to it.
    Broken(String),
}

impl ObjectDefinition {
    /// Reads an object's file whose name gives `stem`.
    pub(crate) fn read(stem: &str, source: &Source, issues: &mut Issues) -> ObjectFile {
        let Some(node) = parse(&source.file, &source.text, issues) else {
            return ObjectFile::Broken(stem.to_owned());
        };
        let root = Value::root(&source.file, &node);
        let Some(mapping) = Mapping::read(&root, &KEYS, issues) else {
            return ObjectFile::Broken(stem.to_owned());
        };
        let name = match mapping.get("extends").or_else(|| mapping.get("name")) {
            Some(value) => value.text(issues).map(|text| value.located(ObjectName::from(text))),
            None => Some(root.located(ObjectName::from(stem))),
        };
        let Some(name) = name else { return ObjectFile::Broken(stem.to_owned()) };
        check(name.value.as_str(), NameOf::Object, &name.place, issues);
        ObjectFile::Read(Box::new(Self::of(name, &mapping, issues)))
    }

    fn of(name: Located<ObjectName>, mapping: &Mapping<'_>, issues: &mut Issues) -> Self {
        let mut fields = IndexMap::new();
        let mut broken_fields = BTreeSet::new();
        let extends = mapping.get("extends").map(|value| value.located(name.value.to_string()));
        check_extension(mapping, extends.is_some(), issues);
        let declared = match extends {
            Some(_) => mapping.get("fields"),
            None => mapping.must_get("fields", issues),
        };
        if let Some(value) = declared {
            read_fields(value, &mut fields, &mut broken_fields, issues);
        }
        let text = |key: &str, issues: &mut Issues| Some(mapping.get(key)?.text(issues)?.to_owned());
        Self {
            alias: aliases(mapping.get("alias"), NameOf::Object, issues),
            label: mapping.get("label").and_then(|value| value.labels(issues)),
            plural_label: mapping.get("pluralLabel").and_then(|value| value.labels(issues)),
            description: text("description", issues),
            icon: text("icon", issues),
            name_field: mapping.get("nameField").and_then(|value| field_name(value, issues)),
            id_prefix: mapping.get("idPrefix").and_then(|value| id_prefix(value, issues)),
            searchable: mapping.get("searchable").map(|value| field_names(value, issues)).unwrap_or_default(),
            enabled: mapping.get("enable").map(|value| enable(value, issues)).unwrap_or_default(),
            indexes: mapping.get("indexes").map(|value| indexes(value, issues)).unwrap_or_default(),
            added_options: mapping
                .get("options")
                .filter(|_| extends.is_some())
                .map(|value| added_options(value, issues))
                .unwrap_or_default(),
            added_references: mapping
                .get("references")
                .filter(|_| extends.is_some())
                .map(|value| added_references(value, issues))
                .unwrap_or_default(),
            sharing: SharingDefinition::read(mapping, issues),
            polymorphic: Vec::new(),
            name,
            fields,
            broken_fields,
            extends,
        }
    }
}

/// What an extension may say: it adds, and never changes what is there.
const EXTENSION_KEYS: &[&str] = &["extends", "fields", "options", "references", "indexes", "searchable"];

fn check_extension(mapping: &Mapping<'_>, extends: bool, issues: &mut Issues) {
    for (key, value) in mapping.iter() {
        if extends && !EXTENSION_KEYS.contains(&key) {
            let message = format!(
                "`{key}` would change what is there; an extension only adds fields, options, references and indexes"
            );
            issues.error(&value.place(), "extension-changes", message);
        }
        if !extends && ["options", "references"].contains(&key) {
            let message = format!(
                "{key} belong to a field; here they only add to an object that is extended (`extends`)"
            );
            issues.error(&value.place(), "unknown-property", message);
        }
    }
}

/// `options` of an extension: field → further options.
fn added_options(value: &Value<'_>, issues: &mut Issues) -> Vec<(Located<FieldName>, Vec<SelectOption>)> {
    let mut added = Vec::new();
    for (field, value) in value.entries(issues).unwrap_or_default() {
        let Some(read) = options::read(&value, issues) else { continue };
        for place in read.defaults.iter().map(|default| &default.place).chain(&read.dependent) {
            let message =
                "an added option can't be a default, nor depend on a value: that would change the field";
            issues.error(place, "extension-changes", message);
        }
        for (_, condition) in options::conditions(&value, issues) {
            let message = "an added option is offered always; take `visibleWhen` out";
            issues.error(&condition.place, "extension-changes", message);
        }
        added.push((value.located(FieldName::from(field)), read.options));
    }
    added
}

/// `references` of an extension: field → further objects to which it may lead.
fn added_references(value: &Value<'_>, issues: &mut Issues) -> Vec<(Located<FieldName>, Vec<Target>)> {
    let entries = value.entries(issues).unwrap_or_default();
    let added = |(field, value): (&str, Value<'_>)| {
        (value.located(FieldName::from(field)), reference::references(&value, issues))
    };
    entries.into_iter().map(added).collect()
}

fn read_fields(
    value: &Value<'_>,
    fields: &mut IndexMap<FieldName, FieldDefinition>,
    broken: &mut BTreeSet<String>,
    issues: &mut Issues,
) {
    let Some(entries) = value.entries(issues) else { return };
    if entries.is_empty() {
        issues.error(&value.place(), "empty", "an object has at least one field");
    }
    if entries.len() > FIELDS_MAX {
        issues.error(&value.place(), "too-many", format!("more than {FIELDS_MAX} fields"));
        return;
    }
    for (name, value) in entries {
        check(name, NameOf::Field, &value.place(), issues);
        match FieldDefinition::read(name, &value, Within::Object, issues) {
            Some(field) => drop(fields.insert(FieldName::from(name), field)),
            None => drop(broken.insert(name.to_owned())),
        }
    }
}

fn field_name(value: &Value<'_>, issues: &mut Issues) -> Option<Located<FieldName>> {
    value.text(issues).map(|name| value.located(FieldName::from(name)))
}

fn field_names(value: &Value<'_>, issues: &mut Issues) -> Vec<Located<FieldName>> {
    let items = value.list(issues).unwrap_or_default();
    let mut names: Vec<Located<FieldName>> = Vec::with_capacity(items.len());
    for item in items {
        let Some(name) = field_name(&item, issues) else { continue };
        if names.iter().any(|known| known.value == name.value) {
            issues.error(&name.place, "duplicate-key", format!("`{}` is named twice", name.value));
            continue;
        }
        names.push(name);
    }
    names
}

fn id_prefix(value: &Value<'_>, issues: &mut Issues) -> Option<Located<String>> {
    let text = value.text(issues)?;
    let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !letters || !text.starts_with(|c: char| c.is_ascii_lowercase()) || text.len() > ID_PREFIX_CHARS_MAX {
        let message =
            format!("`{text}` is not a prefix: 1 to {ID_PREFIX_CHARS_MAX} of a-z and 0-9, a letter first");
        issues.error(&value.place(), "bad-format", message);
        return None;
    }
    Some(value.located(text.to_owned()))
}

/// What `enable` turns on or off; every other switch must say what already holds.
fn enable(value: &Value<'_>, issues: &mut Issues) -> Enabled {
    let Some(mapping) = Mapping::read(value, &ENABLE_KEYS, issues) else { return Enabled::default() };
    for (key, holds) in FIXED_SWITCHES {
        let Some(value) = mapping.get(key) else { continue };
        if value.flag(issues) == Some(!holds) {
            let message = format!("`{key}: {}` can't be kept yet, and nothing declared is inert", !holds);
            issues.error(&value.place(), "not-supported-yet", message);
        }
    }
    // The log keeps the history of every object, whatever this says.
    mapping.get("trackHistory").and_then(|value| value.flag(issues));
    let mut is_on = |key: &str| mapping.get(key).and_then(|value| value.flag(issues)).unwrap_or(false);
    let (search, recycle_bin, drafts) = (is_on("searchable"), is_on("recycleBin"), is_on("drafts"));
    let uncloned = mapping.get("clone").and_then(|value| value.flag(issues)) == Some(false);
    Enabled { search, recycle_bin, drafts, uncloned }
}

fn indexes(value: &Value<'_>, issues: &mut Issues) -> Vec<IndexDefinition> {
    let mut indexes = Vec::new();
    for item in value.list(issues).unwrap_or_default() {
        let Some(mapping) = Mapping::read(&item, &INDEX_KEYS, issues) else { continue };
        let name = mapping.get("name").and_then(|value| Some(value.located(value.text(issues)?.to_owned())));
        if let Some(name) = &name {
            check(&name.value, NameOf::Index, &name.place, issues);
        }
        let Some(fields) = mapping.must_get("fields", issues) else { continue };
        let place = fields.place();
        let fields = field_names(fields, issues);
        if fields.is_empty() {
            issues.error(&place, "empty", "an index has at least one field");
            continue;
        }
        let unique = mapping.get("unique").and_then(|value| value.flag(issues)).unwrap_or(false);
        indexes.push(IndexDefinition { place: mapping.place().clone(), name, fields, unique });
    }
    indexes
}
