//! Rules of two versions: what must hold, and what happens.
//!
//! A rule concerns what is written after it came, so one may be added, changed and taken away: records that are there are not
//! held against it, and nobody reads what a rule says. Two things are more than that: a state machine says where a record can go
//! from where it is ([`super::machines`]), and an action is called by name ([`super::actions`]).

use serde::Serialize;

use crate::{
    evolution::{Class, Comparison, Subject},
    model::Object,
    name::ObjectName,
    rules::Rules,
};

/// The rules of an object in both versions.
#[derive(Clone, Copy)]
pub(super) struct RulesPair<'a> {
    /// The object as it was.
    pub(super) object: &'a Object,
    /// As it is now.
    pub(super) now: &'a Object,
    pub(super) old: &'a Rules,
    pub(super) new: &'a Rules,
}

impl RulesPair<'_> {
    pub(super) fn subject(&self, rule: &str) -> Subject {
        Subject::Rule(self.object.name.clone(), rule.to_owned())
    }
}

impl Comparison<'_> {
    pub(super) fn behaviour(&mut self) {
        let (old, new) = (self.old, self.new);
        let none = Rules::default();
        for now in new.objects.values() {
            let was = std::iter::once(&now.name).chain(&now.alias);
            let Some(object) = was.clone().find_map(|name| old.objects.get(name)) else { continue };
            let rules = |rules: Option<&'_ std::sync::Arc<Rules>>| rules.cloned();
            let before = rules(was.into_iter().find_map(|name: &ObjectName| old.rules.get(name)));
            let after = rules(new.rules.get(&now.name));
            let (before, after) = (before.as_deref().unwrap_or(&none), after.as_deref().unwrap_or(&none));
            if before == after {
                continue;
            }
            let pair = RulesPair { object, now, old: before, new: after };
            self.named(pair, "validation", (&before.validations, &after.validations), |rule| &rule.name);
            self.named(pair, "trigger", (&before.triggers, &after.triggers), |rule| &rule.name);
            self.machines(pair);
            self.actions(pair);
        }
    }

    /// Rules that are told apart by their names, and may come, change and go.
    fn named<R: PartialEq + Serialize>(
        &mut self,
        pair: RulesPair<'_>,
        what: &str,
        (old, new): (&[R], &[R]),
        name: impl Fn(&R) -> &str,
    ) {
        for rule in old {
            match new.iter().find(|now| name(now) == name(rule)) {
                None => self.tell(pair, "rule-removed", name(rule), format!("the {what} is gone")),
                Some(now) if form(now) != form(rule) => {
                    let message = format!("the {what} is another; it concerns what is written from now on");
                    self.tell(pair, "rule-changed", name(rule), message);
                }
                Some(_) => {}
            }
        }
        for rule in new.iter().filter(|now| old.iter().all(|was| name(was) != name(now))) {
            let message = format!("a new {what}; it concerns what is written from now on");
            self.tell(pair, "rule-added", name(rule), message);
        }
    }

    pub(super) fn tell(&mut self, pair: RulesPair<'_>, code: &'static str, rule: &str, message: String) {
        self.add(Class::Allowed, code, pair.subject(rule), message);
    }
}

/// Rules are compared as they are written out.
fn form<R: Serialize>(rule: &R) -> Option<serde_json::Value> {
    serde_json::to_value(rule).ok()
}
