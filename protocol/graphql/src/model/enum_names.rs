//! The type names of selects: `AccountIndustry` for the field `industry` of `account`.
//!
//! Another type may have that name: `interview.result` would be `InterviewResult`, which a change of an `interview`
//! gives, and an object `interview_result` would be too. An object's name is its author's, so the enum steps aside:
//! `InterviewResultEnum`. Names follow from all loaded packages, not from what a session sees of them.

use std::collections::{HashMap, HashSet};

use quarry_metadata::{
    Field, FieldKind, FieldName, Object, ObjectName, Registry,
    naming::{GRAPHQL_TYPE_SUFFIXES, pascal_case},
};

use crate::schema::GENERAL_TYPES;

/// Every select's type name.
pub(super) struct EnumNames(HashMap<(ObjectName, FieldName), String>);

impl EnumNames {
    pub(super) fn new(registry: &Registry) -> Self {
        let mut taken: HashSet<String> = GENERAL_TYPES.iter().map(|name| (*name).to_owned()).collect();
        for object in registry.objects.values() {
            let type_name = pascal_case(object.name.as_str());
            taken.extend(GRAPHQL_TYPE_SUFFIXES.iter().map(|suffix| format!("{type_name}{suffix}")));
            taken.insert(type_name);
        }
        let mut names = HashMap::new();
        for object in registry.objects.values() {
            for field in object.fields.values().filter(|field| is_select(field)) {
                let name = free_name(&wanted(object, field), &taken);
                taken.extend(with_filters(&name));
                names.insert((object.name.clone(), field.name.clone()), name);
            }
        }
        Self(names)
    }

    /// The name of a select's type.
    pub(super) fn of(&self, object: &Object, field: &Field) -> String {
        let key = (object.name.clone(), field.name.clone());
        self.0.get(&key).cloned().unwrap_or_else(|| wanted(object, field))
    }
}

fn is_select(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Select { .. } | FieldKind::MultiSelect { .. })
}

fn wanted(object: &Object, field: &Field) -> String {
    format!("{}{}", pascal_case(object.name.as_str()), pascal_case(field.name.as_str()))
}

fn free_name(wanted: &str, taken: &HashSet<String>) -> String {
    let mut name = wanted.to_owned();
    let mut tried = 0;
    while with_filters(&name).iter().any(|name| taken.contains(name)) {
        tried += 1;
        name = if tried == 1 { format!("{wanted}Enum") } else { format!("{wanted}Enum{tried}") };
    }
    name
}

/// An enum's name and those of its filters.
fn with_filters(name: &str) -> [String; 3] {
    [name.to_owned(), format!("{name}Filter"), format!("{name}ListFilter")]
}

#[cfg(test)]
mod tests;
