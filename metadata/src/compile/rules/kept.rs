//! What the engine does not keep yet of what rules may say: it is refused by name, so that nothing declared is inert.

use super::{AllRules, Places};
use crate::{
    compile::Drafts,
    expression::Expression,
    issue::Issues,
    rules::{Check, Event, Phase, Rules, Step, Trigger},
};

/// Reports every rule that would be inert, or could not be evaluated.
pub(super) fn check(rules: &AllRules, drafts: &Drafts<'_>, places: &Places, issues: &mut Issues) {
    for (object, of_object) in rules {
        for (kind, name, reason) in unkept(of_object, drafts) {
            if let Some(place) = places.get(&(object.clone(), kind, name.to_owned())) {
                let message =
                    format!("{reason} can't be kept yet, and nothing declared is inert; take it out");
                issues.error(place, "not-supported-yet", message);
            }
        }
    }
}

/// The rules that are not kept, by kind and name, each with what it is about them.
fn unkept<'a>(rules: &'a Rules, drafts: &Drafts<'_>) -> Vec<(&'static str, &'a str, &'static str)> {
    let mut found = Vec::new();
    for rule in &rules.validations {
        let reason = match &rule.check {
            Check::Unique(_) => None,
            Check::Broken(broken) => unread(broken, drafts),
        };
        found.extend(reason.map(|reason| ("validation", rule.name.as_str(), reason)));
    }
    for trigger in &rules.triggers {
        let reason = of_trigger(trigger, drafts);
        found.extend(reason.map(|reason| ("trigger", trigger.name.as_str(), reason)));
    }
    found
}

fn of_trigger(trigger: &Trigger, drafts: &Drafts<'_>) -> Option<&'static str> {
    let kept = |(phase, event): &(Phase, Event)| {
        *phase == Phase::Before && matches!(event, Event::Create | Event::Update)
    };
    if !trigger.on.iter().all(kept) {
        return Some("a trigger that does not run before a create or update");
    }
    let mut read = trigger.when.iter().collect::<Vec<_>>();
    for step in &trigger.steps {
        match step {
            Step::Set(values) => read.extend(values.values()),
            Step::Find(refusal) => read.extend(&refusal.when),
            _ => return Some("a step that looks for, makes, changes or deletes other records"),
        }
    }
    read.into_iter().find_map(|expression| unread(expression, drafts))
}

/// What an expression reads that can't be brought to it.
fn unread(expression: &Expression, drafts: &Drafts<'_>) -> Option<&'static str> {
    let needs = expression.needs();
    let is_found = |object: &str, lookup: &str| {
        drafts.get(object).and_then(|draft| draft.object.field(lookup)).is_some_and(|field| field.index)
    };
    if needs.roles {
        return Some("a rule about the user's roles");
    }
    let unfound = |children: &crate::expression::Children| {
        !is_found(children.object.as_str(), children.lookup.as_str())
    };
    needs.children.keys().any(unfound).then_some("a rule about children whose lookup has no index")
}
