//! What merging costs over a long time, and what it leaves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::{
    StoreOptions,
    tests::support::{self, account, delete, found, get, insert, open, open_with, options, update},
};

/// A table that gets segments of these sizes, one after the other, and is merged as [`choose`] would: rows that were
/// written again, by rows that came, and the most small segments there were.
fn grown(sizes: impl Iterator<Item = u64>) -> (f64, usize) {
    let (mut parts, mut came, mut again, mut most) = (Vec::new(), 0, 0, 0);
    for size in sizes {
        came += size;
        parts.push(size);
        let small = || parts.iter().copied().enumerate().filter(|(_, rows)| *rows < rows_max() / 2);
        if small().count() > SMALL_MAX {
            let chosen = alike(small().map(|(at, rows)| (rows, at)).collect());
            let rows = chosen.iter().map(|at| parts[*at]).sum();
            assert!(chosen.len() > 1 && rows <= rows_max(), "{chosen:?} of {parts:?}");
            again += rows;
            parts = (0..parts.len()).filter(|at| !chosen.contains(at)).map(|at| parts[at]).collect();
            parts.push(rows);
        }
        most = most.max(parts.iter().filter(|rows| **rows < rows_max() / 2).count());
    }
    (again as f64 / came as f64, most)
}

#[test]
fn a_row_is_written_a_few_times_however_many_segments_come() {
    let large_and_small = |at: u64| if at.is_multiple_of(50) { 400_000 } else { 1 + at % 7_000 };
    for (what, sizes) in [
        ("small ones", vec![500; 10_000]),
        ("folds of updates", vec![26_000; 400]),
        ("large ones", vec![300_000; 50]),
        ("larger ones all the time", (1..2_000).map(|at| at * 100).collect()),
        ("smaller ones all the time", (1..2_000).rev().map(|at| at * 100).collect()),
        ("a large one now and then", (0..3_000).map(large_and_small).collect()),
    ] {
        let (again, most) = grown(sizes.into_iter());
        assert!(again < 8.0, "{what}: each row was written {again} times again");
        assert!(most <= SMALL_MAX, "{what}: there were {most} small segments");
    }
}

#[test]
fn segments_that_are_deleted_for_the_most_part_make_one_that_is_not_too_large() {
    let half = rows_max() / 2;
    assert_eq!(together(vec![(half, 3), (half - 1, 4), (2, 5)]), [3, 4]);
    assert_eq!(together(vec![(0, 7)]), [7]);
}

#[test]
fn a_fold_in_the_midst_of_a_merge_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |n: i64, name: &str| account(&format!("k{n:03}"), name, &format!("c{n}"), n % 7);
    let store = open_with(folder.path(), options());
    for round in 0..5 {
        let rows = (round * 20..round * 20 + 20).map(|n| at(n, "first"));
        insert(&store, "account", rows.collect()).unwrap();
        store.fold().unwrap();
    }
    drop(store);
    // Whatever is committed wants to be folded, and the lock for folding keeps all from it but the merge.
    let store = open_with(folder.path(), StoreOptions { delta_bytes_target: 1, ..options() });
    let inner = &store.inner;
    {
        let _folding = inner.folding.lock();
        let state = inner.published().state;
        let table = state.catalog.must_get("account").unwrap();
        let parts = state.segments.get(&table.id).unwrap();
        for n in (0..100).step_by(3) {
            update(&store, "account", at(n, "second")).unwrap();
        }
        for n in (0..100).step_by(5) {
            delete(&store, "account", &format!("k{n:03}")).unwrap();
        }
        insert(&store, "account", vec![at(200, "new")]).unwrap();
        merge(inner, table, parts, &[0, 1, 3, 4]).unwrap();
        assert_eq!(inner.published().state.newest_bytes(), 0, "it was not folded in the midst");
    }
    update(&store, "account", at(1, "last")).unwrap();
    let name = |n: i64| {
        if n == 1 {
            "last"
        } else if n % 3 == 0 {
            "second"
        } else {
            "first"
        }
    };
    let mut wanted: Vec<_> = (0..100).filter(|n| n % 5 != 0).map(|n| at(n, name(n))).collect();
    wanted.push(at(200, "new"));
    assert_eq!(support::all(&store.snapshot(), "account"), wanted);
    drop(store);
    let store = open(folder.path());
    assert_eq!(support::all(&store.snapshot(), "account"), wanted);
    assert_eq!(found(&store.snapshot(), "account", "code", crate::Value::text("c7")), ["k007"]);
    assert_eq!(get(&store.snapshot(), "account", "k010"), None);
}
