//! A running server as a target, over its HTTP door.

use anyhow::{Context, Result, anyhow};
use quarry_metadata::{FieldName, ObjectName};
use serde_json::{Map, Value, json};

use super::{Batch, Finding, Refusal, Target, Upsert, Warned, Written, pair, question};

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
    fn write(&self, batch: &[Upsert], dry_run: bool) -> Result<Batch, Refusal> {
        let changes: Vec<Value> = batch.iter().map(Upsert::to_json).collect();
        let body = json!({ "changes": changes, "dryRun": dry_run, "returning": "ids" });
        let (status, answer) = self.0.post("/api/v1/changes", &body).map_err(Refusal::Failed)?;
        if status >= 300 {
            return Err(refusal(status, &answer));
        }
        let results = answer.get("results").and_then(Value::as_array);
        let results =
            results.ok_or_else(|| Refusal::Failed(anyhow!("the server's answer has no results")))?;
        let written = results.iter().map(written).collect::<Result<_, _>>()?;
        let told = answer.get("warnings").and_then(Value::as_array).into_iter().flatten();
        let more = answer.get("warningsLeftOut").and_then(Value::as_u64).unwrap_or(0);
        Ok(Batch { written, warnings: Warned { told: told.map(finding).collect(), more } })
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
mod tests;
