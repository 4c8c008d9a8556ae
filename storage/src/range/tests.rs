//! Ranges of values and of terms say the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ops::{Bound, RangeBounds};

use super::{TermRange, ValueRange, behind_prefix};
use crate::{term::term, value::Value};

impl TermRange {
    fn holds(&self, term: &[u8]) -> bool {
        fn bytes(bound: &Bound<Box<[u8]>>) -> Bound<&[u8]> {
            match bound {
                Bound::Unbounded => Bound::Unbounded,
                Bound::Included(bound) => Bound::Included(bound),
                Bound::Excluded(bound) => Bound::Excluded(bound),
            }
        }
        RangeBounds::<[u8]>::contains(&(bytes(&self.lower), bytes(&self.upper)), term)
    }
}

#[test]
fn terms_of_a_range_are_those_of_its_values_and_doubts_are_at_its_edges() {
    let long = |end: &str| Value::text("m".repeat(1_024) + end);
    let texts =
        [Value::text(""), Value::text("a"), Value::text("m".repeat(1_023)), long(""), long("a"), long("ab")];
    let texts = texts.into_iter().chain([long("b"), Value::text("n"), Value::text("\u{10ffff}")]).collect();
    let numbers = [i64::MIN, -1, 0, 1, i64::MAX].map(Value::Int).to_vec();
    for mut values in [texts, numbers] as [Vec<Value>; 2] {
        let bounds: Vec<Bound<Value>> = values
            .iter()
            .flat_map(|value| [Bound::Included(value.clone()), Bound::Excluded(value.clone())])
            .chain([Bound::Unbounded])
            .collect();
        values.push(Value::Null);
        for (lower, upper) in bounds.iter().flat_map(|lower| bounds.iter().map(move |upper| (lower, upper))) {
            let range = ValueRange { lower: lower.as_ref(), upper: upper.as_ref() };
            let terms = range.terms();
            for value in &values {
                let certain = terms.certain.as_ref().is_some_and(|certain| certain.holds(&term(value)));
                let doubtful = terms.edges.iter().filter(|edge| edge.holds(&term(value))).count();
                let context = format!("{value:?} in {lower:?} to {upper:?}");
                assert!(!certain || range.holds(value), "{context}");
                assert!(!range.holds(value) || certain || doubtful > 0, "{context}");
                assert!(doubtful <= 1 && (!certain || doubtful == 0), "{context}");
            }
        }
    }
}

#[test]
fn what_follows_a_prefix() {
    let cases = [
        ("a", Some("b")),
        ("ab\u{10ffff}", Some("ac")),
        ("\u{d7ff}", Some("\u{e000}")),
        ("", None),
        ("\u{10ffff}", None),
    ];
    for (prefix, wanted) in cases {
        assert_eq!(behind_prefix(prefix).as_deref(), wanted, "{prefix:?}");
    }
}
