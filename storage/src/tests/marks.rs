//! Marks of tables: equal as long as nothing changed in them, and never where that is not known.

use super::support::*;
use crate::{AsOf, Mark, Snapshot};

fn mark(snapshot: &Snapshot) -> Option<Mark> {
    snapshot.mark(&[name("account")])
}

#[test]
fn a_mark_is_another_after_every_change_of_its_tables_and_after_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "Acme", "1", 5), account("b", "Bolt", "2", 5)]).unwrap();
    let mut last = mark(&store.snapshot()).unwrap();
    let mut is_new = |expected: bool, what: &str| {
        let now = mark(&store.snapshot()).unwrap_or_else(|| panic!("no mark after {what}"));
        assert_eq!(now != last, expected, "{what}");
        last = now;
    };
    is_new(false, "nothing");
    insert(&store, "contact", vec![contact("c", "a", "note")]).unwrap();
    is_new(false, "a change of another table");
    update(&store, "account", account("a", "Acme Inc", "1", 5)).unwrap();
    is_new(true, "an update");
    delete(&store, "account", "b").unwrap();
    is_new(true, "a deletion");
    store.fold().unwrap();
    is_new(false, "a fold");
    insert(&store, "account", vec![account("b", "Bolt", "2", 5)]).unwrap();
    is_new(true, "an insertion");
    store.fold().unwrap();
    delete(&store, "account", "b").unwrap();
    is_new(true, "a deletion from a segment");
    let twice = insert(&store, "account", vec![account("a", "Again", "9", 1)]);
    assert!(twice.is_err());
    is_new(false, "a refused change");
    let mut load = store.bulk_load();
    load.add(&name("contact"), contact("d", "a", "note")).unwrap();
    load.commit(info()).unwrap();
    is_new(true, "a load: nothing is told of what is in it");
    let mut more = tables();
    more[0].columns.push(column("more", crate::ColumnType::Int));
    store.define_tables(more).unwrap();
    is_new(true, "another table");
}

#[test]
fn there_is_no_mark_of_what_may_be_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "Acme", "1", 5)]).unwrap();
    let before = store.snapshot();
    assert!(mark(&before).is_some());
    let mut writes = before.writes();
    writes.insert(&name("account"), account("b", "Bolt", "2", 5)).unwrap();
    assert!(mark(&before.with_writes(&writes)).is_none(), "own writes");
    insert(&store, "account", vec![account("c", "Core", "3", 5)]).unwrap();
    assert!(mark(&before).is_none(), "changed since");
    let past = store.snapshot_at(AsOf::Csn(before.csn())).unwrap();
    assert!(mark(&past).is_none(), "a past state");
    assert!(store.snapshot().mark(&[name("nothing")]).is_none(), "no such table");
    drop((before, past));
    let one = mark(&store.snapshot()).unwrap();
    store.close().unwrap();
    drop(store);
    let store = open(folder.path());
    assert_ne!(mark(&store.snapshot()), Some(one), "another store, for all that is known");
}
