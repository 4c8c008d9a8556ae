//! An object as others declare it, in our words.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::{
    definition::object::KEYS,
    foreign::{
        field,
        names::{folded, meant, snake_case},
        options::{in_locale, values_of},
        pen::Pen,
        report::{Key, Log, Subject},
        world::World,
    },
    issue::Place,
    model::{FieldKind, Object},
    yaml::{Content, Node},
};

mod addition;
mod keys;
mod several;

/// A mapping of a file, and where it stands in it.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) file: String,
    /// The name that its file or its key gives it.
    pub(super) name: String,
    /// Where it stands in the file.
    pub(super) path: String,
    pub(super) root: Node,
}

impl Document {
    pub(super) fn place(&self) -> Place {
        self.place_of(self.root.line, "")
    }

    pub(super) fn place_of(&self, line: u32, path: &str) -> Place {
        let dot = if self.path.is_empty() || path.is_empty() { "" } else { "." };
        Place { file: self.file.clone().into(), line, path: format!("{}{dot}{path}", self.path) }
    }

    /// The name of the object in snake_case, as it says itself or as it is called.
    pub(super) fn object_name(&self) -> String {
        let said = self.root.any(&["name", "extends"]).and_then(Node::text);
        snake_case(said.unwrap_or(&self.name))
    }
}

/// An object in our words.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) root: Node,
    /// It adds to an object of another package.
    pub(super) is_addition: bool,
    /// Where the report tells of it.
    pub(super) key: Key,
    /// Objects that it refers to.
    pub(super) references: BTreeSet<String>,
    /// Rules that stand in it, as they are written.
    pub(super) rules: Vec<Node>,
    pub(super) fields: Fields,
}

/// The fields that conditions and lists of names may speak of.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    fields: IndexMap<String, Told>,
}

/// What is told of a field.
#[derive(Clone, Debug, Default)]
struct Told {
    is_list: bool,
    options: Vec<String>,
}

impl Fields {
    /// Those of an object that is known.
    pub(super) fn of(object: &Object) -> Self {
        let told = |kind: &FieldKind| match kind {
            FieldKind::Select { options } | FieldKind::MultiSelect { options } => Told {
                is_list: matches!(kind, FieldKind::MultiSelect { .. }),
                options: options.iter().map(|option| option.value.clone()).collect(),
            },
            _ => Told::default(),
        };
        let fields = object.fields.values().map(|field| (field.name.to_string(), told(&field.kind)));
        Self { fields: fields.collect() }
    }

    fn add(&mut self, object: &Node) {
        for entry in object.get("fields").map(Node::entries).unwrap_or_default() {
            let field = &entry.value;
            let many = field.get("multiple").and_then(Node::flag) == Some(true);
            let is_list =
                many || matches!(field.text_of("type"), Some("multiselect" | "checkboxes" | "tags"));
            let options = field.get("options").map(values_of).unwrap_or_default();
            self.fields.insert(entry.key.clone(), Told { is_list, options });
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.keys().map(String::as_str)
    }

    pub(super) fn options(&self, field: &str) -> impl Iterator<Item = &str> + Clone {
        let told = meant(field, self.names()).and_then(|name| self.fields.get(name));
        told.into_iter().flat_map(|told| &told.options).map(String::as_str)
    }

    pub(super) fn is_list(&self, field: &str) -> bool {
        meant(field, self.names()).and_then(|name| self.fields.get(name)).is_some_and(|told| told.is_list)
    }
}

/// Writes an object in our words; nothing when it declares nothing.
pub(super) fn object(document: &Document, package: &str, world: &World<'_>, log: &mut Log) -> Option<Made> {
    let name = document.object_name();
    let key = log.enter(Subject::Object, &name, document.place());
    let said = document
        .root
        .any(&["name", "extends"])
        .cloned()
        .unwrap_or_else(|| Node::of_text(document.root.line, &document.name));
    let mut pen = Pen { log, key: key.clone() };
    if said.text() != Some(name.as_str()) {
        pen.mapped("name", &said, &name, "names are snake_case");
    }
    let mut root = Node::map(document.root.line);
    let adds = document.root.get("extends").cloned();
    if let Some(extends) = &adds {
        root.set("extends", Node::of_text(extends.line, &name));
    }
    let mut rules = Vec::new();
    for entry in document.root.entries() {
        keys::take(&entry.key, &entry.value, &mut root, &mut rules, &mut Taking { world, pen: &mut pen });
    }
    let known = world.known(&name).filter(|known| adds.is_none() && known.package.as_str() != package);
    if let Some(known) = known {
        addition::only(known, &mut root, &mut pen);
    }
    let fields = fields(document, &name, world, log);
    let fields = match known {
        Some(known) => addition::fields(known, fields, &mut root, log),
        None => fields,
    };
    if adds.is_none() && fields.entries().is_empty() && (known.is_none() || root.entries().len() <= 1) {
        let reason = if known.is_some() { "all of it is there already" } else { "it has no fields" };
        match known {
            Some(known) => {
                let reason = format!("{reason}, in package `{}`", known.package);
                log.conclude(&key, crate::foreign::report::Outcome::Mapped, reason);
            }
            None => log.left_out(&key, reason),
        }
    }
    let mut made = Made {
        references: references(&fields),
        is_addition: known.is_some() || adds.is_some(),
        key: key.clone(),
        fields: known.map(Fields::of).unwrap_or_default(),
        name,
        root,
        rules,
    };
    if !fields.entries().is_empty() {
        made.root.set("fields", fields);
    }
    made.fields.add(&made.root);
    names_of_fields(&mut made.root, &made.fields, &mut Pen { log, key });
    Some(made).filter(|made| made.is_addition || made.root.get("fields").is_some())
}

/// What keys of an object are taken with.
struct Taking<'a, 'w, 'l> {
    world: &'a World<'w>,
    pen: &'a mut Pen<'l>,
}

/// The fields, each entered in the report.
fn fields(document: &Document, object: &str, world: &World<'_>, log: &mut Log) -> Node {
    let given = document.root.get("fields");
    let mut written = Node::map(given.map_or(document.root.line, |given| given.line));
    let Some(given) = given else { return written };
    let list: Vec<(String, u32, &Node)> = match &given.content {
        Content::Map(entries) => entries.iter().map(|e| (e.key.clone(), e.line, &e.value)).collect(),
        _ => given
            .items()
            .iter()
            .filter_map(|item| Some((item.text_of("name")?.to_owned(), item.line, item)))
            .collect(),
    };
    let names: Vec<String> = list.iter().map(|(name, ..)| snake_case(name)).collect();
    for (given_name, line, node) in &list {
        let name = snake_case(given_name);
        let place = document.place_of(*line, &format!("fields.{given_name}"));
        let key = log.enter(Subject::Field, &format!("{object}.{name}"), place);
        if written.get(&name).is_some() {
            log.left_out(&key, "the field is declared twice");
            continue;
        }
        if is_kept_anyway(&name, node, world) {
            Pen { log, key: key.clone() }.stands_for(given_name, *line, kept(&name), "every object has it");
            continue;
        }
        let mut pen = Pen { log, key };
        if name != *given_name {
            pen.mapped("name", &Node::of_text(*line, given_name), &name, "names are snake_case");
        }
        // A type alone may stand for a field: `title: text`.
        let short = node.text().map(|text| {
            let mut field = Node::map(*line);
            field.set("type", Node::of_text(*line, text));
            field
        });
        let field = field::field(&name, short.as_ref().unwrap_or(node), &names, world, &mut pen);
        written.set(&name, field);
    }
    several::settle(object, &mut written, world, log);
    written
}

/// The field that every object has, by its name or as a way.
fn kept(name: &str) -> &str {
    name.strip_suffix("_id").unwrap_or(name)
}

/// Whether every object has such a field, which its author declares all the same.
fn is_kept_anyway(name: &str, field: &Node, world: &World<'_>) -> bool {
    const KEPT: &[&str] =
        &["id", "created_at", "created_by", "updated_at", "updated_by", "revision", "package_version"];
    let target =
        field.any(&["reference", "reference_to"]).and_then(Node::text).and_then(|name| world.find(name));
    // Its way to the user would be called as ours is.
    let is_way = matches!(name, "created_by_id" | "updated_by_id") && target == Some("user");
    KEPT.contains(&name) || is_way
}

/// Objects that fields refer to.
fn references(fields: &Node) -> BTreeSet<String> {
    let of = |field: &Node| -> Vec<String> {
        let Some(reference) = field.get("reference") else {
            let user = (field.text_of("type") == Some("user")).then(|| "user".to_owned());
            return user.into_iter().collect();
        };
        reference
            .text()
            .into_iter()
            .chain(reference.items().iter().filter_map(Node::text))
            .map(str::to_owned)
            .collect()
    };
    fields.entries().iter().flat_map(|entry| of(&entry.value)).collect()
}

/// Brings lists of field names to the spelling of the fields.
fn names_of_fields(root: &mut Node, fields: &Fields, pen: &mut Pen<'_>) {
    if let Some(list) = root.remove("indexes") {
        let indexes = list.items().iter().map(|index| {
            let mut index = index.clone();
            if let Some(names) = index.get("fields").cloned() {
                index.set("fields", spelled(&names, "indexes", fields, pen));
            }
            index
        });
        let indexes = Content::List(indexes.collect());
        root.set("indexes", Node::new(list.line, indexes));
    }
    for key in ["searchable", "nameField"] {
        let Some(names) = root.get(key).cloned() else { continue };
        root.set(key, spelled(&names, key, fields, pen));
    }
}

/// Names, or one, as the object spells them.
pub(super) fn spelled(names: &Node, property: &str, fields: &Fields, pen: &mut Pen<'_>) -> Node {
    if let Content::List(items) = &names.content {
        let items = items.iter().map(|item| spelled(item, property, fields, pen)).collect();
        return Node::new(names.line, Content::List(items));
    }
    let Some(name) = names.text() else { return names.clone() };
    match meant(name, fields.names()).filter(|found| *found != name) {
        Some(found) => {
            pen.mapped(property, names, found, "the field's own spelling");
            Node::of_text(names.line, found)
        }
        None => names.clone(),
    }
}

/// The key of an object's field in the report.
pub(super) fn field_key(object: &str, field: &str) -> Key {
    (Subject::Field, format!("{object}.{field}"))
}

/// Whether two options are one, whatever their spelling.
fn is_option(known: &[crate::model::SelectOption], value: &str) -> bool {
    known.iter().any(|option| folded(&option.value) == folded(value))
}

/// A text for people.
fn text(value: &Node, world: &World<'_>) -> Node {
    in_locale(value.clone(), &world.locale)
}

/// The keys of an object by their one name.
fn canonical(key: &str) -> &str {
    KEYS.canonical(key).unwrap_or(key)
}
