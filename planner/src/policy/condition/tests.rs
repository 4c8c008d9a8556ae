//! What a condition is made of is told apart where the condition would be another.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn given(value: f64) -> Given {
    Given { lists: Vec::new(), values: vec![Exact(Value::Float(value))], day: None, zone: None }
}

#[test]
fn a_zero_below_zero_is_another_value() {
    assert!(given(0.0) != given(-0.0));
    assert!(given(-0.0) == given(-0.0));
    assert!(given(f64::NAN) == given(f64::NAN));
    assert!(given(f64::NAN) != given(-f64::NAN), "one is above all numbers, the other below");
}
