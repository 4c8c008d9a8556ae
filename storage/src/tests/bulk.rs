//! Bulk loads: what holds of them, and what is left of those that fail.

use std::{fs, sync::Arc};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{model::copy_folder, support::*};
use crate::{
    BulkLoad, Error, ErrorKind, Row, ScanRequest, Store, StoreOptions, TextQuery, TextSyntax, Value, WriteSet,
};

fn accounts(numbers: impl Iterator<Item = i64>) -> Vec<Row> {
    let row = |n: i64| account(&format!("k{n:05}"), &format!("name {n}"), &format!("c{n}"), n % 7);
    numbers.map(row).collect()
}

fn load(store: &Arc<Store>, table: &str, rows: Vec<Row>) -> BulkLoad {
    let mut load = store.bulk_load();
    rows.into_iter().for_each(|row| load.add(&name(table), row).unwrap());
    load
}

/// Small rows make many segments here.
fn small() -> StoreOptions {
    StoreOptions { load_bytes_target: 4 << 10, ..options() }
}

fn segments(folder: &std::path::Path) -> usize {
    let tables = fs::read_dir(folder.join("segments")).map(|all| all.flatten().collect::<Vec<_>>());
    tables.unwrap_or_default().iter().map(|table| fs::read_dir(table.path()).unwrap().count()).sum()
}

#[test]
fn loaded_rows_are_there_on_every_path_and_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    insert(&store, "account", accounts(1000..1010)).unwrap();
    let before = store.snapshot();
    let committed = load(&store, "account", accounts(0..500)).commit(info()).unwrap();
    assert_eq!(committed.csn.0, before.csn().0 + 1);
    assert_eq!(all(&before, "account").len(), 10);
    assert_eq!(before.table("account").unwrap().statistics().rows, 10);
    assert_eq!(get(&before, "account", "k00001"), None);
    update(&store, "account", account("k00003", "changed", "c3", 9)).unwrap();
    delete(&store, "account", "k00004").unwrap();
    for round in 0..4 {
        let snapshot = store.snapshot();
        let table = snapshot.table("account").unwrap();
        assert_eq!(table.statistics().rows, 509, "round {round}");
        assert_eq!(all(&snapshot, "account").len(), 509, "round {round}");
        assert_eq!(get(&snapshot, "account", "k00003"), Some(account("k00003", "changed", "c3", 9)));
        assert_eq!(get(&snapshot, "account", "k00004"), None);
        assert_eq!(found(&snapshot, "account", "code", Value::text("c499")), ["k00499"]);
        let query = TextQuery { columns: vec![], text: "name 77".into(), syntax: TextSyntax::Words };
        let rows = table.search(&query).unwrap().rows().clone();
        assert_eq!(
            keys(&snapshot, "account", ScanRequest { rows: Some(rows), ..Default::default() }),
            ["k00077"]
        );
        drop((snapshot, table));
        match round {
            1 => _ = store.fold().unwrap(),
            _ => {
                drop(store);
                store = open(folder.path());
            }
        }
    }
    assert_eq!(all(&before, "account").len(), 10);
}

#[test]
fn a_transaction_from_before_a_load_can_not_change_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", accounts(0..1)).unwrap();
    let old = get(&store.snapshot(), "account", "k00000").unwrap();
    let mut writes = WriteSet::new(store.snapshot().csn());
    writes.update(&name("account"), old, account("k00000", "late", "late", 0)).unwrap();
    delete(&store, "account", "k00000").unwrap();
    load(&store, "account", accounts(0..100)).commit(info()).unwrap();
    let error = store.commit(writes.clone(), info()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    store.fold().unwrap();
    let error = store.commit(writes, info()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[test]
fn rows_in_any_order_become_segments_that_do_not_overlap() {
    for seed in seeds(2) {
        let folder = tempfile::tempdir().unwrap();
        let store = open_with(folder.path(), small());
        let mut rows = accounts(0..400);
        rows.shuffle(&mut StdRng::seed_from_u64(seed));
        load(&store, "account", rows).commit(info()).unwrap();
        assert_eq!(segments(folder.path()), 1, "seed {seed}");
        assert_eq!(all(&store.snapshot(), "account"), accounts(0..400), "seed {seed}");
        drop(store);
        let store = open_with(folder.path(), small());
        assert_eq!(all(&store.snapshot(), "account"), accounts(0..400), "seed {seed}");
    }
}

#[test]
fn what_breaks_a_constraint_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(folder.path(), small());
    insert(&store, "account", accounts(0..20)).unwrap();
    store.fold().unwrap();
    insert(&store, "account", accounts(20..25)).unwrap();
    delete(&store, "account", "k00003").unwrap();
    delete(&store, "account", "k00021").unwrap();
    let kept = segments(folder.path());
    let with = |row: Row| accounts(100..200).into_iter().chain([row]).collect::<Vec<_>>();
    let key_of = |error: Error| match error {
        Error::DuplicateKey { key, .. } => format!("key {key}"),
        Error::UniqueViolation { key, constraint, .. } => format!("{constraint} {key}"),
        Error::ReferenceViolation { key, target_key, .. } => format!("{key} to {target_key}"),
        other => panic!("{other}"),
    };
    let cases = [
        (account("k00001", "", "new", 0), "key k00001"),
        (account("k00022", "", "new", 0), "key k00022"),
        (account("k00150", "", "new", 0), "key k00150"),
        (account("new", "", "c1", 0), "code_once new"),
        (account("new", "", "c22", 0), "code_once new"),
        (account("x", "", "c150", 0), "code_once k00150"),
    ];
    for (row, wanted) in cases {
        let error = load(&store, "account", with(row)).commit(info()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Violated, "{error}");
        assert_eq!(key_of(error), wanted);
        assert_eq!(segments(folder.path()), kept, "{wanted}");
    }
    let long = "k".repeat(3_000);
    for (id, target) in [("a", "nobody"), ("b", "k00003"), ("c", "k00021"), ("d", &long)] {
        let rows = vec![contact("0", "k00001", ""), contact("1", "", ""), contact(id, target, "")];
        let error = load(&store, "contact", rows).commit(info()).unwrap_err();
        assert_eq!(key_of(error), format!("{id} to {target}"));
    }
    assert_eq!(store.snapshot().table("account").unwrap().statistics().rows, 23);
    // What was deleted may come again, and nulls are no values.
    let mut again = store.bulk_load();
    again.add(&name("contact"), contact("1", "k00003", "")).unwrap();
    again.add(&name("contact"), contact("2", "k00001", "")).unwrap();
    again.add(&name("contact"), contact("3", &long, "")).unwrap();
    let row = [account(&long, "", "", 0), account("k00003", "", "c21", 0), account("k00021", "", "", 0)];
    row.into_iter().for_each(|row| again.add(&name("account"), row).unwrap());
    again.commit(info()).unwrap();
    assert_eq!(all(&store.snapshot(), "contact").len(), 3);
    delete(&store, "account", "k00003").unwrap_err();
    insert(&store, "account", vec![account("k00003", "", "", 0)]).unwrap_err();
    insert(&store, "account", vec![account("y", "", "c21", 0)]).unwrap_err();
}

#[test]
fn a_load_that_is_given_up_or_crashes_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(folder.path(), small());
    let mut given_up = load(&store, "account", accounts(0..300));
    let error = given_up.add(&name("account"), Row([Value::Int(1)].into())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    given_up.add(&name("nothing"), account("a", "", "", 0)).unwrap_err();
    assert!(segments(folder.path()) > 0);
    let crashed = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), crashed.path());
    drop(given_up);
    assert_eq!(segments(folder.path()), 0);

    let copy = open_with(crashed.path(), small());
    assert_eq!(segments(crashed.path()), 0);
    assert_eq!(all(&copy.snapshot(), "account").len(), 0);
    load(&copy, "account", accounts(0..300)).commit(info()).unwrap();
    assert_eq!(all(&copy.snapshot(), "account").len(), 300);

    let late = load(&store, "account", accounts(0..300));
    store.close().unwrap();
    assert_eq!(late.commit(info()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn loads_go_on_with_commits_and_folds() {
    for seed in seeds(2) {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { delta_bytes_target: 20_000, ..small() };
        let store = open_with(folder.path(), options.clone());
        std::thread::scope(|scope| {
            for worker in 0..2i64 {
                let store = &store;
                scope.spawn(move || {
                    let mut random = StdRng::seed_from_u64(seed * 10 + u64::try_from(worker).unwrap());
                    for round in 0..6 {
                        let first = worker * 50_000 + round * 1_000;
                        let count = random.random_range(1..400);
                        load(store, "account", accounts(first..first + count)).commit(info()).unwrap();
                        let key = format!("k{first:05}");
                        let mut new = get(&store.snapshot(), "account", &key).unwrap().0.to_vec();
                        new[3] = Value::Int(-1);
                        update(store, "account", Row(new.into())).unwrap();
                        insert(store, "account", accounts(first + 500..first + 600)).unwrap();
                    }
                });
            }
            scope.spawn(|| (0..10).for_each(|_| _ = store.fold().unwrap()));
        });
        let rows = all(&store.snapshot(), "account");
        assert_eq!(rows.iter().filter(|row| row.get(3) == &Value::Int(-1)).count(), 12, "seed {seed}");
        assert_eq!(
            store.snapshot().table("account").unwrap().statistics().rows,
            u64::try_from(rows.len()).unwrap()
        );
        drop(store);
        let store = open_with(folder.path(), options);
        assert_eq!(all(&store.snapshot(), "account"), rows, "seed {seed}");
        store.fold().unwrap();
        assert_eq!(all(&store.snapshot(), "account"), rows, "seed {seed}");
    }
}

#[test]
fn a_load_is_part_of_the_past_of_history_and_of_what_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { history_window_seconds: 3_600, ..small() };
    let mut store = open_with(folder.path(), options.clone());
    insert(&store, "account", accounts(0..3)).unwrap();
    store.fold().unwrap();
    let before = store.snapshot().csn();
    let loaded = load(&store, "account", accounts(100..300)).commit(info()).unwrap().csn;
    delete(&store, "account", "k00100").unwrap();
    let after = store.snapshot().csn();
    for round in 0..12 {
        if round == 6 {
            // Most of what was loaded goes: its segment would be merged.
            change(&store, |writes| {
                let keys = (101..260).map(|n| format!("k{n:05}"));
                keys.map(|key| get(&store.snapshot(), "account", &key).unwrap())
                    .try_for_each(|old| writes.delete(&name("account"), old))
            })
            .unwrap();
        }
        insert(&store, "account", accounts(1000 + round..1001 + round)).unwrap();
        store.fold().unwrap();
        if round % 4 == 3 {
            drop(store);
            store = open_with(folder.path(), options.clone());
        }
        for (csn, rows) in [(before, 3), (loaded, 203), (after, 202)] {
            let past = store.snapshot_at(crate::AsOf::Csn(csn)).unwrap();
            assert_eq!(all(&past, "account").len(), rows, "round {round}, state {csn:?}");
            assert_eq!(past.table("account").unwrap().statistics().rows, u64::try_from(rows).unwrap());
        }
    }
    drop(store);
    let report = verified(folder.path(), &crate::World::seeded(1, 0));
    assert!(report.is_sound(), "{:?}", report.findings);
}
