//! What a lookup points to, in whatever case; and what becomes of one that points to nothing.

use crate::{
    foreign::{condition::condition, object::Fields, pen::Pen, world::World},
    yaml::{Content, Node},
};

/// Properties of lookups that say nothing about a text.
const OF_LOOKUPS: &[&str] = &["reference", "deleteBehavior", "reverseName"];

/// Resolves `reference`; a lookup to an object that is not there becomes a text that keeps the ids.
pub(super) fn reference(field: &mut Node, world: &World<'_>, pen: &mut Pen<'_>) {
    let type_ = field.text_of("type").unwrap_or_default().to_owned();
    if !["lookup", "master_detail", "tree", "user"].contains(&type_.as_str()) {
        return;
    }
    let Some(given) = field.get("reference").cloned() else {
        if matches!(type_.as_str(), "lookup" | "master_detail") {
            let line = field.line;
            dangling(field, &Node::new(line, Content::Null), "no object to refer to is named", pen);
        }
        return;
    };
    let named = match &given.content {
        Content::List(items) if items.len() == 1 => items.first().and_then(Node::text),
        Content::Map(_) => given.any(&["object", "name"]).and_then(Node::text),
        _ => given.text(),
    };
    let Some(named) = named else {
        return dangling(field, &given, "a reference to one of several objects can't be kept yet", pen);
    };
    match world.find(named).map(str::to_owned) {
        Some(found) => {
            if given.text() != Some(found.as_str()) {
                pen.mapped("reference", &given, &found, "the object's own spelling");
            }
            field.set("reference", Node::of_text(given.line, found));
        }
        None => dangling(field, &given, &format!("there is no object `{named}`"), pen),
    }
}

/// The object whose records a summary is made of, and which of them.
pub(super) fn summed_up(field: &mut Node, world: &World<'_>, pen: &mut Pen<'_>) {
    let Some(mut operations) = field.get("summaryOperations").filter(|given| given.is_map()).cloned() else {
        return;
    };
    if let Some(given) = operations.get("object").cloned()
        && let Some(found) = given.text().and_then(|named| world.find(named))
        && given.text() != Some(found)
    {
        pen.mapped("summaryOperations.object", &given, found, "the object's own spelling");
        operations.set("object", Node::of_text(given.line, found));
    }
    for key in ["filter", "filters"] {
        let Some(given) =
            operations.get(key).filter(|given| given.is_map() || !given.items().is_empty()).cloned()
        else {
            continue;
        };
        // One that can't be said is left to the compiler.
        if let Ok(text) = condition(&given, &Fields::default()) {
            pen.mapped("summaryOperations.filter", &given, &format!("{text:?}"), "in CEL");
            operations.remove(key);
            operations.set("filter", Node::of_text(given.line, text));
        }
    }
    field.set("summaryOperations", operations);
}

fn dangling(field: &mut Node, given: &Node, reason: &str, pen: &mut Pen<'_>) {
    let Some(type_) = field.get("type").cloned() else { return };
    pen.left_out("reference", given, reason);
    let many = field.get("multiple").and_then(Node::flag) == Some(true);
    let (to, reason) = match many {
        true => ("array", "the ids stay, as a list"),
        false => ("text", "the ids stay, as text"),
    };
    pen.mapped("type", &type_, to, reason);
    field.set("type", Node::of_text(type_.line, to));
    OF_LOOKUPS.iter().chain(&["multiple"]).for_each(|key| drop(field.remove(key)));
    if let Some(default) = field.remove("default") {
        pen.left_out("default", &default, "a text has no user for its default");
    }
}
