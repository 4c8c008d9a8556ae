//! The rules of a package, by object: those that stand in an object, and those in files of their own.

use std::collections::BTreeMap;

use crate::{
    foreign::{
        Written,
        names::snake_case,
        object::{Document, Fields, Made},
        pen::Pen,
        report::{Log, Subject},
        rule::{self, Writing, rule},
        world::World,
    },
    yaml::{Content, Node},
};

/// Rules by the object that they are about.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) by_object: BTreeMap<String, Vec<Node>>,
}

/// What rules are written among.
pub(super) struct Among<'a, 'w> {
    pub(super) objects: &'a mut BTreeMap<String, Made>,
    pub(super) world: &'a World<'w>,
    pub(super) log: &'a mut Log,
}

/// Keys of a file of validations that say whose rules they are, or which.
const KEYS: &[&str] = &["object", "extends", "rules", "validations", "validation", "name", "description"];

impl Rules {
    /// Takes a file of validations.
    pub(super) fn file(&mut self, document: &Document, among: &mut Among<'_, '_>) {
        let said = document.root.any(&["object", "extends"]).and_then(Node::text).unwrap_or(&document.name);
        let object = among.world.find(said).map_or_else(|| snake_case(said), str::to_owned);
        for entry in document.root.entries().iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
            let mut pen = Pen { log: among.log, key: (Subject::File, document.file.clone()) };
            pen.left_out(&entry.key, &entry.value, "it explains the rules, or can't be kept yet");
        }
        let list =
            document.root.any(&["rules", "validations", "validation"]).map(Node::items).unwrap_or_default();
        self.take(&object, list, document, among);
    }

    /// Takes the rules about one object.
    pub(super) fn take(
        &mut self,
        object: &str,
        list: &[Node],
        document: &Document,
        among: &mut Among<'_, '_>,
    ) {
        let Among { objects, world, log } = among;
        let known = world.known(object).map(Fields::of);
        let fields = objects.get(object).map(|made| made.fields.clone()).or(known).unwrap_or_default();
        for (at, given) in list.iter().enumerate() {
            let name = snake_case(given.text_of("name").unwrap_or("rule"));
            let place = document.place_of(given.line, &format!("rules[{at}]"));
            let key = log.enter(Subject::Rule, &format!("{object}.{name}"), place);
            let mut pen = Pen { log, key: key.clone() };
            let made = rule(given, &mut Writing { fields: &fields, locale: &world.locale, pen: &mut pen });
            match (made, objects.get_mut(object)) {
                (Ok(rule::Made::Rules(made)), _) => {
                    self.by_object.entry(object.to_owned()).or_default().extend(made);
                }
                (Ok(rule::Made::Unique(index)), Some(made)) => add_index(&mut made.root, index),
                (Ok(rule::Made::Unique(_)), None) => {
                    log.left_out(&key, "its object is not among what is imported")
                }
                (Err(reason), _) => log.left_out(&key, reason),
            }
        }
    }
}

fn add_index(object: &mut Node, index: Node) {
    let line = index.line;
    let mut items = object.get("indexes").map(|list| list.items().to_vec()).unwrap_or_default();
    items.push(index);
    object.set("indexes", Node::new(line, Content::List(items)));
}

/// The file of an object's rules.
pub(super) fn validations(package: &str, object: &str, list: Vec<Node>, world: &World<'_>) -> Written {
    let mut root = Node::map(1);
    if world.owner(object).is_some_and(|owner| owner != package) {
        root.set("extends", Node::of_text(1, object));
    }
    root.set("rules", Node::new(1, Content::List(list)));
    Written {
        package: package.to_owned(),
        path: format!("{object}/{object}.validation.yml"),
        name: object.to_owned(),
        key: (Subject::Object, object.to_owned()),
        is_rules: true,
        root,
    }
}
