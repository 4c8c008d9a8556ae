//! Which records a step is about: what a path leads to, and how those that match a condition are found.

use super::{field_named, object_named, steps::Steps};
use crate::{
    definition::{Located, step::TargetDefinition},
    expression::{Children, Expression, Node, NodeKind, Objects, Operator, Root, Scope, Step as Lookup, Use},
    issue::Issues,
    model::{FieldKind, Object, RelationKind},
    name::{FieldName, ObjectName, RelationName},
    nearest::did_you_mean,
    rules::{Target, Wanted},
};

/// What a path goes through.
struct Way {
    root: Root,
    path: Vec<Lookup>,
    object: ObjectName,
}

impl<'a> Steps<'a> {
    /// The records of an `update` or `delete`, and the object that they are of.
    pub(super) fn target(
        &self,
        written: &TargetDefinition,
        issues: &mut Issues,
    ) -> Option<(Target, &'a Object)> {
        match written {
            TargetDefinition::Matching { object, filter } => {
                let object = object_named(self.known, self.book, self.package, object, issues)?;
                let scope = self.scope_of(object);
                let compiled = Expression::condition(&filter.value, &filter.place, &scope, issues)?;
                self.check_scope(&compiled, filter, issues);
                let by = found_by(&compiled, &Root::Record, object);
                Some((Target::Matching(Wanted { object: object.name.clone(), by, filter: compiled }), object))
            }
            TargetDefinition::Path { path, filter } => {
                let (mut target, object) = self.path(path, issues)?;
                if let Some(written) = filter {
                    let scope = self.scope_of(object);
                    let compiled = Expression::condition(&written.value, &written.place, &scope, issues)?;
                    self.check_scope(&compiled, written, issues);
                    match &mut target {
                        Target::Record { filter, .. } | Target::Children { filter, .. } => {
                            *filter = Some(compiled)
                        }
                        Target::Matching(_) => {}
                    }
                }
                Some((target, object))
            }
        }
    }

    /// What is said about a record that a step changes: bare names are its own, `this` is the triggering record.
    pub(super) fn scope_of(&self, object: &'a Object) -> Scope<'_> {
        let scope =
            self.names.iter().fold(Scope::new(self.known, object, Use::Trigger), |scope, (name, object)| {
                scope.with_record(name, object.clone())
            });
        scope.with_record("this", self.object.name.clone())
    }

    /// Such an expression knows nothing of what its record was before.
    pub(super) fn check_scope(&self, compiled: &Expression, written: &Located<String>, issues: &mut Issues) {
        if compiled.needs().reads(&Root::Old) {
            let message = "the record that a step changes is not in the middle of a change; `this` is the triggering one, \
                           and what was before it stands in the trigger's own `when`";
            issues.error(&written.place, "not-in-this-place", message);
        }
    }

    fn path(&self, written: &Located<String>, issues: &mut Issues) -> Option<(Target, &'a Object)> {
        let mut way = Way { root: Root::Record, path: Vec::new(), object: self.object.name.clone() };
        for (at, part) in written.value.split('.').enumerate() {
            let object = self.draft(&way.object)?;
            if at == 0 {
                if part == "this" || part == "record" {
                    continue;
                }
                if let Some((name, object)) = self.names.iter().rev().find(|(name, _)| name == part) {
                    way.root = Root::Named(name.clone());
                    way.object = object.clone();
                    continue;
                }
            }
            if let Some(children) = children_of(object, part) {
                if way.root != Root::Record || !way.path.is_empty() || written.value.contains('.') {
                    let message = format!(
                        "`{part}` is a list of records, and can only be the first and last part of a path"
                    );
                    issues.error(&written.place, "wrong-value", message);
                    return None;
                }
                let child = self.draft(&children.object)?;
                return Some((Target::Children { children, filter: None }, child));
            }
            way.path.push(self.lookup(object, part, written, issues)?);
            way.object = way.path.last()?.target.clone();
        }
        let object = self.draft(&way.object)?;
        Some((Target::Record { root: way.root, path: way.path, object: way.object, filter: None }, object))
    }

    fn lookup(
        &self,
        object: &Object,
        part: &str,
        written: &Located<String>,
        issues: &mut Issues,
    ) -> Option<Lookup> {
        let by_relation = object.relation(part).and_then(|relation| match &relation.kind {
            RelationKind::ToOne { field } => object.field(field.as_str()),
            RelationKind::ToSeveral { .. } | RelationKind::ToMany { .. } => None,
        });
        let field = by_relation.or_else(|| object.field(part));
        match field.map(|field| (field, &field.kind)) {
            Some((field, FieldKind::Lookup { target, .. })) => {
                Some(Lookup { lookup: field.name.clone(), target: target.clone() })
            }
            Some((field, _)) => {
                let message = format!("`{}` leads to no record", field.name);
                issues.error(&written.place, "not-for-this-type", message);
                None
            }
            None => {
                let relations = object.relations.keys().map(RelationName::as_str);
                let near = did_you_mean(part, relations);
                let message = format!("`{part}` is not a relation of `{}`{near}", object.name);
                issues.error(&written.place, "unknown-relation", message);
                None
            }
        }
    }

    /// The children that `forEach` goes over.
    pub(super) fn children(&self, name: &Located<RelationName>, issues: &mut Issues) -> Option<Children> {
        let found = children_of(self.object, name.value.as_str());
        if found.is_none() {
            let is_children = |name: &&str| children_of(self.object, name).is_some();
            let relations = self.object.relations.keys().map(RelationName::as_str).filter(is_children);
            let near = did_you_mean(name.value.as_str(), relations);
            let message =
                format!("`{}` is not a list of children of `{}`{near}", name.value, self.object.name);
            issues.error(&name.place, "unknown-relation", message);
        }
        found
    }

    /// The records that `first` looks through; they are called `name` in its condition.
    pub(super) fn wanted(
        &self,
        object: &'a Object,
        name: &str,
        filter: &Located<String>,
        issues: &mut Issues,
    ) -> Option<Wanted> {
        let scope = self.scope().with_record(name, object.name.clone());
        let compiled = Expression::condition(&filter.value, &filter.place, &scope, issues)?;
        self.check_own(&compiled, filter, issues);
        let by = found_by(&compiled, &Root::Named(name.to_owned()), object);
        Some(Wanted { object: object.name.clone(), by, filter: compiled })
    }

    /// The field that orders them.
    pub(super) fn order_by(
        &self,
        object: &Object,
        name: &Located<FieldName>,
        issues: &mut Issues,
    ) -> Option<FieldName> {
        let field = field_named(self.known, object, name, issues)?;
        let ordered = !field.kind.is_computed()
            && crate::expression::Type::of(&field.kind).is_some_and(|known| known.is_ordered());
        if !ordered {
            let message = format!("`{}` puts records in no order", field.name);
            issues.error(&name.place, "not-for-this-type", message);
        }
        ordered.then(|| field.name.clone())
    }

    fn draft(&self, name: &ObjectName) -> Option<&'a Object> {
        let known: &'a super::Known<'a> = self.known;
        known.object(name.as_str())
    }
}

fn children_of(object: &Object, name: &str) -> Option<Children> {
    let relation = object.relation(name)?;
    match &relation.kind {
        RelationKind::ToMany { field } => Some(Children {
            relation: relation.name.clone(),
            object: relation.target.clone(),
            lookup: field.clone(),
        }),
        RelationKind::ToOne { .. } | RelationKind::ToSeveral { .. } => None,
    }
}

/// An indexed field of the records, or their id, and what it must be for the condition to be true.
fn found_by(condition: &Expression, root: &Root, object: &Object) -> Option<(FieldName, Expression)> {
    let mut open = vec![&condition.node];
    while let Some(node) = open.pop() {
        let NodeKind::Binary { operator, left, right } = &node.kind else { continue };
        match operator {
            Operator::And => open.extend([&**right, &**left]),
            Operator::Equal => {
                let found = equal(left, right, root, object).or_else(|| equal(right, left, root, object));
                if found.is_some() {
                    return found;
                }
            }
            _ => {}
        }
    }
    None
}

fn equal(field: &Node, value: &Node, root: &Root, object: &Object) -> Option<(FieldName, Expression)> {
    let NodeKind::Field { root: of, path } = &field.kind else { return None };
    let known = object.field(path.field.as_str())?;
    let indexed = known.index || known.unique || path.field.as_str() == "id";
    let value = Expression { node: value.clone() };
    let needs = value.needs();
    let same_type = *value.type_() == field.type_;
    let found = of == root
        && path.steps.is_empty()
        && indexed
        && same_type
        && !needs.reads(root)
        && needs.children.is_empty();
    found.then(|| (path.field.clone(), value))
}
