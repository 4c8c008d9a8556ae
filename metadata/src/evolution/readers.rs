//! Which expressions and rules read or write a field.

use crate::{
    expression::{Expression, Path, Root, Step as Lookup},
    model::Registry,
    name::{FieldName, ObjectName},
    rules::{Check, Rules, Step, Target, Values},
};

/// Looks for one field of one object in what a registry says.
pub(super) struct Reading<'a> {
    registry: &'a Registry,
    object: &'a ObjectName,
    field: &'a FieldName,
    /// What steps call records, with what these are of.
    names: Vec<(&'a str, &'a ObjectName)>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(registry: &'a Registry, object: &'a ObjectName, field: &'a FieldName) -> Self {
        Self { registry, object, field, names: Vec::new() }
    }

    /// The rules that read or write the field, each with its object.
    pub(super) fn rules(&mut self) -> Vec<(&'a ObjectName, &'a str)> {
        let mut found = Vec::new();
        for (object, rules) in &self.registry.rules {
            found.extend(self.rules_of(object, rules).into_iter().map(|name| (object, name)));
        }
        found
    }

    fn rules_of(&mut self, object: &'a ObjectName, rules: &'a Rules) -> Vec<&'a str> {
        let is_own = object == self.object;
        let mut found = Vec::new();
        for rule in &rules.validations {
            let reads = match &rule.check {
                Check::Broken(expression) => self.reads(object, expression),
                Check::Unique(unique) => {
                    let is_asked = unique.when.iter().any(|asked| asked.field == *self.field);
                    is_own && (is_asked || unique.fields.contains(self.field))
                }
            };
            if reads || (is_own && rule.fields.contains(self.field)) {
                found.push(rule.name.as_str());
            }
        }
        let machines = rules.machines.iter().filter(|machine| is_own && machine.field == *self.field);
        found.extend(machines.map(|machine| machine.name.as_str()));
        for trigger in &rules.triggers {
            if self.condition(object, trigger.when.as_ref()) || self.steps(object, &trigger.steps) {
                found.push(trigger.name.as_str());
            }
        }
        for action in rules.actions.values() {
            let returns = action.returns.values().any(|returned| self.reads(object, returned));
            if returns || self.condition(object, action.when.as_ref()) || self.steps(object, &action.steps) {
                found.push(action.name.as_str());
            }
        }
        found
    }

    fn condition(&self, object: &ObjectName, condition: Option<&Expression>) -> bool {
        condition.is_some_and(|condition| self.reads(object, condition))
    }

    fn is_it(&self, object: &ObjectName, field: &FieldName) -> bool {
        object == self.object && field == self.field
    }

    /// Whether an expression about records of `object` reads the field.
    pub(super) fn reads(&self, object: &ObjectName, expression: &Expression) -> bool {
        let user = ObjectName::from("user");
        let needs = expression.needs();
        let by_path = needs.fields.keys().any(|(root, path)| {
            let from = match root {
                Root::Record | Root::Old => object,
                Root::User => &user,
                Root::Named(name) => match self.names.iter().rev().find(|(known, _)| known == name) {
                    Some((_, of)) => of,
                    None => object,
                },
            };
            self.leads_to_it(from, path)
        });
        by_path
            || needs.children.iter().any(|(children, paths)| {
                self.is_it(&children.object, &children.lookup)
                    || paths.keys().any(|path| self.leads_to_it(&children.object, path))
            })
    }

    fn leads_to_it(&self, from: &ObjectName, path: &Path) -> bool {
        self.follows_it(from, &path.steps).unwrap_or_else(|last| self.is_it(&last, &path.field))
    }

    /// Whether the field is one of the lookups; else where they lead.
    fn follows_it(&self, from: &ObjectName, lookups: &[Lookup]) -> Result<bool, ObjectName> {
        let mut at = from;
        for Lookup { lookup, target, .. } in lookups {
            if self.is_it(at, lookup) {
                return Ok(true);
            }
            at = target;
        }
        Err(at.clone())
    }

    /// Whether steps about a record of `object` read or write the field; their depth is limited, and so is this recursion.
    fn steps(&mut self, object: &'a ObjectName, steps: &'a [Step]) -> bool {
        let known = self.names.len();
        let found = steps.iter().any(|step| self.step(object, step));
        self.names.truncate(known);
        found
    }

    fn step(&mut self, object: &'a ObjectName, step: &'a Step) -> bool {
        match step {
            Step::Set(values) => self.values(object, object, values),
            Step::Find(refusal) => {
                self.condition(object, refusal.when.as_ref())
                    || refusal.message.values.iter().any(|value| self.reads(object, value))
            }
            Step::Create { when, object: made, name, values }
            | Step::Upsert { when, object: made, name, values, .. } => {
                let found = self.condition(object, when.as_ref()) || self.values(object, made, values);
                self.names.extend(name.as_deref().map(|name| (name, made)));
                found
            }
            Step::Update { when, target, values } => {
                let of = target.object();
                self.condition(object, when.as_ref())
                    || self.target(object, target)
                    || self.values(of, of, values)
            }
            Step::CallAction { when, target, parameters, .. } => {
                let of = target.object();
                self.condition(object, when.as_ref())
                    || self.target(object, target)
                    || parameters.values().any(|value| self.reads(of, value))
            }
            Step::Delete { when, target } => {
                self.condition(object, when.as_ref()) || self.target(object, target)
            }
            Step::ForEach { children, name, filter, steps } => {
                if self.is_it(&children.object, &children.lookup)
                    || self.condition(&children.object, filter.as_ref())
                {
                    return true;
                }
                self.named(object, (name, &children.object), steps)
            }
            Step::First { wanted, name, order_by, steps } => {
                let of = &wanted.object;
                let found = self.reads(of, &wanted.filter)
                    || order_by.as_ref().is_some_and(|field| self.is_it(of, field));
                found || self.named(object, (name, of), steps)
            }
        }
    }

    fn named(&mut self, object: &'a ObjectName, name: (&'a str, &'a ObjectName), steps: &'a [Step]) -> bool {
        self.names.push(name);
        let found = self.steps(object, steps);
        self.names.pop();
        found
    }

    fn values(&self, from: &ObjectName, of: &ObjectName, values: &Values) -> bool {
        values.iter().any(|(field, value)| self.is_it(of, field) || self.reads(from, value))
    }

    fn target(&self, object: &ObjectName, target: &'a Target) -> bool {
        let of = target.object();
        match target {
            Target::Record { path, filter, .. } => {
                self.follows_it(object, path) == Ok(true) || self.condition(of, filter.as_ref())
            }
            Target::Children { children, filter } => {
                self.is_it(of, &children.lookup) || self.condition(of, filter.as_ref())
            }
            Target::Matching(wanted) => self.reads(of, &wanted.filter),
        }
    }
}
