//! Writing a batch: one transaction, and when it is refused, the rows that are at fault leave it and the others go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use anyhow::{Result, bail};

use super::{
    findings::{Fault, Findings, Kind, Place},
    mapping::FileMapping,
    prepare::Prepared,
    report::FileReport,
    target::{Batch, Finding, Refusal, Target, Upsert, Warned, Written},
};

/// Attempts at one batch that may pass in a moment.
const ATTEMPTS_MAX: u32 = 8;
/// The first wait between them; each is twice as long as the one before.
const WAIT_MILLIS: u64 = 25;

/// Which time a file is gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Every record, without references to others of the same file.
    Records,
    /// Those references.
    OwnReferences,
}

/// Writes the batches of one file.
pub struct BatchWriter<'a> {
    /// Where to.
    pub target: &'a dyn Target,
    /// Keep nothing.
    pub dry_run: bool,
    /// How the file is mapped.
    pub file: &'a FileMapping,
    /// What is counted.
    pub report: &'a mut FileReport,
    /// Where faults are written.
    pub findings: &'a mut Findings,
}

impl BatchWriter<'_> {
    /// Writes `rows` in as few transactions as their faults allow, and returns those that were not written, by row number.
    ///
    /// # Errors
    ///
    /// When the target fails, or the findings can't be written.
    pub fn write(&mut self, rows: Vec<Prepared>, pass: Pass) -> Result<BTreeSet<u64>> {
        let mut refused = BTreeSet::new();
        let mut waiting = vec![rows];
        while let Some(mut rows) = waiting.pop() {
            if rows.is_empty() {
                continue;
            }
            let batch: Vec<_> = rows.iter().map(|row| self.upsert(row, pass)).collect();
            match self.attempt(&batch)? {
                Ok(Batch { written, warnings }) => {
                    self.count(&written, pass);
                    self.warned(&rows, warnings)?;
                }
                Err(Refusal::Findings(found)) => {
                    self.check_mapping(&found)?;
                    let sorted = sort(&rows, found);
                    if sorted.is_about_batch() && rows.len() > 1 {
                        waiting.push(rows.split_off(rows.len() / 2));
                    } else {
                        refused.extend(self.part(&mut rows, sorted, pass)?);
                    }
                    waiting.push(rows);
                }
                Err(Refusal::TooLarge(_)) if rows.len() > 1 => {
                    waiting.push(rows.split_off(rows.len() / 2));
                    waiting.push(rows);
                }
                Err(Refusal::TooLarge(message)) => {
                    let about_batch = vec![Fault::row("too_large", message)];
                    refused.extend(self.part(
                        &mut rows,
                        Sorted { about_batch, ..Sorted::default() },
                        pass,
                    )?);
                }
                Err(Refusal::Retry(message)) => bail!("gave up after {ATTEMPTS_MAX} attempts: {message}"),
                Err(Refusal::Failed(error)) => return Err(error),
            }
        }
        Ok(refused)
    }

    /// Takes the rows at fault out of `rows`, writes their lines, and returns their numbers.
    ///
    /// # Errors
    ///
    /// When the findings can't be written.
    pub fn refuse(
        &mut self,
        rows: &mut Vec<Prepared>,
        faults: &BTreeMap<u64, Vec<Fault>>,
        pass: Pass,
    ) -> Result<Vec<u64>> {
        let mut refused = Vec::new();
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows.drain(..) {
            let Some(faults) = faults.get(&row.place.row) else {
                kept.push(row);
                continue;
            };
            let kind = match pass {
                Pass::Records => Kind::Refused,
                Pass::OwnReferences => Kind::Incomplete,
            };
            self.findings.row(kind, (&self.file.file, &self.file.object), &row.place, faults)?;
            refused.push(row.place.row);
        }
        *rows = kept;
        let count = u64::try_from(refused.len()).unwrap_or(u64::MAX);
        match pass {
            Pass::Records => self.report.refused += count,
            Pass::OwnReferences => self.report.incomplete += count,
        }
        Ok(refused)
    }

    /// Takes out the rows that a refusal was about. What is about the batch is about its rows: there is one by now.
    fn part(&mut self, rows: &mut Vec<Prepared>, mut sorted: Sorted, pass: Pass) -> Result<Vec<u64>> {
        if sorted.is_about_batch() {
            let faults = rows.iter().map(|row| (row.place.row, sorted.about_batch.clone()));
            sorted.faults = faults.collect();
        }
        rows.retain(|row| !sorted.granted.contains(&row.place.row));
        if pass == Pass::Records {
            self.report.created += u64::try_from(sorted.granted.len()).unwrap_or(u64::MAX);
        }
        self.refuse(rows, &sorted.faults, pass)
    }

    /// A field that no record has, or that nobody may write, is a mistake of the mapping and not of its rows.
    fn check_mapping(&self, found: &[Finding]) -> Result<()> {
        let of_mapping = |finding: &&Finding| matches!(finding.code.as_str(), "unknown_field" | "readonly");
        let Some(Finding { field, message, .. }) = found.iter().find(of_mapping) else { return Ok(()) };
        let FileMapping { file, object, .. } = self.file;
        let field = field.as_deref().unwrap_or("a field");
        bail!("the mapping of {file} fills `{field}` of {object}: {message}")
    }

    fn upsert(&self, row: &Prepared, pass: Pass) -> Upsert {
        let mut data = row.data.clone();
        if pass == Pass::OwnReferences {
            let own = |field: &str| {
                self.file
                    .columns
                    .iter()
                    .any(|column| column.field.as_str() == field && self.file.refers_to_itself(column))
            };
            data.retain(|field, _| own(field) || self.file.key.iter().any(|key| key.as_str() == field));
        }
        Upsert { object: self.file.object.clone(), on: self.file.key.clone(), data }
    }

    /// Tries a batch until it passes, fails, or has failed too often.
    fn attempt(&self, batch: &[Upsert]) -> Result<Result<Batch, Refusal>> {
        let mut wait = Duration::from_millis(WAIT_MILLIS);
        for _ in 1..ATTEMPTS_MAX {
            match self.target.write(batch, self.dry_run) {
                Err(Refusal::Retry(_)) => thread::sleep(wait),
                Ok(done) if done.written.len() != batch.len() => {
                    bail!("the target answered for {} of {} records", done.written.len(), batch.len())
                }
                other => return Ok(other),
            }
            wait *= 2;
        }
        Ok(self.target.write(batch, self.dry_run))
    }

    /// Writes the lines of rows that were imported, and that something is said about all the same.
    fn warned(&mut self, rows: &[Prepared], warnings: Warned) -> Result<()> {
        self.report.warnings += warnings.count();
        let nowhere = Place::default();
        for Finding { change, field, code, message } in warnings.told {
            let place = change.and_then(|index| rows.get(index)).map_or(&nowhere, |row| &row.place);
            let fault = Fault { field, code, message };
            self.findings.row(Kind::Warning, (&self.file.file, &self.file.object), place, &[fault])?;
        }
        Ok(())
    }

    fn count(&mut self, written: &[Written], pass: Pass) {
        if pass == Pass::OwnReferences {
            return;
        }
        for written in written {
            match written {
                Written::Created => self.report.created += 1,
                Written::Updated => self.report.updated += 1,
            }
        }
    }
}

/// Findings by what they are about.
#[derive(Default)]
struct Sorted {
    /// About a row.
    faults: BTreeMap<u64, Vec<Fault>>,
    /// Rows that a dry run grants: all they lack is a reference to a record that it would have created.
    granted: BTreeSet<u64>,
    /// About no row in particular.
    about_batch: Vec<Fault>,
}

impl Sorted {
    fn is_about_batch(&self) -> bool {
        self.faults.is_empty() && self.granted.is_empty()
    }
}

fn sort(rows: &[Prepared], found: Vec<Finding>) -> Sorted {
    let mut sorted = Sorted::default();
    for Finding { change, field, code, message } in found {
        let Some(row) = change.and_then(|index| rows.get(index)) else {
            sorted.about_batch.push(Fault { field, code, message });
            continue;
        };
        let is_promised =
            field.as_deref().is_some_and(|field| row.promised.iter().any(|p| p.as_str() == field));
        if is_promised && code == "required" {
            sorted.granted.insert(row.place.row);
        } else {
            sorted.faults.entry(row.place.row).or_default().push(Fault { field, code, message });
        }
    }
    sorted.granted.retain(|row| !sorted.faults.contains_key(row));
    if sorted.about_batch.is_empty() {
        sorted.about_batch.push(Fault::row("refused", "refused without a reason".to_owned()));
    }
    sorted
}
