//! The type names of selects, and of fields that are made of parts: `AccountIndustry` for the field `industry` of `account`.
//!
//! Another type may have that name: `interview.result` would be `InterviewResult`, which a change of an `interview`
//! gives, and an object `interview_result` would be too. A select among the parameters of an action has one as well: `ConvertLeadActionStatus`. An object's name is its author's, so the enum steps aside:
//! `InterviewResultEnum`. Names follow from all loaded packages, not from what a session sees of them.

use std::collections::{HashMap, HashSet};

use quarry_metadata::{
    Field, FieldKind, Object, ObjectName, Registry,
    naming::{GRAPHQL_TYPE_SUFFIXES, deleted, pascal_case},
    rules::Action,
};

use crate::schema::GENERAL_TYPES;

/// Every type name: of selects, and of fields that are made of parts, by object and path.
pub(super) struct EnumNames(HashMap<(ObjectName, String), String>);

/// The name of one field's type, as far as it has one.
pub(super) struct NameOf<'a> {
    names: &'a EnumNames,
    object: &'a Object,
    path: String,
    /// The field stands in another.
    is_part: bool,
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
        for (object, rules) in &registry.rules {
            let Some(object) = registry.objects.get(object) else { continue };
            rules.actions.values().for_each(|action| names.add_action(object, action, &mut taken));
        }
        names
    }

    /// The selects among the parameters of an action: `ConvertLeadActionStatus`.
    fn add_action(&mut self, object: &Object, action: &Action, taken: &mut HashSet<String>) {
        for field in action.parameters.values().filter(|field| is_select(field)) {
            let wanted = wanted_of_parameter(object, &action.name, field);
            let name = free_name(&wanted, taken);
            taken.extend(with_filters(&name));
            self.0.insert((object.name.clone(), path_of_parameter(&action.name, field)), name);
        }
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
        NameOf { names: self, object, path: field.name.to_string(), is_part: false }
    }

    /// That of a parameter of an action. What is made of parts has no type there: it is JSON.
    pub(super) fn of_parameter<'a>(&'a self, object: &'a Object, action: &str, field: &Field) -> NameOf<'a> {
        NameOf { names: self, object, path: path_of_parameter(action, field), is_part: !is_select(field) }
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
        let path = format!("{}.{}", self.path, part.name);
        NameOf { names: self.names, object: self.object, path, is_part: true }
    }

    /// The field stands in another.
    pub(super) fn is_part(&self) -> bool {
        self.is_part
    }
}

/// No field of an object is called so.
fn path_of_parameter(action: &str, field: &Field) -> String {
    format!("{action}().{}", field.name)
}

fn wanted_of_parameter(object: &Object, action: &str, field: &Field) -> String {
    let [action, object, field] = [action, object.name.as_str(), field.name.as_str()].map(pascal_case);
    format!("{action}{object}Action{field}")
}

fn is_select(field: &Field) -> bool {
    matches!(field.kind.of_values(), FieldKind::Select { .. } | FieldKind::MultiSelect { .. })
}

fn has_type(field: &Field) -> bool {
    match &field.kind {
        _ if is_select(field) => true,
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
