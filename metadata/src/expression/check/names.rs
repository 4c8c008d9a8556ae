//! What the names of an expression stand for.

use cel::{
    IdedExpr,
    common::ast::{Expr, SelectExpr},
};

use super::Checker;
use crate::{
    expression::{
        formulas::placed,
        scope::Use,
        tree::{Children, Node, NodeKind, Path, Root, Step, UserList},
        value_type::Type,
    },
    limits::PATH_STEPS_MAX,
    model::{Field, FieldKind, Object, RelationKind},
    name::{FieldName, ObjectName},
    nearest::did_you_mean,
};

/// The object of the session's user.
const USER: &str = "user";

/// What a name, or a chain of them, stands for.
pub(super) enum Target {
    /// A record: fields can be named of it.
    Record(Record),
    /// A value.
    Value(Node),
}

/// A record that fields can be named of.
pub(super) struct Record {
    root: Root,
    /// The lookups that lead to it.
    steps: Vec<Step>,
    object: ObjectName,
}

impl Checker<'_> {
    /// The value that a name or a chain of names stands for.
    pub(super) fn named_value(&mut self, expr: &IdedExpr) -> Option<Node> {
        let target = self.target(expr)?;
        self.value(expr.id, target)
    }

    /// A record as a value is the lookup that leads to it.
    pub(super) fn value(&mut self, id: u64, target: Target) -> Option<Node> {
        match target {
            Target::Value(node) => Some(node),
            Target::Record(Record { root, mut steps, object }) => match steps.pop() {
                Some(last) => Some(field_node(root, Path { steps, field: last.lookup }, Type::Text)),
                None => {
                    let message =
                        format!("`{root}` is a record of `{object}`, and no value; name one of its fields");
                    self.error(id, "expression-type", message);
                    None
                }
            },
        }
    }

    /// Whether there is something: what `x == null` asks. A record is there when its id is.
    pub(super) fn presence(&mut self, expr: &IdedExpr) -> Option<Node> {
        if !matches!(&expr.expr, Expr::Ident(_)) {
            return self.node(expr);
        }
        match self.target(expr)? {
            Target::Record(Record { root, steps, .. }) if steps.is_empty() => {
                Some(field_node(root, Path::field(FieldName::from("id")), Type::Text))
            }
            target => self.value(expr.id, target),
        }
    }

    fn target(&mut self, expr: &IdedExpr) -> Option<Target> {
        match &expr.expr {
            Expr::Ident(name) => self.first(expr.id, name),
            Expr::Select(select) => self.selected(expr.id, select),
            _ => self.node(expr).map(Target::Value),
        }
    }

    /// `operand.field`.
    pub(super) fn selected(&mut self, id: u64, select: &SelectExpr) -> Option<Target> {
        match self.target(&select.operand)? {
            Target::Record(record) => self.member(id, record, &select.field),
            Target::Value(node) => {
                let message = format!("a {} has no field `{}`", node.type_, select.field);
                self.error(id, "expression-type", message);
                None
            }
        }
    }

    /// A name by itself, or the first of a chain: a variable, a root, or something of the record.
    fn first(&mut self, id: u64, name: &str) -> Option<Target> {
        let own = self.scope.object.name.clone();
        let record = |root, object| Some(Target::Record(Record { root, steps: Vec::new(), object }));
        if let Some(variable) = self.variables.iter().rev().find(|variable| variable.name == name) {
            return match &variable.type_ {
                Type::Record(object) => record(Root::Named(name.to_owned()), object.clone()),
                type_ => {
                    Some(Target::Value(Node { type_: type_.clone(), kind: NodeKind::Item(name.to_owned()) }))
                }
            };
        }
        if let Some((_, object)) = self.scope.named.iter().find(|(known, _)| known == name) {
            return record(Root::Named(name.to_owned()), object.clone());
        }
        let is_field = self.scope.object.field(name).is_some() || self.scope.object.relation(name).is_some();
        match name {
            "record" => record(Root::Record, own),
            "old" | "previous" if self.scope.place.sees_old() => record(Root::Old, own),
            "user" | "current_user" if self.scope.place.sees_user() => {
                record(Root::User, ObjectName::from(USER))
            }
            "old" | "previous" | "user" | "current_user" if !is_field => {
                let message = format!("`{name}` can't be named in {}", self.scope.place.name());
                self.error(id, "not-in-this-place", message);
                None
            }
            _ => self.member(id, Record { root: Root::Record, steps: Vec::new(), object: own }, name),
        }
    }

    /// A field of a record, or what one of its relations leads to.
    fn member(&mut self, id: u64, record: Record, name: &str) -> Option<Target> {
        let objects = self.scope.objects;
        let object = objects.object(record.object.as_str())?;
        if record.root == Root::User
            && record.steps.is_empty()
            && object.field(name).is_none()
            && let Some((_, list)) = UserList::ALL.iter().find(|(known, _)| *known == name)
        {
            let list = Node { type_: Type::List(Box::new(Type::Text)), kind: NodeKind::UserList(*list) };
            return Some(Target::Value(list));
        }
        let relation = object.relation(name);
        let lookup = match relation.map(|relation| &relation.kind) {
            Some(RelationKind::ToOne { field }) => object.field(field.as_str()),
            _ => None,
        };
        if let Some(field) = object.field(name).or(lookup) {
            return self.field(id, record, object, field);
        }
        match relation.map(|relation| (relation, &relation.kind)) {
            Some((relation, RelationKind::ToMany { field })) => {
                let children = Children {
                    relation: relation.name.clone(),
                    object: relation.target.clone(),
                    lookup: field.clone(),
                };
                self.children(id, &record, children)
            }
            _ => self.unknown(id, object, name),
        }
    }

    fn field(&mut self, id: u64, mut record: Record, object: &Object, field: &Field) -> Option<Target> {
        if let FieldKind::Lookup { target, .. } = &field.kind {
            record.steps.push(Step { lookup: field.name.clone(), target: target.clone() });
            if record.steps.len() > PATH_STEPS_MAX {
                let message = format!("a path follows at most {PATH_STEPS_MAX} lookups");
                self.error(id, "expression-cost", message);
                return None;
            }
            record.object = target.clone();
            return Some(Target::Record(record));
        }
        if let FieldKind::Formula { .. } = &field.kind {
            let formula = self.scope.objects.formula(object, field)?;
            return Some(Target::Value(placed(&formula.node, &record.root, &record.steps)));
        }
        let Some(type_) = Type::of(&field.kind) else {
            let message = format!("`{}` holds what expressions can't look at", field.name);
            self.error(id, "expression-type", message);
            return None;
        };
        let path = Path { steps: record.steps, field: field.name.clone() };
        Some(Target::Value(field_node(record.root, path, type_)))
    }

    fn children(&mut self, id: u64, record: &Record, children: Children) -> Option<Target> {
        if !self.scope.place.sees_children() {
            let instead = match self.scope.place {
                Use::Formula => "; a summary field counts and sums them",
                _ => "",
            };
            let message = format!(
                "`{}` is a list of records, which can't be named in {}{instead}",
                children.relation,
                self.scope.place.name()
            );
            self.error(id, "not-in-this-place", message);
            return None;
        }
        if !self.variables.is_empty() {
            let message = format!(
                "`{}` is gone over for each item of another list; that is not read yet",
                children.relation
            );
            self.error(id, "not-supported-yet", message);
            return None;
        }
        if record.root != Root::Record || !record.steps.is_empty() {
            let message = format!(
                "`{}` can only be named of the record itself: children of other records are not read",
                children.relation
            );
            self.error(id, "not-supported-yet", message);
            return None;
        }
        let type_ = Type::List(Box::new(Type::Record(children.object.clone())));
        Some(Target::Value(Node { type_, kind: NodeKind::Children(children) }))
    }

    fn unknown(&mut self, id: u64, object: &Object, name: &str) -> Option<Target> {
        let fields = object.fields.keys().map(FieldName::as_str);
        let relations = object.relations.keys().map(|relation| relation.as_str());
        let near = did_you_mean(name, fields.chain(relations));
        let message = format!("`{name}` is not a field of `{}`{near}", object.name);
        self.error(id, "unknown-field", message);
        None
    }
}

pub(super) fn field_node(root: Root, path: Path, type_: Type) -> Node {
    Node { type_, kind: NodeKind::Field { root, path } }
}
