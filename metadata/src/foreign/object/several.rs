//! References to a record of one of several objects, as others write them: a text beside a choice that says of which object it
//! is (`referenceVia: parent_type`). What a reference makes itself here is taken out.

use crate::{
    definition::kind::FieldType,
    foreign::{
        names::snake_case,
        options::values_of,
        pen::Pen,
        report::{Key, Log, Subject},
        world::World,
    },
    naming::relation_of_lookup,
    yaml::{Content, Node},
};

/// Brings the fields of an object together that are one reference.
pub(super) fn settle(object: &str, fields: &mut Node, world: &World<'_>, log: &mut Log) {
    let names: Vec<String> = fields.entries().iter().map(|entry| entry.key.clone()).collect();
    for name in names {
        let Some(mut field) = fields.get(&name).cloned() else { continue };
        if let Some(via) = field.get("referenceVia").cloned()
            && via.text().is_some()
        {
            let mut pen = Pen { log, key: key(object, &name) };
            by_companion(&mut field, &via, fields, world, &mut pen);
            fields.set(&name, field.clone());
        }
        if field.get("reference").is_some_and(|reference| reference.items().len() > 1) {
            let made = format!("{}_type", relation_of_lookup(&name));
            if fields.remove(&made).is_some() {
                log.left_out(&key(object, &made), format!("`{name}` tells of which object it is"));
            }
        }
    }
}

fn key(object: &str, field: &str) -> Key {
    (Subject::Field, format!("{object}.{field}"))
}

/// A text whose companion says of which object it is becomes a lookup to those that the companion can name.
fn by_companion(field: &mut Node, via: &Node, fields: &mut Node, world: &World<'_>, pen: &mut Pen<'_>) {
    let companion = snake_case(via.text().unwrap_or_default());
    let named = fields.get(&companion).and_then(|companion| companion.get("options")).map(values_of);
    let mut targets: Vec<String> = Vec::new();
    for value in named.unwrap_or_default() {
        match world.find(&value) {
            Some(found) if targets.iter().any(|known| known == found) => {}
            Some(found) => targets.push(found.to_owned()),
            None => {
                let given = Node::of_text(via.line, &value);
                pen.left_out(
                    &format!("{companion}.options"),
                    &given,
                    &format!("there is no object `{value}`"),
                );
            }
        }
    }
    field.remove("referenceVia");
    if targets.len() < 2 {
        pen.left_out("referenceVia", via, &format!("`{companion}` does not name two objects that are there"));
        return;
    }
    let told = format!("a lookup to {}", targets.join(", "));
    pen.mapped("referenceVia", via, &told, "what the companion says, the reference says itself");
    let line = field.line;
    let extra: Vec<String> = field
        .entries()
        .iter()
        .map(|entry| entry.key.clone())
        .filter(|key| key != "type" && (!FieldType::Lookup.takes(key) || key == "default"))
        .collect();
    for key in extra {
        if let Some(value) = field.remove(&key) {
            pen.left_out(&key, &value, "it says nothing about a lookup");
        }
    }
    field.set("type", Node::of_text(line, "lookup"));
    let items = targets.iter().map(|target| Node::of_text(line, target)).collect();
    field.set("reference", Node::new(line, Content::List(items)));
    let made = format!("{}_type", relation_of_lookup(&name_of(pen)));
    if companion != made && fields.remove(&companion).is_some() {
        let (_, whole) = &pen.key;
        let object = whole.split('.').next().unwrap_or_default().to_owned();
        pen.log.left_out(&key(&object, &companion), format!("`{made}` says so"));
    }
}

/// The name of the field that is written about.
fn name_of(pen: &Pen<'_>) -> String {
    pen.key.1.split_once('.').map_or_else(String::new, |(_, name)| name.to_owned())
}
