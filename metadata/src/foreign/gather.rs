//! What the files of a foreign package hold, whatever they are called and however they are put together.
//!
//! An object may have a file of its own, stand in a list, or in a *stack*: one file of `objects` and all that goes with them.

use std::collections::BTreeMap;

use crate::{
    foreign::{
        names::snake_case,
        object::Document,
        pen::Pen,
        permission,
        report::{Key, Log, Outcome, Subject},
    },
    issue::Place,
    yaml::{Content, Node, from_json, parse},
};

/// The documents of one package.
#[derive(Debug, Default)]
pub(super) struct Shipment {
    /// What it says of itself.
    pub(super) manifest: Option<Document>,
    pub(super) objects: Vec<Document>,
    /// Files of validations.
    pub(super) validations: Vec<Document>,
    /// Files in our own form, with their suffix: workflows, triggers, actions, cases, permissions.
    pub(super) rules: Vec<(String, Document)>,
    /// Files of permissions by role, as version 4 writes them.
    pub(super) permissions: Vec<Document>,
    pub(super) texts: Vec<(String, Document)>,
}

impl Shipment {
    /// The permission sets that files in our own form declare.
    pub(super) fn sets(&self) -> impl Iterator<Item = String> {
        let sets = self.rules.iter().filter(|(kind, _)| kind == "permissionset");
        sets.map(|(_, document)| snake_case(document.root.text_of("name").unwrap_or(&document.name)))
    }

    /// Whether one of them is called so.
    pub(super) fn declares_set(&self, name: &str) -> bool {
        self.sets().any(|set| set == name)
    }
}

/// Kinds of files that nothing here can be made of, and why.
const NOT_KEPT: &[(&str, &str)] = &[
    ("agent", "agents can't be kept yet"),
    ("app", "it is for who draws pages"),
    ("approval", "approvals can't be kept yet"),
    ("dashboard", "it is for who draws pages"),
    ("data", "records come in with `quarry import`"),
    ("flow", "flows can't be kept yet; what happens at a change is a trigger of declared steps"),
    ("form", "it is for who draws pages"),
    ("hook", "it is code; what happens at a change is a trigger of declared steps"),
    ("job", "jobs can't be kept yet"),
    ("menu", "it is for who draws pages"),
    ("page", "it is for who draws pages"),
    ("report", "it is for who draws pages"),
    ("seed", "records come in with `quarry import`"),
    ("view", "it is for who draws pages"),
    ("webhook", "webhooks can't be kept yet"),
];
/// Files in our own form that go through as they are.
const OURS: &[&str] = &["workflow", "trigger", "action", "case", "permission", "permissionset"];
/// Ends of names of files that are code.
const CODE: &[&str] = &[".ts", ".js", ".tsx", ".mjs", ".disabled"];

/// Sorts files into packages by name; `fallback` is the package of what names none.
pub(super) fn gather(
    files: &BTreeMap<String, String>,
    fallback: &str,
    log: &mut Log,
) -> BTreeMap<String, Shipment> {
    let roots = roots(files);
    let mut gathering = Gathering { log, shipments: BTreeMap::new(), fallback: fallback.to_owned() };
    for (file, text) in files {
        let root = roots.iter().rev().find(|(root, _)| file.starts_with(root.as_str()));
        let package = root.map_or_else(|| fallback.to_owned(), |(_, package)| package.clone());
        gathering.file(file, text, &package);
    }
    gathering.shipments.retain(|_, shipment| !shipment.objects.is_empty() || shipment.manifest.is_some());
    gathering.shipments
}

/// The folders that hold a `package.yml`, each with the package's name; the deeper ones last.
fn roots(files: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut roots = Vec::new();
    for (file, text) in files {
        let (folder, name) =
            file.rsplit_once('/').map_or(("", file.as_str()), |(folder, name)| (folder, name));
        if !matches!(name, "package.yml" | "package.yaml" | "package.json") {
            continue;
        }
        let Some(root) = read(file, text).ok() else { continue };
        let Some(said) = root.text_of("name") else { continue };
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        roots.push((folder, package_name(said)));
    }
    roots.sort();
    roots
}

/// `@hotcrm/crm` and `com.example.crm` are `crm`.
pub(super) fn package_name(said: &str) -> String {
    let last = said.rsplit(['/', '.']).find(|part| !part.is_empty()).unwrap_or(said);
    snake_case(last)
}

fn read(file: &str, text: &str) -> Result<Node, crate::yaml::Refusal> {
    let text = if file.ends_with(".json") { from_json(text) } else { text.into() };
    parse(&text)
}

struct Gathering<'l> {
    log: &'l mut Log,
    shipments: BTreeMap<String, Shipment>,
    fallback: String,
}

impl Gathering<'_> {
    fn shipment(&mut self, package: &str) -> &mut Shipment {
        self.shipments.entry(package.to_owned()).or_default()
    }

    fn file(&mut self, file: &str, text: &str, package: &str) {
        let place = Place { file: file.into(), line: 1, path: String::new() };
        let key = self.log.enter(Subject::File, file, place);
        let name = file.rsplit('/').next().unwrap_or(file);
        if CODE.iter().any(|end| name.ends_with(end)) {
            return self.log.left_out(&key, "it is code; only what is written as data can be read");
        }
        let Some(stem) = [".yml", ".yaml", ".json"].iter().find_map(|end| name.strip_suffix(end)) else {
            return self.log.conclude(&key, Outcome::NotLookedAt, "");
        };
        match read(file, text) {
            Err(refusal) => {
                self.log.left_out(&key, format!("line {}: {}", refusal.line, refusal.message));
            }
            Ok(root) => {
                let document = |name: &str| Document {
                    file: file.to_owned(),
                    name: name.to_owned(),
                    path: String::new(),
                    root: root.clone(),
                };
                let (name, kind) = stem.rsplit_once('.').unwrap_or((stem, ""));
                let folder = file.rsplit('/').nth(1);
                let kind = if matches!(folder, Some("i18n" | "translations")) { "i18n" } else { kind };
                self.document(document(name), stem, kind, (&key, package));
            }
        }
    }

    fn document(&mut self, document: Document, stem: &str, kind: &str, (key, package): (&Key, &str)) {
        match kind {
            "object" => self.shipment(package).objects.push(document),
            "validation" => self.shipment(package).validations.push(document),
            "i18n" | "translation" => {
                let locale = stem.split('.').next().unwrap_or(stem).to_owned();
                self.shipment(package).texts.push((locale, document));
            }
            "workflow" if document.root.any(&["transitions", "machines"]).is_none() => {
                self.log.left_out(key, "approvals and workflows of steps can't be kept yet");
            }
            "permission" if permission::is_of_version_4(&document.root) => {
                self.shipment(package).permissions.push(document);
            }
            "permission" if document.root.any(&["sets", "sharingModel"]).is_none() => {
                self.log.left_out(key, "it says nothing that is known of permissions");
            }
            _ if OURS.contains(&kind) => self.shipment(package).rules.push((kind.to_owned(), document)),
            _ if let Some((_, reason)) = NOT_KEPT.iter().find(|(known, _)| *known == kind) => {
                self.log.left_out(key, *reason);
            }
            "import" => self.log.conclude(key, Outcome::NotLookedAt, ""),
            "" | "stack" | "config" if matches!(stem, "package") => self.manifest(document, key, package),
            "" | "stack" | "config" if matches!(stem, "import" | "tsconfig") => {
                self.log.conclude(key, Outcome::NotLookedAt, "");
            }
            _ => self.content(&document, key, package),
        }
    }

    fn manifest(&mut self, document: Document, key: &Key, package: &str) {
        // A folder of packages may have a `package.json` of its own, which names none of them.
        if document.root.text_of("name").is_none() {
            return self.log.left_out(key, "it names no package");
        }
        self.shipment(package).manifest = Some(document);
    }

    /// A file whose name says nothing: what is in it says what it is.
    fn content(&mut self, document: &Document, key: &Key, package: &str) {
        let root = &document.root;
        if let Content::List(items) = &root.content {
            if !items.iter().all(|item| item.get("fields").is_some()) {
                return self.log.left_out(key, "neither an object nor a list of them");
            }
            return self.list(items, document, "", package);
        }
        if root.get("objects").is_some() {
            return self.stack(document, key, package);
        }
        match root.get("fields").filter(|_| root.get("type").is_none()) {
            Some(_) => self.shipment(package).objects.push(document.clone()),
            None => self.log.left_out(key, "neither an object nor a list of them"),
        }
    }

    /// Objects in a list; `pkg` says whose each is.
    fn list(&mut self, items: &[Node], document: &Document, path: &str, package: &str) {
        for (at, item) in items.iter().enumerate() {
            let package = item.text_of("pkg").map_or_else(|| package.to_owned(), package_name);
            let name = item.text_of("name").unwrap_or_default().to_owned();
            let part = Document {
                file: document.file.clone(),
                path: format!("{path}[{at}]"),
                root: item.clone(),
                name,
            };
            self.shipment(&package).objects.push(part);
        }
    }

    /// Permission sets of a stack, in a list or by name: the newest spec writes them as we read them.
    fn permission_sets(&mut self, given: &Node, document: &Document, package: &str) {
        let named = given.entries().iter().map(|entry| (Some(entry.key.as_str()), &entry.value));
        let listed = given.items().iter().map(|item| (item.text_of("name"), item));
        for (at, (name, root)) in named.chain(listed).enumerate() {
            let name = name.map_or_else(|| format!("set_{at}"), str::to_owned);
            let mut root = root.clone();
            root.remove("name");
            let part = Document { file: document.file.clone(), name, path: String::new(), root };
            self.shipment(package).rules.push(("permissionset".to_owned(), part));
        }
    }

    /// `{manifest, objects, translations, …}`.
    fn stack(&mut self, document: &Document, key: &Key, package: &str) {
        let root = &document.root;
        let manifest = root.get("manifest").filter(|manifest| manifest.is_map()).unwrap_or(root);
        let said = manifest.any(&["namespace", "name", "id"]).and_then(Node::text);
        let package = match said.filter(|_| package == self.fallback) {
            Some(said) => package_name(said),
            None => package.to_owned(),
        };
        for entry in root.entries() {
            let part = |path: String, name: &str, root: &Node| Document {
                file: document.file.clone(),
                name: name.to_owned(),
                path,
                root: root.clone(),
            };
            match entry.key.as_str() {
                "objects" if entry.value.is_map() => {
                    for object in entry.value.entries() {
                        let part = part(format!("objects.{}", object.key), &object.key, &object.value);
                        self.shipment(&package).objects.push(part);
                    }
                }
                "objects" => self.list(entry.value.items(), document, "objects", &package),
                "translations" | "i18n" => {
                    let maps = entry.value.items().iter().chain(entry.value.is_map().then_some(&entry.value));
                    for locale in maps.flat_map(Node::entries) {
                        let part = part(format!("{}.{}", entry.key, locale.key), &locale.key, &locale.value);
                        self.shipment(&package).texts.push((locale.key.clone(), part));
                    }
                }
                "permissions" | "permissionSets" => self.permission_sets(&entry.value, document, &package),
                "manifest" | "name" | "version" | "label" | "description" | "id" | "namespace" => {}
                other => {
                    let singular = other.trim_end_matches('s').to_lowercase();
                    let known = NOT_KEPT.iter().find(|(kind, _)| *kind == singular);
                    let reason = known.map_or("it can't be kept yet", |(_, reason)| *reason);
                    Pen { log: self.log, key: key.clone() }.left_out(other, &entry.value, reason);
                }
            }
        }
        let mut said = Document { path: String::new(), root: manifest.clone(), ..document.clone() };
        said.root.remove("objects");
        self.shipment(&package).manifest = Some(said);
    }
}
