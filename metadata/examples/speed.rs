//! How long packages take to compile, and what registries of many tenants weigh, without the engine:
//! `cargo run --release -p quarry-metadata --example speed`. `benches/benches/packages.rs` measures the same with criterion.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use quarry_metadata::{
    Bundle, Registry,
    evolution::{Model, Surroundings, Unseen, compare},
};

const OBJECTS: usize = 1_000;
const FIELDS: usize = 20;
const TENANTS: usize = 200;
const ROUNDS: usize = 10;

fn bundle(name: &str, files: &[(String, String)]) -> Bundle {
    let files: BTreeMap<String, String> = files.iter().cloned().collect();
    Bundle::of_files(name, &files).unwrap()
}

fn package(name: &str, depends: &str) -> (String, String) {
    ("package.yml".to_owned(), format!("name: {name}\nversion: 1.0.0\ndepends: {{ {depends} }}\n"))
}

fn core() -> Bundle {
    let user = "idPrefix: usr\nfields: { name: { type: text } }\n".to_owned();
    bundle("core", &[package("core", ""), ("user.object.yml".to_owned(), user)])
}

fn big() -> Bundle {
    let mut files = vec![package("big", "core: '*'")];
    for number in 0..OBJECTS - 1 {
        let mut text = format!("idPrefix: x{number}\nfields:\n");
        for field in 0..FIELDS {
            writeln!(text, "  field{field}: {{ type: text, maxLength: 100, label: Field {field} }}").unwrap();
        }
        files.push((format!("thing{number}.object.yml"), text));
    }
    bundle("big", &files)
}

/// One tenant's own: some fields on one of the objects.
fn own(tenant: usize, fields: usize) -> Bundle {
    let fields: Vec<String> = (0..fields).map(|field| format!("own{field}: {{ type: text }}")).collect();
    let text = format!("extends: thing{}\nfields: {{ {} }}\n", tenant % (OBJECTS - 1), fields.join(", "));
    bundle("own", &[package("own", "core: '*', big: '*'"), ("own.object.yml".to_owned(), text)])
}

fn least(what: &str, mut work: impl FnMut()) {
    let mut least = Duration::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        work();
        least = least.min(begun.elapsed());
    }
    println!("{what}: {:.1} ms", least.as_secs_f64() * 1e3);
}

/// Bytes of this process in memory; Linux only.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

fn main() {
    let folders = [Path::new(env!("CARGO_MANIFEST_DIR")).join("../packages")];
    least("all packages, read and compiled", || drop(Registry::load(&folders).unwrap()));
    let bundles = Bundle::read(&folders).unwrap();
    least("all packages, compiled", || drop(Registry::compile(&bundles).unwrap()));

    let (core, big) = (core(), big());
    let of = |own: Bundle| [core.clone(), big.clone(), own];
    let (old, _) = Registry::compile(&of(own(7, 1))).unwrap();
    least("1,000 objects, compiled", || drop(Registry::compile(&of(own(7, 1))).unwrap()));
    least("1,000 objects, one added field: compiled, shared, compared", || {
        let (new, places) = Registry::compile_beside(&of(own(7, 2)), Some(&old)).unwrap();
        let surroundings = Surroundings { places: &places, records: &Unseen, dependents: &[&Model] };
        assert!(!compare(&old, &new, surroundings).is_empty());
    });
    let before = resident();
    let mut tenants = Vec::new();
    for tenant in 0..TENANTS {
        tenants.push(Registry::compile_beside(&of(own(tenant, 1)), Some(&old)).unwrap());
    }
    println!("{TENANTS} tenants: {} MiB more", (resident() - before) >> 20);
    assert_eq!(tenants.len(), TENANTS);
}
