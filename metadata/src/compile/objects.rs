//! One object by itself: its fields, what names a record, what is searched, its indexes.

use crate::{
    compile::{Draft, Drafts, book::Book, fields, indexes, polymorphic, search},
    definition::{Located, object::ObjectDefinition, package::PackageDefinition},
    issue::Issues,
    model::{Field, FieldKind, Labels, Object},
    name::FieldName,
    naming::{plural, title_case},
    nearest::did_you_mean,
    permissions::Sharing,
};

/// Drafts every object of the book.
pub(super) fn draft<'a>(book: &Book<'a>, issues: &mut Issues) -> Drafts<'a> {
    let mut drafts = Drafts::new();
    for (package, definition) in book.objects() {
        let object = object(package, definition, book, issues);
        drafts.insert(object.name.clone(), Draft { definition, object, same: None });
    }
    drafts
}

fn object(
    package: &PackageDefinition,
    definition: &ObjectDefinition,
    book: &Book<'_>,
    issues: &mut Issues,
) -> Object {
    let name = definition.name.value.clone();
    let mut label = definition.label.clone().unwrap_or_default();
    let english = label.0.entry("en".to_owned()).or_insert_with(|| title_case(name.as_str())).clone();
    let mut plural_label = definition.plural_label.clone().unwrap_or_default();
    plural_label.0.entry("en".to_owned()).or_insert_with(|| plural(&english));
    let mut object = Object {
        name,
        alias: definition.alias.iter().map(|alias| alias.value.clone()).collect(),
        package: package.name.value.clone(),
        label,
        plural_label,
        description: definition.description.clone(),
        icon: definition.icon.clone(),
        name_field: FieldName::from("id"),
        id_prefix: String::new(),
        fields: fields::build(package, definition, book, issues),
        relations: indexmap::IndexMap::new(),
        indexes: Vec::new(),
        searchable: Vec::new(),
        recycle_bin: definition.enabled.recycle_bin,
        uncloned: definition.enabled.uncloned,
        polymorphic: Vec::new(),
        sharing: Sharing::default(),
    };
    object.polymorphic = polymorphic::resolved(definition, &object);
    object.name_field = name_field(definition, &object, issues);
    search::settle(definition, &mut object, issues);
    object.indexes = indexes::build(definition, &object, issues);
    object
}

/// The field that names a record: as declared, else `name`, `title`, `subject`, the first required text, the
/// first text, the first autonumber, the id.
fn name_field(definition: &ObjectDefinition, object: &Object, issues: &mut Issues) -> FieldName {
    if let Some(declared) = &definition.name_field {
        match known_field(declared, definition, object, issues) {
            Some(field) if can_name(field) => return field.name.clone(),
            Some(_) => {
                let message =
                    format!("`{}` can't name a record: that takes a text or an autonumber", declared.value);
                issues.error(&declared.place, "not-for-this-type", message);
            }
            None => {}
        }
    }
    let is_text = |field: &&Field| !field.system && matches!(field.kind, FieldKind::Text { .. });
    let fields = || object.fields.values();
    ["name", "title", "subject"]
        .iter()
        .find_map(|name| object.field(name).filter(|field| can_name(field)))
        .or_else(|| fields().filter(is_text).find(|field| field.required))
        .or_else(|| fields().find(is_text))
        .or_else(|| fields().find(|field| matches!(field.kind, FieldKind::AutoNumber { .. })))
        .map_or_else(|| FieldName::from("id"), |field| field.name.clone())
}

fn can_name(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Text { .. } | FieldKind::AutoNumber { .. } | FieldKind::Id)
}

/// The field that a definition names. One that is not there is reported, unless its declaration could not be read.
pub(super) fn known_field<'o>(
    name: &Located<FieldName>,
    definition: &ObjectDefinition,
    object: &'o Object,
    issues: &mut Issues,
) -> Option<&'o Field> {
    let found = object.field(name.value.as_str());
    if found.is_none() && !definition.broken_fields.contains(name.value.as_str()) {
        let near = did_you_mean(name.value.as_str(), object.fields.keys().map(FieldName::as_str));
        let message = format!("`{}` is not a field of `{}`{near}", name.value, object.name);
        issues.error(&name.place, "unknown-field", message);
    }
    found
}

/// Gives every locale of `from` that `to` lacks its text.
pub(super) fn fill_locales(to: &mut Labels, from: &Labels) {
    for (locale, text) in &from.0 {
        to.0.entry(locale.clone()).or_insert_with(|| text.clone());
    }
}
