//! Triggers that would never end: a chain of creates, each without a condition, that comes back to where it began.
//!
//! Only what is certain is reported: a create that always happens starts the triggers of what it makes, whatever the records
//! hold. Chains that depend on values end at the engine's limit of depth, which names the same path.

use super::{AllRules, Places};
use crate::{
    issue::Issues,
    name::ObjectName,
    rules::{Event, Step, Trigger},
};

/// Reports every chain once, at its first trigger.
pub(super) fn check(rules: &AllRules, places: &Places, issues: &mut Issues) {
    for (object, of_object) in rules {
        for trigger in of_object.triggers.iter().filter(|trigger| always(trigger)) {
            let Some(path) = way_back(rules, object, trigger) else { continue };
            let key = (object.clone(), "trigger", trigger.name.clone());
            // The least of a circle tells it.
            let is_first = path
                .iter()
                .all(|(other, name)| (object.as_str(), trigger.name.as_str()) <= (other.as_str(), *name));
            if let (true, Some(place)) = (is_first, places.get(&key)) {
                let told: Vec<String> = path
                    .iter()
                    .chain(path.first())
                    .map(|(object, trigger)| format!("{object}.{trigger}"))
                    .collect();
                let message = format!(
                    "each of these always makes what starts the next, without end: {}",
                    told.join(" → ")
                );
                issues.error(place, "trigger-cycle", message);
            }
        }
    }
}

/// The triggers from this one back to itself.
fn way_back<'a>(
    rules: &'a AllRules,
    object: &'a ObjectName,
    trigger: &'a Trigger,
) -> Option<Vec<(&'a ObjectName, &'a str)>> {
    let mut seen: Vec<(&ObjectName, &str)> = Vec::new();
    let mut open = vec![(object, trigger, vec![(object, trigger.name.as_str())])];
    while let Some((_, current, path)) = open.pop() {
        for made in created(&current.steps) {
            let Some((made, of_made)) = rules.get_key_value(made) else { continue };
            for next in of_made.triggers.iter().filter(|next| always(next)) {
                if made == object && next.name == trigger.name {
                    return Some(path);
                }
                let name = (made, next.name.as_str());
                if !seen.contains(&name) {
                    seen.push(name);
                    open.push((made, next, [path.as_slice(), &[name]].concat()));
                }
            }
        }
    }
    None
}

/// Whether every create starts it.
fn always(trigger: &Trigger) -> bool {
    trigger.when.is_none() && trigger.on.iter().any(|(_, event)| *event == Event::Create)
}

/// The objects of which the steps always make a record.
fn created(steps: &[Step]) -> impl Iterator<Item = &ObjectName> {
    steps.iter().filter_map(|step| match step {
        Step::Create { when: None, object, .. } => Some(object),
        _ => None,
    })
}
