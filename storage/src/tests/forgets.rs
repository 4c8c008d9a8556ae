//! History that was let go of: the chain is proven all the same, whatever happened meanwhile. A crash is tried at a few instants, with
//! `QUARRY_TEST_SEEDS=1` at every one.

use std::{path::Path, sync::Arc};

use super::{
    script::{FOLDER, open_world, world},
    simulated::{Crash, Disk},
    support::*,
};
use crate::{Csn, Forgotten, HistoryRequest, Key, Result, Store, files::Files};

const CRASHES: [Crash; 3] = [Crash::Killed, Crash::AllLost, Crash::SomeLost];
/// How many instants the short form tries.
const SHORT: usize = 8;
/// Behind all that the tests commit.
const ALL: i64 = i64::MAX;

fn forget(store: &Store, before_micros: i64) -> Result<Option<Forgotten>> {
    store.forget_history(before_micros, &|_, _| false, info())
}

/// Commits until some files of history are there.
fn with_history(store: &Arc<Store>) {
    for round in 0..4 {
        for number in 0..8 {
            let key = format!("key{round}{number}");
            insert(store, "account", vec![account(&key, &"long ".repeat(60), &key, 1)]).unwrap();
        }
        delete(store, "account", &format!("key{round}0")).unwrap();
        store.fold().unwrap();
    }
}

fn history_files(disk: &Disk) -> usize {
    let listed = disk.list(&Path::new(FOLDER).join("history")).unwrap();
    listed.iter().filter(|entry| entry.path.extension().is_some_and(|end| end == "parquet")).count()
}

fn sound(disk: &Disk, context: &str) {
    let report = verified(Path::new(FOLDER), &world(disk));
    assert_eq!(report.findings, [], "{context}");
}

#[test]
fn what_is_old_goes_and_the_chain_is_proven_from_a_checkpoint_on() {
    let disk = Disk::default();
    let store = open_world(world(&disk)).unwrap();
    with_history(&store);
    let rows = all(&store.snapshot(), "account");
    let (files, newest) = (history_files(&disk), store.snapshot().csn());
    assert!(files > 3, "{files}");
    assert_eq!(forget(&store, 1).unwrap(), None, "nothing is older than the first instant");
    let gone = forget(&store, ALL).unwrap().expect("some of it goes");
    assert_eq!((*gone.entries.start(), gone.checkpoint), (1, newest.0 + 1));
    assert!(history_files(&disk) < files);
    // What is left has no gap, and begins behind what went.
    let links: Vec<_> =
        store.snapshot().chain(Csn(1), Csn(u64::MAX)).unwrap().map(|link| link.unwrap()).collect();
    assert_eq!(links.first().unwrap().csn, gone.entries.end() + 1);
    assert_eq!(links.last().unwrap().csn, gone.checkpoint);
    let hash: String = links[0].hash_before.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, gone.hash);
    let shown: usize = store
        .snapshot()
        .history(&HistoryRequest::default())
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert!(shown > 0);
    assert_eq!(all(&store.snapshot(), "account"), rows);
    // Again and again, in between of which it goes on.
    for round in 0..3 {
        for number in 0..20 {
            let key = format!("more{round}{number}");
            insert(&store, "account", vec![account(&key, &"long ".repeat(60), &key, 1)]).unwrap();
        }
        store.fold().unwrap();
        forget(&store, ALL).unwrap().unwrap_or_else(|| panic!("round {round}"));
    }
    store.close().unwrap();
    drop(store);
    sound(&disk, "after some rounds");
    let again = open_world(world(&disk)).unwrap();
    assert_eq!(all(&again.snapshot(), "account").len(), rows.len() + 60);
    drop(again);
    // The object that tells of the newest checkpoint can be lost.
    disk.remove(&Path::new(FOLDER).join("history/checkpoint.sums")).unwrap();
    let again = open_world(world(&disk)).unwrap();
    for number in 0..20 {
        let key = format!("late{number}");
        insert(&again, "account", vec![account(&key, &"long ".repeat(60), &key, 1)]).unwrap();
    }
    again.fold().unwrap();
    forget(&again, ALL).unwrap().expect("the checkpoint is found in the chain");
    drop(again);
    sound(&disk, "after it was found");
}

#[test]
fn what_is_held_stays_and_so_does_all_behind_it() {
    let disk = Disk::default();
    let store = open_world(world(&disk)).unwrap();
    with_history(&store);
    let files = history_files(&disk);
    let held =
        |table: &str, key: Option<&Key>| table == "account" && key.is_some_and(|key| **key == *"key00");
    assert_eq!(store.forget_history(ALL, &held, info()).unwrap(), None);
    assert_eq!(history_files(&disk), files);
    let held =
        |table: &str, key: Option<&Key>| table == "account" && key.is_some_and(|key| **key == *"key20");
    let gone = store.forget_history(ALL, &held, info()).unwrap().unwrap();
    let request = HistoryRequest { key: Some("key20".into()), ..HistoryRequest::default() };
    let shown: usize =
        store.snapshot().history(&request).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(shown, 2, "made and deleted");
    assert!(history_files(&disk) < files, "{gone:?}");
    drop(store);
    sound(&disk, "with a hold");
}

#[test]
fn a_file_that_is_taken_away_is_missed() {
    let disk = Disk::default();
    let store = open_world(world(&disk)).unwrap();
    with_history(&store);
    drop(store);
    let take_first = |disk: &Disk| {
        let mut listed = disk.list(&Path::new(FOLDER).join("history")).unwrap();
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        let first = listed.iter().find(|entry| entry.path.extension().is_some_and(|end| end == "parquet"));
        disk.remove(&first.unwrap().path).unwrap();
    };
    take_first(&disk);
    let report = verified(Path::new(FOLDER), &world(&disk));
    let told: Vec<_> = report.findings.iter().map(|finding| finding.what.as_str()).collect();
    assert!(told.iter().any(|what| what.contains("none tells that they were let go of")), "{told:?}");
    // Also where some were let go of before.
    let disk = Disk::default();
    let store = open_world(world(&disk)).unwrap();
    with_history(&store);
    forget(&store, ALL).unwrap().unwrap();
    for number in 0..40 {
        let key = format!("more{number}");
        insert(&store, "account", vec![account(&key, &"long ".repeat(60), &key, 1)]).unwrap();
    }
    store.fold().unwrap();
    drop(store);
    sound(&disk, "before");
    take_first(&disk);
    let report = verified(Path::new(FOLDER), &world(&disk));
    assert!(!report.is_sound(), "{report:?}");
}

#[test]
fn a_crash_at_any_instant_of_letting_go_leaves_a_chain_that_is_proven() {
    let disk = Disk::default();
    let store = open_world(world(&disk)).unwrap();
    with_history(&store);
    let rows = all(&store.snapshot(), "account");
    disk.record();
    forget(&store, ALL).unwrap().unwrap();
    let images = disk.images();
    drop(store);
    assert!(images.len() > 10, "{}", images.len());
    // All of them by hand, a few in each build; the first and the last among them.
    let step = if is_long() { 1 } else { images.len().div_ceil(SHORT) };
    for image in images.iter().step_by(step).chain(images.last()) {
        for (seed, crash) in (0..).zip(CRASHES) {
            let context = format!("{crash:?} before operation {}", image.operation);
            let disk = Disk::after(image, crash, seed);
            let store = open_world(world(&disk)).unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!(all(&store.snapshot(), "account"), rows, "{context}");
            drop(store);
            sound(&disk, &context);
            // It is gone on with, and then all of it is gone.
            let store = open_world(world(&disk)).unwrap();
            forget(&store, ALL).unwrap_or_else(|error| panic!("{context}, again: {error}"));
            assert!(history_files(&disk) <= 1, "{context}: {} files", history_files(&disk));
            drop(store);
            sound(&disk, &format!("{context}, again"));
        }
    }
}

#[test]
fn what_somebody_reads_stays_until_he_is_done() {
    let disk = Disk::default();
    let store = open_world(world(&disk)).unwrap();
    with_history(&store);
    let files = history_files(&disk);
    let snapshot = store.snapshot();
    let mut links = snapshot.chain(Csn(1), Csn(u64::MAX)).unwrap();
    let mut batches = snapshot.history(&HistoryRequest::default()).unwrap();
    assert_eq!(links.next().unwrap().unwrap().csn, 1);
    let gone = forget(&store, ALL).unwrap().expect("it goes as far as the chain tells");
    assert_eq!(history_files(&disk), files, "and the files when nobody reads them");
    assert_eq!(links.by_ref().map(|link| link.unwrap().csn).last(), Some(snapshot.csn().0));
    let rows: usize = batches.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
    assert!(rows > 30, "{rows}");
    drop((links, batches));
    forget(&store, ALL).unwrap();
    assert!(history_files(&disk) < files);
    let first = store.snapshot().chain(Csn(1), Csn(u64::MAX)).unwrap().next().unwrap().unwrap();
    assert!(first.csn > *gone.entries.end());
    drop(store);
    sound(&disk, "after it was read");
}

/// What a crash left of files that went is held from then on, if a hold comes before they go.
#[test]
fn a_hold_holds_what_a_crash_has_left() {
    let disk = Disk::default();
    let store = open_world(world(&disk)).unwrap();
    with_history(&store);
    let newest = store.snapshot().csn();
    disk.record();
    forget(&store, ALL).unwrap().unwrap();
    let images = disk.images();
    drop(store);
    let held =
        |table: &str, key: Option<&Key>| table == "account" && key.is_some_and(|key| **key == *"key20");
    let mut left = 0;
    for image in &images {
        let disk = Disk::after(image, Crash::Killed, 0);
        let store = open_world(world(&disk)).unwrap();
        let request = HistoryRequest { key: Some("key20".into()), ..HistoryRequest::default() };
        let shown = |store: &Store| {
            let batches = store.snapshot().history(&request).unwrap();
            batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>()
        };
        let (was, is_told) = (shown(&store), store.snapshot().csn() > newest);
        store.forget_history(ALL, &held, info()).unwrap();
        assert_eq!(shown(&store), was, "before operation {}", image.operation);
        left += usize::from(was > 0 && is_told);
        drop(store);
        sound(&disk, "with a hold on what was left");
    }
    assert!(left > 0, "no crash left any of it behind the checkpoint");
}
