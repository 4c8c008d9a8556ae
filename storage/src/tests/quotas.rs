//! A store that may hold so much: what would be too much is refused as a whole, and who is full can delete.

use std::num::NonZeroU64;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::support::*;
use crate::{BYTES_MAX, Error, ROWS_MAX, Store, StoreOptions, StoreQuota, World, WriteSet};

fn quota(rows: u64, bytes: u64) -> StoreQuota {
    StoreQuota { rows_max: NonZeroU64::new(rows), bytes_max: NonZeroU64::new(bytes) }
}

fn limit_of(error: &Error) -> &'static str {
    match error {
        Error::Limited { limit, .. } => limit,
        other => panic!("{other}"),
    }
}

fn rows(count: i64, from: i64) -> Vec<crate::Row> {
    (from..from + count).map(|n| account(&format!("key{n:05}"), "a name", &format!("code{n}"), n)).collect()
}

#[test]
fn rows_are_counted_as_they_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.set_quota(quota(3, 0));
    insert(&store, "account", rows(2, 0)).unwrap();
    let error = insert(&store, "account", rows(2, 10)).unwrap_err();
    assert_eq!(limit_of(&error), ROWS_MAX);
    assert_eq!(all(&store.snapshot(), "account").len(), 2, "nothing of it is there");
    insert(&store, "account", rows(1, 10)).unwrap();
    assert_eq!(store.usage().unwrap().rows, 3);
    // Full: one may change what is there, exchange and delete it.
    update(&store, "account", account("key00000", "another name", "code0", 0)).unwrap();
    change(&store, |writes| {
        writes.delete(&name("account"), get(&store.snapshot(), "account", "key00001").unwrap())?;
        writes.insert(&name("account"), account("key00020", "in its place", "code20", 1))
    })
    .unwrap();
    assert_eq!(limit_of(&insert(&store, "account", rows(1, 30)).unwrap_err()), ROWS_MAX);
    delete(&store, "account", "key00000").unwrap();
    insert(&store, "account", rows(1, 30)).unwrap();
    // What frees room is not asked for any, unless it takes more than it frees.
    let mut writes = WriteSet::new(store.snapshot().csn()).frees_room();
    writes.insert(&name("account"), account("key00040", "a trigger's", "code40", 1)).unwrap();
    assert_eq!(limit_of(&store.commit(writes, info()).unwrap_err()), ROWS_MAX);
    assert_eq!(store.usage().unwrap().rows, 3);
    store.fold().unwrap();
    store.close().unwrap();
    drop(store);
    let again = open(folder.path());
    assert_eq!(again.usage().unwrap().rows, 3, "counted again when it is opened");
}

#[test]
fn rows_of_tables_that_do_not_count_are_as_many_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { is_counted: |table| table != "contact", ..options() };
    let store = open_with(folder.path(), options);
    store.set_quota(quota(1, 1));
    assert_eq!(limit_of(&insert(&store, "account", rows(1, 0)).unwrap_err()), BYTES_MAX);
    insert(&store, "contact", vec![contact("c1", "", "not counted"), contact("c2", "", "nor this")]).unwrap();
    assert_eq!(store.usage().unwrap().rows, 0);
}

#[test]
fn tables_that_do_not_count_have_a_margin_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { is_counted: |table| table != "contact", ..options() };
    let store = open_with(folder.path(), options);
    store.set_quota(quota(0, 1));
    // Some that are long: 4 MiB are soon over.
    let long = |n: usize| contact(&format!("c{n}"), "", &"x".repeat(500_000));
    let refused = (0..100).find_map(|n| Some((n, insert(&store, "contact", vec![long(n)]).err()?)));
    let (kept, error) = refused.expect("it goes on without end");
    assert_eq!(limit_of(&error), BYTES_MAX);
    assert!((4..12).contains(&kept), "{kept}");
    let again = contact("c0", "", "shorter");
    assert_eq!(limit_of(&update(&store, "contact", again).unwrap_err()), BYTES_MAX);
    delete(&store, "contact", "c0").unwrap();
    store.set_quota(quota(0, 0));
    insert(&store, "contact", vec![contact("c9999", "", "no bound")]).unwrap();
}

/// Letters that no compression makes less of than three quarters.
fn noise(seed: usize) -> String {
    const LETTERS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut rng = StdRng::seed_from_u64(u64::try_from(seed).unwrap());
    (0..500_000).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
}

/// Fills the margin and folds, again and again; how many entries of half a megabyte were taken each time.
fn taken_between_folds(note: impl Fn(usize) -> String) -> Vec<usize> {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { is_counted: |table| table != "contact", ..options() };
    let store = open_with(folder.path(), options);
    store.set_quota(quota(0, 1));
    let mut next = 0;
    let mut taken = Vec::new();
    for _ in 0..5 {
        let first = next;
        let error = loop {
            assert!(next < 500, "it goes on without end");
            let row = contact(&format!("c{next:03}"), "", &note(next));
            match insert(&store, "contact", vec![row]) {
                Ok(_) => next += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(limit_of(&error), BYTES_MAX);
        taken.push(next - first);
        store.fold().unwrap();
    }
    assert_eq!(all(&store.snapshot(), "contact").len(), next);
    // Who is full can still delete, and has room again where that left some.
    for n in 0..next {
        delete(&store, "contact", &format!("c{n:03}")).unwrap();
    }
    store.fold().unwrap();
    store.set_quota(quota(0, 0));
    insert(&store, "contact", vec![contact("c999", "", "no bound")]).unwrap();
    taken
}

#[test]
fn a_store_that_stays_over_its_bound_has_one_margin_however_often_it_folds() {
    let taken = taken_between_folds(noise);
    assert!((4..12).contains(&taken[0]), "{taken:?}");
    // What a fold made a little less may be taken once more, and nothing beyond that.
    assert!(taken[1..].iter().sum::<usize>() <= taken[0] / 2, "{taken:?}");
    assert_eq!(taken.last(), Some(&0), "{taken:?}");
}

#[test]
fn what_a_fold_made_small_is_in_the_margin_as_it_is() {
    let taken = taken_between_folds(|_| "x".repeat(500_000));
    assert!(taken.iter().all(|taken| (4..12).contains(taken)), "{taken:?}");
}

#[test]
fn who_is_over_the_bound_by_deleting_still_writes_what_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        is_counted: |table| table != "contact",
        is_always_written: |table| table == "contact",
        ..options()
    };
    for is_always_written in [false, true] {
        let folder = folder.path().join(is_always_written.to_string());
        std::fs::create_dir(&folder).unwrap();
        let never = StoreOptions { is_always_written: |_| false, ..options.clone() };
        let store = open_with(&folder, if is_always_written { options.clone() } else { never });
        let long = |n: usize| account(&format!("a{n}"), &"x".repeat(500_000), &format!("code{n}"), 0);
        for n in 0..20 {
            insert(&store, "account", vec![long(n)]).unwrap();
        }
        // More than any margin above it, as after deletes.
        store.set_quota(quota(0, 1));
        assert!(store.usage().unwrap().bytes > 8 << 20);
        assert_eq!(limit_of(&insert(&store, "account", vec![long(99)]).unwrap_err()), BYTES_MAX);
        insert(&store, "contact", vec![contact("c", "", "a session")]).unwrap();
        let long = |n: usize| contact(&format!("c{n}"), "", &"x".repeat(500_000));
        let refused = (0..12).find_map(|n| insert(&store, "contact", vec![long(n)]).err());
        assert_eq!(refused.as_ref().map(limit_of), (!is_always_written).then_some(BYTES_MAX));
    }
}

#[test]
fn two_that_measure_at_once_count_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for round in 0..20 {
        insert(&store, "account", rows(20, round * 100)).unwrap();
        // Nobody knows how much there is: both list the files, while a third writes.
        store.remove_content("none").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| store.usage().unwrap());
            scope.spawn(|| store.usage().unwrap());
            scope.spawn(|| insert(&store, "account", rows(1, round * 100 + 50)).unwrap());
        });
        let told = store.usage().unwrap().bytes;
        store.remove_content("none").unwrap();
        let measured = store.usage().unwrap().bytes;
        // What was written while it was measured may be counted twice, until it is measured again, and without its frame.
        assert!(told.abs_diff(measured) < 1_000, "round {round}: {told}, measured {measured}");
    }
}

#[test]
fn many_that_commit_at_once_get_no_further_than_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.set_quota(quota(50, 0));
    let insert_one = |thread: i64, n: i64| insert(&store, "account", rows(1, thread * 1_000 + n));
    let done: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| scope.spawn(move || (0..20).filter(|n| insert_one(thread, *n).is_ok()).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(done, 50);
    assert_eq!(all(&store.snapshot(), "account").len(), 50);
}

#[test]
fn a_load_that_would_be_too_much_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { load_bytes_target: 4 << 10, ..options() };
    let store = open_with(folder.path(), options);
    store.set_quota(quota(500, 0));
    let load_all = |store: &std::sync::Arc<Store>, count: i64| {
        let mut load = store.bulk_load();
        rows(count, 0).into_iter().try_for_each(|row| load.add(&name("account"), row))?;
        load.commit(info())
    };
    assert_eq!(limit_of(&load_all(&store, 5_000).unwrap_err()), ROWS_MAX);
    assert_eq!(store.usage().unwrap().rows, 0);
    load_all(&store, 500).unwrap();
    assert_eq!(store.usage().unwrap().rows, 500);
    assert_eq!(limit_of(&insert(&store, "account", rows(1, 9_000)).unwrap_err()), ROWS_MAX);
    store.close().unwrap();
    drop(store);
    let again = open(folder.path());
    assert_eq!(again.usage().unwrap().rows, 500);
    again.close().unwrap();
    drop(again);
    assert_eq!(verified(folder.path(), &World::seeded(7, 0)).findings, []);
}

#[test]
fn bytes_are_those_of_all_files_and_deleting_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let empty = store.usage().unwrap().bytes;
    insert(&store, "account", rows(200, 0)).unwrap();
    let some = store.usage().unwrap().bytes;
    assert!(some > empty, "{some} of {empty}");
    store.set_quota(quota(0, some + 4_000));
    let error = insert(&store, "account", rows(200, 1_000)).unwrap_err();
    assert_eq!(limit_of(&error), BYTES_MAX);
    let mut content = store.new_content("a").unwrap();
    let refused = (0..10).find_map(|_| content.write(&[0; 1_000]).err()).expect("it is too long");
    assert_eq!(limit_of(&refused), BYTES_MAX);
    drop(content);
    let mut content = store.new_content("b").unwrap();
    content.write(&[0; 1_000]).unwrap();
    content.finish().unwrap();
    assert!(store.usage().unwrap().bytes >= some + 1_000);
    // What is reserved is taken, among contents, until it is let go.
    let free = some + 4_000 - store.usage().unwrap().bytes;
    let reserved = store.reserve(free - 10).unwrap();
    assert_eq!(limit_of(&store.reserve(200).err().unwrap()), BYTES_MAX);
    assert_eq!(limit_of(&store.new_content("c").unwrap().write(&[0; 200]).unwrap_err()), BYTES_MAX);
    let mut within = store.new_content("c").unwrap().within(reserved);
    within.write(&[0; 200]).unwrap();
    drop(within);
    let reserved = store.reserve(free - 10).unwrap();
    insert(&store, "account", rows(1, 5_000)).unwrap();
    drop(reserved);
    let mut writes = WriteSet::new(store.snapshot().csn()).frees_room();
    for row in all(&store.snapshot(), "account") {
        writes.delete(&name("account"), row).unwrap();
    }
    store.commit(writes, info()).unwrap();
    store.remove_content("b").unwrap();
    store.fold().unwrap();
    assert!(all(&store.snapshot(), "account").is_empty());
    store.close().unwrap();
}
