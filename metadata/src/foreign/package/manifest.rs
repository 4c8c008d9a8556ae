//! What a package says of itself, and what it stands on.

use std::collections::BTreeSet;

use crate::{
    foreign::{
        Written,
        gather::Shipment,
        object::Document,
        options::in_locale,
        package::Packing,
        pen::Pen,
        report::{Log, Subject},
        world::World,
    },
    issue::Place,
    yaml::{Content, Node},
};

/// Keys that we keep.
const KEPT: &[&str] = &["label", "description", "defaultCurrency", "scope"];

/// `package.yml`.
pub(super) fn manifest(
    shipment: &Shipment,
    packing: Packing<'_, '_>,
    stands_on: &BTreeSet<String>,
    log: &mut Log,
) -> Written {
    let Packing { name, wanted, world } = packing;
    let said = shipment.manifest.as_ref();
    let place =
        said.map_or_else(|| Place { file: name.into(), line: 1, path: String::new() }, Document::place);
    let key = log.enter(Subject::Package, name, place);
    let nothing = Node::map(1);
    let given = said.map_or(&nothing, |document| &document.root);
    let is_ours =
        said.is_some_and(|document| document.file.ends_with(".yml") || document.file.ends_with(".yaml"));
    let mut pen = Pen { log, key: key.clone() };
    let mut root = Node::map(1);
    root.set("name", Node::of_text(1, name));
    let version = given.get("version").and_then(Node::said);
    let read = version.as_deref().and_then(version_of);
    let written = read.clone().unwrap_or_else(|| wanted.version.clone());
    if read.is_none() || read != version {
        let from = given.get("version").cloned().unwrap_or_else(|| Node::new(1, Content::Null));
        let reason = if read.is_some() { "it has three parts" } else { "no version was given" };
        pen.mapped("version", &from, &written, reason);
    }
    root.set("version", Node::of_text(1, written));
    for entry in given.entries() {
        match entry.key.as_str() {
            "label" => root.set("label", in_locale(entry.value.clone(), &world.locale)),
            key if KEPT.contains(&key) => root.set(key, entry.value.clone()),
            "name" | "version" | "namespace" | "id" => {}
            "depends" | "dependencies" if is_ours && entry.value.is_map() => {
                root.set("depends", entry.value.clone())
            }
            _ => pen.left_out(&entry.key, &entry.value, "a package says nothing of it here"),
        }
    }
    depends(&mut root, world, stands_on);
    Written {
        package: name.to_owned(),
        path: "package.yml".to_owned(),
        name: name.to_owned(),
        key,
        is_rules: false,
        root,
    }
}

/// `1.4` and `v1.4.0` are versions too.
fn version_of(text: &str) -> Option<String> {
    let bare = text.trim_start_matches('v');
    let padded = match bare.split('.').count() {
        1 => format!("{bare}.0.0"),
        2 => format!("{bare}.0"),
        _ => bare.to_owned(),
    };
    semver::Version::parse(&padded).ok().map(|version| version.to_string())
}

/// Whatever the objects refer to is depended on.
fn depends(root: &mut Node, world: &World<'_>, stands_on: &BTreeSet<String>) {
    let mut depends = root.remove("depends").unwrap_or_else(|| Node::map(1));
    let given: Vec<String> = depends.entries().iter().map(|entry| entry.key.clone()).collect();
    for package in stands_on {
        if given.contains(package) {
            continue;
        }
        let range = world.range(package).unwrap_or_else(|| "*".to_owned());
        depends.set(package, Node::of_text(1, range));
    }
    if !depends.entries().is_empty() {
        root.set("depends", depends);
    }
}
