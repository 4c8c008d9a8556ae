//! What is asked of a server, and what its answers mean.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::RefCell;

use super::*;

/// A server that gives one answer and remembers what it was asked.
struct Says(u16, Value, RefCell<Vec<(String, Value)>>);

impl Exchange for Says {
    fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        self.2.borrow_mut().push((path.to_owned(), body.clone()));
        Ok((self.0, self.1.clone()))
    }
}

fn says(status: u16, answer: Value) -> Served<Says> {
    Served(Says(status, answer, RefCell::default()))
}

fn batch() -> Vec<Upsert> {
    let data = Map::from_iter([("product".to_owned(), json!("MG"))]);
    vec![Upsert { object: "item".into(), on: vec!["product".into()], data }]
}

#[test]
fn a_batch_is_one_request() {
    let server =
        says(200, json!({"results": [{"done": "created", "object": "item", "id": "itm_1"}], "csn": 7}));
    let done = server.write(&batch(), true).unwrap();
    assert_eq!((done.written, done.warnings), (vec![Written::Created], Warned::default()));
    let (path, body) = server.0.2.borrow()[0].clone();
    assert_eq!(path, "/api/v1/changes");
    assert_eq!(
        body,
        json!({"changes": [{"op": "upsert", "object": "item", "on": ["product"], "data": {"product": "MG"}}], "dryRun": true, "returning": "ids"})
    );
}

#[test]
fn an_error_says_what_to_do() {
    let error = |code: &str| json!({"error": {"code": code, "message": "no"}});
    let findings = json!({"error": {"code": "VALIDATION_FAILED", "message": "no", "findings": [{"change": 0, "object": "item", "field": "price", "code": "min_value", "message": "too small"}]}});
    let kind = |status: u16, answer: Value| match says(status, answer).write(&batch(), false).unwrap_err() {
        Refusal::Findings(found) => format!("{:?} {}", found[0].change, found[0].code),
        Refusal::Retry(_) => "retry".to_owned(),
        Refusal::TooLarge(_) => "too large".to_owned(),
        Refusal::Failed(error) => error.to_string(),
    };
    assert_eq!(kind(400, findings), "Some(0) min_value");
    assert_eq!(kind(409, error("CONCURRENT_UPDATE")), "retry");
    assert_eq!(kind(503, error("STORE_UNAVAILABLE")), "retry");
    assert_eq!(kind(413, error("BODY_TOO_LARGE")), "too large");
    assert_eq!(kind(401, error("UNAUTHENTICATED")), "no [UNAUTHENTICATED]");
    assert_eq!(kind(200, json!({"results": [{}]})), "the server did not say what it did: {}");
}

#[test]
fn records_are_found_by_their_natural_keys() {
    let server = says(200, json!({"records": [{"id": "itm_1", "product": "MG"}]}));
    let found = server.find(&"item".into(), &"product".into(), &[json!("MG")]).unwrap();
    assert_eq!(found, [("MG".to_owned(), "itm_1".to_owned())]);
    assert_eq!(server.0.2.borrow()[0].1["where"], json!({"product": {"$in": {"$literal": ["MG"]}}}));
}

#[test]
fn warnings_come_with_what_was_written() {
    let finding =
        json!({"change": 0, "object": "item", "field": "price", "code": "HIGH", "message": "it is high"});
    let answer =
        json!({"results": [{"done": "updated"}], "warnings": [finding], "warningsLeftOut": 3, "csn": 7});
    let done = says(200, answer).write(&batch(), false).unwrap();
    assert_eq!(done.warnings.count(), 4);
    let told = &done.warnings.told[0];
    assert_eq!((told.change, told.field.as_deref(), told.code.as_str()), (Some(0), Some("price"), "HIGH"));
}
