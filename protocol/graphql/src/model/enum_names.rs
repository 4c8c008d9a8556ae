//! The type names of selects, and of fields that are made of parts: `AccountIndustry` for the field `industry` of `account`.
//!
//! Another type may have that name: `interview.result` would be `InterviewResult`, which a change of an `interview`
//! gives, and an object `interview_result` would be too. An object's name is its author's, so the enum steps aside:
//! `InterviewResultEnum`. Names follow from all loaded packages, not from what a session sees of them.

use std::collections::{HashMap, HashSet};

use quarry_metadata::{
    Field, FieldKind, Object, ObjectName, Registry,
    naming::{GRAPHQL_TYPE_SUFFIXES, deleted, pascal_case},
};

use crate::schema::GENERAL_TYPES;

/// Every type name: of selects, and of fields that are made of parts, by object and path.
pub(super) struct EnumNames(HashMap<(ObjectName, String), String>);

/// The name of one field's type, as far as it has one.
pub(super) struct NameOf<'a> {
    names: &'a EnumNames,
    object: &'a Object,
    path: String,
}

impl EnumNames {
    pub(super) fn new(registry: &Registry) -> Self {
        let mut taken: HashSet<String> = GENERAL_TYPES.iter().map(|name| (*name).to_owned()).collect();
        for object in registry.objects.values() {
            let bin = object.recycle_bin.then(|| deleted(object.name.as_str()));
            for name in [Some(object.name.to_string()), bin].into_iter().flatten() {
                let type_name = pascal_case(&name);
                taken.extend(GRAPHQL_TYPE_SUFFIXES.iter().map(|suffix| format!("{type_name}{suffix}")));
                taken.insert(type_name);
            }
        }
        for (object, rules) in &registry.rules {
            for action in rules.actions.keys() {
                let type_name = format!("{}{}Action", pascal_case(action), pascal_case(object.as_str()));
                taken.extend(["Input", "Result", "Returned"].map(|suffix| format!("{type_name}{suffix}")));
            }
        }
        let mut names = Self(HashMap::new());
        for object in registry.objects.values() {
            names.add(object, object.fields.values(), "", &mut taken);
        }
        names
    }

    // As deep as fields are declared within fields.
    fn add<'f>(
        &mut self,
        object: &Object,
        fields: impl Iterator<Item = &'f Field>,
        prefix: &str,
        taken: &mut HashSet<String>,
    ) {
        for field in fields.filter(|field| has_type(field)) {
            let path = format!("{prefix}{}", field.name);
            let name = free_name(&wanted(object, &path), taken);
            taken.extend(with_filters(&name));
            self.0.insert((object.name.clone(), path.clone()), name);
            if let FieldKind::Composite { parts, .. } = &field.kind {
                self.add(object, parts.values(), &format!("{path}."), taken);
            }
        }
    }

    /// The name of a field's type.
    pub(super) fn of<'a>(&'a self, object: &'a Object, field: &Field) -> NameOf<'a> {
        NameOf { names: self, object, path: field.name.to_string() }
    }

    /// That of a parameter of an action: as a part of it, so that it needs no enum of its own.
    pub(super) fn of_parameter<'a>(&'a self, object: &'a Object, action: &str, field: &Field) -> NameOf<'a> {
        NameOf { names: self, object, path: format!("{action}.{}", field.name) }
    }
}

impl NameOf<'_> {
    /// The name.
    pub(super) fn get(&self) -> String {
        let key = (self.object.name.clone(), self.path.clone());
        self.names.0.get(&key).cloned().unwrap_or_else(|| wanted(self.object, &self.path))
    }

    /// That of a part of the field.
    pub(super) fn part(&self, part: &Field) -> NameOf<'_> {
        NameOf { names: self.names, object: self.object, path: format!("{}.{}", self.path, part.name) }
    }

    /// The field stands in another.
    pub(super) fn is_part(&self) -> bool {
        self.path.contains('.')
    }
}

fn has_type(field: &Field) -> bool {
    match &field.kind {
        FieldKind::Select { .. } | FieldKind::MultiSelect { .. } => true,
        FieldKind::Composite { parts, .. } => !parts.is_empty(),
        _ => false,
    }
}

fn wanted(object: &Object, path: &str) -> String {
    path.split('.').fold(pascal_case(object.name.as_str()), |name, part| name + &pascal_case(part))
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
