//! Many tenants, few of them open.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::{
    path::Path,
    sync::atomic::{AtomicI64, Ordering},
    thread,
};

use super::*;
use crate::{
    Clock, ErrorKind, ResourceOptions,
    encryption::Erased,
    tenants::{
        catalogue::{TenantRecord, TenantState, read_catalogue, write_catalogue},
        destroy::destroy_store,
    },
    tests::support::{account, all, delete, insert, options, tables, with_masters},
};

/// A clock that is moved by hand.
#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now_micros(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Hand {
    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

fn tenants(data: &Path, open_max: usize, resources: &Arc<Resources>) -> (Tenants, Arc<Hand>) {
    let hand = Arc::new(Hand::default());
    let world = World { clock: hand.clone(), ..World::seeded(7, 0) };
    let options = TenantOptions { open_max, idle_seconds: 60, store: options(), ..TenantOptions::default() };
    (Tenants::new(data, options, world, resources), hand)
}

fn few_threads() -> Arc<Resources> {
    Resources::new(ResourceOptions { cache_bytes: 1 << 20, fold_threads: 1, ..ResourceOptions::default() })
}

fn named(number: usize) -> TenantName {
    TenantName::try_from(format!("tenant-{number:03}").as_str()).unwrap()
}

/// Threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn names_are_names_of_folders() {
    for name in ["main", "a", "0", "acme-eu_2", &"x".repeat(63)] {
        assert_eq!(TenantName::try_from(name).unwrap().to_string(), name);
    }
    for name in ["", "..", ".", "a/b", "A", "-a", "_a", "a b", "ä", "a\0", &"x".repeat(64)] {
        let error = TenantName::try_from(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name}");
    }
}

#[test]
fn sixty_tenants_are_served_by_few_open_stores_and_no_thread_each() {
    let data = tempfile::tempdir().unwrap();
    let (tenants, _) = tenants(data.path(), 4, &few_threads());
    let before = threads();
    for number in 0..60 {
        let store = tenants.get_or_make(&named(number)).unwrap();
        store.define_tables(tables()).unwrap();
        insert(&store, "account", vec![account("a", &format!("of {number}"), "", 1)]).unwrap();
        assert!(tenants.open() <= 4);
    }
    assert!(threads() <= before, "no thread came with them");
    for number in (0..60).step_by(7) {
        let store = tenants.get(&named(number)).unwrap();
        assert_eq!(all(&store.snapshot(), "account"), [account("a", &format!("of {number}"), "", 1)]);
    }
    assert!(tenants.open() <= 4);
}

#[test]
fn what_is_held_stays_open_and_what_is_idle_is_closed() {
    let data = tempfile::tempdir().unwrap();
    let (tenants, hand) = tenants(data.path(), 2, &few_threads());
    let first = tenants.get_or_make(&named(1)).unwrap();
    drop(tenants.get_or_make(&named(2)).unwrap());
    hand.pass(30);
    drop(tenants.get(&named(2)).unwrap());
    hand.pass(31);
    tenants.close_idle().unwrap();
    assert_eq!(tenants.open(), 2, "one is held, one was used half a minute ago");
    hand.pass(30);
    tenants.close_idle().unwrap();
    assert_eq!(tenants.open(), 1, "held");
    assert!(Arc::ptr_eq(&first, &tenants.get(&named(1)).unwrap()));

    let second = tenants.get(&named(2)).unwrap();
    let error = tenants.get_or_make(&named(3)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Limited, "{error}");
    drop(second);
    tenants.get_or_make(&named(3)).unwrap();
    drop(first);
    hand.pass(61);
    tenants.close_idle().unwrap();
    assert_eq!(tenants.open(), 0);
}

#[test]
fn a_tenant_that_is_not_there_is_not_made_by_asking() {
    let data = tempfile::tempdir().unwrap();
    let (tenants, _) = tenants(data.path(), 2, &few_threads());
    for _ in 0..3 {
        let error = tenants.get(&named(9)).err().unwrap();
        assert_eq!(error.to_string(), "there is no tenant tenant-009");
    }
    assert_eq!(tenants.open(), 0);
    assert!(!named(9).folder(data.path()).exists());
}

#[test]
fn those_who_ask_at_once_get_one_store_while_others_close_it() {
    let data = tempfile::tempdir().unwrap();
    let (tenants, hand) = tenants(data.path(), 2, &few_threads());
    tenants.get_or_make(&named(0)).unwrap().define_tables(tables()).unwrap();
    thread::scope(|scope| {
        for client in 0..4 {
            let tenants = &tenants;
            scope.spawn(move || {
                for turn in 0..10 {
                    let store = tenants.get(&named(0)).unwrap();
                    let row = account(&format!("{client}-{turn}"), "", "", 1);
                    insert(&store, "account", vec![row]).unwrap();
                }
            });
        }
        for _ in 0..20 {
            hand.pass(61);
            tenants.close_idle().unwrap();
        }
    });
    let store = tenants.get(&named(0)).unwrap();
    assert_eq!(all(&store.snapshot(), "account").len(), 40);
}

#[test]
fn idle_stores_are_closed_without_being_asked() {
    let data = tempfile::tempdir().unwrap();
    let world = World::seeded(7, 0);
    let options =
        TenantOptions { open_max: 2, idle_seconds: 0, store: options(), ..TenantOptions::default() };
    let tenants = Tenants::new(data.path(), options, world, &few_threads());
    drop(tenants.get_or_make(&named(1)).unwrap());
    while tenants.open() > 0 {
        thread::yield_now();
    }
}

#[test]
fn the_catalogue_comes_back_and_damage_of_it_is_told() {
    let data = tempfile::tempdir().unwrap();
    let world = World::seeded(7, 0);
    assert_eq!(read_catalogue(data.path(), &world).unwrap(), []);
    let record = |number, state, location: Option<&str>| TenantRecord {
        name: named(number),
        state,
        location: location.map(str::to_owned),
        made_micros: 5,
        is_encrypted: number == 2,
        limits: [("rows".to_owned(), u64::try_from(number).unwrap())].into(),
    };
    let all = [
        record(1, TenantState::Active, None),
        record(2, TenantState::Suspended, Some("eu")),
        record(3, TenantState::Deleting, None),
    ];
    let mut turned = all.to_vec();
    turned.reverse();
    write_catalogue(data.path(), &world, &turned).unwrap();
    assert_eq!(read_catalogue(data.path(), &world).unwrap(), all);
    let bytes = std::fs::read(data.path().join("tenants")).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 8;
        std::fs::write(data.path().join("tenants"), &flipped).unwrap();
        assert!(read_catalogue(data.path(), &world).is_err(), "byte {at}");
    }
}

#[test]
fn a_pinned_tenant_lies_in_its_location_and_a_destroyed_one_nowhere() {
    let (data, eu) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let locations = [("eu".to_owned(), eu.path().to_path_buf())].into();
    let options = TenantOptions { locations, store: options(), ..TenantOptions::default() };
    let world = with_masters(World::seeded(7, 0), &[4]);
    let tenants = Tenants::new(data.path(), options, world.clone(), &few_threads());
    assert!(tenants.pin(&named(1), Some("mars")).is_err());
    tenants.pin(&named(1), Some("eu")).unwrap();
    for number in [1, 2] {
        let store = tenants.get_or_make(&named(number)).unwrap();
        store.define_tables(tables()).unwrap();
        insert(&store, "account", vec![account("a", "of one", "", 1)]).unwrap();
    }
    assert!(named(1).folder(eu.path()).join("keys").exists());
    assert!(!named(1).folder(data.path()).exists());
    let held = tenants.get(&named(1)).unwrap();
    let error = destroy_store(&tenants.folder(&named(1)), &world).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    tenants.release(&named(1)).unwrap();
    assert!(insert(&held, "account", vec![account("b", "", "", 1)]).is_err(), "it is closed");
    assert_eq!(destroy_store(&tenants.folder(&named(1)), &world).unwrap(), Erased::Keys);
    assert_eq!(destroy_store(&tenants.folder(&named(1)), &world).unwrap(), Erased::NoKeys, "once more");
    assert!(!named(1).folder(eu.path()).exists());
    assert_eq!(all(&tenants.get(&named(2)).unwrap().snapshot(), "account").len(), 1);
    assert!(tenants.get(&named(1)).is_err());
}

/// All files below a folder.
fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn a_reader_of_a_destroyed_tenant_takes_nothing_from_the_next_of_its_name() {
    let data = tempfile::tempdir().unwrap();
    let (tenants, _) = tenants(data.path(), 2, &few_threads());
    let folder = tenants.folder(&named(1));
    let filled = || {
        let store = tenants.get_or_make(&named(1)).unwrap();
        store.define_tables(tables()).unwrap();
        insert(&store, "account", vec![account("a", "of one", "", 1)]).unwrap();
        store.fold().unwrap();
        store
    };
    let store = filled();
    let before = files_below(&folder.join("segments"));
    let reader = store.snapshot();
    // No manifest names the segment any more; it would go with the reader.
    delete(&store, "account", "a").unwrap();
    store.fold().unwrap();
    assert_eq!(all(&reader, "account").len(), 1);
    tenants.release(&named(1)).unwrap();
    destroy_store(&folder, &World::seeded(7, 0)).unwrap();
    drop(store);

    let next = filled();
    let there = files_below(&folder.join("segments"));
    assert!(before.iter().any(|file| there.contains(file)), "a segment of the same name");
    drop(reader);
    assert_eq!(files_below(&folder.join("segments")), there);
    tenants.release(&named(1)).unwrap();
    drop(next);
    assert_eq!(all(&tenants.get(&named(1)).unwrap().snapshot(), "account").len(), 1);
}
