//! Terms: order and equality.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::term;
use crate::value::Value;

#[test]
fn terms_are_ordered_as_their_values() {
    let rows: [Vec<Value>; 5] = [
        [i64::MIN, -5, 0, 7, i64::MAX].map(Value::Int).into(),
        [f64::NEG_INFINITY, -2.5, 0.0, 1e-300, 3.5, f64::INFINITY, f64::NAN].map(Value::Float).into(),
        [i128::MIN, -1, 0, 10, i128::MAX].map(Value::Decimal).into(),
        ["", "a", "a b", "ab", "b"].map(Value::text).into(),
        vec![Value::Null, Value::Bool(false), Value::Bool(true)],
    ];
    for row in rows {
        for pair in row.windows(2) {
            assert!(term(&pair[0]) < term(&pair[1]), "{pair:?}");
        }
    }
}

#[test]
fn equal_values_have_equal_terms_and_others_do_not() {
    assert_eq!(term(&Value::Float(-0.0)), term(&Value::Float(0.0)));
    assert_ne!(term(&Value::Null), term(&Value::text("")));
    let long = "x".repeat(2_000);
    assert_eq!(term(&Value::text(long.clone())), term(&Value::text(long.clone())));
    assert_ne!(term(&Value::text(format!("{long}a"))), term(&Value::text(format!("{long}b"))));
    let list = |items: &[&str]| Value::TextList(items.iter().map(|item| (*item).into()).collect());
    assert_ne!(term(&list(&["a", "b"])), term(&list(&["ab"])));
    assert_ne!(term(&list(&["a", ""])), term(&list(&["a"])));
}
