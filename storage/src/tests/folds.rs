//! Folding, damage, crashes between its steps, and many at once.

use std::{fs, path::Path, sync::Arc, thread};

use super::support::*;
use crate::{Error, ErrorKind, Store, StoreOptions, Value, World, WriteSet};

fn fill(store: &Store, from: i64, to: i64) {
    let rows =
        (from..to).map(|n| account(&format!("k{n:04}"), &format!("name {n}"), &format!("c{n}"), n % 7));
    insert(store, "account", rows.collect()).unwrap();
}

fn files_under(folder: &Path, name: &str) -> Vec<std::path::PathBuf> {
    let mut found = vec![];
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_str().unwrap().contains(name) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn folded_rows_are_there_after_reopening_and_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, 0, 100);
    store.fold().unwrap();
    update(&store, "account", account("k0005", "changed", "c5", 0)).unwrap();
    delete(&store, "account", "k0006").unwrap();
    drop(store);
    for _ in 0..2 {
        let store = open(folder.path());
        let snapshot = store.snapshot();
        assert_eq!(all(&snapshot, "account").len(), 99);
        assert_eq!(snapshot.table("account").unwrap().statistics().rows, 99);
        assert_eq!(get(&snapshot, "account", "k0005"), Some(account("k0005", "changed", "c5", 0)));
        assert_eq!(get(&snapshot, "account", "k0006"), None);
        assert_eq!(found(&snapshot, "account", "code", Value::text("c99")), ["k0099"]);
        store.fold().unwrap();
    }
}

#[test]
fn a_broken_block_is_told_and_a_broken_index_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, 0, 100);
    store.fold().unwrap();
    drop(store);
    for index in files_under(folder.path(), "/index/") {
        if index.extension().is_some_and(|extension| extension == "idx") {
            let mut bytes = fs::read(&index).unwrap();
            bytes[0] ^= 1;
            fs::write(&index, bytes).unwrap();
        }
    }
    let store = open(folder.path());
    assert_eq!(found(&store.snapshot(), "account", "code", Value::text("c42")), ["k0042"]);
    drop(store);

    let columns = files_under(folder.path(), "columns.parquet").pop().unwrap();
    let mut bytes = fs::read(&columns).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&columns, bytes).unwrap();
    let store = open(folder.path());
    let error = store.snapshot().table("account").unwrap().get("k0042").unwrap_err();
    assert!(matches!(&error, Error::Damaged { file, .. } if file.ends_with("columns.parquet")), "{error}");
}

#[test]
fn an_index_of_fewer_rows_is_made_anew() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (folder, rows) in [(&folder, 100), (&other, 40)] {
        let store = open(folder.path());
        fill(&store, 0, rows);
        store.fold().unwrap();
    }
    let index =
        |folder: &Path| files_under(folder, "meta.json").pop().unwrap().parent().unwrap().to_path_buf();
    let (half, place) = (index(other.path()), index(folder.path()));
    fs::remove_dir_all(&place).unwrap();
    fs::rename(half, &place).unwrap();
    let store = open(folder.path());
    assert_eq!(found(&store.snapshot(), "account", "code", Value::text("c99")), ["k0099"]);
}

#[test]
fn a_crash_before_the_manifest_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, 0, 50);
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("log")).unwrap();
    for file in files_under(&folder.path().join("log"), ".log") {
        fs::copy(&file, copy.path().join("log").join(file.file_name().unwrap())).unwrap();
    }
    store.fold().unwrap();
    // The copy has the log and segments, but no manifest names them.
    let orphan = copy.path().join("segments/0/0");
    fs::create_dir_all(&orphan).unwrap();
    fs::write(orphan.join("columns.parquet"), "half").unwrap();
    fs::create_dir(copy.path().join("manifest")).unwrap();
    fs::write(copy.path().join("manifest/00000000000000000001.new"), "half").unwrap();
    let store = open(copy.path());
    assert_eq!(all(&store.snapshot(), "account").len(), 50);
    assert!(!orphan.exists());
    store.fold().unwrap();
    assert_eq!(all(&store.snapshot(), "account").len(), 50);
}

#[test]
fn many_folds_are_compacted_and_their_files_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut old = vec![];
    for round in 0..30 {
        fill(&store, round * 10, round * 10 + 10);
        delete(&store, "account", &format!("k{:04}", round * 10)).unwrap();
        if round == 5 {
            old.push(store.snapshot());
        }
        store.fold().unwrap();
    }
    assert!(files_under(folder.path(), "columns.parquet").len() <= 15);
    assert_eq!(all(&old[0], "account").len(), 54);
    drop(old);
    assert!(files_under(folder.path(), "columns.parquet").len() <= 9);
    let rows = all(&store.snapshot(), "account");
    assert_eq!(rows.len(), 270);
    drop(store);
    let store = open(folder.path());
    assert_eq!(all(&store.snapshot(), "account"), rows);
}

#[test]
fn what_was_read_of_segments_that_are_gone_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { history_window_seconds: 0, ..options() };
    let bytes_read = |rounds: std::ops::Range<i64>| {
        let resources = small_cache(256 << 20);
        let store = open_in(folder.path(), options.clone(), &resources);
        for round in rounds {
            fill(&store, round * 50, round * 50 + 50);
            store.fold().unwrap();
            assert_eq!(all(&store.snapshot(), "account").len(), usize::try_from(round * 50 + 50).unwrap());
        }
        all(&store.snapshot(), "account");
        resources.cache.bytes()
    };
    let (worked, opened) = (bytes_read(0..40), bytes_read(0..0));
    assert!(worked < opened * 2, "{worked} bytes are kept, and {opened} of those that are there");
}

#[test]
fn a_writer_that_waits_for_room_does_not_take_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { delta_bytes_target: 100_000, delta_bytes_max: 400_000, ..options() };
    let store = open_with(folder.path(), options);
    for round in 0..60 {
        fill(&store, round * 200, round * 200 + 200);
    }
    assert_eq!(all(&store.snapshot(), "account").len(), 12_000);
}

#[test]
fn commits_go_on_while_folds_run() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { delta_bytes_target: 20_000, ..options() };
    let store = open_with(folder.path(), options.clone());
    insert(&store, "account", (0..4).map(|n| account(&format!("counter{n}"), "", "", 0)).collect()).unwrap();
    thread::scope(|scope| {
        for worker in 0..4 {
            let store = &store;
            scope.spawn(move || {
                let key = format!("counter{worker}");
                for n in 0..100 {
                    let row = account(&format!("w{worker}-{n:03}"), "some name", &format!("{worker}-{n}"), n);
                    let old = get(&store.snapshot(), "account", &key).unwrap();
                    change(store, |w| {
                        w.insert(&name("account"), row)?;
                        w.update(&name("account"), old, account(&key, "", "", n + 1))
                    })
                    .unwrap();
                }
            });
        }
    });
    for _ in 0..2 {
        let snapshot = store.snapshot();
        assert_eq!(all(&snapshot, "account").len(), 404);
        for worker in 0..4 {
            assert_eq!(
                get(&snapshot, "account", &format!("counter{worker}")).unwrap().get(3),
                &Value::Int(100)
            );
        }
        store.fold().unwrap();
    }
    let rows = all(&store.snapshot(), "account");
    drop(store);
    assert_eq!(all(&open_with(folder.path(), options).snapshot(), "account"), rows);
}

#[test]
fn only_one_of_many_gets_a_unique_value_and_no_update_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("sum", "", "", 0)]).unwrap();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let spawn = |worker: i64| {
            let store: &Arc<Store> = &store;
            scope.spawn(move || {
                let same = insert(store, "account", vec![account(&format!("u{worker}"), "", "same", 0)]);
                let mut added = 0;
                for _ in 0..20 {
                    let snapshot = store.snapshot();
                    let old = get(&snapshot, "account", "sum").unwrap();
                    let Value::Int(sum) = *old.get(3) else { panic!("{old:?}") };
                    let mut writes = WriteSet::new(snapshot.csn());
                    writes.update(&name("account"), old, account("sum", "", "", sum + 1)).unwrap();
                    match store.commit(writes, info()) {
                        Ok(_) => added += 1,
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                    }
                }
                (same.is_ok(), added)
            })
        };
        let workers: Vec<_> = (0..8).map(spawn).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|(same, _)| *same).count(), 1);
    let added: i64 = outcomes.iter().map(|(_, added)| added).sum();
    assert!(added > 0);
    assert_eq!(get(&store.snapshot(), "account", "sum"), Some(account("sum", "", "", added)));
}

#[test]
fn a_full_delta_refuses_writers_until_it_is_folded() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        delta_bytes_target: 1 << 40,
        delta_bytes_max: 5_000,
        write_wait_ms_max: 50,
        ..options()
    };
    let store = open_with(folder.path(), options);
    let full =
        (0..200).find_map(|n| insert(&store, "account", vec![account(&format!("k{n}"), "", "", 0)]).err());
    assert!(matches!(full, Some(Error::Limited { limit: "delta_bytes_max", .. })), "{full:?}");
    store.fold().unwrap();
    insert(&store, "account", vec![account("last", "", "", 0)]).unwrap();
}

#[test]
fn what_snapshots_pin_and_readers_build_counts_until_they_go() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        delta_bytes_target: 1 << 40,
        delta_bytes_max: 60_000,
        write_wait_ms_max: 50,
        ..options()
    };
    let store = open_with(folder.path(), options);
    let row = |n: i64| account(&format!("k{n}"), "name", "", n);
    insert(&store, "account", (0..90).map(row).collect()).unwrap();
    let pinned = store.snapshot();
    store.fold().unwrap();
    insert(&store, "account", (90..120).map(row).collect()).unwrap();
    let lean = (120..400).find_map(|n| insert(&store, "account", vec![row(n)]).err().map(|_| n)).unwrap();
    drop(pinned);
    insert(&store, "account", vec![row(lean)]).unwrap();
    store.fold().unwrap();
    for n in 400..480 {
        insert(&store, "account", vec![row(n)]).unwrap();
    }
    assert_eq!(all(&store.snapshot(), "account").len(), usize::try_from(lean).unwrap() + 81);
    let rows = store.snapshot().table("account").unwrap().statistics().rows;
    assert_eq!(rows, u64::try_from(lean).unwrap() + 81);
}

#[test]
fn what_is_there_must_hold_a_new_constraint() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "same", "1", 0), account("b", "same", "2", 0)]).unwrap();
    let mut tables = tables();
    tables[0].unique.push(crate::IndexSpec {
        name: "name_once".into(),
        columns: vec!["name".into()],
        conditions: Vec::new(),
    });
    let error = store.define_tables(tables.clone()).unwrap_err();
    assert!(matches!(error, Error::UniqueViolation { .. }), "{error}");
    delete(&store, "account", "b").unwrap();
    store.fold().unwrap();
    store.define_tables(tables).unwrap();
    insert(&store, "account", vec![account("c", "same", "3", 0)]).unwrap_err();
    drop(store);
    let store = Store::open(folder.path(), options(), World::real(), &resources()).unwrap();
    insert(&store, "account", vec![account("c", "same", "3", 0)]).unwrap_err();
}

#[test]
fn files_of_what_was_compacted_in_the_background_go() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { delta_bytes_target: 20_000, ..options() };
    let store = open_with(folder.path(), options);
    for round in 0..400 {
        fill(&store, round * 20, round * 20 + 20);
    }
    store.fold().unwrap();
    assert_eq!(all(&store.snapshot(), "account").len(), 8_000);
    // Nothing is due any more; what runs ends with this.
    store.fold().unwrap();
    let segments = store.inner.published().state.segments.values().map(|parts| parts.len()).sum::<usize>();
    assert_eq!(files_under(folder.path(), "columns.parquet").len(), segments);
}
