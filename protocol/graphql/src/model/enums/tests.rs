//! Names that stored values get.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use quarry_metadata::{Labels, SelectOption};

use super::EnumType;

fn options(values: &[&str]) -> Vec<SelectOption> {
    let option = |value: &&str| SelectOption {
        value: (*value).into(),
        label: Labels::default(),
        color: None,
        active: true,
        when: Vec::new(),
        visible: None,
    };
    values.iter().map(option).collect()
}

#[test]
fn names_of_values() {
    let names = [
        ("closed_won", "closed_won"),
        ("Closed Won", "Closed_Won"),
        ("3 stars", "_3_stars"),
        ("", "_"),
        ("true", "true_"),
        ("新", "_u65B0"),
        ("__x", "v__x"),
    ];
    for (value, name) in names {
        let values = EnumType::new("E".into(), &options(&[value]));
        assert_eq!(values.name_of(value), Some(name));
        assert_eq!(values.stored(name), Some(value));
        assert_eq!(values.is_plain, value == name);
    }
}

#[test]
fn values_that_would_meet_are_numbered_in_order() {
    let values = EnumType::new("E".into(), &options(&["a b", "a-b", "a_b_2", "a_b"]));
    let names: Vec<&str> = values.values.keys().map(String::as_str).collect();
    assert_eq!(names, ["a_b", "a_b_2", "a_b_2_2", "a_b_3"]);
    assert_eq!(values.stored("a_b_3"), Some("a_b"));
}
