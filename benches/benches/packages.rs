//! Packages: compiling a large registry, and activating one added field in it.
#![allow(clippy::expect_used)]

use std::{collections::BTreeMap, fmt::Write, hint::black_box};

use criterion::{Criterion, criterion_group, criterion_main};
use quarry_metadata::{
    Bundle, Registry,
    evolution::{Model, Surroundings, Unseen, compare},
};

const OBJECTS: usize = 1_000;
const FIELDS: usize = 20;

fn bundle(name: &str, files: BTreeMap<String, String>) -> Bundle {
    Bundle::of_files(name, &files).expect("a package")
}

fn package(name: &str, depends: &str) -> (String, String) {
    ("package.yml".to_owned(), format!("name: {name}\nversion: 1.0.0\ndepends: {{ {depends} }}\n"))
}

fn core() -> Bundle {
    let user = ("user.object.yml".to_owned(), "idPrefix: usr\nfields: { name: { type: text } }\n".to_owned());
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
    group.bench_function("one added field: compile, share, compare", |bencher| {
        bencher.iter(|| {
            let bundles = [core.clone(), big.clone(), own(2)];
            let (mut new, places) = Registry::compile(&bundles).expect("packages that compile");
            new.share(&old);
            let surroundings = Surroundings { places: &places, records: &Unseen, dependents: &[&Model] };
            compare(&old, &new, surroundings).len()
        });
    });
    group.finish();
}

criterion_group!(benches, packages);
criterion_main!(benches);
