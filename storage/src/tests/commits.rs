//! What a commit accepts, refuses and keeps.

use std::{sync::mpsc, thread};

use super::support::*;
use crate::{
    Condition, ConditionIs, Error, ErrorKind, IndexSpec, Row, Store, StoreOptions, Value, World, WriteSet,
};

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "Acme", "1", 5), account("b", "Bolt", "2", 6)]).unwrap();
    update(&store, "account", account("a", "Acme Inc", "1", 7)).unwrap();
    delete(&store, "account", "b").unwrap();
    let csn = store.snapshot().csn();
    drop(store);

    let store = open(folder.path());
    assert_eq!(store.snapshot().csn(), csn);
    assert_eq!(all(&store.snapshot(), "account"), [account("a", "Acme Inc", "1", 7)]);
    assert_eq!(store.snapshot().table("account").unwrap().statistics().rows, 1);
}

#[test]
fn the_second_writer_of_a_row_conflicts() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "Acme", "1", 5)]).unwrap();
    let base = store.snapshot().csn();
    let old = account("a", "Acme", "1", 5);
    for fold in [false, true] {
        let mut late = WriteSet::new(base);
        late.update(&name("account"), old.clone(), account("a", "Late", "1", 5)).unwrap();
        let rank = 6 + i64::from(fold);
        update(&store, "account", account("a", "Early", "1", rank)).unwrap();
        if fold {
            store.fold().unwrap();
        }
        let error = store.commit(late, info()).unwrap_err();
        assert!(matches!(error, Error::Conflict { ref key, .. } if key == "a"), "{error}");
        assert_eq!(get(&store.snapshot(), "account", "a"), Some(account("a", "Early", "1", rank)));
    }
}

#[test]
fn keys_are_given_once_and_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "Acme", "1", 5)]).unwrap();
    for _ in 0..2 {
        let twice = insert(&store, "account", vec![account("a", "Again", "9", 1)]).unwrap_err();
        assert!(matches!(twice, Error::DuplicateKey { .. }), "{twice}");
        let nowhere = change(&store, |w| w.delete(&name("account"), account("x", "", "", 0))).unwrap_err();
        assert!(matches!(nowhere, Error::MissingKey { .. }), "{nowhere}");
        store.fold().unwrap();
    }
}

#[test]
fn unique_values_hold_and_may_be_swapped_in_one_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "A", "1", 0), account("b", "B", "2", 0)]).unwrap();
    insert(&store, "account", vec![account("n1", "no code", "", 0), account("n2", "no code", "", 0)])
        .unwrap();
    let (mut one, mut two) = ("1", "2");
    for _ in 0..2 {
        let taken = insert(&store, "account", vec![account("c", "C", "1", 0)]).unwrap_err();
        assert!(
            matches!(taken, Error::UniqueViolation { ref constraint, .. } if constraint == "code_once"),
            "{taken}"
        );
        std::mem::swap(&mut one, &mut two);
        change(&store, |w| {
            let t = name("account");
            w.update(&t, account("a", "A", two, 0), account("a", "A", one, 0))?;
            w.update(&t, account("b", "B", one, 0), account("b", "B", two, 0))
        })
        .unwrap();
        assert_eq!(found(&store.snapshot(), "account", "code", Value::text(one)), ["a"]);
        store.fold().unwrap();
    }
    delete(&store, "account", "a").unwrap();
    insert(&store, "account", vec![account("c", "C", one, 0)]).unwrap();
}

#[test]
fn references_hold_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let nowhere = insert(&store, "contact", vec![contact("c", "a", "")]).unwrap_err();
    assert!(
        matches!(nowhere, Error::ReferenceViolation { ref target_key, .. } if target_key == "a"),
        "{nowhere}"
    );
    change(&store, |w| {
        w.insert(&name("contact"), contact("c", "a", ""))?;
        w.insert(&name("account"), account("a", "A", "1", 0))
    })
    .unwrap();
    for _ in 0..2 {
        let held = delete(&store, "account", "a").unwrap_err();
        assert!(
            matches!(held, Error::StillReferenced { ref column, .. } if column == "account_id"),
            "{held}"
        );
        store.fold().unwrap();
    }
    change(&store, |w| {
        w.delete(&name("account"), account("a", "A", "1", 0))?;
        w.delete(&name("contact"), contact("c", "a", ""))
    })
    .unwrap();
    assert_eq!(all(&store.snapshot(), "account"), []);
}

#[test]
fn rows_of_the_wrong_shape_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let wrong = Row([Value::text("a"), Value::Int(1)].into());
    let error = insert(&store, "account", vec![wrong]).unwrap_err().to_string();
    assert!(error.contains("\"name\""), "{error}");
    let unknown = insert(&store, "acount", vec![account("a", "", "", 0)]).unwrap_err();
    assert!(matches!(unknown, Error::UnknownTable(_)), "{unknown}");
    assert_eq!(store.snapshot().csn().0, 1);
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let second = Store::open(folder.path(), options(), World::seeded(1, 0), &resources());
    assert!(matches!(second.err(), Some(Error::Unavailable(_))));
    store.close().unwrap();
    open(folder.path());
    let after = insert(&store, "account", vec![account("a", "", "", 0)]).unwrap_err();
    assert!(matches!(after, Error::Unavailable(_)), "{after}");
}

#[test]
fn a_row_that_another_deleted_is_a_conflict_wherever_it_lay() {
    for folds in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        insert(&store, "account", vec![account("a", "A", "", 0), account("b", "B", "", 0)]).unwrap();
        if folds > 0 {
            store.fold().unwrap();
        }
        let (before, old) = (store.snapshot(), account("a", "A", "", 0));
        delete(&store, "account", "a").unwrap();
        if folds > 1 {
            store.fold().unwrap();
            store.fold().unwrap();
        }
        for new in [Some(account("a", "new", "", 0)), None] {
            let mut writes = before.writes();
            match new {
                Some(new) => writes.update(&name("account"), old.clone(), new).unwrap(),
                None => writes.delete(&name("account"), old.clone()).unwrap(),
            }
            let error = store.commit(writes, info()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{folds} folds: {error}");
        }
        let missing = change(&store, |writes| writes.delete(&name("account"), account("never", "", "", 0)));
        assert!(matches!(missing, Err(Error::MissingKey { .. })), "{folds} folds: {missing:?}");
    }
}

#[test]
fn a_transaction_past_its_bytes_is_refused_at_the_write_and_may_go_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(folder.path(), StoreOptions { transaction_bytes_max: 20_000, ..options() });
    let table = name("account");
    let mut writes = store.snapshot().writes();
    writes.insert(&table, account("a", "first", "", 0)).unwrap();
    let (mark, bytes) = (writes.savepoint(), writes.bytes());
    let long = "x".repeat(1_000);
    let refused = (0..100).find_map(|n| {
        let old = writes.get("account", &"a".into()).unwrap().unwrap().clone();
        writes.update(&table, old, account("a", &format!("{long}{n}"), "", 0)).err()
    });
    assert!(matches!(refused, Some(Error::Limited { limit: "transaction_bytes_max", .. })), "{refused:?}");
    assert_eq!(writes.len(), 1);
    writes.rollback_to(mark);
    assert_eq!(writes.bytes(), bytes);
    store.commit(writes, info()).unwrap();
    assert_eq!(all(&store.snapshot(), "account"), [account("a", "first", "", 0)]);

    let mut unlimited = WriteSet::new(store.snapshot().csn());
    unlimited.insert(&table, account("b", &long.repeat(30), "", 0)).unwrap();
    let refused = store.commit(unlimited, info()).unwrap_err();
    assert!(matches!(refused, Error::Limited { limit: "transaction_bytes_max", .. }), "{refused}");
}

#[test]
fn constraints_of_several_columns_or_with_a_condition_hold_and_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let once = |name: &str, columns: &[&str], conditions: Vec<Condition>| IndexSpec {
        name: name.into(),
        columns: columns.iter().map(|column| (*column).into()).collect(),
        conditions,
    };
    let of = |is| vec![Condition { column: "rank".into(), is }];
    let mut tables = tables();
    tables[0].unique.push(once("name_in_rank", &["name", "rank"], vec![]));
    tables[0].unique.push(once("first_name", &["name"], of(ConditionIs::Int(1))));
    let mut wrong = tables.clone();
    wrong[0].unique.push(once("wrong", &["name"], of(ConditionIs::Text("x".into()))));
    assert_eq!(store.define_tables(wrong).unwrap_err().kind(), ErrorKind::Invalid);
    store.define_tables(tables.clone()).unwrap();
    let rows = ["a", "b"].map(|key| account(key, "same", "", if key == "a" { 1 } else { 2 }));
    insert(&store, "account", rows.into()).unwrap();
    let check = |store: &Store, context: &str| {
        let row = |name, rank| insert(store, "account", vec![account("c", name, "", rank)]);
        for (text, rank, wanted) in [("same", 2, "name_in_rank"), ("same", 1, "name_in_rank")] {
            let refused = row(text, rank).unwrap_err();
            assert!(
                matches!(&refused, Error::UniqueViolation { constraint, .. } if constraint == wanted),
                "{context}: {refused}"
            );
        }
        row("same", 3).unwrap();
        let refused = update(store, "account", account("c", "same", "", 1)).unwrap_err();
        assert!(matches!(refused, Error::UniqueViolation { .. }), "{context}: {refused}");
        delete(store, "account", "c").unwrap();
    };
    check(&store, "in the delta");
    store.fold().unwrap();
    check(&store, "folded");
    drop(store);
    // The constraints come from the files.
    let store = Store::open(folder.path(), options(), crate::World::seeded(1, 0), &resources()).unwrap();
    assert_eq!(store.snapshot().table("account").unwrap().spec().unique, tables[0].unique);
    check(&store, "reopened");
}

#[test]
fn several_conditions_must_all_be_met_to_count() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).into()).collect();
    let condition = |column: &str, is| Condition { column: column.into(), is };
    let conditions = vec![
        condition("rank", ConditionIs::Int(1)),
        condition("name", ConditionIs::AnyOf(texts(&["a", "b"]))),
        condition("code", ConditionIs::NoneOf(texts(&["x"]))),
    ];
    let mut tables = tables();
    let once = IndexSpec { name: "one_first".into(), columns: vec!["rank".into()], conditions };
    tables[0].unique.push(once);
    let mut wrong = tables.clone();
    wrong[0].unique[1].conditions.push(condition("rank", ConditionIs::AnyOf(texts(&["x"]))));
    assert_eq!(store.define_tables(wrong).unwrap_err().kind(), ErrorKind::Invalid);
    store.define_tables(tables.clone()).unwrap();
    insert(&store, "account", vec![account("first", "a", "1", 1)]).unwrap();
    let check = |store: &Store, context: &str| {
        let none = [("other name", "c", "2", 1), ("no code", "b", "", 1), ("code x", "b", "x", 1)];
        for (why, name, code, rank) in none.into_iter().chain([("other rank", "b", "2", 2)]) {
            insert(store, "account", vec![account("second", name, code, rank)])
                .unwrap_or_else(|error| panic!("{context}: {why}: {error}"));
            let refused = update(store, "account", account("second", "b", "2", 1)).unwrap_err();
            assert!(matches!(refused, Error::UniqueViolation { .. }), "{context}: {why}: {refused}");
            delete(store, "account", "second").unwrap();
        }
        let refused = insert(store, "account", vec![account("second", "b", "2", 1)]).unwrap_err();
        assert!(matches!(refused, Error::UniqueViolation { .. }), "{context}: {refused}");
    };
    check(&store, "in the delta");
    store.fold().unwrap();
    check(&store, "folded");
    drop(store);
    let store = Store::open(folder.path(), options(), crate::World::seeded(1, 0), &resources()).unwrap();
    assert_eq!(store.snapshot().table("account").unwrap().spec().unique, tables[0].unique);
    check(&store, "reopened");
}

/// Threads that wait lead in turn; those who are told have it done by whoever leads.
#[test]
fn who_waits_and_who_is_told_are_committed_together() {
    const ROUNDS: u64 = 60;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for worker in 0..6 {
            let (store, tell) = (&store, tell.clone());
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let key = format!("k{worker}_{round}");
                    let mut writes = store.snapshot().writes();
                    writes.insert(&name("account"), account(&key, "name", &key, 1)).unwrap();
                    if worker % 2 == 0 {
                        tell.send(store.commit(writes, info()).unwrap().csn.0).unwrap();
                        continue;
                    }
                    let tell = tell.clone();
                    store.submit(writes, info(), move |answer| tell.send(answer.unwrap().csn.0).unwrap());
                }
            });
        }
    });
    drop(tell);
    let mut answers: Vec<u64> = told.iter().collect();
    answers.sort_unstable();
    answers.dedup();
    assert_eq!(u64::try_from(answers.len()), Ok(6 * ROUNDS), "each its own answer");
    assert_eq!(answers.last(), Some(&store.snapshot().csn().0));
    let count = store.snapshot().table("account").unwrap().statistics().rows;
    assert_eq!(count, 6 * ROUNDS);
    // What is refused is told too, and nothing is left behind it.
    let mut twice = store.snapshot().writes();
    twice.insert(&name("account"), account("k0_0", "again", "", 1)).unwrap();
    let (tell, told) = mpsc::channel();
    store.submit(twice, info(), move |answer| tell.send(answer).unwrap());
    assert!(matches!(told.recv().unwrap(), Err(Error::DuplicateKey { .. })));
    let (tell, told) = mpsc::channel();
    store.submit(store.snapshot().writes(), info(), move |answer| tell.send(answer).unwrap());
    assert_eq!(told.recv().unwrap().unwrap().csn, store.snapshot().csn(), "nothing to commit");
    store.close().unwrap();
    let mut late = store.snapshot().writes();
    late.insert(&name("account"), account("late", "", "", 1)).unwrap();
    let (tell, told) = mpsc::channel();
    store.submit(late, info(), move |answer| tell.send(answer).unwrap());
    assert!(told.recv().unwrap().is_err(), "closed");
}
