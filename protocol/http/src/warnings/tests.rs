//! What stands in a header can be read back, and is bounded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use axum::http::HeaderMap;
use quarry_engine::{Finding, Warnings};
use serde_json::Value;

use super::in_headers;

fn warnings(texts: &[String], more: u64) -> Warnings {
    let finding = |text: &String| Finding {
        change: 0,
        object: "parcel".to_owned(),
        id: None,
        field: None,
        code: "HEAVY".into(),
        message: text.clone(),
        constraint: None,
    };
    Warnings { told: texts.iter().map(finding).collect(), more }
}

fn told(warnings: &Warnings) -> (Vec<String>, u64) {
    let mut headers = HeaderMap::new();
    in_headers(warnings, &mut headers);
    let Some(list) = headers.get("x-quarry-warnings") else { return (Vec::new(), 0) };
    let list: Vec<Value> = serde_json::from_slice(list.as_bytes()).unwrap();
    let left_out = headers.get("x-quarry-warnings-left-out").map_or("0", |count| count.to_str().unwrap());
    let messages = list.iter().map(|finding| finding["message"].as_str().unwrap().to_owned());
    (messages.collect(), left_out.parse().unwrap())
}

#[test]
fn any_text_survives_a_header() {
    let texts = ["„schwer“: 5 kg – 重い 🏋", "line\nbreak \"quoted\" \u{7f}"].map(str::to_owned);
    assert_eq!(told(&warnings(&texts, 0)), (texts.to_vec(), 0));
    assert_eq!(told(&Warnings::default()), (Vec::new(), 0));
}

#[test]
fn what_does_not_fit_is_counted() {
    let texts: Vec<String> = (0..100).map(|number| format!("{number}{}", "ü".repeat(100))).collect();
    let (messages, left_out) = told(&warnings(&texts, 7));
    assert!(!messages.is_empty() && messages.len() < 10, "{}", messages.len());
    assert_eq!(messages, texts[..messages.len()]);
    assert_eq!(left_out, 107 - u64::try_from(messages.len()).unwrap());
}
