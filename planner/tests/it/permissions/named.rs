//! Whether a question names an object or a field that a role does not see.

use serde_json::Value as Json;

use super::plain::Role;
use crate::oracle::records::{to_many, to_one};

pub fn names_unseen(role: &Role, question: &Json) -> bool {
    let object = question["object"].as_str().unwrap();
    if !role.reads(object) {
        return true;
    }
    let path = |path: &Json| unseen(role, object, path.as_str().unwrap());
    let all = |key: &str| question.get(key).and_then(Json::as_array).into_iter().flatten();
    let names: Vec<&str> =
        all("groupBy").chain(all("aggregations")).filter_map(|made| made["as"].as_str()).collect();
    let sorted = |key: &Json| !names.contains(&key["field"].as_str().unwrap()) && path(&key["field"]);
    all("fields").any(path)
        || all("orderBy").any(sorted)
        || all("groupBy").any(|key| path(&key["field"]))
        || all("aggregations").any(|made| {
            made.get("field").is_some_and(path)
                || made.get("filter").is_some_and(|filter| filters_unseen(role, object, filter))
        })
        || question.get("where").is_some_and(|filter| filters_unseen(role, object, filter))
}

/// A path through records to a field.
fn unseen(role: &Role, object: &str, path: &str) -> bool {
    let Some((name, rest)) = path.split_once('.') else { return !role.seen_field(object, path) };
    match target(role, object, name) {
        Some(target) => unseen(role, target, rest),
        None => true,
    }
}

/// Where a relation leads, if that is seen.
fn target(role: &Role, object: &str, relation: &str) -> Option<&'static str> {
    if let Some((_, link, target)) = to_one(object).iter().find(|(name, ..)| *name == relation) {
        return (role.seen_field(object, link) && role.reads(target)).then_some(*target);
    }
    let (_, target, link) = to_many(object).iter().find(|(name, ..)| *name == relation).unwrap();
    (role.reads(target) && role.seen_field(target, link)).then_some(*target)
}

fn filters_unseen(role: &Role, object: &str, filter: &Json) -> bool {
    filter.as_object().unwrap().iter().any(|(key, value)| match key.as_str() {
        "$and" | "$or" | "$nor" => {
            value.as_array().unwrap().iter().any(|part| filters_unseen(role, object, part))
        }
        "$not" => filters_unseen(role, object, value),
        path => {
            let (operator, operand) = value.as_object().unwrap().iter().next().unwrap();
            match operator.as_str() {
                "$some" | "$every" | "$none" => match target(role, object, path) {
                    Some(target) => filters_unseen(role, target, operand),
                    None => true,
                },
                _ => {
                    let other = operand.get("$field").and_then(Json::as_str);
                    unseen(role, object, path) || other.is_some_and(|other| unseen(role, object, other))
                }
            }
        }
    })
}
