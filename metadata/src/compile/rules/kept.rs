//! What the engine does not keep yet of what rules may say: it is refused by name, so that nothing declared is inert.

use super::{AllRules, Places};
use crate::{
    compile::{Drafts, book::Book, lists},
    expression::Expression,
    issue::Issues,
    rules::{Check, Event, Rules, Step, Target, Trigger, Wanted},
};

/// Reports every rule that would be inert, or could not be evaluated.
pub(super) fn check(
    rules: &AllRules,
    (book, drafts): (&Book<'_>, &Drafts<'_>),
    places: &Places,
    issues: &mut Issues,
) {
    for (object, of_object) in rules {
        let keeps_deleted = drafts.get(object.as_str()).is_some_and(|draft| draft.object.recycle_bin);
        for (kind, name, read) in expressions(of_object) {
            if let Some(place) = places.get(&(object.clone(), kind, name.to_owned())) {
                lists::check_told(&read, place, issues);
                lists::check_roles(&read, place, book, issues);
            }
        }
        for (kind, name, reason) in unkept(of_object, keeps_deleted, drafts) {
            if let Some(place) = places.get(&(object.clone(), kind, name.to_owned())) {
                let message =
                    format!("{reason} can't be kept yet, and nothing declared is inert; take it out");
                issues.error(place, "not-supported-yet", message);
            }
        }
    }
}

/// The rules that are not kept, by kind and name, each with what it is about them.
fn unkept<'a>(
    rules: &'a Rules,
    keeps_deleted: bool,
    drafts: &Drafts<'_>,
) -> Vec<(&'static str, &'a str, &'static str)> {
    let mut found = Vec::new();
    for rule in &rules.validations {
        let reason = match &rule.check {
            Check::Unique(_) => None,
            Check::Broken(broken) => unread(broken, drafts),
        };
        found.extend(reason.map(|reason| ("validation", rule.name.as_str(), reason)));
    }
    for trigger in &rules.triggers {
        let reason = of_trigger(trigger, keeps_deleted, drafts);
        found.extend(reason.map(|reason| ("trigger", trigger.name.as_str(), reason)));
    }
    for action in rules.actions.values() {
        let mut read: Vec<_> = action.when.iter().chain(action.returns.values()).collect();
        read_by(&action.steps, &mut read);
        let reason = read.into_iter().find_map(|expression| unread(expression, drafts));
        found.extend(reason.map(|reason| ("action", action.name.as_str(), reason)));
    }
    found
}

fn of_trigger(trigger: &Trigger, keeps_deleted: bool, drafts: &Drafts<'_>) -> Option<&'static str> {
    if !keeps_deleted && trigger.on.iter().any(|(_, event)| *event == Event::Undelete) {
        return Some("a trigger that runs when a record comes back, of an object without a recycle bin,");
    }
    let mut read = trigger.when.iter().collect::<Vec<_>>();
    read_by(&trigger.steps, &mut read);
    read.into_iter().find_map(|expression| unread(expression, drafts))
}

/// The expressions of steps.
fn read_by<'a>(steps: &'a [Step], read: &mut Vec<&'a Expression>) {
    for step in steps {
        match step {
            Step::Set(values) => read.extend(values.values()),
            Step::Find(refusal) => read.extend(&refusal.when),
            Step::Create { when, values, .. } | Step::Upsert { when, values, .. } => {
                read.extend(when.iter().chain(values.values()));
            }
            Step::Update { when, target, values }
            | Step::CallAction { when, target, parameters: values, .. } => {
                read.extend(when.iter().chain(values.values()));
                read_to_find(target, read);
            }
            Step::Delete { when, target } => {
                read.extend(when);
                read_to_find(target, read);
            }
            Step::ForEach { filter, steps, .. } => {
                read.extend(filter);
                read_by(steps, read);
            }
            Step::First { wanted, steps, .. } => {
                read.extend(all_of(wanted));
                read_by(steps, read);
            }
        }
    }
}

fn read_to_find<'a>(target: &'a Target, read: &mut Vec<&'a Expression>) {
    match target {
        Target::Record { filter, .. } | Target::Children { filter, .. } => read.extend(filter),
        Target::Matching(wanted) => read.extend(all_of(wanted)),
    }
}

fn all_of(wanted: &Wanted) -> impl Iterator<Item = &Expression> {
    wanted.by.iter().map(|(_, value)| value).chain([&wanted.filter])
}

/// Every expression of rules, by the kind and name of the rule that says it.
fn expressions(rules: &Rules) -> Vec<(&'static str, &str, Vec<&Expression>)> {
    let mut found = Vec::new();
    for rule in &rules.validations {
        if let Check::Broken(broken) = &rule.check {
            found.push(("validation", rule.name.as_str(), vec![broken]));
        }
    }
    for trigger in &rules.triggers {
        let mut read: Vec<_> = trigger.when.iter().collect();
        read_by(&trigger.steps, &mut read);
        found.push(("trigger", trigger.name.as_str(), read));
    }
    for action in rules.actions.values() {
        let mut read: Vec<_> = action.when.iter().chain(action.returns.values()).collect();
        read_by(&action.steps, &mut read);
        found.push(("action", action.name.as_str(), read));
    }
    found
}

/// What an expression reads that can't be brought to it.
fn unread(expression: &Expression, drafts: &Drafts<'_>) -> Option<&'static str> {
    let needs = expression.needs();
    let is_found = |object: &str, lookup: &str| {
        drafts.get(object).and_then(|draft| draft.object.field(lookup)).is_some_and(|field| field.index)
    };
    let unfound = |children: &crate::expression::Children| {
        !is_found(children.object.as_str(), children.lookup.as_str())
    };
    needs.children.keys().any(unfound).then_some("a rule about children whose lookup has no index")
}
