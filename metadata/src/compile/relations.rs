//! The ways between objects: each lookup is a way to one, and back to many.
//!
//! The way back is named by `reverseName`, else by the plural of the lookup's object. Where that name is wanted twice, or is
//! taken by a field or a way to one, *every* way back without a `reverseName` that wanted it is called
//! `<plural>_by_<to-one name>`: which of two lookups was declared first must not decide what a client has to write.

use std::collections::{BTreeMap, HashMap};

use crate::{
    compile::Drafts,
    definition::field::{FieldDefinition, KindDefinition},
    issue::{Issues, Place},
    model::{Field, FieldKind, Relation, RelationKind},
    name::{FieldName, ObjectName, RelationName},
    naming::{plural, relation_of_lookup, relation_of_references},
};

/// A way back that still needs its name.
struct WayBack {
    source: ObjectName,
    /// What the lookup's object was called.
    former_sources: Vec<ObjectName>,
    field: FieldName,
    to_one: String,
    reverse_name: Option<RelationName>,
    place: Place,
}

impl WayBack {
    fn wanted(&self) -> String {
        self.reverse_name.as_ref().map_or_else(|| plural(self.source.as_str()), ToString::to_string)
    }
}

/// Makes the relations of all objects. Names that can't be told apart are issues.
pub(super) fn connect(drafts: &mut Drafts<'_>, issues: &mut Issues) {
    let mut ways_back: BTreeMap<ObjectName, Vec<WayBack>> = BTreeMap::new();
    for draft in drafts.values_mut() {
        let object = &mut draft.object;
        for field in object.fields.values() {
            let (target, name, kind) = match &field.kind {
                FieldKind::Lookup { target, .. } => {
                    let kind = RelationKind::ToOne { field: field.name.clone() };
                    (target, relation_of_lookup(field.name.as_str()).to_owned(), kind)
                }
                FieldKind::References { target, .. } => {
                    let kind = RelationKind::ToSeveral { field: field.name.clone() };
                    (target, relation_of_references(field.name.as_str()), kind)
                }
                _ => continue,
            };
            let written = draft.definition.fields.get(&field.name);
            let place =
                written.map_or_else(|| draft.definition.name.place.clone(), |field| field.place.clone());
            let is_field = name != field.name.as_str() && object.fields.contains_key(name.as_str());
            if is_field || object.relations.contains_key(name.as_str()) {
                let other = if is_field { "a field" } else { "the relation of another" };
                let message = format!(
                    "the lookup `{}` would make a relation `{name}`, but that is {other}; rename one",
                    field.name
                );
                issues.error(&place, "relation-collision", message);
                continue;
            }
            let goes_back = matches!(kind, RelationKind::ToOne { .. });
            let alias = former_ways(field, &name);
            let relation =
                Relation { alias, name: RelationName::from(name.as_str()), target: target.clone(), kind };
            object.relations.insert(relation.name.clone(), relation);
            if let (Some(written), true) = (written, goes_back) {
                let way_back = WayBack {
                    source: object.name.clone(),
                    field: field.name.clone(),
                    former_sources: draft.definition.alias.iter().map(|alias| alias.value.clone()).collect(),
                    to_one: name,
                    reverse_name: reverse_name(written),
                    place,
                };
                ways_back.entry(target.clone()).or_default().push(way_back);
            }
        }
    }
    for (target, ways) in ways_back {
        connect_back(&target, ways, drafts, issues);
    }
}

/// What the way to one or to several was called when the field that carries it had another name.
fn former_ways(field: &Field, name: &str) -> Vec<RelationName> {
    let way = |alias: &FieldName| match field.kind {
        FieldKind::References { .. } => relation_of_references(alias.as_str()).to_string(),
        _ => relation_of_lookup(alias.as_str()).to_owned(),
    };
    let former = field.alias.iter().map(way).filter(|former| former != name);
    former.map(|former| RelationName::from(former.as_str())).collect()
}

/// What the way back was called when the lookup's object had another name.
fn former_lists(way: &WayBack, contested: bool, is_taken: impl Fn(&str) -> bool) -> Vec<RelationName> {
    let named = |source: &ObjectName| match contested {
        true => format!("{}_by_{}", plural(source.as_str()), way.to_one),
        false => plural(source.as_str()),
    };
    let former = way.former_sources.iter().map(named).filter(|name| !is_taken(name));
    former.map(|name| RelationName::from(name.as_str())).collect()
}

fn reverse_name(written: &FieldDefinition) -> Option<RelationName> {
    let KindDefinition::Lookup(lookup) = &written.kind else { return None };
    lookup.reverse_name.as_ref().map(|name| name.value.clone())
}

fn connect_back(target: &ObjectName, ways: Vec<WayBack>, drafts: &mut Drafts<'_>, issues: &mut Issues) {
    let Some(draft) = drafts.get_mut(target) else { return };
    let object = &mut draft.object;
    let mut wanted: HashMap<String, usize> = HashMap::new();
    for way in &ways {
        *wanted.entry(way.wanted()).or_default() += 1;
    }
    let mut made: BTreeMap<String, (Relation, Place)> = BTreeMap::new();
    for way in ways {
        let mut name = way.wanted();
        let is_taken = |name: &str| object.fields.contains_key(name) || object.relations.contains_key(name);
        let contested = wanted.get(&name).is_some_and(|times| *times > 1) || is_taken(&name);
        if contested && way.reverse_name.is_none() {
            name = format!("{name}_by_{}", way.to_one);
        }
        let other = made.get(&name).map(|(_, place)| place.to_string());
        if let Some(other) = other.or_else(|| is_taken(&name).then(|| format!("`{target}` itself"))) {
            let message = format!(
                "`{target}` would have `{name}` twice, the other from {other}; give this lookup another `reverseName`"
            );
            issues.error(&way.place, "relation-collision", message);
            continue;
        }
        let alias = match way.reverse_name {
            Some(_) => Vec::new(),
            None => former_lists(&way, contested, is_taken),
        };
        let kind = RelationKind::ToMany { field: way.field };
        let relation = Relation { alias, name: RelationName::from(name.as_str()), target: way.source, kind };
        made.insert(name, (relation, way.place));
    }
    object.relations.extend(made.into_values().map(|(relation, _)| (relation.name.clone(), relation)));
}
