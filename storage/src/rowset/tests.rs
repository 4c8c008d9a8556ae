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
