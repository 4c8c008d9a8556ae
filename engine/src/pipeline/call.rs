//! One call of the pipeline: its steps, and what has been found and done so far.

use std::{collections::HashSet, fmt, sync::Arc};

use quarry_metadata::ObjectName;
use quarry_storage::{Key, Row};
use serde_json::{Map, Value as Json};

use super::triggers::Seen;
use crate::{
    change::{Applied, Done, Finding, Outcome, Record, Warnings},
    error::{Error, Result},
    layout::Layout,
    rights::Rights,
    rules::Pending,
    work::Work,
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
    Act { id: Key, name: String, parameters: Record },
}

impl Step {
    /// Records that it names.
    pub fn records(&self) -> usize {
        match &self.action {
            Action::Update { ids, .. } | Action::Delete { ids } | Action::Undelete { ids } => ids.len(),
            Action::Create(_) | Action::Upsert { .. } | Action::Act { .. } => 1,
        }
    }

    /// It creates or updates records.
    pub fn writes(&self) -> bool {
        matches!(self.action, Action::Create(_) | Action::Update { .. } | Action::Upsert { .. })
    }

    /// Both delete records of the same object.
    pub fn deletes_as(&self, other: Option<&Step>) -> bool {
        let delete = matches!(self.action, Action::Delete { .. });
        delete && other.is_some_and(|other| other.object == self.object)
    }
}

/// What the writer of a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// What a client may.
    Client,
    /// Also what is readonly for clients: the packages' own rules write.
    System,
}

/// The triggers that led to a change, each started by what the one before it wrote.
pub(crate) struct Chain {
    name: Arc<str>,
    above: Option<Arc<Chain>>,
    depth: usize,
}

impl Chain {
    /// One more trigger, of this name.
    pub fn beneath(above: Option<&Arc<Chain>>, name: &Arc<str>) -> Arc<Chain> {
        let depth = above.map_or(0, |above| above.depth) + 1;
        Arc::new(Chain { name: name.clone(), above: above.cloned(), depth })
    }

    /// How many they are.
    pub fn depth(&self) -> usize {
        self.depth
    }
}

/// `account.close → contact.follow_up`.
impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As deep as triggers may be.
        if let Some(above) = &self.above {
            write!(f, "{above} → ")?;
        }
        f.write_str(&self.name)
    }
}

/// The running call.
pub(crate) struct Call {
    outcomes: Vec<Option<Outcome>>,
    findings: Vec<Finding>,
    warnings: Warnings,
    pub right: Right,
    /// The triggers that wrote what this call is about; none for a client's.
    pub chain: Option<Arc<Chain>>,
    /// The records that were created and updated, in order.
    pub written: Vec<Key>,
    /// What after-triggers run for, in order, when all of it is written and holds.
    pub afters: Vec<Seen>,
    /// Records that would be there if their change had no findings: who refers to them is not to blame.
    pub lost: HashSet<(ObjectName, Key)>,
    /// Records that came back from a recycle bin.
    pub back: HashSet<(ObjectName, Key)>,
    /// Records that are to be validated when all of them are written.
    pub pending: Vec<Pending>,
    /// Passwords that were to be hashed.
    pub passwords: usize,
    /// What the client itself wrote, to be looked at when all is done.
    pub own: Vec<Own>,
    /// Of the records that the running step names, those that may be changed as it does; none: not asked together.
    pub may_change: Option<HashSet<Key>>,
}

/// A record that a client wrote.
pub(crate) struct Own {
    pub change: usize,
    pub layout: Arc<Layout>,
    pub key: Key,
    /// Whether findings may name it.
    pub id: Option<String>,
    /// As it was; none for a new one.
    pub old: Option<Row>,
    /// The client said whose it is.
    pub gives_owner: bool,
}

impl Call {
    /// A call of so many changes.
    pub fn new(changes: usize) -> Self {
        Self {
            outcomes: vec![None; changes],
            findings: Vec::new(),
            warnings: Warnings::default(),
            right: Right::Client,
            chain: None,
            written: Vec::new(),
            afters: Vec::new(),
            lost: HashSet::new(),
            back: HashSet::new(),
            pending: Vec::new(),
            passwords: 0,
            own: Vec::new(),
            may_change: None,
        }
    }

    /// A call of the system's own.
    pub fn of_system(changes: usize) -> Self {
        Self { right: Right::System, ..Self::new(changes) }
    }

    /// The call of what a trigger writes.
    pub fn through(chain: Arc<Chain>) -> Self {
        Self { right: Right::System, chain: Some(chain), ..Self::new(0) }
    }

    /// What the client may do, where the call is one of a client that may not do everything.
    pub fn limits(&self, work: &Work) -> Option<Arc<Rights>> {
        work.actor.limited().filter(|_| self.right == Right::Client).cloned()
    }

    /// Notes what a change did; several records of one change add up.
    pub fn done(&mut self, change: usize, object: &str, done: Done, ids: &[Key]) {
        let Some(outcome) = self.outcomes.get_mut(change) else { return };
        let outcome = outcome.get_or_insert_with(|| Outcome {
            object: object.to_owned(),
            ids: Vec::new(),
            done,
            returned: None,
        });
        outcome.ids.extend(ids.iter().map(|id| id.to_string()));
    }

    /// Notes what an action returned.
    pub fn returned(&mut self, change: usize, returned: Map<String, Json>) {
        if let Some(Some(outcome)) = self.outcomes.get_mut(change) {
            outcome.returned = Some(returned);
        }
    }

    /// Adds findings; those of what triggers wrote say so.
    pub fn find(&mut self, findings: impl IntoIterator<Item = Finding>) {
        let chain = self.chain.clone();
        self.findings.extend(findings.into_iter().map(|finding| through(chain.as_deref(), finding)));
    }

    /// Adds what was found in what a trigger of this call wrote.
    pub fn absorb(&mut self, inner: Call) {
        self.findings.extend(inner.findings);
        self.warnings.extend(inner.warnings);
        self.passwords += inner.passwords;
    }

    /// How many findings there are so far.
    pub fn found(&self) -> usize {
        self.findings.len()
    }

    /// Adds what does not stand in the way.
    pub fn warn(&mut self, warnings: impl IntoIterator<Item = Finding>) {
        let chain = self.chain.clone();
        warnings.into_iter().for_each(|warning| self.warnings.push(through(chain.as_deref(), warning)));
    }

    /// Enough has been found.
    pub fn is_full(&self) -> bool {
        self.findings.len() >= FINDINGS_MAX
    }

    /// The id that `$ref:<change>.id` stands for: that of the one record an earlier change is about.
    pub fn reference(&self, text: &str) -> Option<Key> {
        self.referred(text).map(|(_, id)| id)
    }

    /// The same, with the object of that record.
    pub fn referred(&self, text: &str) -> Option<(&str, Key)> {
        let change: usize = text.strip_prefix("$ref:")?.strip_suffix(".id")?.parse().ok()?;
        let outcome = self.outcomes.get(change)?.as_ref()?;
        match outcome.ids.as_slice() {
            [id] => Some((&outcome.object, Key::from(id.as_str()))),
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

/// A finding in what triggers wrote tells which.
fn through(chain: Option<&Chain>, finding: Finding) -> Finding {
    let Some(chain) = chain else { return finding };
    let message = format!("{} (through {chain})", finding.message);
    Finding { message, ..finding }
}
