//! A running server as a target, over its HTTP door.

use anyhow::{Context, Result, anyhow};
use quarry_metadata::{FieldName, ObjectName};
use serde_json::{Map, Value, json};

use super::{Finding, Refusal, Target, Upsert, Written, pair, question};

/// Sends requests to a server as someone it knows.
pub trait Exchange {
    /// Sends JSON; returns the status and the JSON of the answer, whatever the status is.
    ///
    /// # Errors
    ///
    /// When the server can't be reached, or answers with something else than JSON.
    fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)>;
}

/// A running server.
pub struct Served<E>(pub E);

impl<E: Exchange> Target for Served<E> {
    fn write(&self, batch: &[Upsert], dry_run: bool) -> Result<Vec<Written>, Refusal> {
        let changes: Vec<Value> = batch.iter().map(Upsert::to_json).collect();
        let body = json!({ "changes": changes, "dryRun": dry_run, "returning": "ids" });
        let (status, answer) = self.0.post("/api/v1/changes", &body).map_err(Refusal::Failed)?;
        if status >= 300 {
            return Err(refusal(status, &answer));
        }
        let results = answer.get("results").and_then(Value::as_array);
        let results =
            results.ok_or_else(|| Refusal::Failed(anyhow!("the server's answer has no results")))?;
        results.iter().map(written).collect()
    }

    fn find(&self, object: &ObjectName, by: &FieldName, values: &[Value]) -> Result<Vec<(String, String)>> {
        let (status, answer) = self.0.post("/api/v1/query", &question(object, by, values))?;
        if status >= 300 {
            return Err(anyhow!("the server was asked for {object} by {by}: {}", told(status, &answer)));
        }
        let records =
            answer.get("records").and_then(Value::as_array).context("the server's answer has no records")?;
        let empty = Map::new();
        records.iter().map(|record| pair(record.as_object().unwrap_or(&empty), by)).collect()
    }
}

fn written(result: &Value) -> Result<Written, Refusal> {
    match result.get("done").and_then(Value::as_str) {
        Some("created") => Ok(Written::Created),
        Some("updated") => Ok(Written::Updated),
        _ => Err(Refusal::Failed(anyhow!("the server did not say what it did: {result}"))),
    }
}

/// What a refusal means by its status, as the HTTP door's table has it; findings say more than the status.
fn refusal(status: u16, answer: &Value) -> Refusal {
    let code = answer.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
    let findings = answer.pointer("/error/findings").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match status {
        _ if code == "CONCURRENT_UPDATE" => Refusal::Retry(told(status, answer)),
        _ if !findings.is_empty() => Refusal::Findings(findings.iter().map(finding).collect()),
        408 | 409 | 429 | 503 => Refusal::Retry(told(status, answer)),
        413 | 422 => Refusal::TooLarge(told(status, answer)),
        _ => Refusal::Failed(anyhow!(told(status, answer))),
    }
}

fn finding(finding: &Value) -> Finding {
    let text = |key: &str| finding.get(key).and_then(Value::as_str).map(str::to_owned);
    let change = finding.get("change").and_then(Value::as_u64);
    Finding {
        change: change.and_then(|change| usize::try_from(change).ok()),
        field: text("field"),
        code: text("code").unwrap_or_else(|| "refused".to_owned()),
        message: text("message").unwrap_or_default(),
    }
}

fn told(status: u16, answer: &Value) -> String {
    let text = |path: &str| answer.pointer(path).and_then(Value::as_str);
    match (text("/error/message"), text("/error/code")) {
        (Some(message), Some(code)) => format!("{message} [{code}]"),
        _ => format!("the server answered {status}"),
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(server.write(&batch(), true).unwrap(), [Written::Created]);
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
        let kind = |status: u16, answer: Value| match says(status, answer).write(&batch(), false).unwrap_err()
        {
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
}
