//! An engine in this process as a target.

use anyhow::{Context, Result, anyhow};
use futures::StreamExt;
use quarry_engine::{
    Applied, Bulk, Change, Done, Error, ErrorKind, Input, Operation, Outcome, Query, Record, Session,
    Warnings,
};
use quarry_json::{Encoder, Options, Separator};
use quarry_metadata::{FieldName, ObjectName};
use serde_json::Value;
use tokio::runtime::Handle;

use super::{Batch, BulkTarget, Finding, Refusal, Target, Upsert, Warned, Written, pair, question};

/// A session of an engine in this process, and the runtime on which its work runs.
pub struct Embedded {
    /// Who writes.
    pub session: Session,
    /// Where the work runs; calls are made from outside it.
    pub runtime: Handle,
}

impl Target for Embedded {
    fn write(&self, batch: &[Upsert], dry_run: bool) -> Result<Batch, Refusal> {
        let changes = batch.iter().map(change).collect();
        let report = self.runtime.block_on(self.session.change(changes, dry_run)).map_err(refusal)?;
        Ok(batch_of(&report.outcomes, report.warnings))
    }

    fn bulk(&self) -> Option<Box<dyn BulkTarget + '_>> {
        Some(Box::new(EmbeddedBulk { bulk: self.session.bulk(), runtime: &self.runtime }))
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

/// New records on their way into the engine.
struct EmbeddedBulk<'t> {
    bulk: Bulk,
    runtime: &'t Handle,
}

impl BulkTarget for EmbeddedBulk<'_> {
    fn add(&mut self, batch: &[Upsert]) -> Result<Option<Batch>, Refusal> {
        let changes = batch.iter().map(change).collect();
        match self.runtime.block_on(self.bulk.add(changes)) {
            Ok(added) => Ok(added.map(|Applied { outcomes, warnings }| batch_of(&outcomes, warnings))),
            // What was taken before may be lost with it: trying again is for the import as a whole.
            Err(error) if error.kind == ErrorKind::Unavailable => Err(Refusal::Failed(error.into())),
            Err(error) => Err(refusal(error)),
        }
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let committed = self.runtime.block_on(self.bulk.commit());
        committed.map(drop).context("nothing of the file's new records was written; run the import again")
    }
}

fn batch_of(outcomes: &[Outcome], warnings: Warnings) -> Batch {
    let written = outcomes.iter().map(|outcome| match outcome.done {
        Done::Created => Written::Created,
        _ => Written::Updated,
    });
    let Warnings { told, more } = warnings;
    Batch {
        written: written.collect(),
        warnings: Warned { told: told.into_iter().map(finding).collect(), more },
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
        code: finding.code.into_owned(),
        message: finding.message,
    }
}
