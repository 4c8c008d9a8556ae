//! Triggers: when each runs, and its steps.

use super::{
    Compiler,
    steps::{Steps, Within},
};
use crate::{
    definition::{package::PackageDefinition, trigger::TriggerDefinition},
    issue::Issues,
    model::Object,
    rules::{Event, Phase, Trigger},
};

impl Compiler<'_> {
    pub(super) fn trigger(
        &mut self,
        object: &Object,
        package: &PackageDefinition,
        written: &TriggerDefinition,
        issues: &mut Issues,
    ) -> Option<()> {
        self.enter(object, "trigger", &written.name, issues)?;
        let sets = |(phase, event): &(Phase, Event)| {
            *phase == Phase::Before && matches!(event, Event::Create | Event::Update)
        };
        let within = if written.on.iter().all(sets) { Within::Before } else { Within::After };
        let mut steps = Steps {
            known: &self.known,
            book: self.book,
            package,
            signatures: &self.signatures,
            object,
            within,
            names: Vec::new(),
            rule: &written.name.value,
        };
        let when = match &written.when {
            Some(when) => steps.condition(when, issues).map(Some),
            None => Some(None),
        };
        let steps = steps.all(&written.steps, issues);
        let trigger = Trigger {
            name: written.name.value.clone(),
            package: package.name.value.clone(),
            on: written.on.clone(),
            order: written.order,
            when: when?,
            steps,
        };
        self.rules_of(object).triggers.push(trigger);
        Some(())
    }
}
