//! Triggers and actions that would never end: a chain of creates and calls, each without a condition, that comes back to where it
//! began.
//!
//! Only what is certain is reported: a create that always happens starts the triggers of what it makes, and a call of an action on
//! the record itself does it, whatever the records hold. Chains that depend on values end at the engine's limit of depth, which
//! names the same path.

use super::{AllRules, Places};
use crate::{
    expression::Root,
    issue::Issues,
    name::ObjectName,
    rules::{Event, Phase, Rules, Step, Target},
};

/// A trigger or an action without a condition.
#[derive(Clone, Copy)]
struct Chained<'a> {
    object: &'a ObjectName,
    kind: &'static str,
    name: &'a str,
    steps: &'a [Step],
    /// Its record is written when it runs.
    is_written: bool,
}

/// Reports every chain once, at its first trigger or action.
pub(super) fn check(rules: &AllRules, places: &Places, issues: &mut Issues) {
    for start in rules.iter().flat_map(|(object, rules)| starting(object, rules).chain(called(object, rules)))
    {
        let Some(path) = way_back(rules, start) else { continue };
        // The least of a circle tells it.
        let is_first = path.iter().all(|other| start.key() <= other.key());
        let place = places.get(&(start.object.clone(), start.kind, start.name.to_owned()));
        if let (true, Some(place)) = (is_first, place) {
            let told: Vec<String> = path
                .iter()
                .chain(path.first())
                .map(|Chained { object, name, .. }| format!("{object}.{name}"))
                .collect();
            let message =
                format!("each of these always does what starts the next, without end: {}", told.join(" → "));
            issues.error(place, "trigger-cycle", message);
        }
    }
}

/// The triggers and actions from this one back to itself.
fn way_back<'a>(rules: &'a AllRules, start: Chained<'a>) -> Option<Vec<Chained<'a>>> {
    let mut seen = Vec::new();
    let mut open = vec![vec![start]];
    while let Some(path) = open.pop() {
        let Some(last) = path.last() else { continue };
        for next in last.steps.iter().flat_map(|step| follows(rules, last, step)) {
            if next.key() == start.key() {
                return Some(path);
            }
            if !seen.contains(&next.key()) {
                seen.push(next.key());
                open.push([path.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

impl<'a> Chained<'a> {
    fn key(&self) -> (&'a ObjectName, &'a str, &'static str) {
        (self.object, self.name, self.kind)
    }
}

/// What a step starts for certain.
fn follows<'a>(rules: &'a AllRules, of: &Chained<'a>, step: &'a Step) -> Vec<Chained<'a>> {
    match step {
        Step::Create { when: None, object, .. } => match rules.get_key_value(object) {
            Some((object, rules)) => starting(object, rules).collect(),
            None => Vec::new(),
        },
        Step::CallAction {
            when: None,
            action,
            target: Target::Record { root: Root::Record, path, filter: None, .. },
            ..
        } if path.is_empty() && of.is_written => match rules.get_key_value(of.object) {
            Some((object, rules)) => called(object, rules).filter(|called| called.name == *action).collect(),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The triggers that every create of a record starts.
fn starting<'a>(object: &'a ObjectName, rules: &'a Rules) -> impl Iterator<Item = Chained<'a>> {
    let always = |trigger: &&crate::rules::Trigger| {
        trigger.when.is_none() && trigger.on.iter().any(|(_, event)| *event == Event::Create)
    };
    rules.triggers.iter().filter(always).map(move |trigger| Chained {
        object,
        kind: "trigger",
        name: &trigger.name,
        steps: &trigger.steps,
        is_written: trigger.on.contains(&(Phase::After, Event::Create)),
    })
}

/// The actions that are never refused.
fn called<'a>(object: &'a ObjectName, rules: &'a Rules) -> impl Iterator<Item = Chained<'a>> {
    rules.actions.values().filter(|action| action.when.is_none()).map(move |action| Chained {
        object,
        kind: "action",
        name: &action.name,
        steps: &action.steps,
        is_written: true,
    })
}
