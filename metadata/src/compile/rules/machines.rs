//! State machines: their states are the options of a select.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::{Compiler, field_named, messages};
use crate::{
    definition::{Located, package::PackageDefinition, state_machine::MachineDefinition},
    expression::{Scope, Use},
    issue::Issues,
    model::{FieldKind, Object, SelectOption},
    nearest::did_you_mean,
    rules::StateMachine,
};

impl Compiler<'_> {
    pub(super) fn machine(
        &mut self,
        object: &Object,
        package: &PackageDefinition,
        written: &MachineDefinition,
        issues: &mut Issues,
    ) -> Option<()> {
        let of_field = || written.field.place.clone();
        let name = written
            .name
            .clone()
            .unwrap_or_else(|| Located { value: written.field.value.to_string(), place: of_field() });
        self.enter(object, "state machine", &name, issues)?;
        let field = field_named(&self.known, object, &written.field, issues)?;
        let FieldKind::Select { options } = &field.kind else {
            let message = format!("states are the options of a select, which `{}` is not", field.name);
            issues.error(&written.field.place, "not-for-this-type", message);
            return None;
        };
        let mut states = States { options, reached: BTreeSet::new() };
        for state in written.initial.iter().flatten() {
            states.reach(state, issues);
        }
        for (from, to) in written.transitions.values() {
            states.known(from, issues);
            for state in to {
                states.reach(state, issues);
            }
        }
        if written.initial.is_some() {
            states.warn_of_unreached(written, issues);
        }
        let scope = Scope::new(&self.known, object, Use::Validation);
        let refusal =
            messages::refusal(&written.refusal, &format!("{}_state", name.value), None, &scope, issues);
        let plain = |states: &[Located<String>]| states.iter().map(|state| state.value.clone()).collect();
        let transitions: IndexMap<String, Vec<String>> =
            written.transitions.iter().map(|(from, (_, to))| (from.clone(), plain(to))).collect();
        let machine = StateMachine {
            name: name.value,
            package: package.name.value.clone(),
            field: field.name.clone(),
            initial: written.initial.as_deref().map(plain),
            transitions,
            severity: refusal.severity,
            error_code: refusal.error_code,
            message: refusal.message,
        };
        self.rules_of(object).machines.push(machine);
        Some(())
    }
}

struct States<'a> {
    options: &'a [SelectOption],
    reached: BTreeSet<&'a str>,
}

impl<'a> States<'a> {
    /// The option of that name; another is an issue.
    fn known(&self, state: &Located<String>, issues: &mut Issues) -> Option<&'a SelectOption> {
        let found = self.options.iter().find(|option| option.value == state.value);
        if found.is_none() {
            let near = did_you_mean(&state.value, self.options.iter().map(|option| option.value.as_str()));
            let message = format!("`{}` is not an option of the field{near}", state.value);
            issues.error(&state.place, "unknown-option", message);
        }
        found
    }

    fn reach(&mut self, state: &Located<String>, issues: &mut Issues) {
        if let Some(option) = self.known(state, issues) {
            self.reached.insert(&option.value);
        }
    }

    fn warn_of_unreached(&self, written: &MachineDefinition, issues: &mut Issues) {
        let is_unreached = |option: &&SelectOption| !self.reached.contains(option.value.as_str());
        let unreached: Vec<_> =
            self.options.iter().filter(is_unreached).map(|option| format!("`{}`", option.value)).collect();
        if !unreached.is_empty() {
            let message = format!("no record ever comes to {}", unreached.join(", "));
            issues.warning(&written.field.place, "unreachable-state", message);
        }
    }
}
