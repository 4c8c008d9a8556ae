//! Where an import (and the demo) writes: an engine in this process, or a running server.

mod embedded;
mod served;

use std::{cell::RefCell, fmt};

use anyhow::{Context, Result};
use quarry_metadata::{FieldName, ObjectName};
use serde_json::{Map, Value, json};

pub use embedded::Embedded;
pub use served::{Exchange, Served};

/// One record to create, or to update when a record has the same values in `on`.
#[derive(Clone, Debug, PartialEq)]
pub struct Upsert {
    /// Its object.
    pub object: ObjectName,
    /// The fields that tell it from all others: an external key, or `id`.
    pub on: Vec<FieldName>,
    /// Its values by field; a null empties the field.
    pub data: Map<String, Value>,
}

impl Upsert {
    /// As `POST /api/v1/changes` takes it.
    pub fn to_json(&self) -> Value {
        let on: Vec<_> = self.on.iter().map(FieldName::as_str).collect();
        json!({ "op": "upsert", "object": self.object.as_str(), "on": on, "data": self.data })
    }
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is new.
    Created,
    /// It was there.
    Updated,
}

/// A finding about one record of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which record, from 0; none when it is about the batch.
    pub change: Option<usize>,
    /// Which field; none when it is about the record.
    pub field: Option<String>,
    /// A stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Findings that stood in the way of nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warned {
    /// Those that were told.
    pub told: Vec<Finding>,
    /// How many more there are.
    pub more: u64,
}

impl Warned {
    /// How many there are.
    pub fn count(&self) -> u64 {
        u64::try_from(self.told.len()).unwrap_or(u64::MAX).saturating_add(self.more)
    }
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// One entry per record, in order.
    pub written: Vec<Written>,
    /// What was found beside.
    pub warnings: Warned,
}

/// Why a batch was not written. Nothing of it was kept.
#[derive(Debug)]
pub enum Refusal {
    /// Some of its records are wrong.
    Findings(Vec<Finding>),
    /// The same batch may pass in a moment.
    Retry(String),
    /// The same records may pass in smaller batches.
    TooLarge(String),
    /// No batch will pass.
    Failed(anyhow::Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings(findings) => {
                let first = findings.first().map_or("no reason given", |finding| finding.message.as_str());
                write!(f, "{} findings, first: {first}", findings.len())
            }
            Self::Retry(message) | Self::TooLarge(message) => f.write_str(message),
            Self::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

/// Where records are written. Calls block, and are made outside async tasks.
pub trait Target {
    /// Writes a batch as one transaction. A dry run checks all and keeps nothing.
    ///
    /// # Errors
    ///
    /// Why nothing of it was kept.
    fn write(&self, batch: &[Upsert], dry_run: bool) -> Result<Batch, Refusal>;

    /// Takes many new records that are to be written at once; none where the target has no such way.
    fn bulk(&self) -> Option<Box<dyn BulkTarget + '_>> {
        None
    }

    /// The records of `object` whose field `by` has one of `values`: that value as text and the record's id, a pair per
    /// record.
    ///
    /// # Errors
    ///
    /// When the question can't be answered.
    fn find(&self, object: &ObjectName, by: &FieldName, values: &[Value]) -> Result<Vec<(String, String)>>;
}

/// New records that are written at once.
pub trait BulkTarget {
    /// Takes a batch, checked like any other; none when it is not of new records alone, and has to be written by itself.
    ///
    /// # Errors
    ///
    /// Why nothing of it was taken.
    fn add(&mut self, batch: &[Upsert]) -> Result<Option<Batch>, Refusal>;

    /// Writes all that was taken.
    ///
    /// # Errors
    ///
    /// When nothing of it was written.
    fn commit(self: Box<Self>) -> Result<()>;
}

/// A target whose new records are written at once.
pub struct AtOnce<'t> {
    target: &'t dyn Target,
    bulk: RefCell<Box<dyn BulkTarget + 't>>,
}

impl<'t> AtOnce<'t> {
    /// Over a target that has such a way.
    pub fn over(target: &'t dyn Target) -> Option<Self> {
        Some(Self { target, bulk: RefCell::new(target.bulk()?) })
    }

    /// Writes them.
    ///
    /// # Errors
    ///
    /// When nothing of them was written.
    pub fn commit(self) -> Result<()> {
        self.bulk.into_inner().commit()
    }
}

impl Target for AtOnce<'_> {
    fn write(&self, batch: &[Upsert], dry_run: bool) -> Result<Batch, Refusal> {
        if !dry_run && let Some(taken) = self.bulk.borrow_mut().add(batch)? {
            return Ok(taken);
        }
        self.target.write(batch, dry_run)
    }

    fn find(&self, object: &ObjectName, by: &FieldName, values: &[Value]) -> Result<Vec<(String, String)>> {
        self.target.find(object, by, values)
    }
}

/// The question that [`Target::find`] asks, in ObjectQL.
pub fn question(object: &ObjectName, by: &FieldName, values: &[Value]) -> Value {
    let fields = if by.as_str() == "id" { vec!["id"] } else { vec!["id", by.as_str()] };
    json!({
        "object": object.as_str(),
        "fields": fields,
        "where": { by.as_str(): { "$in": { "$literal": values } } },
        "limit": FOUND_MAX,
    })
}

/// Records that one question may find; more means that `by` is far from unique.
const FOUND_MAX: usize = 10_000;

/// A JSON scalar as the text that it is compared by: `1` and `"1"` are the same.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The natural key and the id of a found record.
fn pair(record: &Map<String, Value>, by: &FieldName) -> Result<(String, String)> {
    let value = record.get(by.as_str()).with_context(|| format!("the answer has no `{by}`"))?;
    let id = record.get("id").and_then(Value::as_str).context("the answer has no `id`")?;
    Ok((text_of(value), id.to_owned()))
}
