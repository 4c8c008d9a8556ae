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
        return several(field, (&type_, &given), world, pen);
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

/// A lookup to a record of one of several objects: of those that are there.
fn several(field: &mut Node, (type_, given): (&str, &Node), world: &World<'_>, pen: &mut Pen<'_>) {
    let many = field.get("multiple").and_then(Node::flag) == Some(true);
    if many || type_ != "lookup" {
        let reason = "only a lookup to one record may be to one of several objects";
        return dangling(field, given, reason, pen);
    }
    let mut found: Vec<String> = Vec::new();
    for item in given.items() {
        let named = item.text().or_else(|| item.any(&["object", "name"]).and_then(Node::text));
        match named.and_then(|named| world.find(named)) {
            Some(target) if !found.iter().any(|known| known == target) => found.push(target.to_owned()),
            Some(_) => {}
            None => pen.left_out("reference", item, "there is no such object"),
        }
    }
    let line = given.line;
    let written = match found.as_slice() {
        [] => return dangling(field, given, "none of the objects is there", pen),
        [only] => Node::of_text(line, only),
        all => Node::new(line, Content::List(all.iter().map(|name| Node::of_text(line, name)).collect())),
    };
    let names = |node: &Node| {
        node.items().iter().filter_map(|item| item.text().map(str::to_owned)).collect::<Vec<_>>()
    };
    if names(given) != found {
        pen.mapped("reference", given, &found.join(", "), "the objects' own spelling");
    }
    if let (true, Some(default)) = (found.len() > 1, field.remove("default")) {
        pen.left_out("default", &default, "a reference to one of several objects has none");
    }
    field.set("reference", written);
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
