//! However long the lists are that decide about rows, who asks the same again is known to.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use quarry_metadata::{
    Issues, Place, Registry,
    expression::{Expression, Scope, Use},
    permissions::{Records, Shape},
};
use quarry_storage::{
    CommitInfo, ResourceOptions, Resources, Row, Store, StoreOptions, TableSpec, Value, World, WriteSet,
};

use super::*;
use crate::{
    lower,
    policy::{
        Policies, Seeing, UserLists, Viewer,
        ids::IdSet,
        prepare::{Preparing, Reads},
    },
};

const COLUMN: usize = 3;

fn snapshot() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let resources = Resources::new(ResourceOptions::default());
    let store = Store::open(folder.path(), StoreOptions::default(), World::seeded(7, 0), &resources);
    (folder, store.unwrap())
}

/// What it says to want one of so many ids.
fn among(ids: usize, snapshot: &Snapshot) -> Meaning {
    let ids = IdSet::new((0..ids).map(|number| Arc::from(format!("id_{number}").as_str())).collect());
    let test = Test::Among { at: 0, column: "id".to_owned(), ids };
    Meaning::of(&test, &[COLUMN], snapshot).unwrap()
}

#[test]
fn long_lists_are_known_again_by_what_is_in_them() {
    let (_folder, store) = snapshot();
    let snapshot = store.snapshot();
    let registry = u64::MAX;
    for length in [1, 1_024, 1_025, 50_000] {
        assert!(number_of(registry, among(length, &snapshot)).is_none(), "the first time");
        let known =
            number_of(registry, among(length, &snapshot)).expect("a list of its own, with the same in it");
        let again = number_of(registry, among(length, &snapshot)).unwrap();
        assert_eq!(known.value, again.value);
        assert!(among(length, &snapshot).bytes() <= PART_BYTES, "it is not held");
    }
    let known = number_of(registry, among(50_000, &snapshot)).unwrap();
    assert!(number_of(registry, among(49_999, &snapshot)).is_none(), "another");
    let other = number_of(registry, among(49_999, &snapshot)).unwrap();
    assert_ne!(known.value, other.value);
    forget(registry);
}

/// Users below one, and what policies are made of.
struct Company {
    registry: Arc<Registry>,
    store: Arc<Store>,
    lists: Arc<UserLists>,
    _folder: tempfile::TempDir,
}

fn row(spec: &TableSpec, cells: &[(&str, &str)]) -> Row {
    let cell = |name: &str| cells.iter().find(|(of, _)| *of == name);
    let value = |name: &str| cell(name).map_or(Value::Null, |(_, text)| Value::text(*text));
    Row(spec.columns.iter().map(|column| value(&column.name)).collect())
}

impl Company {
    fn of(below: usize) -> Company {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = [here.join("../packages/core"), here.join("tests/shop")];
        let registry = Arc::new(Registry::load(&folders).unwrap_or_else(|issues| panic!("{issues}")));
        let (folder, store) = snapshot();
        let tables = registry.objects.values().map(|object| lower::table_spec(object, &registry));
        store.define_tables(tables.collect()).unwrap();
        let company = Company { registry, store, lists: Arc::default(), _folder: folder };
        let role = |id: &'static str, above| vec![("id", id), ("name", id), ("parent_role_id", above)];
        company.insert("role", [role("rol_1", "").into_iter().take(2).collect(), role("rol_2", "rol_1")]);
        company.insert("user", [vec![("id", "usr_1"), ("name", "top"), ("role_id", "rol_1")]]);
        let ids: Vec<String> = (0..below).map(|number| format!("below_{number:05}")).collect();
        company.insert(
            "user",
            ids.iter().map(|id| vec![("id", id.as_str()), ("name", "one"), ("role_id", "rol_2")]),
        );
        company
    }

    fn insert<'c>(&self, object: &str, records: impl IntoIterator<Item = Vec<(&'c str, &'c str)>>) {
        let spec = lower::table_spec(self.registry.get(object).unwrap(), &self.registry);
        let mut writes = WriteSet::new(self.store.snapshot().csn());
        for record in records {
            writes.insert(&spec.name, row(&spec, &record)).unwrap();
        }
        self.store.commit(writes, CommitInfo::default()).unwrap();
    }

    /// The number of a condition about accounts, as one question asks for it.
    fn asked(&self, condition: &str) -> Option<u64> {
        let object = self.registry.get("account").unwrap();
        let (mut issues, place) =
            (Issues::default(), Place { file: "test".into(), line: 1, path: String::new() });
        let scope = Scope::new(&*self.registry, object, Use::Policy);
        let when = Expression::condition(condition, &place, &scope, &mut issues);
        let when = Arc::new(when.unwrap_or_else(|| panic!("{condition}: {issues}")));
        let (snapshot, shape) = (self.store.snapshot(), Arc::new(Shape::all()));
        let of = (Arc::clone(&self.registry), Arc::clone(&shape));
        let viewer = Viewer::new("usr_1", of, snapshot.clone(), (0, chrono_tz::UTC));
        let seeing = Seeing::new(snapshot.clone(), Arc::new(viewer.remembering(Arc::clone(&self.lists))));
        let policies = Arc::new(Policies::new(Arc::clone(&self.registry), shape));
        let preparing = Preparing { policies: &policies, seeing: &seeing, object, depth: 0, followed: 0 };
        let mut reads = Reads::new(snapshot.table(object.table()).unwrap());
        let test = preparing.test(&Records::When(when), &mut reads).unwrap();
        let meaning = || Meaning::of(&test, &reads.positions, seeing.snapshot());
        Some(seeing.viewer().number_of(meaning)?.value)
    }
}

#[test]
fn conditions_of_many_ids_are_known_again() {
    const BELOW: &str = "name in user.subordinates";
    let company = Company::of(2_500);
    assert_eq!(company.asked(BELOW), None, "the first time");
    let known = company.asked(BELOW).expect("the same of the same user");
    assert_eq!(company.asked(BELOW), Some(known));
    // Another list, of which the condition says something else.
    company.insert("user", [vec![("id", "below_new"), ("name", "one"), ("role_id", "rol_2")]]);
    assert_eq!(company.asked(BELOW), None);
    assert!(company.asked(BELOW).is_some_and(|other| other != known));
    // Another condition over the same list.
    assert_eq!(company.asked("!(name in user.subordinates)"), None);
    assert!(company.asked("!(name in user.subordinates)").is_some_and(|other| other != known));
}
