//! Steps of triggers and actions: what they name is there, and what they write fits.

use super::{Known, actions::Signatures, field_named, messages, object_named, validations::not};
use crate::{
    compile::book::Book,
    definition::{
        Located,
        package::PackageDefinition,
        step::{StepDefinition, StepKind, ValuesDefinition},
    },
    expression::{Expression, Function, Literal, Node, NodeKind, Root, Scope, Type, Use},
    issue::{Issues, Place},
    model::{Field, FieldKind, Index, Object},
    name::{FieldName, ObjectName},
    nearest::did_you_mean,
    rules::{Step, Values},
};

/// What steps run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// A trigger that runs before its record is written, and may set its fields.
    Before,
    /// A trigger that runs behind.
    After,
    /// An action: there is no change, and so no `old`.
    Action,
}

/// The steps of one trigger or action.
pub(super) struct Steps<'a> {
    pub(super) known: &'a Known<'a>,
    pub(super) book: &'a Book<'a>,
    pub(super) package: &'a PackageDefinition,
    /// The actions that may be called.
    pub(super) signatures: &'a Signatures,
    /// The object of the record that they run for.
    pub(super) object: &'a Object,
    pub(super) within: Within,
    /// Records by the names that earlier steps gave them.
    pub(super) names: Vec<(String, ObjectName)>,
    /// What makes the code of a finding that has none.
    pub(super) rule: &'a str,
}

impl<'a> Steps<'a> {
    /// What is said about the record that the steps run for.
    pub(super) fn scope(&self) -> Scope<'_> {
        let scope = Scope::new(self.known, self.object, Use::Trigger);
        self.names.iter().fold(scope, |scope, (name, object)| scope.with_record(name, object.clone()))
    }

    /// An action is no change: nothing was otherwise before it.
    pub(super) fn check_own(&self, compiled: &Expression, written: &Located<String>, issues: &mut Issues) {
        if self.within == Within::Action && compiled.needs().reads(&Root::Old) {
            let message =
                "an action is not the change of a record: there is no `old`, and nothing has `changed`";
            issues.error(&written.place, "not-in-this-place", message);
        }
    }

    /// A condition on the record that the steps run for.
    pub(super) fn condition(&self, written: &Located<String>, issues: &mut Issues) -> Option<Expression> {
        let compiled = Expression::condition(&written.value, &written.place, &self.scope(), issues)?;
        self.check_own(&compiled, written, issues);
        Some(compiled)
    }

    /// All steps of a list; names that they give end with it.
    pub(super) fn all(&mut self, written: &[StepDefinition], issues: &mut Issues) -> Vec<Step> {
        let known = self.names.len();
        let steps = self.all_naming(written, issues);
        self.names.truncate(known);
        steps
    }

    /// All steps of a list; names that they give stay.
    pub(super) fn all_naming(&mut self, written: &[StepDefinition], issues: &mut Issues) -> Vec<Step> {
        written.iter().filter_map(|step| self.step(step, issues)).collect()
    }

    fn step(&mut self, written: &StepDefinition, issues: &mut Issues) -> Option<Step> {
        let when = match &written.when {
            Some(when) => Some(self.condition(when, issues)?),
            None => None,
        };
        match &written.kind {
            StepKind::Set(values) => {
                if self.within != Within::Before {
                    let message = "`set` is for triggers that run only before a create or update; behind it, `update` with `path: this`";
                    issues.error(&written.place, "not-in-this-place", message);
                    return None;
                }
                self.values(values, self.object, Bare::Own, issues).map(Step::Set)
            }
            StepKind::Find { refusal, unless } => {
                let when = match unless {
                    Some(holds) => Some(not(self.condition(holds, issues)?)),
                    None => when,
                };
                Some(Step::Find(messages::refusal(refusal, self.rule, when, &self.scope(), issues)))
            }
            StepKind::Create { object, name, values } => {
                let object = object_named(self.known, self.book, self.package, object, issues)?;
                self.check_complete(object, values, &written.place, issues);
                let values = self.values(values, object, Bare::Own, issues);
                let name = name.as_ref().map(|name| self.give(name, object, issues));
                Some(Step::Create { when, object: object.name.clone(), name, values: values? })
            }
            StepKind::Upsert { object, on, name, values } => {
                let object = object_named(self.known, self.book, self.package, object, issues)?;
                self.check_complete(object, values, &written.place, issues);
                let on = self.key(object, on, values, issues);
                let values = self.values(values, object, Bare::Own, issues);
                let name = name.as_ref().map(|name| self.give(name, object, issues));
                Some(Step::Upsert { when, object: object.name.clone(), on: on?, name, values: values? })
            }
            StepKind::CallAction { action, target, parameters } => {
                let (target, object) = self.target(target, issues)?;
                let parameters = self.parameters(object, action, parameters, issues)?;
                Some(Step::CallAction { when, action: action.value.clone(), target, parameters })
            }
            StepKind::Update { target, values } => {
                let (target, object) = self.target(target, issues)?;
                let values = self.values(values, object, Bare::Target, issues)?;
                Some(Step::Update { when, target, values })
            }
            StepKind::Delete { target } => {
                let (target, _) = self.target(target, issues)?;
                Some(Step::Delete { when, target })
            }
            StepKind::ForEach { .. } | StepKind::First { .. } => self.over_records(&written.kind, issues),
        }
    }

    /// Steps that are done with other records.
    fn over_records(&mut self, written: &StepKind, issues: &mut Issues) -> Option<Step> {
        match written {
            StepKind::ForEach { relation, name, filter, steps } => {
                let children = self.children(relation, issues)?;
                self.inside(name, children.object.clone(), |inside| {
                    let filter = match filter {
                        Some(filter) => Some(inside.condition(filter, issues)?),
                        None => None,
                    };
                    let steps = inside.all(steps, issues);
                    Some(Step::ForEach { children, name: name.value.clone(), filter, steps })
                })
            }
            StepKind::First { object, name, filter, order_by, steps } => {
                let object = object_named(self.known, self.book, self.package, object, issues)?;
                let wanted = self.wanted(object, &name.value, filter, issues);
                let order_by = order_by.as_ref().and_then(|field| self.order_by(object, field, issues));
                self.inside(name, object.name.clone(), |inside| {
                    let steps = inside.all(steps, issues);
                    Some(Step::First { wanted: wanted?, name: name.value.clone(), order_by, steps })
                })
            }
            _ => None,
        }
    }

    /// Does something while a record has a name.
    fn inside<T>(
        &mut self,
        name: &Located<String>,
        object: ObjectName,
        inner: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.names.push((name.value.clone(), object));
        let done = inner(self);
        self.names.pop();
        done
    }

    /// Gives the record that a step makes its name.
    fn give(&mut self, name: &Located<String>, object: &Object, issues: &mut Issues) -> String {
        if self.names.iter().any(|(known, _)| *known == name.value) {
            let message = format!("an earlier step calls its record `{}` too", name.value);
            issues.error(&name.place, "duplicate-key", message);
        }
        self.names.push((name.value.clone(), object.name.clone()));
        name.value.clone()
    }

    /// The values of fields of `object`, each of its field's type.
    fn values(
        &self,
        written: &ValuesDefinition,
        object: &'a Object,
        bare: Bare,
        issues: &mut Issues,
    ) -> Option<Values> {
        let scope = match bare {
            Bare::Own => self.scope(),
            Bare::Target => self.scope_of(object),
        };
        let mut values = Values::new();
        let mut complete = true;
        for (name, text) in written {
            let value = field_named(self.known, object, name, issues)
                .filter(|field| may_be_written(object, field, name, issues))
                .and_then(|field| value(field, text, &scope, issues).map(|value| (field, value)));
            let Some((field, value)) = value else {
                complete = false;
                continue;
            };
            match bare {
                Bare::Own => self.check_own(&value, text, issues),
                Bare::Target => self.check_scope(&value, text, issues),
            }
            values.insert(field.name.clone(), value);
        }
        complete.then_some(values)
    }

    /// The fields by which an upsert finds its record: each is given, and they are unique together.
    fn key(
        &self,
        object: &Object,
        on: &[Located<FieldName>],
        values: &ValuesDefinition,
        issues: &mut Issues,
    ) -> Option<Vec<FieldName>> {
        let mut key = Vec::with_capacity(on.len());
        for name in on {
            let field = field_named(self.known, object, name, issues)?;
            let is_it = |given: &FieldName| {
                object.field(given.as_str()).is_some_and(|given| given.name == field.name)
            };
            if !values.iter().any(|(given, _)| is_it(&given.value)) {
                let message = format!("the record is found by `{}`: give it among the `values`", field.name);
                issues.error(&name.place, "missing-property", message);
            }
            key.push(field.name.clone());
        }
        let is_key = |index: &&Index| {
            index.unique
                && index.fields.len() == key.len()
                && index.fields.iter().all(|field| key.contains(field))
        };
        let found = object.indexes.iter().any(|index| is_key(&index));
        if let (false, Some(first)) = (found, on.first()) {
            let told: Vec<String> = key.iter().map(|field| format!("`{field}`")).collect();
            let message = format!(
                "no two records of `{}` must have the same {}, for one to be found by it: say `unique: true`, or take a unique index",
                object.name,
                told.join(" and ")
            );
            issues.error(&first.place, "wrong-value", message);
        }
        found.then_some(key)
    }

    /// What a record must have is given, unless something else gives it.
    fn check_complete(&self, object: &Object, values: &ValuesDefinition, place: &Place, issues: &mut Issues) {
        let is_missing = |field: &&Field| {
            let numbered = matches!(field.kind, FieldKind::AutoNumber { .. } | FieldKind::Formula { .. });
            let given = values.iter().any(|(name, _)| name.value == field.name);
            field.required && !field.system && field.default.is_none() && !numbered && !given
        };
        let mut missing: Vec<_> =
            object.fields.values().filter(is_missing).map(|field| format!("`{}`", field.name)).collect();
        for whole in &object.polymorphic {
            let must = object.field(whole.field.as_str()).is_some_and(|field| field.required);
            if must && !values.iter().any(|(name, _)| whole.is_member(name.value.as_str())) {
                missing.push(whole.told_members());
            }
        }
        if !missing.is_empty() {
            let message = format!("a new `{}` needs {} too", object.name, missing.join(", "));
            issues.error(place, "missing-property", message);
        }
    }
}

/// Whose fields bare names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bare {
    Own,
    Target,
}

fn may_be_written(object: &Object, field: &Field, name: &Located<FieldName>, issues: &mut Issues) -> bool {
    if let Some(whole) = object.polymorphic(field.name.as_str())
        && !whole.is_member(field.name.as_str())
    {
        let message = format!("`{}` is of one of several objects: set {}", field.name, whole.told_members());
        issues.error(&name.place, "never-writable", message);
        return false;
    }
    let kept = field.system && !["owner", "owner_id"].contains(&field.name.as_str());
    let why = match &field.kind {
        FieldKind::Formula { .. } => "is computed",
        FieldKind::AutoNumber { .. } => "is numbered by the engine",
        _ if field.summary.is_some() => "is summed up by the engine",
        _ if kept => "is kept by the engine",
        _ => return true,
    };
    issues.error(&name.place, "never-writable", format!("`{}` {why}: nothing can set it", field.name));
    false
}

/// A value of the field's type.
pub(super) fn value(
    field: &Field,
    text: &Located<String>,
    scope: &Scope<'_>,
    issues: &mut Issues,
) -> Option<Expression> {
    let Some(wanted) = Type::of(&field.kind) else {
        let message = format!("`{}` holds what expressions can't make", field.name);
        issues.error(&text.place, "expression-type", message);
        return None;
    };
    let value = Expression::compile_as(&text.value, &wanted, &text.place, scope, issues)?;
    check_options(field, &value.node, text, issues);
    Some(value)
}

/// A value that is written down is one of the field's options.
pub(in crate::compile) fn check_options(
    field: &Field,
    node: &Node,
    text: &Located<String>,
    issues: &mut Issues,
) {
    let FieldKind::Select { options } = &field.kind else { return };
    match &node.kind {
        NodeKind::Literal(Literal::Text(given)) if !options.iter().any(|option| option.value == *given) => {
            let near = did_you_mean(given, options.iter().map(|option| option.value.as_str()));
            let message = format!("`{given}` is not an option of `{}`{near}", field.name);
            issues.error(&text.place, "unknown-option", message);
        }
        NodeKind::Conditional { then, otherwise, .. } => {
            check_options(field, then, text, issues);
            check_options(field, otherwise, text, issues);
        }
        NodeKind::Call { function: Function::Coalesce, arguments } => {
            for argument in arguments {
                check_options(field, argument, text, issues);
            }
        }
        NodeKind::Convert(inner) => check_options(field, inner, text, issues),
        _ => {}
    }
}
