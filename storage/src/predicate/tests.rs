//! What a predicate holds for is what a look at every row says, and rows of segments are looked at once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{cell::Cell, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray},
    datatypes::Int64Type,
};

use super::{Effort, Fingerprint, Predicate};
use crate::{
    Error, Result, Row, RowSet, ScanRequest, Snapshot, Store, Value, WriteSet,
    tests::support::{account, change, delete, insert, keys, name, open, update},
};

/// The position of a number in the table.
const RANK: usize = 3;

/// Those of the rows whose rank is even, and how many rows were looked at.
fn even(snapshot: &Snapshot, number: u64, rows: Option<&RowSet>, effort: Effort) -> (Option<RowSet>, u64) {
    let looked_at = Cell::new(0);
    let test = |columns: &[ArrayRef], rows: usize| -> Result<BooleanArray> {
        looked_at.set(looked_at.get() + u64::try_from(rows).unwrap());
        let ranks = columns[0].as_primitive::<Int64Type>();
        Ok(ranks.iter().map(|rank| rank.map(|rank| rank % 2 == 0)).collect())
    };
    let predicate = Predicate { number, columns: &[RANK], test: &test };
    let found = snapshot.table("account").unwrap().holding::<Error>(&predicate, rows, effort).unwrap();
    (found, looked_at.get())
}

fn keys_of(snapshot: &Snapshot, rows: RowSet) -> Vec<String> {
    keys(snapshot, "account", ScanRequest { rows: Some(rows), ..ScanRequest::default() })
}

fn row(at: i64) -> Row {
    account(&format!("k{at:03}"), "name", &format!("{at}"), at)
}

fn filled(folder: &Path) -> Arc<Store> {
    let store = open(folder);
    for part in 0..2 {
        insert(&store, "account", (part * 50..part * 50 + 50).map(row).collect()).unwrap();
        store.fold().unwrap();
    }
    store
}

#[test]
fn rows_are_looked_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    insert(&store, "account", vec![row(100), row(101), row(102)]).unwrap();
    let snapshot = store.snapshot();
    let (found, looked_at) = even(&snapshot, 1, None, Effort::ALL);
    assert_eq!((found.unwrap().len(), looked_at), (52, 103));
    let (found, looked_at) = even(&snapshot, 1, None, Effort::ALL);
    assert_eq!((found.unwrap().len(), looked_at), (52, 0));
    // Under another number nothing is known.
    assert_eq!(even(&snapshot, 2, None, Effort::ALL).1, 103);
    // What was written since is in the next state, and not in this one.
    update(&store, "account", account("k000", "name", "0", 1)).unwrap();
    delete(&store, "account", "k002").unwrap();
    insert(&store, "account", vec![row(104)]).unwrap();
    let (found, looked_at) = even(&store.snapshot(), 1, None, Effort::ALL);
    assert_eq!((found.unwrap().len(), looked_at), (51, 2));
    update(&store, "account", account("k101", "name", "101", 8)).unwrap();
    let (found, looked_at) = even(&store.snapshot(), 1, None, Effort::ALL);
    assert_eq!(
        (found.unwrap().len(), looked_at),
        (52, 1),
        "of a key in the delta the new version is looked at"
    );
    assert_eq!(even(&snapshot, 1, None, Effort::ALL).0.unwrap().len(), 52);
}

#[test]
fn of_some_rows_only_what_they_need_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    insert(&store, "account", vec![row(100)]).unwrap();
    let snapshot = store.snapshot();
    let table = snapshot.table("account").unwrap();
    let some = table.lookup("rank", &[60, 61, 62, 100].map(Value::Int)).unwrap();
    let (found, looked_at) = even(&snapshot, 1, Some(&some), Effort::ALL);
    assert_eq!(keys_of(&snapshot, found.unwrap()), ["k060", "k062", "k100"]);
    assert_eq!(looked_at, 17, "the row group that they are in, and the row of the delta");
}

#[test]
fn it_does_not_begin_what_takes_more_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    insert(&store, "account", vec![row(100), row(101)]).unwrap();
    let snapshot = store.snapshot();
    let effort = |segments, others| Effort { segments, others };
    assert_eq!(even(&snapshot, 1, None, effort(1_000, 1)), (None, 0));
    // One segment a time: the second question finds what the first one left.
    assert_eq!(even(&snapshot, 1, None, effort(60, 2)), (None, 50));
    let (found, looked_at) = even(&snapshot, 1, None, effort(60, 2));
    assert_eq!((found.unwrap().len(), looked_at), (51, 52));
    assert_eq!(even(&snapshot, 1, None, effort(0, 2)).0.unwrap().len(), 51);
}

#[test]
fn what_is_known_of_a_delta_is_no_effort() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", (0..20).map(row).collect()).unwrap();
    let snapshot = store.snapshot();
    let none = Effort { segments: 0, others: 0 };
    assert_eq!(even(&snapshot, 1, None, none), (None, 0));
    let some = snapshot.table("account").unwrap().lookup("rank", &[3, 4].map(Value::Int)).unwrap();
    assert_eq!(even(&snapshot, 1, Some(&some), Effort::ALL).1, 2);
    let (found, looked_at) = even(&snapshot, 1, Some(&some), none);
    assert_eq!((keys_of(&snapshot, found.unwrap()), looked_at), (vec!["k004".to_owned()], 0));
    assert_eq!(even(&snapshot, 1, None, Effort { segments: 0, others: 17 }), (None, 0));
    assert_eq!(even(&snapshot, 1, None, Effort { segments: 0, others: 18 }).1, 18);
    // A past state knows as much, and sees less.
    delete(&store, "account", "k004").unwrap();
    assert_eq!(even(&store.snapshot(), 1, None, none).0.unwrap().len(), 9);
    assert_eq!(even(&snapshot, 1, None, none).0.unwrap().len(), 10);
    // What goes for no other reason than room is decided again.
    (2..40).for_each(|number| assert_eq!(even(&snapshot, number, None, Effort::ALL).1, 20));
    assert_eq!(even(&snapshot, 1, None, Effort::ALL).1, 20);
}

#[test]
fn own_writes_hide_what_they_replace() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    even(&store.snapshot(), 1, None, Effort::ALL);
    let mut writes = WriteSet::new(store.snapshot().csn());
    let table = name("account");
    writes.update(&table, row(0), account("k000", "name", "0", 7)).unwrap();
    writes.update(&table, row(1), account("k001", "name", "1", 8)).unwrap();
    writes.delete(&table, row(4)).unwrap();
    writes.insert(&table, row(200)).unwrap();
    let own = store.snapshot().with_writes(&writes);
    let (found, looked_at) = even(&own, 1, None, Effort::ALL);
    let found = keys_of(&own, found.unwrap());
    assert_eq!(found[..3], ["k001", "k002", "k006"]);
    assert_eq!((found.len(), looked_at), (50, 3));
}

#[test]
fn own_writes_hide_versions_of_a_delta_from_who_writes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", (0..4).map(row).collect()).unwrap();
    let mut writes = WriteSet::new(store.snapshot().csn());
    let table = name("account");
    writes.update(&table, row(0), account("k000", "name", "0", 7)).unwrap();
    writes.update(&table, row(1), account("k001", "name", "1", 8)).unwrap();
    let own = store.snapshot().with_writes(&writes);
    // Asked first by who writes, or known before: he does not see what he replaced, and others do.
    for number in [1, 2] {
        if number == 2 {
            even(&store.snapshot(), number, None, Effort::ALL);
        }
        for _ in 0..2 {
            let found = even(&own, number, None, Effort::ALL).0.unwrap();
            assert_eq!((found.len(), keys_of(&own, found)), (2, vec!["k001".into(), "k002".into()]));
        }
        let others = even(&store.snapshot(), number, None, Effort::ALL).0.unwrap();
        assert_eq!(keys_of(&store.snapshot(), others), ["k000", "k002"]);
    }
}

#[test]
fn a_row_without_a_value_is_not_held_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let nothing = Row([Value::text("k002"), Value::text("name"), Value::Null, Value::Null].into());
    change(&store, |writes| writes.insert(&name("account"), nothing)).unwrap();
    insert(&store, "account", vec![row(4)]).unwrap();
    for _ in 0..2 {
        let found = even(&store.snapshot(), 1, None, Effort::ALL).0.unwrap();
        assert_eq!(keys_of(&store.snapshot(), found), ["k004"]);
        store.fold().unwrap();
    }
}

#[test]
fn a_fingerprint_tells_lists_apart_by_all_of_their_texts() {
    let of = |texts: &[&str]| Fingerprint::of(texts.iter().copied());
    assert_eq!(of(&["a", "bc"]), of(&["a", "bc"]));
    for other in [&["ab", "c"][..], &["abc"], &["bc", "a"], &["a", "bc", ""], &["a", "bd"], &[]] {
        assert_ne!(of(&["a", "bc"]), of(other), "{other:?}");
    }
}
