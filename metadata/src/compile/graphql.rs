//! Two names here must not become one name in GraphQL, where `annual_revenue` is `annualRevenue`.

use std::collections::{HashMap, HashSet};

use crate::{
    compile::{Draft, Drafts},
    issue::{Issues, Place},
    model::{FieldKind, RelationKind},
    name::FieldName,
    naming::{
        GRAPHQL_TYPE_SUFFIXES, camel_case, deleted, ids_of_references, pascal_case, plural,
        relation_of_lookup, relation_of_references,
    },
};

/// Reports the collisions among object types, root fields, and the fields of each type.
pub(super) fn check(drafts: &Drafts<'_>, issues: &mut Issues) {
    let mut types = Names::default();
    let mut roots = Names::default();
    for draft in drafts.values() {
        let (name, place) = (draft.object.name.as_str(), &draft.definition.name.place);
        let known = issues.0.len();
        types.add(pascal_case(name), name, place, issues);
        if issues.0.len() == known {
            roots.add(camel_case(name), name, place, issues);
            roots.add(camel_case(&plural(name)), name, place, issues);
        }
        if draft.object.recycle_bin {
            let bin = deleted(name);
            let label = format!("the recycle bin of {name}");
            let known = issues.0.len();
            types.add(pascal_case(&bin), &label, place, issues);
            if issues.0.len() == known {
                roots.add(camel_case(&bin), &label, place, issues);
                roots.add(camel_case(&deleted(&plural(name))), &label, place, issues);
            }
        }
        if draft.same.is_none() {
            check_fields(draft, issues);
        }
    }
    for draft in drafts.values() {
        check_types(draft, &types, issues);
    }
}

/// The types that go with an object must not have the name of another object's type.
fn check_types(draft: &Draft<'_>, types: &Names, issues: &mut Issues) {
    let type_name = pascal_case(draft.object.name.as_str());
    for suffix in GRAPHQL_TYPE_SUFFIXES {
        let made = format!("{type_name}{suffix}");
        if let Some(other) = types.0.get(&made) {
            let message =
                format!("`{other}` would be `{made}` in GraphQL, which goes with this object; rename one");
            issues.error(&draft.definition.name.place, "graphql-name-collision", message);
        }
    }
}

/// A lookup has two fields there: its id (`accountId`) and the record (`account`); so has a list of references.
fn check_fields(draft: &Draft<'_>, issues: &mut Issues) {
    let mut names = Names::default();
    let mut former = HashSet::new();
    let object_place = &draft.definition.name.place;
    for field in draft.object.fields.values() {
        let place = draft.definition.fields.get(&field.name).map_or(object_place, |written| &written.place);
        let name = field.name.as_str();
        match field.kind {
            FieldKind::Lookup { .. } => {}
            FieldKind::References { .. } => {
                names.add(ids_of_references(name), name, place, issues);
                names.add(camel_case(&relation_of_references(name)), name, place, issues);
                continue;
            }
            _ => {
                names.add(camel_case(name), name, place, issues);
                // What is the very same name is reported as an alias that can't answer.
                let taken = |alias: &str| {
                    draft.object.fields.contains_key(alias) || draft.object.relations.contains_key(alias)
                };
                for alias in field.alias.iter().map(FieldName::as_str).filter(|alias| !taken(alias)) {
                    if former.insert(alias) {
                        names.add(camel_case(alias), alias, place, issues);
                    }
                }
                continue;
            }
        }
        let to_one = relation_of_lookup(name);
        let own = RelationKind::ToOne { field: field.name.clone() };
        // A lookup that could not have its relation is reported for that.
        if draft.object.relation(to_one).is_some_and(|relation| relation.kind == own) {
            names.add(format!("{}Id", camel_case(to_one)), name, place, issues);
            names.add(camel_case(to_one), name, place, issues);
        }
    }
    for relation in draft.object.relations.values() {
        if let RelationKind::ToMany { field } = &relation.kind {
            let label = format!("{} (from `{}.{field}`)", relation.name, relation.target);
            names.add(camel_case(relation.name.as_str()), &label, object_place, issues);
        }
    }
}

/// Names of one scope with what they are made from.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn add(&mut self, made: String, from: &str, place: &Place, issues: &mut Issues) {
        // A name that can't be one is reported for that.
        if issues.0.iter().any(|issue| issue.code == "bad-name" && issue.place == *place) {
            return;
        }
        match self.0.get(&made) {
            Some(other) => {
                let message = format!("`{from}` and `{other}` would both be `{made}` in GraphQL; rename one");
                issues.error(place, "graphql-name-collision", message);
            }
            None => drop(self.0.insert(made, from.to_owned())),
        }
    }
}
