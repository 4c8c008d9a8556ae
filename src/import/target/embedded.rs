//! An engine in this process as a target.

use anyhow::{Result, anyhow};
use futures::StreamExt;
use quarry_engine::{Change, Done, Error, ErrorKind, Input, Operation, Query, Record, Session};
use quarry_json::{Encoder, Options, Separator};
use quarry_metadata::{FieldName, ObjectName};
use serde_json::Value;
use tokio::runtime::Handle;

use super::{Finding, Refusal, Target, Upsert, Written, pair, question};

/// A session of an engine in this process, and the runtime on which its work runs.
pub struct Embedded {
    /// Who writes.
    pub session: Session,
    /// Where the work runs; calls are made from outside it.
    pub runtime: Handle,
}

impl Target for Embedded {
    fn write(&self, batch: &[Upsert], dry_run: bool) -> Result<Vec<Written>, Refusal> {
        let changes = batch.iter().map(change).collect();
        let report = self.runtime.block_on(self.session.change(changes, dry_run)).map_err(refusal)?;
        let written = report.outcomes.iter().map(|outcome| match outcome.done {
            Done::Created => Written::Created,
            _ => Written::Updated,
        });
        Ok(written.collect())
    }

    fn find(&self, object: &ObjectName, by: &FieldName, values: &[Value]) -> Result<Vec<(String, String)>> {
        let query = Query::parse(&question(object, by, values)).map_err(Error::from)?;
        self.runtime.block_on(async {
            let mut answer = self.session.query(&query).await?;
            let encoder = Encoder::new(&answer.schema, Options::default())?;
            let mut found = Vec::new();
            while let Some(batch) = answer.batches.next().await {
                let batch = batch.map_err(|error| anyhow!(error))?;
                let mut bytes = Vec::new();
                encoder.encode_rows(&batch, 0..batch.num_rows(), Separator::Newline, &mut bytes)?;
                for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    found.push(pair(&serde_json::from_slice(line)?, by)?);
                }
            }
            Ok(found)
        })
    }
}

fn change(upsert: &Upsert) -> Change {
    let data: Record =
        upsert.data.iter().map(|(field, value)| (field.clone(), Input::Json(value.clone()))).collect();
    let on = upsert.on.iter().map(ToString::to_string).collect();
    Change { object: upsert.object.to_string(), operation: Operation::Upsert { on, data }, if_revision: None }
}

fn refusal(error: Error) -> Refusal {
    match error.kind {
        ErrorKind::Conflict | ErrorKind::Unavailable => Refusal::Retry(error.message),
        ErrorKind::Limited => Refusal::TooLarge(error.message),
        _ if error.findings.is_empty() => Refusal::Failed(error.into()),
        _ => Refusal::Findings(error.findings.into_iter().map(finding).collect()),
    }
}

fn finding(finding: quarry_engine::Finding) -> Finding {
    Finding {
        change: Some(finding.change),
        field: finding.field,
        code: finding.code.to_owned(),
        message: finding.message,
    }
}
