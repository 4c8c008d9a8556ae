//! The keys of an object, each brought to its one name and form.

use crate::{
    foreign::{
        names::snake_case,
        object::{Taking, canonical, text},
    },
    yaml::{Content, Node},
};

/// Where an object was evaluated from: nothing that it says of itself.
const PROVENANCE: &[&str] = &["pkg", "file", "export"];
/// Keys that say what holds anyway, with the values by which they do.
const ALWAYS: &[(&str, &[&str])] = &[
    ("datasource", &["default"]),
    ("active", &["true"]),
    ("abstract", &["false"]),
    ("isSystem", &["false"]),
    ("ownership", &["user"]),
    ("systemFields", &["true"]),
    ("customizable", &["true"]),
];

/// Takes one key of an object into `root`, its rules into `rules`.
pub(super) fn take(
    key: &str,
    value: &Node,
    root: &mut Node,
    rules: &mut Vec<Node>,
    with: &mut Taking<'_, '_, '_>,
) {
    let canonical = canonical(key);
    let holds = ALWAYS.iter().find(|(always, _)| *always == canonical);
    let said = value.said();
    if let (Some((_, values)), Some(said)) = (holds, &said)
        && values.contains(&said.as_str())
    {
        return with.pen.mapped(key, value, "nothing to write", "it holds of every object");
    }
    match canonical {
        _ if PROVENANCE.contains(&key) || is_empty(value) => {}
        "name" | "extends" | "fields" => {}
        "validations" | "validation" => rules.extend(value.items().iter().cloned()),
        _ if key.starts_with('_') => {
            with.pen.left_out(key, value, "a mark of the system that it was written for")
        }
        _ if root.get(canonical).is_some() => {
            with.pen.left_out(key, value, &format!("`{canonical}` is given already"));
        }
        "label" | "pluralLabel" => set(key, canonical, text(value, with.world), root, with),
        "enable" => {
            let enable = enable(value, with);
            if !enable.entries().is_empty() {
                root.set("enable", enable);
            }
        }
        "indexes" => {
            let indexes = indexes(value, with);
            root.set("indexes", indexes);
        }
        "titleFormat" => title(value, root, with),
        "keyPrefix" => id_prefix(key, value, root, with),
        "searchable" if value.flag().is_some() => {
            with.pen.mapped(key, value, "enable.searchable", "");
            let mut enable = root.remove("enable").unwrap_or_else(|| Node::map(value.line));
            enable.set("searchable", value.clone());
            root.set("enable", enable);
        }
        _ => set(key, canonical, value.clone(), root, with),
    }
}

fn set(key: &str, canonical: &str, value: Node, root: &mut Node, with: &mut Taking<'_, '_, '_>) {
    if key != canonical {
        with.pen.aliased(key, value.line, canonical);
    }
    root.set(canonical, value);
}

fn is_empty(value: &Node) -> bool {
    match &value.content {
        Content::Null => true,
        Content::List(items) => items.is_empty(),
        Content::Map(entries) => entries.is_empty(),
        Content::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// The switches; those that are off for what is not there anyway say nothing.
fn enable(given: &Node, with: &mut Taking<'_, '_, '_>) -> Node {
    const KNOWN: &[&str] =
        &["searchable", "trackHistory", "activities", "feeds", "files", "clone", "apiEnabled"];
    let mut enable = Node::map(given.line);
    for entry in given.entries() {
        let known = KNOWN.iter().find(|known| snake_case(known) == snake_case(&entry.key));
        let key = known.copied().unwrap_or(entry.key.as_str());
        if known.is_none() && entry.value.flag() == Some(false) {
            with.pen.mapped(
                &format!("enable.{key}"),
                &entry.value,
                "nothing to write",
                "it is off here as well",
            );
            continue;
        }
        enable.set(key, entry.value.clone());
    }
    enable
}

/// `indexes` as a list; older packages write a mapping of names.
fn indexes(given: &Node, with: &mut Taking<'_, '_, '_>) -> Node {
    let mut list = Vec::new();
    if given.is_map() {
        with.pen.mapped("indexes", given, "a list", "a mapping of names");
    }
    for entry in given.entries() {
        let mut index = Node::map(entry.line);
        index.set("name", Node::of_text(entry.line, snake_case(&entry.key)));
        match &entry.value.content {
            Content::List(_) => index.set("fields", entry.value.clone()),
            _ => entry.value.entries().iter().for_each(|inner| index.set(&inner.key, inner.value.clone())),
        }
        list.push(index);
    }
    list.extend(given.items().iter().cloned());
    for index in &mut list {
        if let Content::List(_) = index.content {
            let mut map = Node::map(index.line);
            map.set("fields", index.clone());
            *index = map;
        }
        if let Some(field) = index.remove("field") {
            index.set("fields", Node::new(field.line, Content::List(vec![field])));
        }
        if let Some(scope) = index.get("unique").filter(|unique| unique.flag().is_none()).cloned() {
            with.pen.mapped("indexes.unique", &scope, "true", "among the records of a tenant");
            index.set("unique", Node::new(scope.line, Content::Boolean(true)));
        }
        if index.text_of("type") == Some("unique") {
            index.remove("type");
            index.set("unique", Node::new(index.line, Content::Boolean(true)));
        }
    }
    Node::new(given.line, Content::List(list))
}

/// `{name}`: the name field, when it is one.
fn title(value: &Node, root: &mut Node, with: &mut Taking<'_, '_, '_>) {
    let inner = value.text().map(|text| text.trim().trim_start_matches('{').trim_end_matches('}').trim());
    let field = inner.map(|name| name.strip_prefix("record.").unwrap_or(name));
    let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match field.filter(is_name).filter(|_| root.get("nameField").is_none()) {
        Some(field) => {
            with.pen.mapped("titleFormat", value, "nameField", "it is one field");
            root.set("nameField", Node::of_text(value.line, field));
        }
        None => with.pen.left_out(
            "titleFormat",
            value,
            "a record is called by one field; write a formula for more",
        ),
    }
}

fn id_prefix(key: &str, value: &Node, root: &mut Node, with: &mut Taking<'_, '_, '_>) {
    let prefix: String =
        value.said().unwrap_or_default().to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    if !prefix.starts_with(|c: char| c.is_ascii_lowercase()) || root.get("idPrefix").is_some() {
        return with.pen.left_out(key, value, "no id could begin with it");
    }
    with.pen.mapped(key, value, &format!("idPrefix: {prefix}"), "");
    root.set("idPrefix", Node::of_text(value.line, prefix));
}
