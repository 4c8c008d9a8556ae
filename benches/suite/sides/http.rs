//! A side that answers POSTs of JSON.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use quarry_benches::answer::{Row, cell, rows_of_json};
use serde_json::Value;

/// An address, and who asks.
pub struct Http {
    agent: ureq::Agent,
    url: String,
    authorization: Option<String>,
}

/// How an answer becomes rows.
#[derive(Clone, Debug)]
pub enum Reading {
    /// The records of an ObjectQL answer, by these names.
    Records(Vec<&'static str>),
    /// Every scalar of a GraphQL answer, in the order asked.
    Data,
}

impl Http {
    /// An address.
    pub fn at(url: String, authorization: Option<String>, limit: Duration) -> Http {
        let agent =
            ureq::Agent::config_builder().timeout_global(Some(limit)).http_status_as_error(false).build();
        Http { agent: agent.into(), url, authorization }
    }

    /// Posts, and reads everything.
    ///
    /// # Errors
    ///
    /// A status that is no success, with what was said.
    pub fn post(&self, body: &str) -> Result<Vec<u8>> {
        let mut request = self.agent.post(&self.url).header("Content-Type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut answer = request.send(body)?;
        let bytes = answer.body_mut().with_config().limit(1 << 30).read_to_vec()?;
        let said =
            || String::from_utf8_lossy(bytes.get(..500.min(bytes.len())).unwrap_or_default()).into_owned();
        ensure!(answer.status().is_success(), "{}: {}", answer.status(), said());
        Ok(bytes)
    }

    /// All rows, as text.
    ///
    /// # Errors
    ///
    /// As [`Self::post`]; an answer with errors.
    pub fn answer(&self, body: &Value, reading: &Reading, parameter: Option<&str>) -> Result<Vec<Row>> {
        let answer: Value = serde_json::from_slice(&self.post(&filled(body, parameter))?)?;
        if let Some(errors) = answer.get("errors") {
            bail!("{errors}");
        }
        match reading {
            Reading::Data => Ok(rows_of_json(answer.get("data").unwrap_or(&Value::Null))),
            Reading::Records(names) => {
                let records = answer.get("records").and_then(Value::as_array);
                let row = |record: &Value| {
                    names.iter().map(|name| field(record, name).and_then(cell)).collect::<Row>()
                };
                Ok(records.into_iter().flatten().map(row).collect())
            }
        }
    }

    /// Microseconds to the last byte.
    ///
    /// # Errors
    ///
    /// As [`Self::post`].
    pub fn time(&self, body: &Value, parameter: Option<&str>) -> Result<f64> {
        let body = filled(body, parameter);
        let begin = Instant::now();
        let bytes = self.post(&body)?;
        let time = begin.elapsed().as_secs_f64() * 1e6;
        // A GraphQL door answers errors with a success.
        ensure!(!bytes.starts_with(b"{\"errors\""), "{}", String::from_utf8_lossy(&bytes));
        Ok(time)
    }
}

/// A field, or one behind a path: as one name, or record in record.
fn field<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    record.get(name).or_else(|| name.split('.').try_fold(record, |record, part| record.get(part)))
}

/// The body with its parameter.
pub fn filled(body: &Value, parameter: Option<&str>) -> String {
    let text = body.to_string();
    match parameter {
        Some(value) => text.replace("\"$p\"", &Value::String(value.to_owned()).to_string()),
        None => text,
    }
}
