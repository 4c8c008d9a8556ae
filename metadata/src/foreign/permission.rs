//! Permissions as version 4 writes them, by object and role, in our words: a permission set for each role, and what it allows
//! beside the object.
//!
//! It fails closed: what can't be said here leaves a role with less than it had, never with more.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    foreign::{
        Written,
        condition::condition,
        names::{meant, snake_case},
        object::{Document, Fields},
        options::in_locale,
        pen::Pen,
        report::{Log, Subject},
        world::World,
    },
    naming::{camel_case, title_case},
    yaml::{Content, Node},
};

/// Keys that only such a file has.
const KEYS: &[&str] = &[
    "object_permissions",
    "field_permissions",
    "record_rules",
    "action_permissions",
    "field_masking",
    "sharing_rules",
];
/// What may be done with records, by the names that are given to it.
const ACTS: &[(&str, &str)] = &[
    ("create", "create"),
    ("read", "read"),
    ("update", "update"),
    ("edit", "update"),
    ("delete", "delete"),
    ("viewAll", "viewAll"),
    ("modifyAll", "modifyAll"),
    ("export", "export"),
    ("transfer", "transfer"),
];
/// What a rule about records can allow.
const ACTS_OF_RECORDS: &[&str] = &["create", "read", "update", "delete"];

/// Whether a file says its permissions so.
pub(super) fn is_of_version_4(root: &Node) -> bool {
    root.any(KEYS).is_some()
}

/// The names of the sets that a file's roles become, each with the role.
pub(super) fn roles(root: &Node) -> BTreeMap<String, String> {
    let mut found: Vec<String> = root.get("roles").map(names_in).unwrap_or_default();
    for key in KEYS.iter().filter_map(|key| root.get(key)) {
        collect(key, 0, &mut found);
    }
    found.into_iter().map(|role| (snake_case(&role), role)).collect()
}

/// Lists of roles stand below the keys of such a file, and nothing else that is a list of texts.
fn collect(node: &Node, depth: usize, found: &mut Vec<String>) {
    const DEPTH_MAX: usize = 4;
    for entry in node.entries().iter().filter(|_| depth < DEPTH_MAX) {
        match entry.value.is_map() {
            true => collect(&entry.value, depth + 1, found),
            false => found.extend(names_in(&entry.value)),
        }
    }
}

fn names_in(node: &Node) -> Vec<String> {
    match &node.content {
        Content::List(items) => items.iter().filter_map(|item| item.text().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// A permission set for a role of this package, which a file names.
pub(super) fn set(
    package: &str,
    (name, role): (&str, &str),
    document: &Document,
    world: &World<'_>,
) -> Written {
    let mut root = Node::map(1);
    let label = title_case(&snake_case(role));
    root.set("label", in_locale(Node::of_text(1, label), &world.locale));
    Written {
        package: package.to_owned(),
        path: format!("permissions/{name}.permissionset.yml"),
        name: name.to_owned(),
        key: (Subject::File, document.file.clone()),
        is_rules: false,
        root,
    }
}

/// What the roles may do with one object, beside it; nothing where no role may do anything.
pub(super) fn permission(
    package: &str,
    document: &Document,
    (world, fields): (&World<'_>, &Fields),
    log: &mut Log,
) -> Option<Written> {
    let said = document.root.any(&["object", "extends"]).and_then(Node::text).unwrap_or(&document.name);
    let key = (Subject::File, document.file.clone());
    let Some(object) = world.find(said).map(str::to_owned) else {
        log.left_out(&key, format!("there is no object `{said}`"));
        return None;
    };
    let mut making = Making { fields, pen: Pen { log, key: key.clone() }, grants: BTreeMap::new() };
    making.file(&document.root);
    let mut sets = Node::map(document.root.line);
    for (set, grant) in making.grants {
        sets.set(&set, grant.written(document.root.line));
    }
    if sets.entries().is_empty() {
        log.left_out(&key, "it allows nobody anything");
        return None;
    }
    let mut root = Node::map(document.root.line);
    if world.owner(&object).is_some_and(|owner| owner != package) {
        root.set("extends", Node::of_text(1, &object));
    }
    root.set("sets", sets);
    let path = format!("{object}/{object}.permission.yml");
    Some(Written { package: package.to_owned(), path, name: object, key, is_rules: false, root })
}

/// What one role may do.
#[derive(Default)]
struct Grant {
    allow: Vec<&'static str>,
    actions: Vec<String>,
    fields: BTreeMap<String, &'static str>,
    records: Vec<Node>,
}

impl Grant {
    /// Whether it may be done with all records anyway.
    fn is_of_all(&self, act: &str) -> bool {
        self.allow.contains(&"modifyAll") || (act == "read" && self.allow.contains(&"viewAll"))
    }

    fn written(self, line: u32) -> Node {
        let list = |names: Vec<&str>| {
            let items = names.into_iter().map(|name| Node::of_text(line, name)).collect();
            Node::new(line, Content::List(items))
        };
        let mut grant = Node::map(line);
        grant.set("allow", list(self.allow));
        if !self.actions.is_empty() {
            grant.set("actions", list(self.actions.iter().map(String::as_str).collect()));
        }
        if !self.fields.is_empty() {
            let mut fields = Node::map(line);
            for (name, word) in self.fields {
                fields.set(&name, Node::of_text(line, word));
            }
            grant.set("fields", fields);
        }
        if !self.records.is_empty() {
            grant.set("records", Node::new(line, Content::List(self.records)));
        }
        grant
    }
}

/// Makes grants of what a file says.
struct Making<'a, 'l> {
    fields: &'a Fields,
    pen: Pen<'l>,
    /// By set.
    grants: BTreeMap<String, Grant>,
}

/// Keys that say who or what a file is about.
const ABOUT: &[&str] = &["object", "extends", "name", "label", "description", "roles"];

impl Making<'_, '_> {
    /// Takes a whole file: what may be done at all comes first, since the rest stands on it.
    fn file(&mut self, root: &Node) {
        if let Some(objects) = root.get("object_permissions") {
            self.acts(objects);
        }
        for entry in root.entries() {
            match entry.key.as_str() {
                "object_permissions" => {}
                "field_permissions" => self.each(&entry.value, Self::field),
                "field_masking" => self.each(&entry.value, Self::mask),
                "action_permissions" => self.each(&entry.value, Self::action),
                "record_rules" => self.rules(&entry.value),
                key if ABOUT.contains(&key) => {}
                "audit" => {
                    self.pen.left_out("audit", &entry.value, "every change is in the log, whatever this says")
                }
                "sharing_rules" => {
                    self.pen.left_out(
                        "sharing_rules",
                        &entry.value,
                        "a rule about records of a set says it here",
                    );
                }
                key => self.pen.left_out(key, &entry.value, "it says nothing that is known of permissions"),
            }
        }
    }

    /// `{create: [admin], read: [admin, user]}`.
    fn acts(&mut self, given: &Node) {
        for entry in given.entries() {
            let camel = camel_case(&entry.key);
            let Some((_, act)) = ACTS.iter().find(|(known, _)| *known == camel) else {
                self.pen.left_out(
                    &format!("object_permissions.{}", entry.key),
                    &entry.value,
                    "nothing that is known can be done so",
                );
                continue;
            };
            for role in names_in(&entry.value) {
                let grant = self.grants.entry(snake_case(&role)).or_default();
                if !grant.allow.contains(act) {
                    grant.allow.push(act);
                }
            }
        }
        self.pen.mapped("object_permissions", given, "sets", "what each role may do, by role");
    }

    fn each(&mut self, given: &Node, take: fn(&mut Self, &str, &Node)) {
        for entry in given.entries() {
            take(self, &entry.key, &entry.value);
        }
    }

    /// `budget: {read: [admin, user], update: [admin]}`: who is not named may not.
    fn field(&mut self, name: &str, given: &Node) {
        let Some(field) = meant(name, self.fields.names()).map(str::to_owned) else {
            let property = format!("field_permissions.{name}");
            return self.pen.left_out(&property, given, "there is no such field");
        };
        let named = |keys: &[&str]| given.any(keys).map(sets_in);
        let (readers, writers) = (named(&["read"]), named(&["update", "edit", "write"]));
        for (set, grant) in &mut self.grants {
            let may = |list: &Option<BTreeSet<String>>| list.as_ref().is_none_or(|list| list.contains(set));
            let word = match (may(&readers), may(&writers)) {
                (false, _) => "none",
                (true, false) => "read",
                (true, true) => continue,
            };
            grant.fields.insert(field.clone(), word);
        }
        self.pen.mapped(
            &format!("field_permissions.{name}"),
            given,
            "fields",
            "what each role may do with it, by role",
        );
    }

    /// Masks are said of the field here; until somebody does, who may not see it in clear does not see it.
    fn mask(&mut self, name: &str, given: &Node) {
        let property = format!("field_masking.{name}");
        let Some(field) = meant(name, self.fields.names()).map(str::to_owned) else {
            return self.pen.left_out(&property, given, "there is no such field");
        };
        let seen_by = given.any(&["visible_to", "visible_for", "unmasked_roles", "except", "roles"]);
        let seen_by = seen_by.map(sets_in).unwrap_or_default();
        for (_, grant) in self.grants.iter_mut().filter(|(set, _)| !seen_by.contains(*set)) {
            grant.fields.insert(field.clone(), "none");
        }
        let reason = "masks are said of the field (`maskAs`); until then it is hidden from who may not see it in clear";
        self.pen.mapped(&property, given, "fields", reason);
    }

    /// `approve: {execute: [manager]}`, or the list alone.
    fn action(&mut self, name: &str, given: &Node) {
        let list = given.any(&["execute", "allow", "roles"]).unwrap_or(given);
        let sets = sets_in(list);
        for (_, grant) in self.grants.iter_mut().filter(|(set, _)| sets.contains(*set)) {
            grant.actions.push(snake_case(name));
        }
        self.pen.mapped(&format!("action_permissions.{name}"), given, "actions", "who may, by role");
    }

    /// `[{name, condition, permissions: {read: true}}]`: each adds records, for the roles that it names or all of them.
    fn rules(&mut self, given: &Node) {
        for (at, rule) in given.items().iter().enumerate() {
            let property = format!("record_rules[{at}]");
            match self.rule(rule) {
                Ok(()) => self.pen.mapped(
                    &property,
                    rule,
                    "records",
                    "which records a role may see or change besides its own",
                ),
                Err(reason) => self.pen.left_out(&property, rule, &reason),
            }
        }
    }

    fn rule(&mut self, rule: &Node) -> Result<(), String> {
        let permissions = rule.any(&["permissions", "allow"]).ok_or("it allows nothing")?;
        let is_on = |act: &&&str| match permissions.is_map() {
            true => permissions.get(act).and_then(Node::flag) == Some(true),
            false => names_in(permissions).iter().any(|name| name == **act),
        };
        let acts: Vec<&str> = ACTS_OF_RECORDS.iter().filter(is_on).copied().collect();
        if acts.is_empty() {
            return Err("it allows nothing; what nothing allows is denied".to_owned());
        }
        let when = condition(rule.any(&["condition", "when"]).ok_or("it has no condition")?, self.fields)?;
        let name = snake_case(rule.text_of("name").unwrap_or("rule"));
        let roles = rule.get("roles").map(sets_in);
        let named = |set: &String| roles.as_ref().is_none_or(|roles| roles.contains(set));
        for (_, grant) in self.grants.iter_mut().filter(|(set, _)| named(set)) {
            let allowed: Vec<Node> = acts
                .iter()
                .filter(|act| grant.allow.contains(*act) && !grant.is_of_all(act))
                .map(|act| Node::of_text(rule.line, *act))
                .collect();
            if allowed.is_empty() {
                continue;
            }
            let mut written = Node::map(rule.line);
            written.set("name", Node::of_text(rule.line, &name));
            written.set("allow", Node::new(rule.line, Content::List(allowed)));
            written.set("when", Node::of_text(rule.line, &when));
            grant.records.push(written);
        }
        Ok(())
    }
}

/// The sets that a list of roles becomes.
fn sets_in(list: &Node) -> BTreeSet<String> {
    names_in(list).iter().map(|role| snake_case(role)).collect()
}
