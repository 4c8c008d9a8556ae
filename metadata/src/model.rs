//! The resolved model: what is true of the objects after every package has been read and checked.
//!
//! Its JSON form (`serde`) is the canonical form that [`Registry::version`] is made of by BLAKE3, object by object: packages and objects by name,
//! relations in a fixed order, everything defaulted. The order of an object's fields is part of it: it is the order of columns.

mod clause;
mod content;
mod kind;
mod package;
mod polymorphic;
mod relation;
mod summary;

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use serde::Serialize;

pub use clause::{Clause, Conditions};
pub use content::ContentKind;
pub use kind::{DeleteBehavior, FieldKind, SelectOption, TextFormat};
pub use package::Package;
pub use polymorphic::{Member, Polymorphic};
pub use relation::{Relation, RelationKind};
pub use summary::{Summary, SummaryFunction};

use crate::{
    issue::Issues,
    name::{FieldName, ObjectName, PackageName, RelationName},
    naming::title_case,
    permissions::{Mask, PermissionSet, Sharing},
    rules::{Case, Rules},
};

/// Every active package, compiled together. Immutable; a new version is a new registry.
#[derive(Debug, Serialize)]
pub struct Registry {
    /// Names the content: BLAKE3 over a canonical form, hex.
    #[serde(skip)]
    pub version: String,
    /// The packages by name.
    pub packages: IndexMap<PackageName, Package>,
    /// Every object by name, over all packages.
    pub objects: IndexMap<ObjectName, Arc<Object>>,
    /// Former names of objects, each with the object that answers to it.
    #[serde(skip)]
    pub aliases: BTreeMap<ObjectName, ObjectName>,
    /// The rules of those objects that have some.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub rules: IndexMap<ObjectName, Arc<Rules>>,
    /// The permission sets by name.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub permission_sets: IndexMap<String, Arc<PermissionSet>>,
    /// What the packages promise, to be tried.
    #[serde(skip)]
    pub cases: Vec<Case>,
    /// The BLAKE3 hash of each object's canonical form.
    #[serde(skip)]
    pub(crate) digests: BTreeMap<ObjectName, [u8; 32]>,
    /// What compiles, but its author should look at.
    #[serde(skip)]
    pub warnings: Issues,
}

impl Registry {
    /// The object of that name; an old name that it lists as an alias answers too.
    pub fn get(&self, name: &str) -> Option<&Arc<Object>> {
        self.objects.get(name).or_else(|| self.objects.get(self.aliases.get(name)?))
    }
}

/// A text for people by locale (`en`, `zh-CN`); `en` is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Labels(pub BTreeMap<String, String>);

impl Labels {
    /// The text in `locale`, else in its language, else in English.
    pub fn get(&self, locale: &str) -> &str {
        let language = locale.split(['-', '_']).next().unwrap_or(locale);
        [locale, language, "en"].iter().find_map(|l| self.0.get(*l)).map_or("", String::as_str)
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Object {
    /// Its API name.
    pub name: ObjectName,
    /// The names that it had, oldest first; they still answer.
    pub alias: Vec<ObjectName>,
    /// The package that declares it.
    pub package: PackageName,
    /// What people call one of it.
    pub label: Labels,
    /// What people call several.
    pub plural_label: Labels,
    /// What it is.
    pub description: Option<String>,
    /// How it is drawn: a name that clients know.
    pub icon: Option<String>,
    /// The field that names a record to people.
    pub name_field: FieldName,
    /// What a record's id begins with: `acc` in `acc_01J…`.
    pub id_prefix: String,
    /// Declared fields in order, then the system fields (`system: true`): `created_at`, `created_by`,
    /// `updated_at`, `updated_by`, `owner` (only where the object declares neither `owner` nor `owner_id`),
    /// `revision`, `package_version`. `id` is the first entry of all.
    pub fields: IndexMap<FieldName, Field>,
    /// Ways to other objects, to-one and to-many.
    pub relations: IndexMap<RelationName, Relation>,
    /// Declared indexes and unique constraints of one or more fields (those of a single `unique: true` or
    /// `index: true` field are here too).
    pub indexes: Vec<Index>,
    /// The fields that full-text search looks at, when the object is searchable.
    pub searchable: Vec<FieldName>,
    /// Deleted records are kept, and may come back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recycle_bin: bool,
    /// Nobody asks for a copy of a record of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uncloned: bool,
    /// Its references to a record of one of several objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub polymorphic: Vec<Polymorphic>,
    /// Whose its records are for everyone.
    #[serde(skip_serializing_if = "Sharing::is_private")]
    pub sharing: Sharing,
}

impl Object {
    /// The field of that name; a former name that it lists as an alias answers too.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name).or_else(|| self.fields.values().find(|field| field.has_alias(name)))
    }

    /// What its records are kept under: its first name, which no renaming changes.
    pub fn table(&self) -> &str {
        self.alias.first().unwrap_or(&self.name).as_str()
    }

    /// The reference to one of several objects of which this field is a part: its id, its type or a lookup.
    pub fn polymorphic(&self, field: &str) -> Option<&Polymorphic> {
        self.polymorphic.iter().find(|reference| reference.has(field))
    }

    /// Whether a record must refer to one by this lookup: alone, or by it or another of several.
    pub fn must_refer(&self, lookup: &Field) -> bool {
        let whole = self.polymorphic(lookup.name.as_str());
        lookup.required
            || whole.and_then(|whole| self.fields.get(&whole.field)).is_some_and(|whole| whole.required)
    }

    /// The fields that have a column in storage, in order.
    pub fn stored_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.values().filter(|field| !field.kind.is_computed())
    }

    /// The relation of that name; a former name answers too.
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        let was = |relation: &&Relation| relation.alias.iter().any(|alias| alias.as_str() == name);
        self.relations.get(name).or_else(|| self.relations.values().find(was))
    }
}

/// An index over fields of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Index {
    /// Its name, unique in the object: `account_name_key`, `deal_stage_idx`.
    pub name: String,
    /// Its fields in order.
    pub fields: Vec<FieldName>,
    /// At most one record per combination of values; a record with a null in it does not count.
    pub unique: bool,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Its API name.
    pub name: FieldName,
    /// The names that it had, oldest first; they still answer.
    pub alias: Vec<FieldName>,
    /// What people call it.
    pub label: Labels,
    /// What it means.
    pub description: Option<String>,
    /// A hint for who fills it in; empty when there is none.
    pub help: Labels,
    /// Its type as its author wrote it, for who draws it: `rating`, `toggle`, `tree`. `kind` says how it behaves.
    pub declared: &'static str,
    /// Its type with what belongs to it.
    pub kind: FieldKind,
    /// A record must have a value.
    pub required: bool,
    /// No two records have the same value.
    pub unique: bool,
    /// Found without a scan.
    pub index: bool,
    /// Not writable by a client.
    pub readonly: bool,
    /// Once it has a value, that stays.
    pub write_once: bool,
    /// Full-text search looks at it.
    pub searchable: bool,
    /// Identifies records for imports and upserts.
    pub external_id: bool,
    /// Not shown by default.
    pub hidden: bool,
    /// What is shown of it to those who may not see it in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// Why nobody should use it any more, when nobody should.
    pub deprecated: Option<String>,
    /// The field whose value decides which options are offered.
    pub depends_on: Option<FieldName>,
    /// For who draws it.
    pub hints: Hints,
    /// What a new record gets when the client gives nothing.
    pub default: Option<Default_>,
    /// When it is required, readonly or visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Arc<Conditions>>,
    /// What the engine sums up in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Arc<Summary>>,
    /// Kept by the engine.
    pub system: bool,
    /// The package that added it, where that is not the object's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_by: Option<PackageName>,
}

impl Field {
    /// What its values are kept under: its first name, which no renaming changes.
    pub fn column(&self) -> &str {
        self.alias.first().unwrap_or(&self.name).as_str()
    }

    /// Whether it was called so once.
    pub fn has_alias(&self, name: &str) -> bool {
        self.alias.iter().any(|alias| alias.as_str() == name)
    }
}

impl Field {
    /// A field with nothing but a name, a type and whether it must have a value.
    pub(crate) fn part(name: &str, declared: &'static str, kind: FieldKind, required: bool) -> Field {
        Field {
            name: FieldName::from(name),
            label: Labels([("en".to_owned(), title_case(name))].into()),
            description: None,
            help: Labels::default(),
            declared,
            kind,
            required,
            unique: false,
            index: false,
            readonly: false,
            write_once: false,
            searchable: false,
            external_id: false,
            hidden: false,
            mask: None,
            deprecated: None,
            depends_on: None,
            hints: Hints::default(),
            default: None,
            conditions: None,
            summary: None,
            system: false,
            alias: Vec::new(),
            added_by: None,
        }
    }

    /// A record always has a value: it is not only required where it is visible.
    pub fn is_always_required(&self) -> bool {
        self.required && self.conditions.as_ref().is_none_or(|conditions| conditions.visible.is_none())
    }

    /// Whether clients give its value: the engine neither keeps, numbers nor computes it, and it is not read-only. (A
    /// condition may still forbid it for one record.)
    pub fn is_client_written(&self) -> bool {
        let is_made = matches!(self.kind, FieldKind::AutoNumber { .. } | FieldKind::Formula { .. });
        !self.readonly && !is_made
    }

    /// Written, and never read: no view shows it.
    pub fn is_write_only(&self) -> bool {
        matches!(self.kind, FieldKind::Password { .. })
    }
}

/// What a renderer is told about a field; the server itself does nothing with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hints {
    /// The group of fields that it stands in.
    pub group: Option<String>,
    /// What stands in an empty input.
    pub placeholder: Labels,
    /// Lines of an input.
    pub rows: Option<u32>,
    /// The name of a control that clients know.
    pub widget: Option<String>,
    /// Digits in groups: `1,234`.
    pub use_grouping: Option<bool>,
    /// The language that code is in.
    pub language: Option<String>,
}

/// What money is counted in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Currency {
    /// The ISO 4217 code: of every amount, or of those whose record names none.
    pub code: Option<String>,
    /// The field of the same object in which each record names its own.
    pub field: Option<FieldName>,
}

/// A default, typed against its field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Default_ {
    /// This value, in JSON form, checked against the field.
    Value(serde_json::Value),
    /// The transaction's instant (datetime) or time (time).
    Now,
    /// The transaction's day in the session's time zone.
    Today,
    /// The id of the session's user (a lookup to `user`).
    CurrentUser,
    /// What this gives, over the record as far as it is given.
    Computed(Clause),
}
