//! The recycle bin emptied for good: one record, all of an object, or what has lain in it for long. Some hundred records at a
//! time, each time as a transaction of its own, while everything runs. (How records come into it is told in the pipeline's
//! `deletes`, and how they come back in its `undeletes`. The log keeps what they were, as it does of every record.)

use std::{ops::Bound, sync::Arc};

use quarry_planner::lower::DELETED_AT;
use quarry_storage::{Key, ScanRequest, TableName, TableSnapshot, Value};

use crate::{
    audit::holds,
    engine::Engine,
    error::{Error, ErrorKind, Result},
    layout::Layout,
    pipeline,
    session::Session,
    work::{Work, keys_in},
};

/// Records of one transaction.
const BATCH_RECORDS: usize = 500;
/// Attempts at one batch, of which others may bring records back at the same time.
const ATTEMPTS_MAX: u32 = 20;
/// Who empties bins where nobody asked.
const UPKEEP: &str = "upkeep";
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Which records go.
#[derive(Clone, Copy, Debug)]
enum Which<'a> {
    One(&'a str),
    All,
    /// Deleted before this instant.
    Before(i64),
}

impl Session {
    /// Purges one deleted record: it can't come back any more. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Missing` when it is not in the bin; `Invalid` when the object keeps none.
    pub fn purge(&self, object: &str, id: &str) -> Result<()> {
        self.must_administer("the recycle bin")?;
        if self.engine().purge_which(object, Which::One(id), &self.principal().user_id)? > 0 {
            return Ok(());
        }
        let message = format!("there is no deleted {object} {id:?}");
        Err(Error::new(ErrorKind::Missing, "RECORD_NOT_FOUND", message))
    }

    /// Purges all deleted records of an object; how many there were. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::purge`].
    pub fn purge_all(&self, object: &str) -> Result<u64> {
        self.must_administer("the recycle bin")?;
        self.engine().purge_which(object, Which::All, &self.principal().user_id)
    }
}

impl Engine {
    /// Purges what was deleted more than so many days ago, of all objects; how many records there were. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store. What was purged before stays so.
    pub fn purge_older(&self, days: u32) -> Result<u64> {
        let age = MICROS_PER_DAY.saturating_mul(days.into());
        let which = Which::Before(self.world().clock.now_micros().saturating_sub(age));
        let active = self.active();
        let mut purged = 0;
        for object in active.registry.objects.values().filter(|object| object.recycle_bin) {
            purged += self.purge_which(object.name.as_str(), which, UPKEEP)?;
        }
        Ok(purged)
    }

    fn purge_which(&self, object: &str, which: Which<'_>, by: &str) -> Result<u64> {
        let mut work = self.work(&self.active(), by);
        let layout = work.layout(object)?;
        let bin = &pipeline::must_keep(&layout)?.table;
        let table = work.view().table(bin)?;
        let keys = match which {
            Which::One(id) => vec![Key::from(id)],
            Which::All => keys_of_all(&table, None)?,
            Which::Before(instant) => {
                let before = Value::Timestamp(instant);
                keys_of_all(
                    &table,
                    Some(table.range(DELETED_AT, Bound::Unbounded, Bound::Excluded(&before))?),
                )?
            }
        };
        let mut purged = 0;
        for batch in keys.chunks(BATCH_RECORDS) {
            purged += self.purge_with_retries(&layout, bin, batch, by)?;
        }
        Ok(purged)
    }

    fn purge_with_retries(
        &self,
        layout: &Arc<Layout>,
        bin: &TableName,
        keys: &[Key],
        by: &str,
    ) -> Result<u64> {
        for _ in 1..ATTEMPTS_MAX {
            match self.purge_batch(bin, keys, by) {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => return done,
            }
        }
        tracing::debug!(object = %layout.object.name, "others bring back what is to be purged");
        self.purge_batch(bin, keys, by)
    }

    fn purge_batch(&self, bin: &TableName, keys: &[Key], by: &str) -> Result<u64> {
        let mut work = self.work(&self.active(), by);
        let held = if by == UPKEEP { OfHeld::Leave } else { OfHeld::Refuse };
        let purged = purge(&mut work, bin, keys, held)?;
        self.commit_own(work)?;
        Ok(purged)
    }
}

/// What becomes of records under a legal hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfHeld {
    /// They stay.
    Leave,
    /// They stay, and so do the others: who asked is told.
    Refuse,
}

/// Purges those of these records that are in the bin, as a part of a transaction; how many they are. None of those that are held.
///
/// # Errors
///
/// `Violated` (`LEGAL_HOLD`); those of the store.
pub(crate) fn purge(work: &mut Work, bin: &TableName, keys: &[Key], held: OfHeld) -> Result<u64> {
    let object = holds::object_of_bin(bin);
    let mut purged = 0;
    for key in keys {
        if let Some(row) = work.row(bin, key)? {
            match (holds::is_held(work, object, key)?, held) {
                (false, _) => {}
                (true, OfHeld::Leave) => continue,
                (true, OfHeld::Refuse) => return Err(holds::refused(object, key)),
            }
            work.delete(bin, row)?;
            purged += 1;
        }
    }
    Ok(purged)
}

/// The keys of these rows, of all where none are named.
fn keys_of_all(table: &TableSnapshot, rows: Option<quarry_storage::RowSet>) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let request = ScanRequest { projection: Some(vec![0]), rows, ..ScanRequest::default() };
    for part in table.scan(request)? {
        for batch in part {
            keys_in(batch?.columns().first(), &mut keys)?;
        }
    }
    Ok(keys)
}
