//! Packages of other programs of this family: each folder of `foreign/` holds what was `given`, what is `made` of it beside
//! `fixtures/core`, and the `report`. Run with `UPDATE_GOLDEN=1` to write them, and read them before you commit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use quarry_metadata::{
    Bundle, Registry,
    foreign::{Change, Imported, Outcome, Report, Subject, Wanted, import, read_files},
};
use rand::{Rng as _, SeedableRng as _};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn wanted(name: &str) -> Wanted {
    Wanted { name: name.to_owned(), version: "1.0.0".to_owned(), locale: "en".to_owned() }
}

fn taken(given: &Path, with: &[PathBuf], wanted: &Wanted) -> (Imported, Registry) {
    let files = read_files(given).unwrap_or_else(|issues| panic!("{issues}"));
    let with = Bundle::read(with).unwrap();
    let imported = import(&files, &with, wanted).unwrap_or_else(|issues| panic!("{issues}"));
    let made = |(name, files): (&String, &BTreeMap<String, String>)| Bundle::of_files(name, files).unwrap();
    let bundles: Vec<Bundle> = imported.packages.iter().map(made).chain(with).collect();
    let registry = Registry::compile(&bundles).unwrap_or_else(|issues| panic!("{issues}")).0;
    (imported, registry)
}

/// All that was made, a file after another.
fn text(imported: &Imported) -> String {
    let mut text = String::new();
    for (package, files) in &imported.packages {
        for (path, content) in files {
            text.push_str(&format!("--- {package}/{path}\n{content}"));
        }
    }
    text
}

fn check(path: &Path, found: &str, wrong: &mut Vec<String>) {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, found).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if found != expected {
        wrong.push(format!("{}\nexpected:\n{expected}\nfound:\n{found}", path.display()));
    }
}

#[test]
fn every_case_becomes_what_it_says_with_its_report() {
    let mut cases: Vec<_> =
        fs::read_dir(folder("foreign")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.join("given").exists());
    cases.sort();
    assert!(cases.len() >= 4, "the cases are gone");
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let (imported, registry) = taken(&case.join("given"), &[folder("fixtures/core")], &wanted(&name));
        // What is read as something else is written so already.
        assert!(registry.warnings.0.is_empty(), "{name}: {}", registry.warnings);
        check(&case.join("made.txt"), &text(&imported), &mut wrong);
        check(&case.join("report.txt"), &format!("{:#}", imported.report), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sixty_five_objects_of_another_program_come_in_whole() {
    let core = folder("../../packages/core");
    let with = Wanted { locale: "zh-CN".to_owned(), ..wanted("hotcrm") };
    let (imported, registry) = taken(&folder("foreign/hotcrm-objects.json"), &[core], &with);
    let names: Vec<&str> = imported.packages.keys().map(String::as_str).collect();
    assert_eq!(names, ["crm", "finance", "hr", "marketing", "products", "support"]);
    let mut wrong = Vec::new();
    check(&folder("foreign/hotcrm-report.txt"), &imported.report.to_string(), &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nothing is silent: every object and field that was there is told of.
    let report = &imported.report;
    let all = |subject| report.entries.iter().filter(|entry| entry.subject == subject).count();
    assert_eq!((all(Subject::Object), all(Subject::Field)), (65, 1_643));
    assert_eq!(report.count(Subject::Object, Outcome::LeftOut), 0);
    assert_eq!(report.count(Subject::Field, Outcome::LeftOut), 0, "{report}");
    let label = |object: &str| registry.objects[object].label.get("zh-CN").to_owned();
    assert_eq!(label("account"), "客户");
}

/// What serves already under the names that are imported gives way, with what stands on it.
#[test]
fn an_imported_package_takes_the_place_of_the_one_that_serves() {
    let files = read_files(&folder("foreign/hotcrm-objects.json")).unwrap();
    let with = Bundle::read(&[folder("../../packages")]).unwrap();
    let imported = import(&files, &with, &wanted("hotcrm")).unwrap_or_else(|issues| panic!("{issues}"));
    assert_eq!(imported.packages.len(), 6);
    let support = &imported.packages["support"];
    // The queue is core's: support adds to it.
    assert!(support["queue/queue.object.yml"].starts_with("extends: queue\n"), "{support:#?}");
    assert!(support["package.yml"].contains("core: \"^1.1\""), "{}", support["package.yml"]);
}

#[test]
fn our_own_packages_come_back_as_they_are() {
    let packages = folder("../../packages");
    let files = read_files(&packages).unwrap();
    let imported = import(&files, &[], &wanted("x")).unwrap_or_else(|issues| panic!("{issues}"));
    let left = |entry: &&quarry_metadata::foreign::Entry| {
        matches!(entry.outcome, Outcome::LeftOut | Outcome::InPart)
    };
    let left: Vec<_> = imported.report.entries.iter().filter(left).collect();
    assert!(left.is_empty(), "{left:#?}");
    for original in Bundle::read(&[packages]).unwrap() {
        let files = &imported.packages[original.name().as_str()];
        let made = Bundle::of_files(original.name().as_str(), files).unwrap();
        assert!(
            made.hash() == original.hash(),
            "{}: {}",
            original.name(),
            difference(&original.files(), files)
        );
    }
}

/// The first file whose tree is another.
fn difference(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> String {
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    for (path, text) in a {
        let Some((_, other)) = b.iter().find(|(other, _)| name(other) == name(path)) else {
            return format!("no {path}");
        };
        let of = |text: &str| {
            Bundle::of_files(
                "x",
                &BTreeMap::from([
                    ("package.yml".to_owned(), "name: x\nversion: 1.0.0\n".to_owned()),
                    ("a.object.yml".to_owned(), text.to_owned()),
                ]),
            )
        };
        if path.ends_with(".object.yml") && of(text).unwrap().hash() != of(other).unwrap().hash() {
            return format!("{path}\n{text}\n{other}");
        }
    }
    format!("{:?} {:?}", a.keys(), b.keys())
}

#[test]
fn a_report_counts_what_it_tells() {
    let (imported, _) = taken(&folder("foreign/v4/given"), &[folder("fixtures/core")], &wanted("v4"));
    let Report { entries } = &imported.report;
    assert!(imported.report.is_in_part());
    let notes = entries.iter().map(|entry| entry.notes.len()).sum::<usize>();
    let changes =
        [Change::Mapped, Change::Aliased, Change::LeftOut].map(|change| imported.report.changes(change));
    assert_eq!(notes, changes.iter().sum::<usize>());
}

/// Whatever is written: it is imported into something that compiles, or refused; nothing else.
#[test]
fn no_input_brings_an_import_down() {
    let seed =
        env::var("QUARRY_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("QUARRY_TEST_SEED={seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let with = Bundle::read(&[folder("fixtures/core")]).unwrap();
    let cases = ["v4", "v17", "stack", "loose"]
        .map(|case| read_files(&folder("foreign").join(case).join("given")).unwrap());
    let words = [
        "null", "[]", "{}", "true", "-1", "\"\"", "a.b[0]", "{{", "formula", "lookup", "../x", "🔥", "Name",
        "{ a: 1 }", "object", "fields",
    ];
    for _ in 0..120 {
        let mut files = cases[random.random_range(0..cases.len())].clone();
        for text in files.values_mut() {
            for _ in 0..random.random_range(0..4) {
                let tokens: Vec<(usize, &str)> = text.match_indices(|c: char| c.is_alphanumeric()).collect();
                if tokens.is_empty() {
                    continue;
                }
                let at = tokens[random.random_range(0..tokens.len())].0;
                let start = text[..at]
                    .rfind(|c: char| !c.is_alphanumeric() && c != '_')
                    .map_or(0, |at| at + text[at..].chars().next().unwrap().len_utf8());
                let end = text[at..]
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .map_or(text.len(), |end| at + end);
                let word = words[random.random_range(0..words.len())];
                text.replace_range(start..end, word);
            }
        }
        let Ok(imported) = import(&files, &with, &wanted("any")) else { continue };
        let made = imported.packages.iter().map(|(name, files)| Bundle::of_files(name, files).unwrap());
        let bundles: Vec<Bundle> = made.chain(with.clone()).collect();
        if let Err(issues) = Registry::compile(&bundles) {
            panic!("{files:#?}\n{issues}");
        }
    }
}
