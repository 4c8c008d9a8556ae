//! The list is as it must be to be searched.

use super::*;

#[test]
fn codes_are_found_in_a_sorted_list() {
    assert!(CODES.is_sorted() && CODES.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(CODES.iter().all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())));
    assert!(codes().all(is_currency));
    for no in ["eur", "EURO", "", "XXX", "DEM"] {
        assert!(!is_currency(no), "{no}");
    }
}
