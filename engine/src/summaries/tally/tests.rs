//! Averages are rounded half away from zero, whatever the digits.

use super::average;

#[test]
fn averages_are_exact_to_their_digits() {
    for (sum, count, from, to, expected) in [
        (10, 4, 0, 2, 250),
        (10, 3, 0, 4, 33_333),
        (20, 3, 0, 4, 66_667),
        (-20, 3, 0, 4, -66_667),
        (1, 2, 0, 0, 1),
        (-1, 2, 0, 0, -1),
        (1, 3, 0, 0, 0),
        (12_345, 2, 2, 0, 62),
        (12_250, 2, 2, 0, 61),
        (12_350, 1, 2, 1, 1235),
        (i128::MAX, 1, 2, 2, i128::MAX),
    ] {
        assert_eq!(average(sum, count, from, to), Some(expected), "{sum} / {count}, {from} to {to}");
    }
    assert_eq!(average(i128::MAX, 1, 0, 2), None, "too large");
}
