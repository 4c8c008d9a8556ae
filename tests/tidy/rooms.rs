//! Who may depend on whom: the edges between rooms, what must never be in a room's tree, and one version of what must agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use toml::Table;

use crate::findings::Finding;

/// Every crate of the workspace: its folder, and the crates of the workspace it may stand on.
const ROOMS: &[(&str, &str, &[&str])] = &[
    ("quarry-metadata", "metadata", &[]),
    ("quarry-storage", "storage", &[]),
    ("quarry-planner", "planner", &["quarry-metadata", "quarry-storage"]),
    ("quarry-engine", "engine", &["quarry-metadata", "quarry-storage", "quarry-planner"]),
    ("quarry-json", "protocol/json", &[]),
    ("quarry-listen", "protocol/listen", &[]),
    (
        "quarry-postgres",
        "protocol/postgres",
        &["quarry-metadata", "quarry-planner", "quarry-engine", "quarry-json", "quarry-listen"],
    ),
    (
        "quarry-graphql",
        "protocol/graphql",
        &["quarry-metadata", "quarry-planner", "quarry-engine", "quarry-json"],
    ),
    (
        "quarry-http",
        "protocol/http",
        &[
            "quarry-metadata",
            "quarry-planner",
            "quarry-engine",
            "quarry-json",
            "quarry-listen",
            "quarry-graphql",
        ],
    ),
    (
        "quarry-benches",
        "benches",
        &[
            "quarry-metadata",
            "quarry-storage",
            "quarry-planner",
            "quarry-engine",
            "quarry-json",
            "quarry-graphql",
            "quarry-postgres",
        ],
    ),
    (
        "quarry",
        "",
        &[
            "quarry-metadata",
            "quarry-planner",
            "quarry-engine",
            "quarry-json",
            "quarry-listen",
            "quarry-postgres",
            "quarry-graphql",
            "quarry-http",
        ],
    ),
];

/// What a crate's whole tree must not hold, by the beginning of the name.
const NEVER_IN_TREE: &[(&str, &[&str])] = &[
    ("quarry-metadata", &["datafusion", "arrow", "parquet", "tantivy", "tokio", "axum", "hyper", "quarry-"]),
    ("quarry-storage", &["datafusion", "sqlparser", "axum", "hyper", "pgwire", "async-graphql", "quarry-"]),
    ("quarry-planner", &["axum", "hyper", "pgwire", "async-graphql", "quarry-engine"]),
    ("quarry-engine", &["axum", "hyper", "pgwire", "async-graphql"]),
    ("quarry-json", &["datafusion", "tokio", "quarry-"]),
    // One provider of cryptography: two would be two to keep patched.
    ("quarry-listen", &["aws-lc", "openssl", "native-tls", "quarry-"]),
];

/// Crates whose types meet at the edges between rooms: there is one of each.
const ONE_VERSION: &[&str] = &[
    "arrow",
    "arrow-array",
    "arrow-schema",
    "async-graphql",
    "axum",
    "chrono",
    "criterion",
    "datafusion",
    "object_store",
    "parquet",
    "pgwire",
    "serde_json",
    "tantivy",
    "tokio",
];

const EDGE_TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Checks all manifests and the lock file.
pub fn check(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let workspace = table(&root.join("Cargo.toml"));
    check_members(&workspace, &mut findings);
    for (name, folder, allowed) in ROOMS {
        let path = if folder.is_empty() { "Cargo.toml".to_owned() } else { format!("{folder}/Cargo.toml") };
        let text = fs::read_to_string(root.join(&path)).unwrap();
        check_manifest(name, &path, &text, allowed, &mut findings);
    }
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
    check_lock(&lock, &mut findings);
    findings
}

fn table(path: &Path) -> Table {
    fs::read_to_string(path).unwrap().parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A crate that the table above does not know has no rules, so it may not be.
fn check_members(workspace: &Table, findings: &mut Vec<Finding>) {
    let members =
        workspace.get("workspace").and_then(|w| w.get("members")).and_then(|m| m.as_array()).unwrap();
    for member in members.iter().filter_map(|member| member.as_str()) {
        let folder = if member == "." { "" } else { member };
        if !ROOMS.iter().any(|(_, known, _)| *known == folder) {
            let message = format!("`{member}` is a room without a rule; give it one in tests/tidy/rooms.rs");
            findings.push(Finding { path: "Cargo.toml".to_owned(), line: 1, rule: "rooms", message });
        }
    }
}

fn check_manifest(name: &str, path: &str, text: &str, allowed: &[&str], findings: &mut Vec<Finding>) {
    let manifest: Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let line_of =
        |dependency: &str| text.lines().position(|line| line.starts_with(dependency)).map_or(1, |at| at + 1);
    let mut find = |rule, dependency: &str, message: String| {
        findings.push(Finding { path: path.to_owned(), line: line_of(dependency), rule, message });
    };
    for kind in EDGE_TABLES {
        let Some(dependencies) = manifest.get(*kind).and_then(|table| table.as_table()) else { continue };
        for (dependency, spec) in dependencies {
            if dependency.starts_with("quarry") && !allowed.contains(&dependency.as_str()) {
                find("rooms", dependency, format!("`{name}` must not depend on `{dependency}`"));
            }
            let shared = spec.get("workspace").and_then(toml::Value::as_bool).unwrap_or(false);
            if !shared {
                let message = format!("`{dependency}`: versions are written in the workspace manifest only");
                find("workspace-versions", dependency, message);
            }
        }
    }
}

/// Checks the resolved tree.
fn check_lock(text: &str, findings: &mut Vec<Finding>) {
    let lock: Table = text.parse().unwrap();
    let packages = lock.get("package").and_then(|list| list.as_array()).unwrap();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let text = |key: &str| package.get(key).and_then(|value| value.as_str()).unwrap_or_default();
        let dependencies = package.get("dependencies").and_then(|list| list.as_array());
        // An entry is a name, with the version behind it when there are several.
        let names = dependencies.into_iter().flatten().filter_map(|entry| entry.as_str()?.split(' ').next());
        edges.entry(text("name")).or_default().extend(names);
        versions.entry(text("name")).or_default().insert(text("version"));
    }
    let mut find =
        |message| findings.push(Finding { path: "Cargo.lock".to_owned(), line: 1, rule: "tree", message });
    for (room, banned) in NEVER_IN_TREE {
        for (package, way) in tree(room, &edges) {
            if banned.iter().any(|ban| package.starts_with(ban)) {
                find(format!("`{room}` must not have `{package}` in its tree; it comes by {way}"));
            }
        }
    }
    for package in ONE_VERSION {
        let found = versions.get(package).cloned().unwrap_or_default();
        if found.len() > 1 {
            find(format!(
                "there are {} versions of `{package}` ({found:?}); its types must meet",
                found.len()
            ));
        }
    }
}

/// Every package below `room` with the way to it.
fn tree<'a>(room: &'a str, edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeMap<&'a str, String> {
    let mut ways: BTreeMap<&str, String> = BTreeMap::new();
    let mut open = vec![(room, room.to_owned())];
    while let Some((package, way)) = open.pop() {
        for next in edges.get(package).into_iter().flatten() {
            if !ways.contains_key(next) {
                let way = format!("{way} → {next}");
                ways.insert(next, way.clone());
                open.push((next, way));
            }
        }
    }
    ways
}
