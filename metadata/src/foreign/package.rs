//! One package: what it says of itself, its objects, their rules, its texts.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    foreign::{
        Wanted, Written,
        gather::Shipment,
        names::snake_case,
        object::{Document, Fields, Made, object},
        package::{manifest::manifest, rules::Rules},
        permission,
        report::{Log, Subject},
        world::World,
    },
    yaml::Node,
};

mod manifest;
mod rules;
mod texts;

/// What a package is written with.
#[derive(Clone, Copy)]
pub(super) struct Packing<'a, 'w> {
    pub(super) name: &'a str,
    pub(super) wanted: &'a Wanted,
    pub(super) world: &'a World<'w>,
}

/// Writes a package in our words.
pub(super) fn package(shipment: &Shipment, packing: Packing<'_, '_>, log: &mut Log) -> Vec<Written> {
    let Packing { name, world, .. } = packing;
    let mut objects = objects(shipment, packing, log);
    let mut rules = Rules::default();
    for document in &shipment.objects {
        let Some(made) = objects.get_mut(&document.object_name()) else { continue };
        let list = std::mem::take(&mut made.rules);
        rules.take(
            &made.name.clone(),
            &list,
            document,
            &mut rules::Among { objects: &mut objects, world, log },
        );
    }
    for document in &shipment.validations {
        rules.file(document, &mut rules::Among { objects: &mut objects, world, log });
    }
    let fields: BTreeMap<String, Fields> =
        objects.iter().map(|(name, made)| (name.clone(), made.fields.clone())).collect();
    let mut written = Vec::new();
    let mut stands_on: BTreeSet<String> = world.owner("user").map(str::to_owned).into_iter().collect();
    for (object, made) in objects {
        let refers_to = made.references.iter().chain([&object]);
        stands_on.extend(refers_to.filter_map(|object| world.owner(object)).map(str::to_owned));
        written.push(Written {
            package: name.to_owned(),
            path: format!("{object}/{object}.object.yml"),
            key: made.key,
            name: object,
            is_rules: false,
            root: made.root,
        });
    }
    for (object, list) in rules.by_object {
        stands_on.extend(world.owner(&object).map(str::to_owned));
        written.push(rules::validations(name, &object, list, world));
    }
    written.extend(permissions(shipment, (packing, &fields), &mut stands_on, log));
    for (kind, document) in &shipment.rules {
        let file = apart(as_written(name, kind, document, world), &written);
        written.push(file);
    }
    for (locale, document) in &shipment.texts {
        written.extend(texts::texts(locale, document, (packing, &fields), log));
    }
    stands_on.remove(name);
    written.push(manifest(shipment, packing, &stands_on, log));
    written
}

/// What roles may do, and the sets that they become, where those are this package's and nothing declares them.
fn permissions(
    shipment: &Shipment,
    (packing, fields): (Packing<'_, '_>, &BTreeMap<String, Fields>),
    stands_on: &mut BTreeSet<String>,
    log: &mut Log,
) -> Vec<Written> {
    let Packing { name, world, .. } = packing;
    let mut written: Vec<Written> = Vec::new();
    let mut roles = BTreeMap::new();
    for document in &shipment.permissions {
        for (set, role) in permission::roles(&document.root) {
            roles.entry(set).or_insert((role, document));
        }
        let said = document.root.any(&["object", "extends"]).and_then(Node::text).unwrap_or(&document.name);
        let object = world.find(said).unwrap_or_default();
        stands_on.extend(world.owner(object).map(str::to_owned));
        let known = world.known(object).map(Fields::of);
        let of_object = fields.get(object).cloned().or(known).unwrap_or_default();
        let made = permission::permission(name, document, (world, &of_object), log);
        written.extend(made.map(|file| apart(file, &written)));
    }
    for (set, (role, document)) in roles {
        let owner = world.set_owner(&set).unwrap_or(name);
        match owner == name {
            true if shipment.declares_set(&set) => {}
            true => written.push(permission::set(name, (&set, &role), document, world)),
            false => drop(stands_on.insert(owner.to_owned())),
        }
    }
    written
}

/// Two files of one name lay in folders of their own.
fn apart(mut file: Written, written: &[Written]) -> Written {
    let twin = written.iter().filter(|known| known.path.ends_with(&file.path)).count();
    if twin > 0 {
        file.path = format!("{twin}/{}", file.path);
    }
    file
}

/// The objects by name; a name that two have is the first one's.
fn objects(shipment: &Shipment, packing: Packing<'_, '_>, log: &mut Log) -> BTreeMap<String, Made> {
    let mut objects: BTreeMap<String, Made> = BTreeMap::new();
    for document in &shipment.objects {
        let name = document.object_name();
        if objects.contains_key(&name) {
            let key = log.enter(Subject::Object, &name, document.place());
            log.left_out(&key, "an object of the name is declared already");
            continue;
        }
        if let Some(made) = object(document, packing.name, packing.world, log) {
            objects.insert(name, made);
        }
    }
    objects
}

/// A file in our own form.
fn as_written(package: &str, kind: &str, document: &Document, world: &World<'_>) -> Written {
    let mut root = document.root.clone();
    let said = root.remove("object").and_then(|object| object.text().map(str::to_owned));
    let is_about_one = !matches!(kind, "case" | "permissionset");
    let object = said.unwrap_or_else(|| document.name.clone());
    let known = world.find(&object).filter(|_| is_about_one);
    let object = known.map_or_else(|| snake_case(&object), str::to_owned);
    let is_others = world.owner(&object).is_some_and(|owner| owner != package);
    if is_about_one && is_others && root.get("extends").is_none() {
        root.set("extends", Node::of_text(1, &object));
    }
    Written {
        package: package.to_owned(),
        path: format!("{object}/{object}.{kind}.yml"),
        name: object,
        key: (Subject::File, document.file.clone()),
        is_rules: false,
        root,
    }
}
