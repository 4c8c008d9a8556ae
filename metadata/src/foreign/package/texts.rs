//! Texts in one locale, with names and options as the objects have them.

use std::collections::BTreeMap;

use crate::{
    definition::identifier::canonical_locale,
    foreign::{
        Written,
        names::meant,
        object::{Document, Fields},
        package::Packing,
        pen::Pen,
        report::{Log, Subject},
    },
    yaml::{Content, Node},
};

/// Texts in one locale; none where its name is no locale.
pub(super) fn texts(
    locale: &str,
    document: &Document,
    (packing, fields): (Packing<'_, '_>, &BTreeMap<String, Fields>),
    log: &mut Log,
) -> Option<Written> {
    let key = log.enter(Subject::Texts, &format!("{}/{locale}", packing.name), document.place());
    let Some(locale) = canonical_locale(locale) else {
        log.left_out(&key, "its name is no locale");
        return None;
    };
    let mut root = document.root.clone();
    let mut pen = Pen { log, key: key.clone() };
    if let Some(objects) = root.remove("objects") {
        let mut spelled = Node::map(objects.line);
        for entry in objects.entries() {
            let Some(found) = packing.world.find(&entry.key) else {
                pen.left_out(&entry.key, &entry.value, "there is no such object");
                continue;
            };
            note(&entry.key, entry.line, found, &mut pen);
            let known = packing.world.known(found).map(Fields::of);
            let fields = fields.get(found).cloned().or(known).unwrap_or_default();
            spelled.set(found, object(&entry.value, &fields, &mut pen));
        }
        root.set("objects", spelled);
    }
    let package = packing.name.to_owned();
    Some(Written { package, path: format!("i18n/{locale}.yml"), name: locale, key, is_rules: false, root })
}

fn object(given: &Node, fields: &Fields, pen: &mut Pen<'_>) -> Node {
    let mut object = given.clone();
    let Some(theirs) = object.get("fields").cloned() else { return object };
    let mut spelled = Node::map(theirs.line);
    for entry in theirs.entries() {
        let name = meant(&entry.key, fields.names()).unwrap_or(&entry.key);
        note(&entry.key, entry.line, name, pen);
        let mut field = entry.value.clone();
        if let Some(Node { content: Content::Map(options), line }) = field.get("options").cloned() {
            let mut named = Node::map(line);
            for option in &options {
                let value = meant(&option.key, fields.options(name)).unwrap_or(&option.key);
                note(&option.key, option.line, value, pen);
                named.set(value, option.value.clone());
            }
            field.set("options", named);
        }
        spelled.set(name, field);
    }
    object.set("fields", spelled);
    object
}

fn note(given: &str, line: u32, found: &str, pen: &mut Pen<'_>) {
    if found != given {
        pen.mapped(given, &Node::of_text(line, given), &format!("{found:?}"), "its own spelling");
    }
}
