//! What a registry's rules compile to, once for each registry.

use std::{collections::HashMap, sync::Arc};

use quarry_metadata::{
    FieldName, ObjectName, Registry,
    expression::{Expression, Root},
    rules::{Check, Event, Message, Phase, Refusal, Rules, Step, Trigger, Validation, Weight},
};

use super::evaluation::Together;
use crate::error::{Error, Result};

/// The rules of all objects.
#[derive(Default)]
pub(crate) struct Rulebook {
    objects: HashMap<ObjectName, Arc<ObjectRules>>,
}

/// The rules of one object, by what is done to a record.
#[derive(Default)]
pub(super) struct ObjectRules {
    pub on_create: Conditions,
    pub on_update: Conditions,
    pub on_delete: Conditions,
    pub before_create: Vec<Before>,
    pub before_update: Vec<Before>,
}

/// Validations that are asked together.
#[derive(Default)]
pub(super) struct Conditions {
    pub rules: Vec<Condition>,
    /// One answer for each rule, true where it is broken.
    pub together: Option<Together>,
}

/// What there is to say about a broken rule.
pub(super) struct Condition {
    pub name: String,
    pub fields: Vec<FieldName>,
    /// The fields of the record that it looks at.
    pub reads: Vec<FieldName>,
    pub error_code: String,
    pub message: Message,
    pub weight: Weight,
}

/// A trigger that runs before its record is written.
pub(super) struct Before {
    pub name: String,
    pub when: Option<Together>,
    pub steps: Vec<BeforeStep>,
}

/// What it does.
pub(super) enum BeforeStep {
    Set(FieldName, Together),
    Find(Option<Together>, Refusal),
}

impl Rulebook {
    /// Compiles the rules of a registry; those that are the very same in what is `known` are there already.
    ///
    /// # Errors
    ///
    /// `Internal`; `Invalid` for a rule that nobody keeps, which the registry should have refused.
    pub fn beside(registry: &Registry, known: Option<(&Registry, &Rulebook)>) -> Result<Rulebook> {
        let mut objects = HashMap::with_capacity(registry.rules.len());
        for (name, rules) in &registry.rules {
            let known = known.and_then(|(was, book)| {
                let same = was.rules.get(name).is_some_and(|known| Arc::ptr_eq(known, rules))
                    && was
                        .objects
                        .get(name)
                        .zip(registry.objects.get(name))
                        .is_some_and(|(a, b)| Arc::ptr_eq(a, b));
                book.objects.get(name).filter(|_| same).cloned()
            });
            let made = match known {
                Some(known) => known,
                None => Arc::new(ObjectRules::of(rules)?),
            };
            objects.insert(name.clone(), made);
        }
        Ok(Rulebook { objects })
    }

    /// The rules of an object; none when it has none.
    pub(super) fn get(&self, object: &str) -> Option<&ObjectRules> {
        self.objects.get(object).map(Arc::as_ref)
    }
}

impl ObjectRules {
    fn of(rules: &Rules) -> Result<ObjectRules> {
        Ok(ObjectRules {
            on_create: Conditions::of(&rules.validations, Event::Create)?,
            on_update: Conditions::of(&rules.validations, Event::Update)?,
            on_delete: Conditions::of(&rules.validations, Event::Delete)?,
            before_create: befores(&rules.triggers, Event::Create)?,
            before_update: befores(&rules.triggers, Event::Update)?,
        })
    }
}

impl ObjectRules {
    /// What is asked of a record to which this is done.
    pub fn conditions(&self, event: Event) -> Option<&Conditions> {
        match event {
            Event::Create => Some(&self.on_create),
            Event::Update => Some(&self.on_update),
            Event::Delete => Some(&self.on_delete),
            // It is as it was.
            Event::Undelete => None,
        }
    }
}

impl Conditions {
    fn of(validations: &[Validation], event: Event) -> Result<Conditions> {
        let mut rules = Vec::new();
        let mut broken: Vec<&Expression> = Vec::new();
        for validation in validations.iter().filter(|validation| validation.on.contains(&event)) {
            // What is unique is looked up, and kept by the store.
            let Check::Broken(expression) = &validation.check else { continue };
            let reads = expression.needs().of(&Root::Record).map(|(path, _)| first_field(path)).collect();
            rules.push(Condition {
                name: validation.name.clone(),
                fields: validation.fields.clone(),
                reads,
                error_code: validation.error_code.clone(),
                message: validation.message.clone(),
                weight: validation.severity,
            });
            broken.push(expression);
        }
        let together = match broken.is_empty() {
            true => None,
            false => Some(Together::new(&broken)?),
        };
        Ok(Conditions { rules, together })
    }
}

/// The field of the record that a path begins with.
fn first_field(path: &quarry_metadata::expression::Path) -> FieldName {
    path.steps.first().map_or_else(|| path.field.clone(), |step| step.lookup.clone())
}

fn befores(triggers: &[Trigger], event: Event) -> Result<Vec<Before>> {
    let chosen = triggers.iter().filter(|trigger| trigger.on.contains(&(Phase::Before, event)));
    chosen.map(before).collect()
}

fn before(trigger: &Trigger) -> Result<Before> {
    let one = |expression: &Expression| Together::new(&[expression]);
    let mut steps = Vec::new();
    for step in &trigger.steps {
        match step {
            Step::Set(values) => {
                for (field, value) in values {
                    steps.push(BeforeStep::Set(field.clone(), one(value)?));
                }
            }
            Step::Find(refusal) => {
                steps.push(BeforeStep::Find(refusal.when.as_ref().map(one).transpose()?, refusal.clone()));
            }
            _ => return Err(unkept(&trigger.name)),
        }
    }
    Ok(Before { name: trigger.name.clone(), when: trigger.when.as_ref().map(one).transpose()?, steps })
}

fn unkept(rule: &str) -> Error {
    let message = format!("the rule {rule} can't be kept yet");
    Error::new(crate::ErrorKind::Invalid, "INVALID_PACKAGES", message)
}
