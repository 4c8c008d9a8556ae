//! Every access path tells the same, at any time.

use std::ops::Bound;

use super::support::*;
use crate::{BoundIs, ColumnBound, First, Order, RowSet, ScanRequest, StoreOptions, Ties, Value, WriteSet};

#[test]
fn a_snapshot_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "Acme", "1", 5), account("b", "Bolt", "2", 5)]).unwrap();
    let before = store.snapshot();
    update(&store, "account", account("a", "Other", "1", 6)).unwrap();
    delete(&store, "account", "b").unwrap();
    store.fold().unwrap();
    insert(&store, "account", vec![account("c", "Core", "3", 5)]).unwrap();
    let now = store.snapshot();

    assert_eq!(all(&before, "account"), [account("a", "Acme", "1", 5), account("b", "Bolt", "2", 5)]);
    assert_eq!(get(&before, "account", "b"), Some(account("b", "Bolt", "2", 5)));
    assert_eq!(found(&before, "account", "rank", Value::Int(5)), ["a", "b"]);
    assert_eq!(before.table("account").unwrap().statistics().rows, 2);

    assert_eq!(all(&now, "account"), [account("a", "Other", "1", 6), account("c", "Core", "3", 5)]);
    assert_eq!(get(&now, "account", "b"), None);
    assert_eq!(found(&now, "account", "rank", Value::Int(5)), ["c"]);
    assert_eq!(now.table("account").unwrap().statistics().rows, 2);
}

#[test]
fn the_first_rows_by_an_index_are_read_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let row =
        |at: i64| account(&format!("key{at:04}"), "name", &format!("code{:04}", at * 7 % 1_000), at / 4);
    for part in 0..2 {
        insert(&store, "account", (part * 500..part * 500 + 500).map(row).collect()).unwrap();
        store.fold().unwrap();
    }
    for at in [0, 1, 998, 999] {
        delete(&store, "account", &format!("key{at:04}")).unwrap();
    }
    insert(&store, "account", vec![account("newest", "name", "", 500)]).unwrap();
    let snapshot = store.snapshot();
    let table = snapshot.table("account").unwrap();
    let of = |first: First, some: Option<RowSet>| {
        keys(&snapshot, "account", ScanRequest { first: Some(first), rows: some, ..Default::default() })
    };
    let first = |column, is_descending, nulls_first, some: Option<RowSet>| {
        of(First { column, order: Order { is_descending, nulls_first }, rows: 3, ties: None }, some)
    };
    // Of all segments and what is not folded, three.
    assert_eq!(first(0, false, false, None), ["key0002", "key0003", "key0004"]);
    assert_eq!(first(0, true, true, None), ["key0996", "key0997", "newest"]);
    // By rank four rows are equal, and all of them come.
    assert_eq!(first(3, true, true, None), ["key0996", "key0997", "newest"]);
    assert_eq!(
        first(3, false, false, None),
        ["key0002", "key0003", "key0004", "key0005", "key0006", "key0007"]
    );
    // Unless their keys say which of them do.
    let by_rank = |ties| {
        let order = Order { is_descending: false, nulls_first: false };
        of(First { column: 3, order, rows: 3, ties: Some(ties) }, None)
    };
    assert_eq!(by_rank(Ties::Ascending), ["key0002", "key0003", "key0004"]);
    assert_eq!(by_rank(Ties::Descending), ["key0002", "key0003", "key0007"]);
    // Of a unique column the nulls come first or last.
    let by_code = first(2, false, true, None);
    assert!(by_code.contains(&"newest".to_string()) && by_code.len() == 3, "{by_code:?}");
    assert!(!first(2, false, false, None).contains(&"newest".to_string()));
    // Of some rows.
    let some =
        table.range("id", Bound::Included(&text("key0100")), Bound::Excluded(&text("key0200"))).unwrap();
    assert_eq!(first(0, false, false, Some(some.clone())), ["key0100", "key0101", "key0102"]);
    assert_eq!(first(3, false, false, Some(some)), ["key0100", "key0101", "key0102", "key0103"]);

    let order = Order { is_descending: false, nulls_first: false };
    let no_index = First { column: 1, order, rows: 1, ties: None };
    let error = table.scan(ScanRequest { first: Some(no_index), ..Default::default() }).err().unwrap();
    assert!(error.to_string().contains("\"name\""), "{error}");
}

#[test]
fn own_writes_are_seen_on_every_path_and_by_no_one_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "A", "1", 5), account("b", "B", "2", 5)]).unwrap();
    for _ in 0..2 {
        let snapshot = store.snapshot();
        let mut writes = WriteSet::new(snapshot.csn());
        let table = name("account");
        writes.update(&table, account("a", "A", "1", 5), account("a", "A", "1", 9)).unwrap();
        let mark = writes.savepoint();
        writes.delete(&table, account("b", "B", "2", 5)).unwrap();
        writes.insert(&table, account("c", "C", "3", 5)).unwrap();

        let own = snapshot.with_writes(&writes);
        assert_eq!(all(&own, "account"), [account("a", "A", "1", 9), account("c", "C", "3", 5)]);
        assert_eq!(get(&own, "account", "b"), None);
        assert_eq!(found(&own, "account", "rank", Value::Int(5)), ["c"]);
        assert_eq!(found(&own, "account", "rank", Value::Int(9)), ["a"]);
        assert_eq!(own.table("account").unwrap().statistics().rows, 2);
        let wanted = ["a", "b", "c"].map(Into::into);
        let rows = own.table("account").unwrap().keys(&wanted).unwrap();
        assert_eq!(keys(&own, "account", ScanRequest { rows: Some(rows), ..Default::default() }), ["a", "c"]);

        writes.rollback_to(mark);
        let own = snapshot.with_writes(&writes);
        assert_eq!(all(&own, "account"), [account("a", "A", "1", 9), account("b", "B", "2", 5)]);
        assert_eq!(all(&store.snapshot(), "account").len(), 2);
        assert_eq!(found(&snapshot, "account", "rank", Value::Int(5)), ["a", "b"]);
        store.fold().unwrap();
    }
}

#[test]
fn a_scan_gives_what_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let rows = (0..100).map(|n| account(&format!("k{n:03}"), "N", "", n % 10));
    insert(&store, "account", rows.collect()).unwrap();
    for _ in 0..2 {
        let table = store.snapshot().table("account").unwrap();
        let count = |request: ScanRequest| -> usize {
            let parts = table.scan(request).unwrap();
            parts.into_iter().flatten().map(|batch| batch.unwrap().num_rows()).sum()
        };
        assert_eq!(count(ScanRequest { projection: Some(vec![]), ..Default::default() }), 100);
        let three = table.lookup("rank", &[Value::Int(3), Value::Int(4)]).unwrap();
        assert_eq!(three.len(), 20);
        assert_eq!(count(ScanRequest { rows: Some(three.clone()), ..Default::default() }), 20);
        assert_eq!(count(ScanRequest { rows: Some(three), limit: Some(7), ..Default::default() }), 7);
        let parts = table.scan(ScanRequest { batch_rows: 9, ..Default::default() }).unwrap();
        assert!(parts.into_iter().flatten().all(|batch| batch.unwrap().num_rows() <= 9));
        assert!(table.scan(ScanRequest { projection: Some(vec![4]), ..Default::default() }).is_err());
        assert!(table.lookup("name", &[Value::Null]).is_err());
        assert!(table.range("name", Bound::Unbounded, Bound::Unbounded).is_err());
        assert!(table.range("rank", Bound::Included(&Value::text("3")), Bound::Unbounded).is_err());
        for (column, is) in [(3, BoundIs::In(vec![Value::text("3")])), (9, BoundIs::Null)] {
            let bounds = vec![ColumnBound { column, is }];
            assert!(table.scan(ScanRequest { bounds, ..Default::default() }).is_err());
        }
        store.fold().unwrap();
    }
}

#[test]
fn a_scan_leaves_out_row_groups_and_pages_that_can_not_match() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(folder.path(), StoreOptions { row_group_rows: 5_000, ..options() });
    let row = |n: i64| account(&format!("k{n:05}"), &format!("name {:05}", n / 10), "", n);
    insert(&store, "account", (0..12_000).map(row).collect()).unwrap();
    store.fold().unwrap();
    let table = store.snapshot().table("account").unwrap();
    let given = |column, is| {
        let bounds = vec![ColumnBound { column, is }];
        let request = ScanRequest { bounds, projection: Some(vec![0]), ..ScanRequest::default() };
        let mut keys = keys_of(table.scan(request).unwrap());
        keys.sort();
        keys
    };
    let from = |from, to| BoundIs::Between(Bound::Included(from), Bound::Excluded(to));
    // Rank 7,100 lies in the second page of the second row group.
    let one_page = given(3, from(Value::Int(7_100), Value::Int(7_110)));
    assert_eq!((one_page.len(), one_page[0].as_str()), (2_048, "k07048"));
    let names = given(1, BoundIs::In(vec![Value::text("name 01050")]));
    assert_eq!((names.len(), names[0].as_str()), (2_000, "k10000"));
    assert_eq!(given(3, BoundIs::Null).len(), 0);
    assert_eq!(given(2, BoundIs::NotNull).len(), 0);
    assert_eq!(given(2, BoundIs::Null).len(), 12_000);
    assert_eq!(given(3, from(Value::Int(12_000), Value::Int(99_000))).len(), 0);
    // Rows of a delta that can't match are left out too.
    insert(&store, "account", vec![account("z", "z", "", -5)]).unwrap();
    let table = store.snapshot().table("account").unwrap();
    let bounds = vec![ColumnBound { column: 3, is: from(Value::Int(-9), Value::Int(0)) }];
    let request = ScanRequest { bounds, projection: Some(vec![0]), ..ScanRequest::default() };
    assert_eq!(keys_of(table.scan(request).unwrap()), ["z"]);
    let known = table.column_statistics(&[0, 2, 3]).unwrap();
    assert_eq!(known[2].min, Some(Value::Int(-5)));
    assert_eq!((known[1].nulls, known[0].distinct), (Some(12_001), Some(12_001)));
    assert!(known.iter().all(|known| !known.exact));
}

#[test]
fn what_many_rows_have_is_found_again_as_it_is_then() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(folder.path(), StoreOptions { row_group_rows: 4_096, ..options() });
    let row = |at: i64| account(&format!("key{at:05}"), "name", &format!("code{at}"), at % 2);
    insert(&store, "account", (0..10_000).map(row).collect()).unwrap();
    store.fold().unwrap();
    let count = |rank: i64| {
        let table = store.snapshot().table("account").unwrap();
        table.lookup("rank", &[Value::Int(rank)]).unwrap().len()
    };
    for _ in 0..2 {
        assert_eq!((count(0), count(1), count(2)), (5_000, 5_000, 0));
    }
    let before = store.snapshot();
    delete(&store, "account", "key00000").unwrap();
    update(&store, "account", account("key00002", "name", "code2", 1)).unwrap();
    for _ in 0..2 {
        assert_eq!((count(0), count(1)), (4_998, 5_001));
    }
    store.fold().unwrap();
    for _ in 0..2 {
        assert_eq!((count(0), count(1)), (4_998, 5_001));
    }
    let old = before.table("account").unwrap();
    assert_eq!(old.lookup("rank", &[Value::Int(0)]).unwrap().len(), 5_000);
    let both = old.lookup("rank", &[Value::Int(0), Value::Int(1)]).unwrap();
    assert_eq!(both.len(), 10_000);
}
