//! Row sets combined.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::RowSet;

fn set(rows: &[(u32, u32)]) -> RowSet {
    let mut set = RowSet::default();
    rows.iter().for_each(|(part, row)| set.insert(*part, *row));
    set
}

#[test]
fn sets_combine_by_part_and_row() {
    let a = set(&[(0, 1), (0, 2), (2, 5)]);
    let b = set(&[(0, 2), (1, 5), (2, 5)]);
    assert_eq!(a.and(&b), set(&[(0, 2), (2, 5)]));
    assert_eq!(a.or(&b), set(&[(0, 1), (0, 2), (1, 5), (2, 5)]));
    assert_eq!(a.minus(&b), set(&[(0, 1)]));
    assert_eq!(a.len(), 3);
    assert!(a.minus(&a).is_empty());
    assert_eq!(a.minus(&a), RowSet::default());
}

#[test]
fn a_set_is_split_in_the_order_of_its_parts() {
    let all = set(&[(0, 1), (0, 7), (2, 5), (2, 6), (2, 9), (3, u32::MAX)]);
    for rows in 0..8 {
        let (first, rest) = all.split(rows);
        assert_eq!(first.len(), all.len().min(rows as u64), "{rows}");
        assert_eq!(first.or(&rest), all, "{rows}");
        assert!(first.and(&rest).is_empty(), "{rows}");
    }
    assert_eq!(all.split(3), (set(&[(0, 1), (0, 7), (2, 5)]), set(&[(2, 6), (2, 9), (3, u32::MAX)])));
}
