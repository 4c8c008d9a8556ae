//! What a new version may change: random changes of a package, and golden pairs of folders.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

mod mutations;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use mutations::{Files, Mutator, base, texts};
use quarry_metadata::{
    Bundle, FieldName, Object, Places, Registry,
    evolution::{Class, Concerned, Difference, Model, Records, Surroundings, Unseen, compare},
};
use rand::{SeedableRng, rngs::StdRng};

/// Three records in everything, but none with an option that says so.
struct Three;

impl Records for Three {
    fn count(&self, _: &Object, concerned: &Concerned<'_>) -> Option<u64> {
        match concerned {
            Concerned::Option(_, value) if value.starts_with("unused") => Some(0),
            _ => Some(3),
        }
    }
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn compile(files: &Files) -> (Registry, Places) {
    let mut bundles = Bundle::read(&[tests().join("fixtures/core")]).unwrap();
    bundles.push(Bundle::of_files("shop", &texts(files)).unwrap_or_else(|issues| panic!("{issues}")));
    Registry::compile(&bundles).unwrap_or_else(|issues| panic!("{issues}\n{files:#?}"))
}

fn differences(old: &Registry, new: &(Registry, Places), records: &dyn Records) -> Vec<Difference> {
    let surroundings = Surroundings { places: &new.1, records, dependents: &[&Model] };
    compare(old, &new.0, surroundings)
}

fn seed() -> u64 {
    let seed =
        env::var("QUARRY_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("QUARRY_TEST_SEED={seed}");
    seed
}

#[test]
fn three_hundred_mutations_are_classed_as_the_table_says() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut published = base();
    let mut number = 0;
    let (mut safe, mut breaking) = (0, 0);
    for turn in 0..300 {
        let wanted = turn % 2 == 0;
        let mut files = published.clone();
        let mut mutator = Mutator { files: &mut files, random: &mut random, number };
        let expected = mutator.change(wanted);
        number = mutator.number;
        let (old, _) = compile(&published);
        let found = differences(&old, &compile(&files), &Three);
        let told = || found.iter().map(|difference| format!("{difference}\n")).collect::<String>();
        let is_it = |d: &&Difference| d.code == expected.code && d.subject.to_string() == expected.subject;
        let Some(difference) = found.iter().find(is_it) else {
            panic!("turn {turn}: {}: {expected:?} was not found among\n{}", expected.told, told());
        };
        let refused = found.iter().any(|difference| difference.class != Class::Allowed);
        assert_eq!(refused, !expected.safe, "turn {turn}: {expected:?}\n{}", told());
        assert_eq!(
            difference.class != Class::Allowed,
            !expected.safe,
            "turn {turn}: {expected:?}\n{}",
            told()
        );
        let dependents: Vec<String> = difference.dependents.iter().map(ToString::to_string).collect();
        for dependent in &expected.dependents {
            assert!(
                dependents.contains(dependent),
                "turn {turn}: {expected:?}: {dependent} not in {dependents:?}"
            );
        }
        match expected.safe {
            true => safe += 1,
            false => breaking += 1,
        }
        // What is safe becomes the published version, half of the time, so that versions build on each other.
        if expected.safe && turn % 4 == 0 {
            published = files;
        }
    }
    assert_eq!((safe, breaking), (150, 150));
}

#[test]
fn nothing_is_different_from_itself() {
    let (old, _) = compile(&base());
    assert_eq!(differences(&old, &compile(&base()), &Unseen), []);
}

#[test]
fn every_kind_of_change_is_tried() {
    for (safe, changes) in [(true, mutations::SAFE), (false, mutations::BREAKING)] {
        for (number, change) in changes.iter().enumerate() {
            let mut random = StdRng::seed_from_u64(1);
            let mut files = base();
            let mut mutator = Mutator { files: &mut files, random: &mut random, number: 0 };
            let tries = (0..50).find_map(|_| {
                let before = mutator.files.clone();
                change(&mut mutator).or_else(|| {
                    *mutator.files = before;
                    None
                })
            });
            assert!(
                tries.is_some_and(|expected| expected.safe == safe),
                "change {number} (safe: {safe}) never fits"
            );
        }
    }
}

#[test]
fn records_are_counted_where_they_matter() {
    let (old, _) = compile(&base());
    let mut files = base();
    files.get_mut("customer.object.json").unwrap()["fields"]["name"]["maxLength"] = 50.into();
    let found = differences(&old, &compile(&files), &Three);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].code, found[0].records), ("narrowed", Some(3)));
    assert_eq!(found[0].api.objectql, "customer.name");
    assert_eq!(found[0].api.sql, "shop.customer.name");
    assert_eq!(found[0].api.graphql, "Customer.name");
    let place = found[0].place.as_ref().unwrap();
    assert_eq!(
        (place.file.as_path(), place.path.as_str()),
        (Path::new("shop/customer.object.json"), "fields.name")
    );
}

#[test]
fn former_names_answer() {
    let mut files = base();
    let mut random = StdRng::seed_from_u64(1);
    let definition = files.remove("customer.object.json").unwrap();
    files.insert("client.object.json".into(), definition);
    files.get_mut("client.object.json").unwrap()["alias"] = "customer".into();
    let fields = files.get_mut("client.object.json").unwrap()["fields"].as_object_mut().unwrap();
    let mut name = fields.remove("name").unwrap();
    name["alias"] = "name".into();
    fields.insert("full_name".into(), name);
    let _ = &mut random;
    let (registry, _) = compile(&files);
    let client = registry.get("customer").unwrap();
    assert_eq!((client.name.as_str(), client.table()), ("client", "customer"));
    let field = client.field("name").unwrap();
    assert_eq!((field.name.as_str(), field.column()), ("full_name", "name"));
    assert_eq!(client.name_field, FieldName::from("full_name"));
    assert_eq!(client.searchable[0].as_str(), "full_name");
    let order = registry.get("order").unwrap();
    assert_eq!(order.relation("customer").unwrap().target.as_str(), "client");
    assert_eq!(client.relation("children").unwrap().target.as_str(), "client");
}

/// Pairs of folders in `evolution/`: `old` and `new` hold packages, `differences.txt` what must be found. Run with
/// `UPDATE_GOLDEN=1` to write the files, and read them before you commit.
#[test]
fn golden_pairs() {
    let mut cases: Vec<_> =
        fs::read_dir(tests().join("evolution")).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 6, "the cases are gone");
    let mut wrong = Vec::new();
    for case in cases {
        let load = |which: &str| {
            let folders = [case.join(which), tests().join("fixtures/core")];
            Registry::compile(&Bundle::read(&folders).unwrap()).unwrap_or_else(|issues| panic!("{issues}"))
        };
        let (old, new) = (load("old"), load("new"));
        let found: String = differences(&old.0, &new, &Unseen)
            .iter()
            .map(|d| format!("{:?}: {d} {{{}}}\n", d.class, d.api.graphql))
            .collect();
        let found = found.replace(&format!("{}/", case.display()), "");
        let golden = case.join("differences.txt");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\nexpected:\n{expected}\nfound:\n{found}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a machine forgets is refused only where records are; what it forbids concerns what is written later.
#[test]
fn a_state_that_records_are_in_stays_in_its_machine() {
    let with = |transitions: &str| {
        let mut files = base();
        let machine =
            format!("{{\"field\": \"stage\", \"transitions\": {transitions}, \"message\": \"No\"}}");
        files.insert("order.workflow.json".into(), serde_json::from_str(&machine).unwrap());
        files
    };
    let old = with(r#"{"open": ["won", "lost"], "lost": ["open"], "unused_c": ["open"]}"#);
    let (before, _) = compile(&old);
    let codes = |new: &Files| -> Vec<_> {
        let found = differences(&before, &compile(new), &Three);
        found.iter().map(|d| (d.code, d.class == Class::Allowed, d.records)).collect()
    };
    // A way less, and a final state: nobody is caught.
    let final_state = with(r#"{"open": ["won"], "lost": [], "unused_c": []}"#);
    assert_eq!(codes(&final_state), [("rule-changed", true, None)]);
    // No record is in `unused_c`, three are in `lost`.
    let forgotten = with(r#"{"open": ["won"]}"#);
    assert_eq!(codes(&forgotten), [("rule-changed", true, None), ("state-removed", false, Some(3))]);
    assert_eq!(codes(&base()), [("rule-removed", true, None)]);
    // A machine that comes is asked the same about all states that there are.
    let found = differences(&compile(&base()).0, &compile(&with(r#"{"open": ["won"]}"#)), &Three);
    let told: Vec<_> = found.iter().map(|d| (d.code, d.subject.to_string())).collect();
    assert_eq!(
        told,
        [("rule-added", "order.stage".to_owned()), ("state-removed", "order.stage = \"lost\"".to_owned())]
    );
}
