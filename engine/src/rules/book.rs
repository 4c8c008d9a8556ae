//! What a registry's rules compile to, once for each registry.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use quarry_metadata::{
    FieldName, Object, ObjectName, Registry,
    expression::{Expression, Root},
    rules::{Check, Event, Message, Phase, Rules, Validation, Weight},
};

use super::{
    evaluation::{Together, first_field},
    program::{Act, Program},
    programs::Programs,
};
use crate::{
    active::nearest,
    error::{Error, ErrorKind, Result},
};

/// The rules of all objects.
#[derive(Default)]
pub(crate) struct Rulebook {
    objects: HashMap<ObjectName, Arc<ObjectRules>>,
    none: Programs,
}

/// The rules of one object, by what is done to a record.
#[derive(Default)]
pub(super) struct ObjectRules {
    pub on_create: Conditions,
    pub on_update: Conditions,
    pub on_delete: Conditions,
    /// What triggers do, in order.
    programs: HashMap<(Phase, Event), Programs>,
    /// What can be asked to be done with a record, by name.
    acts: BTreeMap<String, Arc<Act>>,
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
            let gone = || Error::internal(format!("rules of {name}, which is no object"));
            let made = match known {
                Some(known) => known,
                None => {
                    let object = registry.objects.get(name).ok_or_else(gone)?;
                    Arc::new(ObjectRules::of(object, rules)?)
                }
            };
            objects.insert(name.clone(), made);
        }
        Ok(Rulebook { objects, none: Programs::default() })
    }

    /// What happens to a record of an object then, in order.
    pub fn programs(&self, object: &str, phase: Phase, event: Event) -> &Programs {
        let programs = self.get(object).and_then(|rules| rules.programs.get(&(phase, event)));
        programs.unwrap_or(&self.none)
    }

    /// An action of an object.
    ///
    /// # Errors
    ///
    /// `Missing` with the nearest name.
    pub fn act(&self, object: &str, name: &str) -> Result<Arc<Act>> {
        let acts = self.get(object).map(|rules| &rules.acts);
        acts.and_then(|acts| acts.get(name)).cloned().ok_or_else(|| {
            let near = nearest(name, acts.into_iter().flat_map(BTreeMap::keys).map(String::as_str));
            let message = format!("{object} has no action {name:?}{near}");
            Error::new(ErrorKind::Missing, "ACTION_NOT_FOUND", message)
        })
    }

    /// Whether more happens when a record is made than that its own fields are set, or it is refused.
    pub fn has_followers(&self, object: &str) -> bool {
        let before =
            self.programs(object, Phase::Before, Event::Create).iter().any(|program| !program.is_own());
        before || !self.programs(object, Phase::After, Event::Create).is_empty()
    }

    /// What is done before one record of an object is written can't matter to another: many can be written at once.
    pub fn take_many(&self, object: &str) -> bool {
        [Event::Create, Event::Update]
            .iter()
            .all(|event| self.programs(object, Phase::Before, *event).take_many())
    }

    /// A trigger sets this field before a record is written.
    pub fn set(&self, object: &str, field: &str) -> bool {
        [Event::Create, Event::Update]
            .iter()
            .any(|event| self.programs(object, Phase::Before, *event).set(field))
    }

    /// The rules of an object; none when it has none.
    pub(super) fn get(&self, object: &str) -> Option<&ObjectRules> {
        self.objects.get(object).map(Arc::as_ref)
    }
}

impl ObjectRules {
    fn of(object: &Object, rules: &Rules) -> Result<ObjectRules> {
        let mut triggers: HashMap<_, Vec<_>> = HashMap::new();
        for trigger in &rules.triggers {
            let program = Arc::new(Program::of(&object.name, trigger)?);
            for event in &trigger.on {
                triggers.entry(*event).or_default().push((trigger, program.clone()));
            }
        }
        let mut programs = HashMap::with_capacity(triggers.len());
        for (event, triggers) in triggers {
            programs.insert(event, Programs::of(&object.name, &triggers)?);
        }
        Ok(ObjectRules {
            on_create: Conditions::of(&rules.validations, Event::Create)?,
            on_update: Conditions::of(&rules.validations, Event::Update)?,
            on_delete: Conditions::of(&rules.validations, Event::Delete)?,
            programs,
            acts: rules
                .actions
                .iter()
                .map(|(name, action)| Ok((name.clone(), Arc::new(Act::of(object, action)?))))
                .collect::<Result<_>>()?,
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
            let reads =
                expression.needs().of(&Root::Record).map(|(path, _)| first_field(path).clone()).collect();
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
