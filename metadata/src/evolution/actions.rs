//! Actions of two versions: they are called by name, with parameters, and answer with values; all of that is told to programs.

use crate::{
    evolution::{Class, Comparison, behaviour::RulesPair},
    rules::Action,
};

impl Comparison<'_> {
    pub(super) fn actions(&mut self, pair: RulesPair<'_>) {
        for (name, was) in &pair.old.actions {
            match pair.new.actions.get(name) {
                None => {
                    let message = "the action is gone; programs call it".to_owned();
                    self.add(Class::Refused, "action-removed", pair.subject(name), message);
                }
                Some(now) if now == was => {}
                Some(now) => self.action(pair, was, now),
            }
        }
        for name in pair.new.actions.keys().filter(|name| !pair.old.actions.contains_key(*name)) {
            self.tell(pair, "action-added", name, "a new action".to_owned());
        }
    }

    fn action(&mut self, pair: RulesPair<'_>, was: &Action, now: &Action) {
        let mut breaks = Vec::new();
        for (name, parameter) in &was.parameters {
            match now.parameters.get(name) {
                None => breaks.push(format!("does not take `{name}` any more")),
                Some(after) if after.kind != parameter.kind => {
                    breaks.push(format!("takes something else for `{name}`"));
                }
                Some(after) if after.required && !parameter.required => {
                    breaks.push(format!("asks for `{name}`"));
                }
                Some(_) => {}
            }
        }
        for (name, parameter) in &now.parameters {
            if parameter.required && !was.parameters.contains_key(name) {
                breaks.push(format!("asks for `{name}`, which nobody gives"));
            }
        }
        for (name, value) in &was.returns {
            match now.returns.get(name) {
                None => breaks.push(format!("does not answer with `{name}` any more")),
                Some(after) if after.type_() != value.type_() => {
                    breaks.push(format!("answers with another type for `{name}`"));
                }
                Some(_) => {}
            }
        }
        match breaks.is_empty() {
            true => self.tell(pair, "rule-changed", &was.name, "the action does something else".to_owned()),
            false => {
                let message = format!("the action {}", breaks.join("; "));
                self.add(Class::Refused, "action-changed", pair.subject(&was.name), message);
            }
        }
    }
}
