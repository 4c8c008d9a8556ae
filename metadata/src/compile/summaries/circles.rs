//! Summaries that stand on themselves, by way of other summaries: no order of summing up would end.

use std::collections::BTreeMap;

use super::Resolved;
use crate::{
    compile::Drafts,
    issue::Issues,
    name::{FieldName, ObjectName},
};

/// A field of an object.
type Name = (ObjectName, FieldName);

/// Reports every circle once, at the least of its summaries.
pub(super) fn check(drafts: &Drafts<'_>, summaries: &[Resolved<'_>], issues: &mut Issues) {
    let below: BTreeMap<Name, Vec<Name>> = summaries
        .iter()
        .map(|summary| ((summary.object.clone(), summary.field.clone()), stands_on(drafts, summary)))
        .collect();
    for summary in summaries {
        let name = (summary.object.clone(), summary.field.clone());
        let Some(path) = way_back(&below, &name) else { continue };
        if path.iter().all(|other| name <= *other) {
            let told: Vec<String> =
                path.iter().chain([&name]).map(|(object, field)| format!("{object}.{field}")).collect();
            let message = format!("a summary can't stand on itself: {}", told.join(" → "));
            issues.error(&summary.definition.place, "summary-cycle", message);
        }
    }
}

/// The summaries of the records that it sums up, and looks at.
fn stands_on(drafts: &Drafts<'_>, summary: &Resolved<'_>) -> Vec<Name> {
    let made = drafts
        .get(&summary.object)
        .and_then(|draft| draft.object.fields.get(&summary.field))
        .and_then(|field| field.summary.as_ref());
    let Some(child) = drafts.get(&summary.child) else { return Vec::new() };
    let reads = made.map(|made| made.reads()).unwrap_or_default();
    let is_summary =
        |name: &FieldName| child.object.field(name.as_str()).is_some_and(|field| field.summary.is_some());
    reads.into_iter().filter(is_summary).map(|field| (summary.child.clone(), field)).collect()
}

/// The shortest way from a summary back to itself.
fn way_back(below: &BTreeMap<Name, Vec<Name>>, from: &Name) -> Option<Vec<Name>> {
    let mut seen: Vec<Name> = Vec::new();
    let mut paths = std::collections::VecDeque::from([vec![from.clone()]]);
    while let Some(path) = paths.pop_front() {
        let Some(last) = path.last() else { continue };
        for next in below.get(last).into_iter().flatten() {
            if next == from {
                return Some(path);
            }
            if !seen.contains(next) {
                seen.push(next.clone());
                paths.push_back([path.as_slice(), std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}
