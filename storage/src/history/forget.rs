//! History that is let go of: its oldest files, and a *checkpoint* in their place.
//!
//! Entries are a chain, so the hash of the last one that goes stands in the first that stays; and a checkpoint, an entry of the same chain, says
//! that it went, by whom, and how many rows each table had then, from which [`crate::verify()`] counts on. Who takes the files away without one
//! is found out, and so is who adds one that does not fit.
//!
//! 1. [`Store::forget_history`] looks at the oldest files: a file may go when all of it is older than asked, no past state that is kept needs it,
//!    and nothing of it is held.
//! 2. The checkpoint is made durable: the one step that counts.
//! 3. The files go, the oldest first, but for those that somebody reads ([`super::readers`]). What that or a crash leaves of them goes the next
//!    time, unless it is held by then.
//!
//! The newest checkpoint is also kept as an object, [`NEWEST`], so that it need not be looked for; where that is missing it is found in the chain.

use std::{collections::HashMap, ops::RangeInclusive};

use super::{Archive, HistoryFile, Named, PARQUET, SUMS, name};
use crate::{
    catalog::{Catalog, TableId},
    error::{Error, Result},
    log::{ChangeEntry, CheckpointEntry, Entry, Hash, TransactionEntry},
    objects::{ObjectName, Seal},
    store::{CommitInfo, Inner, Store, closed},
    value::{Key, Row},
};

/// Where the newest checkpoint lies. Its ending is that of sums, which are not looked at where history is listed.
const NEWEST: &str = "checkpoint.sums";
const SEAL: Seal = Seal { magic: b"QUARRYCP", version: 1 };

/// Files that go at a time: who waits until that is done does not wait for long.
const FILES_MAX: usize = 16;

/// Whether something is held: a row of a table, or some row of it where it is not known which.
pub type IsHeld<'a> = &'a dyn Fn(&str, Option<&Key>) -> bool;

/// What was let go of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The first and the last entry that went.
    pub entries: RangeInclusive<u64>,
    /// The hash of the last, in hexadecimal: what remains of them.
    pub hash: String,
    /// The entry that tells of it.
    pub checkpoint: u64,
}

/// Which history may go.
struct May<'a> {
    catalog: &'a Catalog,
    before_micros: i64,
    is_held: IsHeld<'a>,
}

/// What files that may go have in them.
struct Gone {
    files: Vec<RangeInclusive<u64>>,
    hash: Hash,
    rows: HashMap<TableId, i64>,
}

impl Store {
    /// Lets go of history that is all older than an instant, as whole files, and says so in the chain. Nothing goes that is held, or behind
    /// something that is: what is kept has no gap. Blocks.
    ///
    /// # Errors
    ///
    /// `Damaged` when what should go can't be read; `Unavailable`, `Io`: it may then have gone or not, and goes the next time.
    pub fn forget_history(
        &self,
        before_micros: i64,
        is_held: IsHeld<'_>,
        info: CommitInfo,
    ) -> Result<Option<Forgotten>> {
        let inner = &self.inner;
        let _folding = inner.folding.lock();
        if inner.published().state.generations.len() == 1 {
            inner.expire();
        }
        let archive = inner.published().state.archive.clone();
        let floor = inner.retained.oldest().map_or(0, |oldest| oldest.csn);
        let Some(oldest) = archive.oldest()? else { return Ok(None) };
        let known = archive.checkpoint(oldest, inner.published().csn)?;
        let state = inner.published().state;
        let may = May { catalog: &state.catalog, before_micros, is_held };
        if let Some(known) = &known {
            // Where it had to be looked for in the chain, it is kept again.
            if archive.kept_checkpoint().is_none_or(|kept| kept.csn != known.csn) {
                archive.keep_checkpoint(known)?;
            }
            archive.remove_upto(known.csn, Some(&may))?;
        }
        let gone = archive.older_than(&may, floor, known.as_ref())?;
        let (Some(first), Some(last)) = (gone.files.first(), gone.files.last()) else { return Ok(None) };
        let (first, last) = (*first.start(), *last.end());
        let CommitInfo { actor, transaction, time_micros, package_version, origin } = info;
        let by =
            TransactionEntry { actor, time_micros, transaction, package_version, tables: Vec::new(), origin };
        let mut rows: Vec<(TableId, u64)> =
            gone.rows.iter().map(|(table, rows)| (*table, u64::try_from(*rows).unwrap_or(0))).collect();
        rows.sort_by_key(|(table, _)| table.0);
        let checkpoint = CheckpointEntry { by, csn: last, hash: gone.hash, rows };
        let csn = inner.append_checkpoint(&checkpoint)?;
        archive.keep_checkpoint(&checkpoint)?;
        archive.remove_upto(last, None)?;
        inner.measure_again();
        let hash = gone.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(Forgotten { entries: first..=last, hash, checkpoint: csn }))
    }
}

impl Inner {
    fn append_checkpoint(&self, checkpoint: &CheckpointEntry) -> Result<u64> {
        let payload = Entry::Checkpoint(checkpoint.clone()).encode()?;
        let mut log = self.log.lock();
        let log = log.as_mut().ok_or_else(closed)?;
        log.append([payload.as_slice()].into_iter())?;
        self.note_time(checkpoint.by.time_micros);
        self.publish(self.published().state, log.csn());
        Ok(log.csn())
    }
}

impl Archive {
    /// The first entry that is there; none where there is no file at all.
    pub fn oldest(&self) -> Result<Option<u64>> {
        let _still = self.moving.read();
        let logs = crate::log::log_files(&*self.files, &self.log_folder)?;
        let named = self.named()?;
        Ok(named.iter().map(|(named, _)| named.first()).chain(logs.iter().map(|(first, _)| *first)).min())
    }

    /// The first entry from `from` on that may be there: those before were let go of. Where that is not so, `from`.
    pub fn kept_from(&self, from: u64, newest: u64) -> Result<u64> {
        match self.oldest()? {
            Some(oldest) if oldest > from => {
                let kept = self.kept_checkpoint().filter(|known| known.csn.saturating_add(1) >= oldest);
                // The chain tells, if it has to be read for it.
                let is_known = kept.is_some() || self.checkpoint(oldest, newest)?.is_some();
                Ok(if is_known { oldest } else { from })
            }
            _ => Ok(from),
        }
    }

    /// The newest checkpoint of a chain that begins at `oldest`; it is looked for where it is not kept.
    fn checkpoint(&self, oldest: u64, newest: u64) -> Result<Option<CheckpointEntry>> {
        let kept = self.kept_checkpoint().filter(|kept| kept.csn.saturating_add(1) >= oldest);
        if kept.is_some() || oldest <= 1 {
            return Ok(kept);
        }
        let mut found = None;
        for frame in self.frames(oldest..=newest)? {
            let frame = frame?;
            if let Ok(Entry::Checkpoint(checkpoint)) = Entry::decode(frame.payload()) {
                found = Some(checkpoint);
            }
        }
        let missing = || Error::Damaged {
            file: self.log_place(),
            offset: 0,
            what: format!("the entries before {oldest} are missing, and none tells that they were let go of"),
        };
        found.map(Some).ok_or_else(missing)
    }

    fn kept_checkpoint(&self) -> Option<CheckpointEntry> {
        let object = ObjectName::from(super::FOLDER).join(NEWEST);
        let (csn, hash, rows) = SEAL.read(&self.objects, &object).ok()?;
        Some(CheckpointEntry { by: TransactionEntry::default(), csn, hash, rows })
    }

    fn keep_checkpoint(&self, CheckpointEntry { csn, hash, rows, .. }: &CheckpointEntry) -> Result<()> {
        let object = ObjectName::from(super::FOLDER).join(NEWEST);
        self.objects.put(&object, SEAL.encode(&(csn, hash, rows))?)
    }

    /// Removes the files that end at this entry or before, the oldest first, up to the first that is read now or that may not go: what is left
    /// has no gap.
    fn remove_upto(&self, csn: u64, may: Option<&May<'_>>) -> Result<()> {
        let mut kept_from = u64::MAX;
        for (named, object) in self.named()? {
            let Named::File(csns) = named else { continue };
            if *csns.end() > csn {
                break;
            }
            let is_held = may.map_or(Ok(false), |may| self.is_file_held(&csns, may))?;
            if is_held || !self.readers.unless_read(*csns.end(), || self.objects.delete(&object))? {
                kept_from = *csns.start();
                break;
            }
        }
        // Sums whose file is gone, of now and of a crash before.
        for object in self.objects.list(&ObjectName::from(super::FOLDER))? {
            let csns = object.filename().and_then(|file| file.strip_suffix(&format!(".{SUMS}")));
            let csns = csns.and_then(|stem| Named::parse(&format!("{stem}.{PARQUET}")));
            if let Some(Named::File(csns)) = csns
                && *csns.end() <= csn
                && *csns.end() < kept_from
            {
                self.objects.delete(&name(&csns, SUMS))?;
            }
        }
        Ok(())
    }

    /// The oldest files that may go.
    fn older_than(&self, may: &May<'_>, floor: u64, known: Option<&CheckpointEntry>) -> Result<Gone> {
        let (mut next, hash, rows) = match known {
            Some(known) => (known.csn + 1, known.hash, known.rows.as_slice()),
            None => (1, [0; 32], [].as_slice()),
        };
        let signed = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        let rows = rows.iter().map(|(table, rows)| (*table, signed(*rows))).collect();
        let mut gone = Gone { files: Vec::new(), hash, rows };
        for (named, _) in self.named()? {
            let Named::File(csns) = named else { break };
            if *csns.end() < next {
                continue;
            }
            if *csns.start() != next || *csns.end() > floor {
                break;
            }
            let Some((hash, rows)) = self.file_may_go(&csns, may, &gone)? else { break };
            next = *csns.end() + 1;
            (gone.hash, gone.rows) = (hash, rows);
            gone.files.push(csns);
            if gone.files.len() >= FILES_MAX {
                break;
            }
        }
        Ok(gone)
    }

    /// Whether something in a file is held.
    fn is_file_held(&self, csns: &RangeInclusive<u64>, may: &May<'_>) -> Result<bool> {
        let file = HistoryFile::open(&self.objects, csns)?;
        for frame in file.frames(csns)? {
            let frame = frame?;
            let entry = Entry::decode(frame.payload());
            let entry =
                entry.map_err(|error| file.damaged(format!("entry {} can't be read: {error}", frame.csn)))?;
            if may.holds(&entry)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The hash of a file's last entry, and the rows behind it, when all of it may go.
    fn file_may_go(
        &self,
        csns: &RangeInclusive<u64>,
        may: &May<'_>,
        before: &Gone,
    ) -> Result<Option<(Hash, HashMap<TableId, i64>)>> {
        let file = HistoryFile::open(&self.objects, csns)?;
        let (mut hash, mut rows) = (before.hash, before.rows.clone());
        let mut last = csns.start().saturating_sub(1);
        for frame in file.frames(csns)? {
            let frame = frame?;
            if frame.csn != last + 1 || frame.hash_before != hash {
                return Err(file.damaged(format!("entry {} does not continue the hash chain", frame.csn)));
            }
            (last, hash) = (frame.csn, frame.hash);
            let entry = Entry::decode(frame.payload());
            let entry =
                entry.map_err(|error| file.damaged(format!("entry {last} can't be read: {error}")))?;
            if entry.by().is_some_and(|by| by.time_micros >= may.before_micros) || may.holds(&entry)? {
                return Ok(None);
            }
            entry.count(|table, more| *rows.entry(table).or_default() += more);
        }
        match last == *csns.end() {
            true => Ok(Some((hash, rows))),
            false => Err(file.damaged(format!("it ends at entry {last}, not {}", csns.end()))),
        }
    }
}

impl May<'_> {
    /// Whether an entry tells of what is held.
    fn holds(&self, entry: &Entry) -> Result<bool> {
        let named = |table: TableId| Ok::<_, Error>(&self.catalog.must_by_id(table)?.spec.name);
        match entry {
            Entry::Transaction(transaction) => {
                for table in &transaction.tables {
                    let name = named(table.table)?;
                    for change in &table.changes {
                        let key = match change {
                            ChangeEntry::Insert(row) | ChangeEntry::Delete(row) => Row::key(row)?,
                            ChangeEntry::Update { key, .. } => key,
                        };
                        if (self.is_held)(name, Some(key)) {
                            return Ok(true);
                        }
                    }
                }
                Ok(false)
            }
            Entry::Load(load) => {
                for table in &load.tables {
                    if (self.is_held)(named(table.table)?, None) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Entry::Catalog(_) | Entry::Checkpoint(_) => Ok(false),
        }
    }
}
