//! One call of the pipeline: its steps, and what has been found and done so far.

use std::collections::HashSet;

use quarry_metadata::ObjectName;
use quarry_storage::Key;

use crate::{
    change::{Applied, Done, Finding, Outcome, Record, Warnings},
    error::{Error, Result},
    rules::Pending,
};

/// Findings told in one answer; past it the rest of the call is not looked at.
const FINDINGS_MAX: usize = 1000;

/// A change whose records are named.
#[derive(Debug)]
pub(crate) struct Step {
    /// Which change of the call.
    pub change: usize,
    pub object: String,
    pub if_revision: Option<i64>,
    pub action: Action,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Action {
    Create(Record),
    Update { ids: Vec<Key>, data: Record },
    Upsert { on: Vec<String>, data: Record },
    Delete { ids: Vec<Key> },
    Undelete { ids: Vec<Key> },
}

impl Step {
    /// Both delete records of the same object.
    pub fn deletes_as(&self, other: Option<&Step>) -> bool {
        let delete = matches!(self.action, Action::Delete { .. });
        delete && other.is_some_and(|other| other.object == self.object)
    }
}

/// The running call.
pub(crate) struct Call {
    outcomes: Vec<Option<Outcome>>,
    findings: Vec<Finding>,
    warnings: Warnings,
    /// Records that would be there if their change had no findings: who refers to them is not to blame.
    pub lost: HashSet<(ObjectName, Key)>,
    /// Records that are to be validated when all of them are written.
    pub pending: Vec<Pending>,
    /// Passwords that were to be hashed.
    pub passwords: usize,
}

impl Call {
    /// A call of so many changes.
    pub fn new(changes: usize) -> Self {
        Self {
            outcomes: vec![None; changes],
            findings: Vec::new(),
            warnings: Warnings::default(),
            lost: HashSet::new(),
            pending: Vec::new(),
            passwords: 0,
        }
    }

    /// Notes what a change did; several records of one change add up.
    pub fn done(&mut self, change: usize, object: &str, done: Done, ids: &[Key]) {
        let Some(outcome) = self.outcomes.get_mut(change) else { return };
        let outcome =
            outcome.get_or_insert_with(|| Outcome { object: object.to_owned(), ids: Vec::new(), done });
        outcome.ids.extend(ids.iter().map(|id| id.to_string()));
    }

    /// Adds findings.
    pub fn find(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// Adds what does not stand in the way.
    pub fn warn(&mut self, warnings: impl IntoIterator<Item = Finding>) {
        warnings.into_iter().for_each(|warning| self.warnings.push(warning));
    }

    /// Enough has been found.
    pub fn is_full(&self) -> bool {
        self.findings.len() >= FINDINGS_MAX
    }

    /// The id that `$ref:<change>.id` stands for: that of the one record an earlier change is about.
    pub fn reference(&self, text: &str) -> Option<Key> {
        let change: usize = text.strip_prefix("$ref:")?.strip_suffix(".id")?.parse().ok()?;
        let outcome = self.outcomes.get(change)?.as_ref()?;
        match outcome.ids.as_slice() {
            [id] => Some(Key::from(id.as_str())),
            _ => None,
        }
    }

    /// What became of every change, and what there is to say beside it.
    ///
    /// # Errors
    ///
    /// All findings in the order of the changes, when there is one, with the warnings.
    pub fn finish(mut self) -> Result<Applied> {
        self.warnings.told.sort_by_key(|finding| finding.change);
        if self.findings.is_empty() {
            let outcomes = self.outcomes.into_iter().flatten().collect();
            return Ok(Applied { outcomes, warnings: self.warnings });
        }
        self.findings.sort_by_key(|finding| finding.change);
        self.findings.truncate(FINDINGS_MAX);
        Err(Error::of_findings(self.findings).beside(self.warnings))
    }
}
