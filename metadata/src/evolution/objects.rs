//! Objects of two versions side by side: what came, what went, and what lies between the fields: relations and indexes.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    evolution::{
        Class, Comparison, Concerned, Effect, Subject,
        rules::{Of, Verdict, judge, rule},
    },
    model::{Index, Object, Relation, RelationKind},
    name::{FieldName, ObjectName},
};

/// An object in both versions.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) old: &'a Arc<Object>,
    pub(super) new: &'a Arc<Object>,
}

impl Comparison<'_> {
    pub(super) fn objects(&mut self) {
        let (old, new) = (self.old, self.new);
        for object in old.objects.values() {
            match new.get(object.name.as_str()) {
                Some(now) => self.object(Pair { old: object, new: now }),
                None => self.removed(object),
            }
        }
        for object in new.objects.values() {
            let was = std::iter::once(&object.name).chain(&object.alias);
            if was.into_iter().all(|name| old.get(name.as_str()).is_none()) {
                let message = "a new object".to_owned();
                let subject = Subject::Object(object.name.clone());
                let effects = vec![Effect::NewTable { object: object.name.clone() }];
                self.add(Class::Allowed, "object-added", subject, message).effects = effects;
            }
        }
    }

    fn removed(&mut self, object: &Object) {
        let records = self.surroundings.records.count(object, &Concerned::All);
        let message = format!(
            "the object is gone; keep it, and for another name list `{}` in its `alias`",
            object.name
        );
        self.add(Class::Refused, "object-removed", Subject::Object(object.name.clone()), message).records =
            records;
    }

    fn object(&mut self, pair: Pair<'_>) {
        if Arc::ptr_eq(pair.old, pair.new) || pair.old == pair.new {
            return;
        }
        self.object_name(pair);
        self.object_properties(pair);
        self.fields(pair);
        self.relations(pair);
        self.indexes(pair);
    }

    fn object_name(&mut self, Pair { old, new }: Pair<'_>) {
        let subject = || Subject::Object(old.name.clone());
        let (before, now) = (names(&old.alias, &old.name), names(&new.alias, &new.name));
        if before == now {
            return;
        }
        match renamed(&before, &now) {
            Ok(()) => {
                let message = format!("is called `{}` now; `{}` goes on answering", new.name, old.name);
                self.add(Class::Allowed, "object-renamed", subject(), message);
            }
            Err(message) => drop(self.add(Class::Refused, "alias-changed", subject(), message)),
        }
    }

    fn object_properties(&mut self, Pair { old, new }: Pair<'_>) {
        let subject = Subject::Object(old.name.clone());
        for Changed { property, from, to } in changed(&outline(old), &outline(new)) {
            match (rule(Of::Object, &property), property.as_str()) {
                (_, "package") => {
                    let message = format!("moves from package {from} to {to}, and so to another SQL schema");
                    self.add(Class::Refused, "package-changed", subject.clone(), message);
                }
                (_, "id_prefix") => {
                    let message = format!(
                        "ids would begin with {to}, not {from}; write `idPrefix: {}` to keep it",
                        from.as_str().unwrap_or_default()
                    );
                    let records = self.surroundings.records.count(old, &Concerned::All);
                    self.add(Class::Refused, "id-prefix-changed", subject.clone(), message).records = records;
                }
                (_, "sharing") => self.sharing(Pair { old, new }),
                (_, "recycle_bin") => self.recycle_bin(Pair { old, new }),
                (_, "name_field")
                    if new.field(old.name_field.as_str()).is_some_and(|f| f.name == new.name_field) => {}
                (rule, _) => match judge(rule, &from, &to) {
                    Verdict::Wider if rule == super::rules::Rule::Elsewhere => {}
                    Verdict::Wider => {
                        let message = format!("`{property}` goes from {from} to {to}");
                        self.add(Class::Allowed, "object-changed", subject.clone(), message);
                    }
                    _ => {
                        let message =
                            format!("`{property}` goes from {from} to {to}, and nothing says that it may");
                        self.add(Class::Refused, "object-changed", subject.clone(), message);
                    }
                },
            }
        }
    }

    /// A recycle bin may come; it may go when nothing is in it.
    fn recycle_bin(&mut self, Pair { old, new }: Pair<'_>) {
        let subject = Subject::Object(old.name.clone());
        if new.recycle_bin {
            let message = "keeps what is deleted from now on in a recycle bin".to_owned();
            let effects = vec![Effect::NewTable { object: new.name.clone() }];
            self.add(Class::Allowed, "recycle-bin-added", subject, message).effects = effects;
            return;
        }
        let deleted = self.surroundings.records.count(old, &Concerned::Deleted);
        if deleted == Some(0) {
            let message = "keeps no recycle bin any more; nothing is in it".to_owned();
            self.add(Class::Allowed, "recycle-bin-removed", subject, message);
            return;
        }
        let message = "what is in the recycle bin could not come back any more; purge it first".to_owned();
        self.add(Class::Refused, "recycle-bin-removed", subject, message).records = deleted;
    }

    fn relations(&mut self, Pair { old, new }: Pair<'_>) {
        for was in old.relations.values() {
            // A way that its own lookup makes goes and changes with it.
            let Some(lookup) = self.lookup_of(old, was) else { continue };
            let now = new.relation(was.name.as_str());
            if now.is_some_and(|now| self.is_same_way(new, was, now)) {
                continue;
            }
            let target = self.new.get(was.target.as_str());
            let still_there = match &was.kind {
                RelationKind::ToOne { field } | RelationKind::ToSeveral { field } => {
                    new.field(field.as_str())
                }
                RelationKind::ToMany { field } => target.and_then(|target| target.field(field.as_str())),
            };
            if still_there.is_none_or(|field| field.kind != lookup) {
                continue;
            }
            let message = format!(
                "the way to `{}` is not called so any more; write `reverseName: {}` at the lookup",
                was.target, was.name
            );
            let subject = Subject::Relation(old.name.clone(), was.name.clone());
            self.add(Class::Refused, "relation-removed", subject, message);
        }
        for now in new.relations.values() {
            let was =
                std::iter::once(&now.name).chain(&now.alias).find_map(|name| old.relation(name.as_str()));
            if was.is_none() && matches!(now.kind, RelationKind::ToMany { .. }) {
                let message = format!("a way to the records of `{}` that refer to it", now.target);
                let subject = Subject::Relation(new.name.clone(), now.name.clone());
                self.add(Class::Allowed, "relation-added", subject, message);
            }
        }
    }

    fn lookup_of(&self, object: &Object, relation: &Relation) -> Option<crate::model::FieldKind> {
        let field = match &relation.kind {
            RelationKind::ToOne { field } | RelationKind::ToSeveral { field } => object.field(field.as_str()),
            RelationKind::ToMany { field } => self.old.get(relation.target.as_str())?.field(field.as_str()),
        };
        field.map(|field| field.kind.clone())
    }

    fn is_same_way(&self, new: &Arc<Object>, was: &Relation, now: &Relation) -> bool {
        let same_object = |was: &ObjectName, now: &ObjectName| {
            was == now || self.new.get(was.as_str()).is_some_and(|object| object.name == *now)
        };
        let target = self.new.get(was.target.as_str());
        let same_field = |object: Option<&Arc<Object>>, was: &FieldName, now: &FieldName| {
            was == now || object.and_then(|o| o.field(was.as_str())).is_some_and(|field| field.name == *now)
        };
        same_object(&was.target, &now.target)
            && match (&was.kind, &now.kind) {
                (RelationKind::ToOne { field: was }, RelationKind::ToOne { field: now })
                | (RelationKind::ToSeveral { field: was }, RelationKind::ToSeveral { field: now }) => {
                    same_field(Some(new), was, now)
                }
                (RelationKind::ToMany { field: was }, RelationKind::ToMany { field: now }) => {
                    same_field(target, was, now)
                }
                _ => false,
            }
    }

    fn indexes(&mut self, Pair { old, new }: Pair<'_>) {
        let now_named = |name: &FieldName| new.field(name.as_str()).map(|field| field.name.clone());
        let fields_now = |index: &Index| index.fields.iter().map(now_named).collect::<Option<Vec<_>>>();
        let is_same = |was: &Index, now: &Index| {
            was.unique == now.unique && fields_now(was).is_some_and(|fields| fields == now.fields)
        };
        for was in &old.indexes {
            // One whose fields went is a dependent of those.
            if fields_now(was).is_none() || new.indexes.iter().any(|now| is_same(was, now)) {
                continue;
            }
            let subject = Subject::Index(old.name.clone(), was.name.clone());
            if was.unique {
                let message = "is not unique any more; clients write and import by it (`upsert`)".to_owned();
                self.add(Class::Refused, "unique-removed", subject, message);
            } else {
                self.add(Class::Allowed, "index-removed", subject, "the index is gone".to_owned());
            }
        }
        for now in &new.indexes {
            if old.indexes.iter().any(|was| is_same(was, now)) {
                continue;
            }
            let old_fields: Option<Vec<_>> =
                now.fields.iter().map(|name| old_field(old, new, name)).collect();
            let subject = Subject::Index(new.name.clone(), now.name.clone());
            match old_fields {
                Some(_) if now.unique => {
                    let message =
                        "becomes unique: what two records may share now would be refused".to_owned();
                    self.add(Class::Refused, "unique-added", subject, message);
                }
                _ => {
                    let effect = Effect::BuildIndex { object: new.name.clone(), index: now.name.clone() };
                    let message = format!("an index over {}", join(&now.fields));
                    self.add(Class::Allowed, "index-added", subject, message).effects = vec![effect];
                }
            }
        }
    }
}

/// What a field of the new version was called in the old one, if it was there.
pub(super) fn old_field(old: &Object, new: &Object, name: &FieldName) -> Option<FieldName> {
    let field = new.field(name.as_str())?;
    let names = std::iter::once(&field.name).chain(&field.alias);
    names.into_iter().find_map(|name| old.field(name.as_str())).map(|field| field.name.clone())
}

fn join(fields: &[FieldName]) -> String {
    fields.iter().map(FieldName::as_str).collect::<Vec<_>>().join(", ")
}

/// All names of a thing, oldest first.
pub(super) fn names<N: Clone>(alias: &[N], name: &N) -> Vec<N> {
    alias.iter().chain([name]).cloned().collect()
}

/// Names may only be added at the end: the first is what the values are kept under, and all of them answer.
pub(super) fn renamed<N: PartialEq + std::fmt::Display>(before: &[N], now: &[N]) -> Result<(), String> {
    if now.starts_with(before) {
        return Ok(());
    }
    let text = |names: &[N]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let former = before.len();
    Err(format!(
        "its names were {}; `alias` lists former names, oldest first, and loses and gains none: the names now are {}, but must begin with {}",
        text(before),
        text(now),
        text(before.get(..former).unwrap_or_default())
    ))
}

/// One property that differs.
pub(super) struct Changed {
    pub(super) property: String,
    pub(super) from: Value,
    pub(super) to: Value,
}

/// The properties in which two canonical forms differ.
pub(super) fn changed(old: &Value, new: &Value) -> Vec<Changed> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return Vec::new() };
    let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    let of =
        |form: &serde_json::Map<String, Value>, key: &String| form.get(key).cloned().unwrap_or(Value::Null);
    keys.map(|key| Changed { property: key.clone(), from: of(old, key), to: of(new, key) })
        .filter(|changed| changed.from != changed.to)
        .collect()
}

/// An object's canonical form without what is compared by itself.
fn outline(object: &Object) -> Value {
    let bare = Object {
        fields: Default::default(),
        relations: Default::default(),
        indexes: Vec::new(),
        searchable: Vec::new(),
        ..object.clone()
    };
    // The model has a JSON form: it is hashed.
    serde_json::to_value(bare).unwrap_or(Value::Null)
}
