//! Packages: compiling those that Quarry comes with and a large registry, activating one added field in it, without and with
//! an engine around it, and what two hundred tenants over it take in memory.
#![allow(clippy::expect_used, clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    fmt::Write,
    hint::black_box,
    path::{Path, PathBuf},
    sync::Arc,
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use quarry_benches::resident::Resident;
use quarry_engine::{
    Engine, EngineOptions, PlannerOptions, ResourceOptions, SessionOptions, TenantName, TenantOptions, World,
};
use quarry_metadata::{
    Bundle, Registry,
    evolution::{Model, Surroundings, Unseen, compare},
};

/// The server's own: what freed memory is given back is a matter of the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 2026-07-31.
const START_MICROS: i64 = 1_785_456_000_000_000;
const OBJECTS: usize = 1_000;
const FIELDS: usize = 20;
/// Tenants that are open at once, where [`TENANTS_VARIABLE`] says no other number.
const TENANTS: usize = 200;
const TENANTS_VARIABLE: &str = "QUARRY_BENCH_TENANTS";
/// The packages that Quarry comes with.
const OWN: [&str; 7] = ["core", "crm", "marketing", "products", "finance", "support", "hr"];

fn bundle(name: &str, files: BTreeMap<String, String>) -> Bundle {
    Bundle::of_files(name, &files).expect("a package")
}

fn package(name: &str, depends: &str) -> (String, String) {
    ("package.yml".to_owned(), format!("name: {name}\nversion: 1.0.0\ndepends: {{ {depends} }}\n"))
}

fn core() -> Bundle {
    let user = "idPrefix: usr\nfields: { username: { type: text, unique: true }, name: { type: text } }\n";
    let user = ("user.object.yml".to_owned(), user.to_owned());
    bundle("core", BTreeMap::from([package("core", ""), user]))
}

/// Objects of twenty fields, less the user.
fn big() -> Bundle {
    let mut files = BTreeMap::from([package("big", "core: '*'")]);
    for number in 0..OBJECTS - 1 {
        let mut text = format!("idPrefix: x{number}\nfields:\n");
        for field in 0..FIELDS {
            writeln!(text, "  field{field}: {{ type: text, maxLength: 100, label: Field {field} }}")
                .expect("text");
        }
        files.insert(format!("thing{number}.object.yml"), text);
    }
    bundle("big", files)
}

/// The packages that Quarry comes with, from their files to a registry.
fn shipped(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packages");
    let folders: Vec<PathBuf> = OWN.iter().map(|name| root.join(name)).collect();
    let mut group = criterion.benchmark_group("the seven packages");
    group.sample_size(20);
    group.bench_function("read and compile", |bencher| {
        bencher.iter(|| Registry::load(black_box(&folders)).map(|registry| registry.objects.len()));
    });
    let bundles = Bundle::read(&folders).expect("packages");
    group.bench_function("compile", |bencher| {
        bencher.iter(|| Registry::compile(black_box(&bundles)).map(|(registry, _)| registry.objects.len()));
    });
    group.finish();
}

/// A tenant's own: so many fields on one of the objects.
fn own(fields: usize) -> Bundle {
    let fields: Vec<String> = (0..fields).map(|field| format!("own{field}: {{ type: text }}")).collect();
    let text = format!("extends: thing7\nfields: {{ {} }}\n", fields.join(", "));
    let files = [package("own", "core: '*', big: '*'"), ("thing7.object.yml".to_owned(), text)];
    bundle("own", BTreeMap::from(files))
}

fn packages(criterion: &mut Criterion) {
    let (core, big) = (core(), big());
    let before = [core.clone(), big.clone(), own(1)];
    let (old, _) = Registry::compile(&before).expect("packages that compile");
    let mut group = criterion.benchmark_group("packages of 1,000 objects with 20 fields");
    group.sample_size(20);
    group.bench_function("compile", |bencher| {
        bencher.iter(|| Registry::compile(black_box(&before)).map(|(registry, _)| registry.objects.len()));
    });
    group.bench_function("one added field: compile, compare", |bencher| {
        bencher.iter(|| {
            let bundles = [core.clone(), big.clone(), own(2)];
            let (new, places) =
                Registry::compile_beside(&bundles, Some(&old)).expect("packages that compile");
            let surroundings = Surroundings { places: &places, records: &Unseen, dependents: &[&Model] };
            compare(&old, &new, surroundings).len()
        });
    });
    group.finish();
}

/// A server over the large registry, in this folder.
fn served(folder: &Path) -> Arc<Engine> {
    let write = |bundle: &Bundle| {
        for (path, text) in bundle.files() {
            let file = folder.join("packages").join(bundle.name().as_str()).join(path);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
            std::fs::write(file, text).expect("a file");
        }
    };
    [core(), big()].iter().for_each(write);
    let options = EngineOptions {
        data: folder.join("data"),
        packages: vec![folder.join("packages")],
        admin_password: Some("correct horse battery".to_owned()),
        token_seconds: 3_600,
        tenants: TenantOptions::default(),
        resources: ResourceOptions::default(),
        planner: PlannerOptions::default(),
        contents: Default::default(),
    };
    Engine::open(options, World::seeded(7, START_MICROS)).expect("an engine").engine
}

/// Publishes a version and makes it serve; how much is different.
fn activate(engine: &Arc<Engine>, bundle: &Bundle) -> usize {
    let session = engine.session(engine.operator().expect("an operator"), SessionOptions::default());
    session.publish(std::slice::from_ref(bundle)).expect("published");
    session.activate(&[bundle.id()]).expect("activated").differences.len()
}

/// All that a running server does: what is compiled, compared and defined, the log entry and its sync.
fn activation(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = served(folder.path());
    let session = engine.session(engine.operator().expect("an operator"), SessionOptions::default());
    let mut version = 0;
    let mut next = || {
        version += 1;
        own_version(version)
    };
    let mut group = criterion.benchmark_group("1,000 objects with 20 fields, served");
    group.sample_size(10);
    group.bench_function("activate one added field", |bencher| {
        bencher.iter_batched(
            || {
                let own = next();
                session.publish(std::slice::from_ref(&own)).expect("published");
                own.id()
            },
            |id| session.activate(&[id]).expect("activated").differences.len(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("publish and activate one added field", |bencher| {
        bencher.iter_batched(&mut next, |own| activate(&engine, &own), BatchSize::PerIteration);
    });
    group.finish();
}

/// Tenants of one process, each with a field of its own on one of the objects: what they take in memory together, and the
/// first of them alone.
fn tenants(_: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let main = served(folder.path());
    let own = || Resident::now().expect("what this process takes").own >> 20;
    let alone = own();
    let open = |number: usize| {
        let name = TenantName::try_from(format!("tenant{number}").as_str()).expect("a name");
        let password = Some("correct horse battery".to_owned());
        let engine = main.open_tenant(&name, password).expect("a tenant").engine;
        activate(&engine, &own_overlay(number));
        engine
    };
    let wanted = std::env::var(TENANTS_VARIABLE).map_or(TENANTS, |number| number.parse().expect("a number"));
    let open: Vec<Arc<Engine>> = (0..wanted).map(open).collect();
    let all = own();
    println!(
        "1,000 objects with 20 fields, {} tenants: {all} MiB its own, {alone} MiB before them (all benches of this run)",
        open.len()
    );
}

/// A tenant's own: a field on an object that no other tenant has changed.
fn own_overlay(tenant: usize) -> Bundle {
    let text = format!("extends: thing{tenant}\nfields: {{ own: {{ type: text }} }}\n");
    let package = "name: own\nversion: 1.0.0\nscope: tenant\ndepends: { core: '*', big: '*' }\n".to_owned();
    let files = [("package.yml".to_owned(), package), ("own.object.yml".to_owned(), text)];
    bundle("own", BTreeMap::from(files))
}

/// A tenant's own with one field more in each version.
fn own_version(version: usize) -> Bundle {
    let fields: Vec<String> = (0..version).map(|field| format!("own{field}: {{ type: text }}")).collect();
    let text = format!("extends: thing7\nfields: {{ {} }}\n", fields.join(", "));
    let package = format!("name: own\nversion: 1.{version}.0\ndepends: {{ core: '*', big: '*' }}\n");
    let files = [("package.yml".to_owned(), package), ("thing7.object.yml".to_owned(), text)];
    bundle("own", BTreeMap::from(files))
}

criterion_group!(benches, tenants, shipped, packages, activation);
criterion_main!(benches);
