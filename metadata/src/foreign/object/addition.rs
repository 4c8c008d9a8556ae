//! An object that a package stood on has already: what is new in it is an addition, the rest is there.

use crate::{
    foreign::{
        names::meant,
        object::{field_key, is_option},
        options::values_of,
        pen::Pen,
        report::Log,
    },
    model::{FieldKind, Object},
    yaml::{Content, Node},
};

/// What an addition may say beside its fields.
const KEYS: &[&str] = &["indexes", "searchable"];

/// Leaves of an object's own keys what an addition may say.
pub(super) fn only(known: &Object, root: &mut Node, pen: &mut Pen<'_>) {
    let reason = format!("package `{}` says it of its object", known.package);
    let keys: Vec<String> = root.entries().iter().map(|entry| entry.key.clone()).collect();
    for key in keys.iter().filter(|key| !KEYS.contains(&key.as_str())) {
        if let Some(value) = root.remove(key) {
            pen.mapped(key, &value, "what is there", &reason);
        }
    }
    let mut addition = Node::map(root.line);
    addition.set("extends", Node::of_text(root.line, known.name.as_str()));
    for entry in root.entries() {
        addition.set(&entry.key, entry.value.clone());
    }
    *root = addition;
}

/// The fields that are new; those that are there already keep what they are, and may get further options.
pub(super) fn fields(known: &Object, given: Node, root: &mut Node, log: &mut Log) -> Node {
    let mut added = Node::map(given.line);
    let mut options = Node::map(given.line);
    for entry in given.entries() {
        let mut pen = Pen { log, key: field_key(known.name.as_str(), &entry.key) };
        let names = known.fields.keys().map(|name| name.as_str());
        let Some(name) = meant(&entry.key, names) else {
            added.set(&entry.key, optional(entry.value.clone(), &mut pen));
            continue;
        };
        let Some(field) = known.field(name) else { continue };
        let there = format!("{}.{name}", known.name);
        pen.stands_for(&entry.key, entry.line, &there, &format!("package `{}` has it", known.package));
        if let Some(type_) = entry.value.get("type").filter(|type_| type_.text() != Some(field.declared)) {
            pen.left_out("type", type_, &format!("it is a {} there", field.declared));
        }
        let theirs = entry.value.get("options");
        if let (
            Some(theirs),
            FieldKind::Select { options: ours } | FieldKind::MultiSelect { options: ours },
        ) = (theirs, &field.kind)
        {
            let new = |item: &&Node| {
                let value = item.text().or_else(|| item.text_of("value")).unwrap_or_default();
                !is_option(ours, value)
            };
            let new: Vec<Node> = theirs.items().iter().filter(new).cloned().collect();
            if !new.is_empty() {
                let list = Node::new(theirs.line, Content::List(new));
                pen.mapped("options", &list, "options that are added", &values_of(&list).join(", "));
                options.set(name, list);
            }
        }
    }
    if !options.entries().is_empty() {
        root.set("options", options);
    }
    added
}

/// Who knows only the other package's object must go on making records.
fn optional(mut field: Node, pen: &mut Pen<'_>) -> Node {
    if field.get("default").is_none()
        && let Some(required) = field.remove("required")
    {
        pen.left_out(
            "required",
            &required,
            "a field that is added to another package's object is optional without a default",
        );
    }
    field
}
