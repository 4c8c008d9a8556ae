//! Rules by themselves; whole packages are compared in `tests/evolution.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::{Value, json};

use super::rules::{Of, Rule, Verdict, judge, rule};
use crate::{Bundle, Registry};

#[test]
fn a_property_that_nobody_thought_about_may_not_change() {
    assert_eq!(rule(Of::Field, "someday"), Rule::Frozen);
    assert_eq!(judge(Rule::Frozen, &json!(1), &json!(2)), Verdict::Other);
}

#[test]
fn every_property_of_the_model_has_a_rule() {
    let files = [
        ("package.yml".to_owned(), "name: core\nversion: 1.0.0".to_owned()),
        ("user.object.yml".to_owned(), "fields: { name: { type: text } }".to_owned()),
    ];
    let bundle = Bundle::of_files("core", &files.into()).unwrap();
    let (registry, _) = Registry::compile(&[bundle]).unwrap();
    let object = registry.get("user").unwrap();
    let keys = |value: Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let frozen = |of: Of, value: Value| -> Vec<String> {
        keys(value).into_iter().filter(|key| rule(of, key) == Rule::Frozen).collect()
    };
    assert_eq!(
        frozen(Of::Field, serde_json::to_value(object.field("name")).unwrap()),
        ["depends_on", "system"]
    );
    assert_eq!(frozen(Of::Object, serde_json::to_value(object).unwrap()), ["package", "id_prefix"]);
}

#[test]
fn limits_may_only_become_wider() {
    let cases = [
        (Rule::Most, json!(5), json!(6), Verdict::Wider),
        (Rule::Most, json!(5), json!(4), Verdict::Narrower),
        (Rule::Most, json!(null), json!(4), Verdict::Narrower),
        (Rule::Most, json!(4), json!(null), Verdict::Wider),
        (Rule::Most, json!("10"), json!("9.5"), Verdict::Narrower),
        (Rule::Least, json!("-1"), json!("-2"), Verdict::Wider),
        (Rule::Least, json!(null), json!("0"), Verdict::Narrower),
        (Rule::Grows, json!(12), json!(14), Verdict::Wider),
        (Rule::Grows, json!(12), json!(11), Verdict::Narrower),
        (Rule::TextFormat, json!("Email"), json!("Text"), Verdict::Wider),
        (Rule::TextFormat, json!("Text"), json!("Email"), Verdict::Other),
        (Rule::TextFormat, json!("Q-{000}"), json!("Q-{0000}"), Verdict::Wider),
        (Rule::TextFormat, json!("Q-{000}"), json!("R-{0000}"), Verdict::Other),
        (Rule::OnDelete, json!("Restrict"), json!("SetNull"), Verdict::Wider),
        (Rule::OnDelete, json!("SetNull"), json!("Cascade"), Verdict::Other),
        (Rule::OnDelete, json!("SetNull"), json!("Restrict"), Verdict::Narrower),
    ];
    for (rule, old, new, verdict) in cases {
        assert_eq!(judge(rule, &old, &new), verdict, "{rule:?}: {old} to {new}");
    }
}
