//! Decimals: text, order and digits.

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn text_is_read_exactly_or_not_at_all() {
    for (given, read) in [
        ("12.50", Some("12.5")),
        ("-0.0", Some("0")),
        ("+7", Some("7")),
        ("1e6", Some("1000000")),
        ("2.5E-3", Some("0.0025")),
        (".5", Some("0.5")),
        ("100", Some("100")),
        ("-1200", Some("-1200")),
        ("007", Some("7")),
        ("99999999999999999999999999999999999999", Some("99999999999999999999999999999999999999")),
        ("0.00000000000000000000000000000000000001", Some("0.00000000000000000000000000000000000001")),
        ("999999999999999999999999999999999999999", None),
        ("1e39", None),
        ("1e-39", None),
        ("1e99999999999", None),
        ("", None),
        (".", None),
        ("-", None),
        ("1.2.3", None),
        ("0x10", None),
        ("NaN", None),
    ] {
        assert_eq!(Decimal::parse(given).map(Decimal::text).as_deref(), read, "{given}");
    }
}

#[test]
fn order_is_that_of_numbers() {
    let rising = [
        "-10",
        "-9.5",
        "-0.01",
        "0",
        "0.009",
        "0.01",
        "1",
        "1.5",
        "2",
        "10",
        "99999999999999999999999999999999999999",
    ];
    for (at, lesser) in rising.iter().enumerate() {
        for greater in rising.iter().skip(at + 1) {
            assert!(
                Decimal::parse(lesser).unwrap() < Decimal::parse(greater).unwrap(),
                "{lesser} < {greater}"
            );
        }
    }
}

#[test]
fn digits_are_counted_on_both_sides() {
    for (text, precision, scale, fits) in [
        ("100", 3, 0, true),
        ("1000", 3, 0, false),
        ("99.99", 4, 2, true),
        ("99.999", 4, 2, false),
        ("0.5", 1, 1, true),
        ("1", 1, 1, false),
    ] {
        assert_eq!(Decimal::parse(text).unwrap().fits(precision, scale), fits, "{text}");
    }
}
