//! Isolation by the names of its anomalies, and what a failing disk does to it.

use super::{
    script::{open_world, world},
    support::*,
};
use crate::{
    ErrorKind, Row, Store, Value, WriteSet,
    tests::simulated::{Disk, Fault},
};

fn ranked(key: &str, rank: i64) -> Row {
    account(key, "", "", rank)
}

fn two(store: &Store) {
    insert(store, "account", vec![ranked("x", 1), ranked("y", 1)]).unwrap();
}

fn set(writes: &mut WriteSet, key: &str, from: i64, to: i64) {
    writes.update(&name("account"), ranked(key, from), ranked(key, to)).unwrap();
}

fn rank(store: &Store, key: &str) -> Value {
    get(&store.snapshot(), "account", key).unwrap().get(3).clone()
}

#[test]
fn no_dirty_write_and_no_lost_update() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    two(&store);
    let base = store.snapshot().csn();
    let (mut first, mut second) = (WriteSet::new(base), WriteSet::new(base));
    set(&mut first, "x", 1, 10);
    set(&mut first, "y", 1, 10);
    set(&mut second, "y", 1, 20);
    set(&mut second, "x", 1, 20);
    store.commit(first, info()).unwrap();
    assert_eq!(store.commit(second, info()).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!((rank(&store, "x"), rank(&store, "y")), (Value::Int(10), Value::Int(10)));
}

#[test]
fn no_dirty_read_and_no_read_skew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    two(&store);
    let snapshot = store.snapshot();
    let read = |key| get(&snapshot, "account", key).unwrap().get(3).clone();
    let x = read("x");
    let mut writes = WriteSet::new(snapshot.csn());
    set(&mut writes, "x", 1, 0);
    set(&mut writes, "y", 1, 2);
    assert_eq!(rank(&store, "x"), Value::Int(1), "what is not committed is not seen");
    store.commit(writes, info()).unwrap();
    assert_eq!((x, read("y")), (Value::Int(1), Value::Int(1)));
    assert_eq!((rank(&store, "x"), rank(&store, "y")), (Value::Int(0), Value::Int(2)));
}

/// Snapshot isolation allows it: two transactions that read both rows and change one each. Named here, so that nobody
/// takes it for a promise.
#[test]
fn write_skew_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    two(&store);
    let base = store.snapshot().csn();
    let (mut first, mut second) = (WriteSet::new(base), WriteSet::new(base));
    set(&mut first, "x", 1, 0);
    set(&mut second, "y", 1, 0);
    store.commit(first, info()).unwrap();
    store.commit(second, info()).unwrap();
    assert_eq!((rank(&store, "x"), rank(&store, "y")), (Value::Int(0), Value::Int(0)));
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_the_next_commit_goes_on() {
    let disk = Disk::default();
    let store = open_world(world(&disk)).unwrap();
    two(&store);
    store.fold().unwrap();
    let before = store.snapshot();
    disk.fail(Some(Fault::NoSync(disk.operations() + 1)));
    let failed = change(&store, |w| {
        w.update(&name("account"), ranked("x", 1), ranked("x", 5))?;
        w.delete(&name("account"), ranked("y", 1))?;
        w.insert(&name("account"), ranked("z", 1))
    });
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Unavailable);
    disk.fail(None);
    let after = store.snapshot();
    assert_eq!(after.csn(), before.csn());
    assert_eq!(all(&after, "account"), [ranked("x", 1), ranked("y", 1)]);
    insert(&store, "account", vec![ranked("z", 2)]).unwrap();
    let wanted = [ranked("x", 1), ranked("y", 1), ranked("z", 2)];
    for _ in 0..2 {
        assert_eq!(all(&store.snapshot(), "account"), wanted);
        assert_eq!(store.snapshot().table("account").unwrap().statistics().rows, 3);
        assert_eq!(found(&store.snapshot(), "account", "rank", Value::Int(1)), ["x", "y"]);
        store.fold().unwrap();
    }
    drop(store);
    assert_eq!(all(&open_world(world(&disk)).unwrap().snapshot(), "account"), wanted);
}
