//! Made-up CRM records: the same for the same seed, scale and day, and enough like a real company's that a dashboard over them
//! looks like one: a sales funnel that narrows, quarters that end with a rush, a few large accounts and many small ones,
//! names and addresses of three languages.
//!
//! The road of a record:
//!
//! 1. [`generate`] goes through the kinds in the order in which they refer to each other, in batches.
//! 2. Each record draws from its own stream of chance ([`draw::Draw`]), so it is known by its kind and number alone: an
//!    opportunity finds its account's name without any state being kept.
//! 3. [`load`] writes the batches through a [`Target`], as upserts by id: loading again changes nothing.
//!
//! Fields that clients can't write (`expected_revenue`, `days_open`) stay as the engine leaves them.

mod company;
mod draw;
mod person;
mod records;
mod words;

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use chrono::NaiveDate;

use crate::import::target::{Batch, Refusal, Target, Upsert, Warned, Written};

use self::records::{Kind, World};

/// Records of one transaction.
const BATCH_RECORDS: u64 = 500;
/// The largest scale: half a million accounts.
const SCALE_MAX: u32 = 1_000;
/// Attempts at one batch.
const ATTEMPTS_MAX: u32 = 5;

/// Which records are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// The same seed makes the same records.
    pub seed: u64,
    /// 1 is about 500 accounts with all that belongs to them.
    pub scale: u32,
    /// The day around which they lie: deals closed before it, activities planned after it.
    pub today: NaiveDate,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DemoReport {
    /// New records by object.
    pub created: BTreeMap<String, u64>,
    /// Records that were there already.
    pub updated: u64,
    /// What rules warn of.
    pub warnings: Warned,
}

/// Warnings that are listed.
const WARNINGS_LISTED_MAX: usize = 20;

impl DemoReport {
    /// Counts warnings, and keeps as many as are listed.
    fn warned(&mut self, Warned { told, more }: Warned) {
        let room = WARNINGS_LISTED_MAX.saturating_sub(self.warnings.told.len());
        let left_out = u64::try_from(told.len().saturating_sub(room)).unwrap_or(u64::MAX);
        self.warnings.more = self.warnings.more.saturating_add(more).saturating_add(left_out);
        self.warnings.told.extend(told.into_iter().take(room));
    }
}

impl std::fmt::Display for DemoReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let created: Vec<_> =
            self.created.iter().map(|(object, count)| format!("{count} {object}")).collect();
        match created.is_empty() {
            true => write!(f, "no new records")?,
            false => write!(f, "created {}", created.join(", "))?,
        }
        if self.updated > 0 {
            write!(f, "; {} were there", self.updated)?;
        }
        if self.warnings.count() > 0 {
            write!(f, "; {} warnings", self.warnings.count())?;
        }
        for warning in self.warnings.told.iter().take(WARNINGS_LISTED_MAX) {
            write!(f, "\n  {}: {}", warning.code, warning.message)?;
        }
        Ok(())
    }
}

/// The records, in batches; a record comes after those that it refers to.
pub fn generate(options: DemoOptions) -> impl DoubleEndedIterator<Item = Vec<Upsert>> {
    let world = World::new(options);
    let batches = Kind::ALL.iter().copied().flatten().flat_map(move |kind| {
        let count = world.count(*kind);
        (0..count.div_ceil(BATCH_RECORDS)).map(move |batch| {
            let first = batch * BATCH_RECORDS;
            let numbers = first..count.min(first + BATCH_RECORDS);
            numbers.filter_map(|number| world.record(*kind, number)).collect::<Vec<_>>()
        })
    });
    batches.filter(|batch| !batch.is_empty())
}

/// Writes the records; `on_batch` hears how many have been written.
///
/// # Errors
///
/// A scale of 0 or too large; a target that refuses.
pub fn load(options: DemoOptions, target: &dyn Target, on_batch: impl FnMut(u64)) -> Result<DemoReport> {
    load_where(options, target, |_| Ok(true), on_batch)
}

/// Completes records whose loading was broken off, and loads them when it never began: writes the batches of which no
/// record is there, so that what people changed or deleted since stays so. Nothing when the last batch is there, or
/// when there are accounts and none of them is of the demo.
///
/// # Errors
///
/// As [`load`].
pub fn complete(options: DemoOptions, target: &dyn Target, has_accounts: bool) -> Result<Option<DemoReport>> {
    let (first, last) = (generate(options).next(), generate(options).next_back());
    let is_there = |batch: Option<Vec<Upsert>>| batch.map_or(Ok(false), |batch| any_there(target, &batch));
    if is_there(last)? || (has_accounts && !is_there(first)?) {
        return Ok(None);
    }
    load_where(options, target, |batch| Ok(!any_there(target, batch)?), |_| ()).map(Some)
}

fn any_there(target: &dyn Target, batch: &[Upsert]) -> Result<bool> {
    let Some(first) = batch.first() else { return Ok(false) };
    let ids: Vec<_> = batch.iter().filter_map(|upsert| upsert.data.get("id").cloned()).collect();
    Ok(!target.find(&first.object, &"id".into(), &ids)?.is_empty())
}

fn load_where(
    options: DemoOptions,
    target: &dyn Target,
    mut wanted: impl FnMut(&[Upsert]) -> Result<bool>,
    mut on_batch: impl FnMut(u64),
) -> Result<DemoReport> {
    if options.scale == 0 || options.scale > SCALE_MAX {
        bail!("the scale is {}; it goes from 1 to {SCALE_MAX}", options.scale);
    }
    let mut report = DemoReport::default();
    let mut total = 0;
    for batch in generate(options) {
        if !wanted(&batch)? {
            continue;
        }
        let Batch { written, warnings } = write(target, &batch)?;
        report.warned(warnings);
        for (upsert, written) in batch.iter().zip(written) {
            match written {
                Written::Created => *report.created.entry(upsert.object.to_string()).or_default() += 1,
                Written::Updated => report.updated += 1,
            }
            total += 1;
        }
        on_batch(total);
    }
    Ok(report)
}

fn write(target: &dyn Target, batch: &[Upsert]) -> Result<Batch> {
    let object = batch.first().map_or("", |upsert| upsert.object.as_str());
    for _ in 0..ATTEMPTS_MAX {
        match target.write(batch, false) {
            Ok(done) => return Ok(done),
            Err(Refusal::Retry(_)) => std::thread::sleep(std::time::Duration::from_millis(100)),
            Err(refusal) => bail!("demo records of {object} were refused: {refusal}"),
        }
    }
    bail!("demo records of {object}: gave up after {ATTEMPTS_MAX} attempts")
}

#[cfg(test)]
mod tests;
