//! Which fields full-text search looks at.

use crate::{
    compile::objects::known_field,
    definition::object::ObjectDefinition,
    issue::Issues,
    model::{Field, FieldKind, Object},
    name::FieldName,
};

/// Settles `searchable` of the object and its fields: those that `searchable` of the object lists, then those that say so
/// themselves; when the object asks for search and names none, the field that names a record.
pub(super) fn settle(definition: &ObjectDefinition, object: &mut Object, issues: &mut Issues) {
    let mut names: Vec<FieldName> = Vec::new();
    for name in &definition.searchable {
        let Some(field) = known_field(name, definition, object, issues) else { continue };
        if !can_be_searched(field) {
            let message = format!("`{}` can't be searched: that takes a text or an autonumber", name.value);
            issues.error(&name.place, "not-for-this-type", message);
            continue;
        }
        names.push(field.name.clone());
    }
    let marked = object.fields.values().filter(|field| field.searchable).map(|field| field.name.clone());
    for name in marked.collect::<Vec<_>>() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() && definition.enabled.search {
        match object.field(object.name_field.as_str()).filter(|field| can_be_searched(field)) {
            Some(field) => names.push(field.name.clone()),
            None => issues.error(
                &definition.name.place,
                "not-for-this-type",
                "`enable.searchable` without a text field to search",
            ),
        }
    }
    for name in &names {
        if let Some(field) = object.fields.get_mut(name) {
            field.searchable = true;
        }
    }
    object.searchable = names;
}

fn can_be_searched(field: &Field) -> bool {
    !field.system && matches!(field.kind, FieldKind::Text { .. } | FieldKind::AutoNumber { .. })
}
