//! Numbers of any scale: read, fitted, compared.
#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::{Exact, Misfit};

#[test]
fn texts_become_exact_numbers_or_nothing() {
    let fit = |text: &str| Exact::parse(text).map(|n| n.fit(18, 2));
    for (text, expected) in [
        ("0", Some(Ok(0))),
        ("-0.00", Some(Ok(0))),
        ("12.5", Some(Ok(1250))),
        ("12.5000", Some(Ok(1250))),
        ("-12.345", Some(Err(Misfit::Scale))),
        ("1e6", Some(Ok(100_000_000))),
        ("1.5E-1", Some(Ok(15))),
        (".5", Some(Ok(50))),
        ("0.1", Some(Ok(10))),
        ("9999999999999999.99", Some(Ok(999_999_999_999_999_999))),
        ("10000000000000000", Some(Err(Misfit::Digits))),
        ("1e99", None),
        ("1e101", None),
        ("", None),
        (".", None),
        ("1,000", None),
        ("0x10", None),
        ("NaN", None),
        ("1 ", None),
        ("--1", None),
    ] {
        assert_eq!(fit(text), expected, "{text:?}");
    }
}

#[test]
fn numbers_of_any_scale_compare_by_value() {
    let number = |text| Exact::parse(text).unwrap();
    assert!(number("0.1") < number("0.11"));
    assert!(number("-2") < number("-1.999"));
    assert!(number("99999999999999999999999999999999999999") > number("0.0000000001"));
    assert!(number("-99999999999999999999999999999999999999") < number("0.0000000001"));
    assert_eq!(number("1.50"), number("1.5"));
}
