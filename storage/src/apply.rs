//! Makes a transaction part of the newest state, or takes it back.
//!
//! The whole transaction is applied first, under a CSN that no reader has yet; then its constraints are checked against
//! the state that now holds it ([`crate::check`]). So swapped unique values, a parent and child inserted together or
//! deleted together need no thought. What fails is undone, step by step backwards.

use std::sync::Arc;

use crate::{
    catalog::{Table, TableId},
    check,
    delta::{DeltaTable, Generation, NEVER},
    error::{Error, Result},
    log::{ChangeEntry, TransactionEntry, patched},
    segment::SegmentId,
    state::{Found, Gone, Located, Place, State, TableParts},
    value::{Key, Row},
    write::{Change, WriteSet},
};

/// Sees what was applied and not yet published.
pub(crate) const NEWEST: u64 = NEVER - 1;

/// What a version or a deletion takes beside its values, about.
const VERSION_BYTES: u64 = 128;

/// What was done to the state, so that it can be taken back.
pub(crate) struct Applied {
    steps: Vec<Step>,
}

enum Step {
    Appended { delta: Arc<DeltaTable>, key: Key, at: u32 },
    Ended { delta: Arc<DeltaTable>, at: u32 },
    Replaced { delta: Arc<DeltaTable> },
    Deleted { delta: Arc<DeltaTable>, segment: SegmentId },
    Counted { delta: Arc<DeltaTable>, csn: u64 },
    Grown { generation: Arc<Generation>, bytes: u64 },
}

impl Applied {
    /// Takes everything back.
    pub fn undo(mut self) {
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Appended { delta, key, at } => delta.cancel(&key, at),
                Step::Ended { delta, at } => delta.end(at, NEVER),
                Step::Replaced { delta } => delta.forget_replaced(),
                Step::Deleted { delta, segment } => delta.undelete_in(segment),
                Step::Counted { delta, csn } => delta.forget_count(csn),
                Step::Grown { generation, bytes } => generation.take_bytes(bytes),
            }
        }
    }
}

/// Applies a transaction under `csn`, if it holds against the newest state.
///
/// # Errors
///
/// `Conflict`, the violations; the state is then as it was.
pub(crate) fn apply(state: &State, writes: &WriteSet, csn: u64) -> Result<Applied> {
    let mut applier = Applier { state, csn, applied: Applied { steps: Vec::new() } };
    let done = applier.transaction(writes).and_then(|()| check::constraints(state, writes));
    match done {
        Ok(()) => Ok(applier.applied),
        Err(error) => {
            applier.applied.undo();
            Err(error)
        }
    }
}

/// Applies an entry of the log: it held when it was written, nothing is checked but that it fits.
pub(crate) fn replay(state: &State, entry: &TransactionEntry, csn: u64) -> Result<()> {
    let mut applier = Applier { state, csn, applied: Applied { steps: Vec::new() } };
    for table in &entry.tables {
        applier.replay_table(table.table, &table.changes)?;
    }
    Ok(())
}

struct Applier<'a> {
    state: &'a State,
    csn: u64,
    applied: Applied,
}

/// A table while changes are made to it.
struct Target {
    parts: TableParts,
    /// The delta that takes the writes.
    delta: Arc<DeltaTable>,
    inserted: u64,
    deleted: u64,
}

impl Applier<'_> {
    fn transaction(&mut self, writes: &WriteSet) -> Result<()> {
        for (name, changes) in writes.tables() {
            let mut target = self.target(self.state.catalog.must_get(name)?)?;
            for (key, change) in changes {
                match change {
                    Change::Insert(new) => {
                        must_be_free(&target, key, writes.base().0)?;
                        self.insert(&mut target, key, new)?;
                    }
                    Change::Update { new, .. } => {
                        let found = must_be_unchanged(&target, key, writes.base().0, self.state)?;
                        self.end(&mut target, found.place)?;
                        self.insert(&mut target, key, new)?;
                    }
                    Change::Delete(_) => {
                        let found = must_be_unchanged(&target, key, writes.base().0, self.state)?;
                        self.end(&mut target, found.place)?;
                    }
                }
            }
            self.count(&target);
        }
        Ok(())
    }

    fn replay_table(&mut self, id: TableId, changes: &[ChangeEntry]) -> Result<()> {
        let mut target = self.target(self.state.catalog.must_by_id(id)?)?;
        for change in changes {
            match change {
                ChangeEntry::Insert(row) => self.insert(&mut target, row.key()?, row)?,
                ChangeEntry::Update { key, fields } => {
                    let found = must_find(&target, key)?;
                    let place = found.place;
                    let new = patched(&target.parts.row(found)?, fields);
                    self.end(&mut target, place)?;
                    self.insert(&mut target, key, &new)?;
                }
                ChangeEntry::Delete(row) => {
                    let found = must_find(&target, row.key()?)?;
                    self.end(&mut target, found.place)?;
                }
            }
        }
        self.count(&target);
        Ok(())
    }

    fn target(&self, table: &Arc<Table>) -> Result<Target> {
        let parts = self.state.parts(table, NEWEST)?;
        let delta = parts.deltas.last().cloned().ok_or_else(|| Error::Internal("no delta".into()))?;
        Ok(Target { parts, delta, inserted: 0, deleted: 0 })
    }

    fn insert(&mut self, target: &mut Target, key: &Key, row: &Row) -> Result<()> {
        let delta = target.delta.clone();
        let at = delta.append(key, row, self.csn)?;
        self.applied.steps.push(Step::Appended { delta, key: key.clone(), at });
        target.inserted += 1;
        self.grow(row.bytes() + VERSION_BYTES)
    }

    fn end(&mut self, target: &mut Target, place: Place) -> Result<()> {
        let newest = target.delta.clone();
        match place {
            Place::Segment(number, row) => {
                let segment = target.parts.must_segment(number)?.segment.id();
                newest.delete_in(segment, row, self.csn);
                self.applied.steps.push(Step::Deleted { delta: newest, segment });
            }
            Place::Delta(number, at) => {
                let Some(delta) = target.parts.deltas.get(number).cloned() else {
                    return Err(Error::Internal(format!("no delta number {number}")));
                };
                delta.end(at, self.csn);
                if !Arc::ptr_eq(&delta, &newest) {
                    newest.note_replaced(at, self.csn);
                    self.applied.steps.push(Step::Replaced { delta: newest });
                }
                self.applied.steps.push(Step::Ended { delta, at });
            }
        }
        target.deleted += 1;
        self.grow(VERSION_BYTES)
    }

    fn grow(&mut self, bytes: u64) -> Result<()> {
        let Some(generation) = self.state.generations.last().cloned() else {
            return Err(Error::Internal("no delta".into()));
        };
        generation.add_bytes(bytes);
        self.applied.steps.push(Step::Grown { generation, bytes });
        Ok(())
    }

    fn count(&mut self, target: &Target) {
        if target.inserted != target.deleted {
            let delta = target.delta.clone();
            delta.add_count(self.csn, target.inserted, target.deleted);
            self.applied.steps.push(Step::Counted { delta, csn: self.csn });
        }
    }
}

/// No row of that key, nor one deleted by someone since the transaction began.
fn must_be_free(target: &Target, key: &Key, base: u64) -> Result<()> {
    let located = target.parts.locate(key)?;
    if located.found.is_some() {
        let table = target.parts.table.spec.name.to_string();
        return Err(Error::DuplicateKey { table, key: key.to_string() });
    }
    if is_gone_since(target, key, &located, base) { Err(conflict(target, key)) } else { Ok(()) }
}

/// The row of that key, the same as when the transaction began.
fn must_be_unchanged(target: &Target, key: &Key, base: u64, state: &State) -> Result<Found> {
    let located = target.parts.locate(key)?;
    let is_gone_since = is_gone_since(target, key, &located, base);
    let Some(mut found) = located.found else {
        // Of a row that went before the last fold nothing may be left: it may have been there at `base`.
        if is_gone_since || base < state.folded.csn {
            return Err(conflict(target, key));
        }
        let table = target.parts.table.spec.name.to_string();
        return Err(Error::MissingKey { table, key: key.to_string() });
    };
    if let (None, Place::Segment(number, row)) = (found.begin, found.place) {
        let part = target.parts.must_segment(number)?;
        found.begin = Some(part.begin_after(row, base)?);
    }
    if found.begin.is_some_and(|begin| begin > base) { Err(conflict(target, key)) } else { Ok(found) }
}

/// Is it known that a row of that key went after `base`?
fn is_gone_since(target: &Target, key: &Key, located: &Located, base: u64) -> bool {
    let in_delta = target.parts.deltas.iter().filter_map(|delta| delta.last_change(key)).max();
    let in_segment = match located.gone {
        Some(Gone::At(csn)) => Some(csn),
        Some(Gone::Folded) | None => None,
    };
    in_delta.max(in_segment).is_some_and(|at| at > base)
}

fn conflict(target: &Target, key: &Key) -> Error {
    Error::Conflict { table: target.parts.table.spec.name.to_string(), key: key.to_string() }
}

fn must_find(target: &Target, key: &Key) -> Result<Found> {
    target.parts.find(key)?.ok_or_else(|| {
        Error::Internal(format!(
            "the log changes {key:?} of {:?}, which is not there",
            target.parts.table.spec.name
        ))
    })
}
