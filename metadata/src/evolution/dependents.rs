//! What depends on an object, a field or an option: what an author must look after before it can go.

use std::fmt;

use serde::Serialize;

use crate::{
    evolution::{Subject, readers::Reading},
    expression::Expression,
    model::{Default_, Field, FieldKind, Index, Labels, Object, Registry, RelationKind, Summary},
    name::{FieldName, ObjectName},
    permissions::{Actions, Grant, RecordRule, Sharing},
};

/// One thing that depends on another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Dependent {
    /// `index`, `unique`, `name_field`, `search`, `lookup`, `relation`, `translation`, `object`, `default`, `rule`, `formula`, `grant`, `permission`, …
    pub kind: &'static str,
    /// Its name: `account_name_key`, `contact.account_id`.
    pub name: String,
}

impl fmt::Display for Dependent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// Finds dependents of one kind or of several. Whoever lets packages say something new that names fields or objects
/// (formulas, rules, views, permissions) gives one.
pub trait Dependents {
    /// Adds what depends on `subject` in `registry`.
    fn of(&self, registry: &Registry, subject: &Subject, found: &mut Vec<Dependent>);
}

/// The dependents that the model itself knows.
#[derive(Clone, Copy, Debug)]
pub struct Model;

impl Dependents for Model {
    fn of(&self, registry: &Registry, subject: &Subject, found: &mut Vec<Dependent>) {
        match subject {
            Subject::Package(name) => {
                for object in registry.objects.values().filter(|object| object.package == *name) {
                    add(found, "object", object.name.to_string());
                }
                let others = registry.packages.values().filter(|other| other.depends.contains_key(name));
                others.for_each(|other| add(found, "package", other.name.to_string()));
            }
            Subject::Object(name) => of_object(registry, name, found),
            Subject::Field(object, field) => {
                if let Some(object) = registry.get(object.as_str()) {
                    of_field(registry, object, field, found);
                }
            }
            Subject::Option(object, field, value) => {
                let field = registry.get(object.as_str()).and_then(|object| object.field(field.as_str()));
                let is_default = |default: &crate::model::Default_| match default {
                    crate::model::Default_::Value(serde_json::Value::String(text)) => text == value,
                    crate::model::Default_::Value(serde_json::Value::Array(items)) => {
                        items.iter().any(|item| item.as_str() == Some(value))
                    }
                    _ => false,
                };
                let rules = registry.rules.get(object);
                for machine in rules.iter().flat_map(|rules| &rules.machines) {
                    let names = |next: &(&String, &Vec<String>)| next.0 == value || next.1.contains(value);
                    let is_of = field.is_some_and(|field| field.name == machine.field);
                    if is_of && machine.transitions.iter().any(|next| names(&next)) {
                        add(found, "rule", format!("{object}.{}", machine.name));
                    }
                }
                if let Some(field) = field.filter(|field| field.default.as_ref().is_some_and(is_default)) {
                    add(found, "default", format!("{object}.{}", field.name));
                }
            }
            Subject::Index(object, index) => {
                let Some(object) = registry.get(object.as_str()) else { return };
                for index in object.indexes.iter().filter(|known| known.name == *index) {
                    let fields: Vec<_> = index.fields.iter().map(FieldName::as_str).collect();
                    add(found, "upsert", format!("{} on {}", object.name, fields.join(", ")));
                }
            }
            Subject::Rule(object, action) => granted(registry, found, |on, grant| {
                on == object && matches!(&grant.actions, Actions::Only(names) if names.contains(action))
            }),
            Subject::PermissionSet(set) => of_set(registry, set, found),
            Subject::Relation(..) | Subject::Grant(..) => {}
        }
    }
}

fn add(found: &mut Vec<Dependent>, kind: &'static str, name: String) {
    let dependent = Dependent { kind, name };
    if !found.contains(&dependent) {
        found.push(dependent);
    }
}

fn of_object(registry: &Registry, name: &ObjectName, found: &mut Vec<Dependent>) {
    for object in registry.objects.values() {
        for field in object.fields.values().filter(|field| !field.system) {
            let refers = matches!(&field.kind, FieldKind::Lookup { target, .. } | FieldKind::References { target, .. } if target == name);
            if refers {
                add(found, "lookup", format!("{}.{}", object.name, field.name));
            }
        }
        for relation in object.relations.values().filter(|relation| relation.target == *name) {
            if matches!(relation.kind, RelationKind::ToMany { .. }) {
                add(found, "relation", format!("{}.{}", object.name, relation.name));
            }
        }
    }
    granted(registry, found, |on, _| on == name);
    if let Some(object) = registry.get(name.as_str()) {
        translations(&object.label, name.as_str(), found);
        let added = object.fields.values().filter_map(|field| field.added_by.as_ref());
        for package in added {
            add(found, "extension", package.to_string());
        }
    }
}

fn of_field(registry: &Registry, object: &Object, name: &FieldName, found: &mut Vec<Dependent>) {
    for Index { name: index, fields, unique } in &object.indexes {
        if fields.contains(name) {
            add(found, if *unique { "unique" } else { "index" }, index.clone());
        }
    }
    if object.name_field == *name {
        add(found, "name_field", object.name.to_string());
    }
    if object.searchable.contains(name) {
        add(found, "search", object.name.to_string());
    }
    for relation in object.relations.values().filter(|relation| relation.is_carried_by(name.as_str())) {
        add(found, "relation", format!("{}.{}", object.name, relation.name));
    }
    for other in registry.objects.values() {
        for relation in other.relations.values().filter(|relation| relation.target == object.name) {
            if matches!(&relation.kind, RelationKind::ToMany { field } if field == name) {
                add(found, "relation", format!("{}.{}", other.name, relation.name));
            }
        }
    }
    for other in registry.objects.values() {
        for field in other.fields.values() {
            for (kind, expression) in expressions(field) {
                if Reading::of(registry, &object.name, name).reads(&other.name, expression) {
                    add(found, kind, format!("{}.{}", other.name, field.name));
                }
            }
        }
        for field in other.fields.values() {
            if field.summary.as_ref().is_some_and(|summary| sums_up(summary, &object.name, name)) {
                add(found, "summary", format!("{}.{}", other.name, field.name));
            }
        }
    }
    for (of, rule) in Reading::of(registry, &object.name, name).rules() {
        add(found, "rule", format!("{of}.{rule}"));
    }
    if object.sharing == Sharing::Parent(name.clone()) {
        add(found, "sharing", object.name.to_string());
    }
    granted(registry, found, |on, grant| *on == object.name && grant.fields.contains_key(name));
    let reading = Reading::of(registry, &object.name, name);
    for set in registry.permission_sets.values() {
        for (on, grant) in &set.objects {
            let reads = |rule: &&RecordRule| reading.reads(on, &rule.when);
            for rule in grant.records.iter().filter(reads) {
                add(found, "permission", format!("{} on {on}: {}", set.name, rule.name));
            }
        }
    }
    if let Some(field) = object.field(name.as_str()) {
        translations(&field.label, &format!("{}.{name}", object.name), found);
    }
}

/// Grants of which something holds.
fn granted(registry: &Registry, found: &mut Vec<Dependent>, is_it: impl Fn(&ObjectName, &Grant) -> bool) {
    for set in registry.permission_sets.values() {
        for (on, _) in set.objects.iter().filter(|(on, grant)| is_it(on, grant)) {
            add(found, "grant", format!("{} on {on}", set.name));
        }
    }
}

/// What other packages say of a permission set.
fn of_set(registry: &Registry, name: &str, found: &mut Vec<Dependent>) {
    let Some(set) = registry.permission_sets.get(name) else { return };
    for (on, grant) in &set.objects {
        if let Some(package) = &grant.added_by {
            add(found, "grant", format!("{name} on {on} ({package})"));
        }
    }
    for other in registry.permission_sets.values().filter(|other| other.package != set.package) {
        // What it includes by another set is that one's to say.
        let by_another = other.includes.iter().filter_map(|by| registry.permission_sets.get(by));
        let is_named =
            other.includes.contains(name) && !by_another.into_iter().any(|by| by.includes.contains(name));
        if is_named {
            add(found, "permission_set", other.name.clone());
        }
    }
}

/// Whether a summary is made of a field of `target`.
fn sums_up(summary: &Summary, target: &ObjectName, name: &FieldName) -> bool {
    summary.object == *target && (summary.lookup == *name || summary.reads().contains(name))
}

/// What a field says in expressions, each with what it is.
fn expressions(field: &Field) -> Vec<(&'static str, &Expression)> {
    let mut found: Vec<(&'static str, &Expression)> = match &field.kind {
        FieldKind::Formula { expression, .. } => vec![("formula", expression)],
        FieldKind::AutoNumber { fields, .. } => fields.iter().map(|(_, part)| ("number", &**part)).collect(),
        _ => Vec::new(),
    };
    if let Some(Default_::Computed(clause)) = &field.default {
        found.push(("default", &clause.expression));
    }
    let conditions = field.conditions.iter().flat_map(|conditions| conditions.each());
    found.extend(conditions.map(|(_, clause)| ("condition", &*clause.expression)));
    if let FieldKind::Select { options } | FieldKind::MultiSelect { options } = &field.kind {
        let conditions = options.iter().filter_map(|option| option.visible.as_ref());
        found.extend(conditions.map(|clause| ("option", &*clause.expression)));
    }
    found
}

fn translations(labels: &Labels, of: &str, found: &mut Vec<Dependent>) {
    let locales: Vec<_> = labels.0.keys().filter(|locale| *locale != "en").map(String::as_str).collect();
    if !locales.is_empty() {
        add(found, "translation", format!("{of} ({})", locales.join(", ")));
    }
}
