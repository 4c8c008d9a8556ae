//! Draws fall as they are weighted.

use super::*;

#[test]
fn two_digits_matter() {
    assert_eq!([0.0, 7.9, 42.0, 431.0, 28_431.0].map(rounded), [1, 7, 42, 430, 28_000]);
}

#[test]
fn weights_are_kept_and_nothing_of_no_weight_is_drawn() {
    let mut counts = [0_u32; 3];
    for number in 0..1_000 {
        counts[Draw::of(7, "test", number).weighted(&[(0_usize, 90), (1, 10), (2, 0)])] += 1;
    }
    assert!(counts[0] > 850 && counts[1] > 60 && counts[2] == 0, "{counts:?}");
}
