//! How much a store holds, and how much it may: rows of its tables, bytes of all its files.
//!
//! Rows are counted as they come and go, under the log's lock, so a commit that is refused is the first that would be too much. Bytes are
//! measured: nothing is listed until somebody asks for them or bounds them; from then on each entry and each content is added as it is
//! written, and every fold measures anew, for it is folds that let go of files.
//!
//! A content is reserved as it comes, or before, where its length is said ([`Reserved`]): so uploads that come at once get no further together
//! than one by one. Transactions that write to tables that are not counted alone (sessions) have a margin of their own once the store is over
//! its bound, by whatever: of what they write from then on, until it is measured and less is over. Who is full can still log in to delete, and yet nobody
//! fills the disk that way. What must never be lost (events, passwords, holds: [`crate::StoreOptions::is_always_written`]) is bounded by nothing.
//!
//! What takes nothing, and what frees room ([`crate::WriteSet::frees_room`]), is never refused: who is full must be able to delete.

use std::{
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};

use crate::{
    error::{Error, Result},
    files::failed,
    log::log_files,
    state::State,
    store::{Inner, Store},
    write::{Change, WriteSet},
};

/// The name of the bound of rows, in errors.
pub const ROWS_MAX: &str = "rows_max";
/// The name of the bound of bytes, in errors.
pub const BYTES_MAX: &str = "bytes_max";

/// How much a store may hold; none: as much as there is room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreQuota {
    /// Rows of all tables that are counted ([`crate::StoreOptions::is_counted`]).
    pub rows_max: Option<NonZeroU64>,
    /// Bytes of all files: segments, indexes, past states, history, log, contents.
    pub bytes_max: Option<NonZeroU64>,
}

/// How much a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Rows of all tables that are counted.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// What a store holds, as far as it is known.
pub(crate) struct Meter {
    is_counted: OfTable,
    is_always_written: OfTable,
    quota: RwLock<StoreQuota>,
    /// Changed under the log's lock.
    rows: AtomicU64,
    bytes: AtomicU64,
    /// Of those, what went to tables that are not counted since there was too much, as far as a measure found more than that since.
    in_margin: AtomicU64,
    /// For contents on their way. It counts among these alone: what is only announced keeps nobody from writing rows.
    reserved: AtomicU64,
    /// Of contents on their way, what has come.
    come: AtomicU64,
    is_measured: AtomicBool,
    /// Held while it is measured.
    measuring: Mutex<()>,
    /// Somebody was refused for want of bytes: a fold shall look for what can go.
    wants_room: AtomicBool,
    looked_micros: AtomicI64,
}

/// Room that is kept for a content on its way, until it is dropped.
pub struct Reserved {
    meter: Arc<Meter>,
    bytes: u64,
    come: u64,
}

/// What is so of a table, by its name.
type OfTable = fn(&str) -> bool;

/// Of the bound of bytes, this part, but at least and at most so many bytes, is what tables that are not counted may take once it is reached.
const MARGIN_PART: u64 = 16;
const MARGIN_BYTES: std::ops::RangeInclusive<u64> = 4 << 20..=256 << 20;

/// How often room is looked for, however many are refused.
const LOOK_EVERY_MICROS: i64 = 60_000_000;

impl Meter {
    /// Of a store that holds this.
    pub fn new((is_counted, is_always_written): (OfTable, OfTable), state: &State) -> Result<Meter> {
        let mut rows = 0;
        if let Some(newest) = state.generations.last() {
            for table in state.catalog.tables().iter().filter(|table| is_counted(&table.spec.name)) {
                rows += newest.must_get(table.id)?.count(crate::apply::NEWEST);
            }
        }
        Ok(Meter {
            is_counted,
            is_always_written,
            quota: RwLock::default(),
            rows: AtomicU64::new(rows),
            bytes: AtomicU64::new(0),
            in_margin: AtomicU64::new(0),
            reserved: AtomicU64::new(0),
            come: AtomicU64::new(0),
            is_measured: AtomicBool::new(false),
            measuring: Mutex::new(()),
            wants_room: AtomicBool::new(false),
            looked_micros: AtomicI64::new(i64::MIN),
        })
    }

    pub fn quota(&self) -> StoreQuota {
        *self.quota.read()
    }

    /// Rows that are counted.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Acquire)
    }

    /// So many rows are there from now on. The log's lock is held.
    pub fn set_rows(&self, rows: u64) {
        self.rows.store(rows, Ordering::Release);
    }

    /// More was written.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// A transaction took so many bytes of those that were added.
    pub fn note_margin(&self, writes: &WriteSet, bytes: u64) {
        let Some(max) = self.quota().bytes_max else { return };
        let takes = writes.tables().all(|(name, _)| !(self.is_counted)(name)) && !self.is_free(writes);
        if takes && self.bytes.load(Ordering::Acquire) > max.get() {
            self.in_margin.fetch_add(bytes, Ordering::AcqRel);
        }
    }

    /// It deletes, and writes what must never be lost, and nothing else.
    fn is_free(&self, writes: &WriteSet) -> bool {
        let is_delete = |change: &Change| matches!(change, Change::Delete(_));
        writes
            .tables()
            .all(|(name, changes)| (self.is_always_written)(name) || changes.values().all(is_delete))
    }

    /// What was written may have gone: it is measured again when it is asked for.
    pub fn forget_bytes(&self) {
        self.is_measured.store(false, Ordering::Release);
    }

    /// Somebody was refused; whether room shall be looked for now.
    pub fn wish_for_room(&self, now_micros: i64) -> bool {
        let last = self.looked_micros.load(Ordering::Acquire);
        if now_micros < last.saturating_add(LOOK_EVERY_MICROS) {
            return false;
        }
        self.looked_micros.store(now_micros, Ordering::Release);
        self.wants_room.store(true, Ordering::Release);
        true
    }

    /// Whether room is to be looked for, told once.
    pub fn take_wish(&self) -> bool {
        self.wants_room.swap(false, Ordering::AcqRel)
    }

    /// Rows of a table of this name count.
    pub fn counts(&self, table: &str) -> bool {
        (self.is_counted)(table)
    }

    /// How many rows there would be with these changes, beside `rows`.
    pub fn rows_with(&self, rows: u64, writes: &WriteSet) -> u64 {
        let counted = writes.tables().filter(|(name, _)| (self.is_counted)(name));
        counted.flat_map(|(_, changes)| changes.values()).fold(rows, |rows, change| match change {
            Change::Insert(_) => rows.saturating_add(1),
            Change::Delete(_) => rows.saturating_sub(1),
            Change::Update { .. } => rows,
        })
    }

    /// May a transaction be written that leaves so many rows of `before`, in an entry of so many bytes?
    ///
    /// # Errors
    ///
    /// `Limited`.
    pub fn must_have_room(&self, writes: &WriteSet, (before, after): (u64, u64), bytes: u64) -> Result<()> {
        // What deletions bring about may be more than they take.
        let frees = writes.is_freeing() && after <= before;
        if frees {
            return Ok(());
        }
        if !writes.tables().any(|(name, _)| (self.is_counted)(name)) {
            return if self.is_free(writes) { Ok(()) } else { self.must_fit_in_margin(bytes) };
        }
        let added = if after > before { after } else { 0 };
        self.must_fit(added, bytes)
    }

    fn must_fit_in_margin(&self, more_bytes: u64) -> Result<()> {
        let Some(max) = self.quota().bytes_max.map(NonZeroU64::get) else { return Ok(()) };
        let margin = (max / MARGIN_PART).clamp(*MARGIN_BYTES.start(), *MARGIN_BYTES.end());
        let taken = self.in_margin.load(Ordering::Acquire).saturating_add(more_bytes);
        if taken <= margin { Ok(()) } else { self.must_have_bytes(more_bytes, max) }
    }

    /// Room for a content, of which so many bytes are to come at least.
    ///
    /// # Errors
    ///
    /// `Limited`.
    pub fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reserved> {
        let mut reserved = Reserved { meter: Arc::clone(self), bytes: 0, come: 0 };
        reserved.grow_to(bytes)?;
        Ok(reserved)
    }

    /// May there be so many rows, and so many more bytes?
    ///
    /// # Errors
    ///
    /// `Limited`.
    pub fn must_fit(&self, rows: u64, more_bytes: u64) -> Result<()> {
        let StoreQuota { rows_max, bytes_max } = self.quota();
        if let Some(allowed) = rows_max.map(NonZeroU64::get).filter(|max| rows > *max) {
            return Err(Error::Limited { limit: ROWS_MAX, asked: rows, allowed });
        }
        let come = self.come.load(Ordering::Acquire);
        match bytes_max.map(NonZeroU64::get) {
            Some(allowed) => self.must_have_bytes(more_bytes.saturating_add(come), allowed),
            None => Ok(()),
        }
    }

    fn must_have_bytes(&self, more_bytes: u64, allowed: u64) -> Result<()> {
        let asked = self.bytes.load(Ordering::Acquire).saturating_add(more_bytes);
        match asked > allowed && self.is_measured.load(Ordering::Acquire) {
            true => Err(Error::Limited { limit: BYTES_MAX, asked, allowed }),
            false => Ok(()),
        }
    }
}

impl Reserved {
    /// So many bytes in all have come; those that were not reserved are now.
    ///
    /// # Errors
    ///
    /// As [`Self::grow_to`].
    pub fn take(&mut self, bytes: u64) -> Result<()> {
        self.grow_to(bytes)?;
        self.meter.come.fetch_add(bytes.saturating_sub(self.come), Ordering::AcqRel);
        self.come = self.come.max(bytes);
        Ok(())
    }

    /// So many bytes in all, if there are more than before. All that are reserved at once fit together.
    ///
    /// # Errors
    ///
    /// `Limited`; what was reserved before stays so.
    pub fn grow_to(&mut self, bytes: u64) -> Result<()> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let (reserved, Some(allowed)) =
            (&self.meter.reserved, self.meter.quota().bytes_max.map(NonZeroU64::get))
        else {
            self.meter.reserved.fetch_add(more, Ordering::AcqRel);
            self.bytes = bytes;
            return Ok(());
        };
        let mut before = reserved.load(Ordering::Acquire);
        loop {
            let after = before.saturating_add(more);
            self.meter.must_have_bytes(after, allowed)?;
            match reserved.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(now) => before = now,
            }
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.meter.reserved.fetch_sub(self.bytes, Ordering::AcqRel);
        self.meter.come.fetch_sub(self.come, Ordering::AcqRel);
    }
}

impl Inner {
    /// Measures the bytes of all files, where they are bounded and not known.
    pub fn measure_if_bounded(&self) -> Result<()> {
        match self.meter.quota().bytes_max {
            Some(_) => self.bytes().map(drop),
            None => Ok(()),
        }
    }

    /// Whether [`Self::measure_if_bounded`] has nothing to measure.
    pub fn knows_what_is_bounded(&self) -> bool {
        self.meter.quota().bytes_max.is_none() || self.meter.is_measured.load(Ordering::Acquire)
    }

    /// The bytes of all files; they are listed where they are not known.
    pub fn bytes(&self) -> Result<u64> {
        if !self.meter.is_measured.load(Ordering::Acquire) {
            self.measure()?;
        }
        Ok(self.meter.bytes.load(Ordering::Acquire))
    }

    /// What was known may be known no more: files went.
    pub fn measure_again(&self) {
        if self.meter.is_measured.load(Ordering::Acquire)
            && let Err(error) = self.measure()
        {
            tracing::warn!(%error, "what the store holds could not be measured; the last measure holds on");
        }
    }

    fn measure(&self) -> Result<()> {
        // Of two that measure at once each would count what the other found as written meanwhile.
        let _turn = self.meter.measuring.lock();
        // What is written meanwhile may be counted twice, until the next fold.
        let before = self.meter.bytes.load(Ordering::Acquire);
        let mut bytes = self.ground.objects.bytes()?;
        let folder = &self.log_ground.folder;
        let in_use = self.log.lock().as_ref().map(|log| (log.path().to_path_buf(), log.offset()));
        for (_, path) in log_files(&*self.files, folder)? {
            bytes += match &in_use {
                // Room that was zeroed ahead holds nothing.
                Some((used, offset)) if *used == path => *offset,
                _ => self
                    .files
                    .open(&path, crate::files::OpenMode::Read)
                    .and_then(|file| file.bytes())
                    .or_else(gone)
                    .map_err(failed("look at", &path))?,
            };
        }
        // In one step: what is added between two would be lost.
        let counted = |now: u64| Some(bytes.saturating_add(now.saturating_sub(before)));
        let (set, fetched) = (Ordering::AcqRel, Ordering::Acquire);
        if self.meter.bytes.fetch_update(set, fetched, counted).is_err() {
            return Err(Error::Internal("what a store holds was not set".into()));
        }
        // What is over the bound is all that may be left of it: who stays over has no other margin after each fold.
        let over = |max: NonZeroU64| bytes.saturating_sub(max.get());
        self.meter.in_margin.fetch_min(self.meter.quota().bytes_max.map_or(0, over), Ordering::AcqRel);
        self.meter.is_measured.store(true, Ordering::Release);
        Ok(())
    }
}

/// A file that went meanwhile has no bytes.
fn gone(error: std::io::Error) -> std::io::Result<u64> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(0) } else { Err(error) }
}

impl Store {
    /// From now on it may hold so much. What it holds already stays.
    pub fn set_quota(&self, quota: StoreQuota) {
        *self.inner.meter.quota.write() = quota;
    }

    /// Room for a content that will have so many bytes, as is said; see [`crate::NewContent::within`]. Blocks, where what it holds must be measured.
    ///
    /// # Errors
    ///
    /// `Limited` when the store may not hold so much; `Io`.
    pub fn reserve(&self, bytes: u64) -> Result<Reserved> {
        self.inner.measure_if_bounded()?;
        self.inner.meter.reserve(bytes)
    }

    /// How much it holds. Blocks: files are listed the first time.
    ///
    /// # Errors
    ///
    /// `Io`.
    pub fn usage(&self) -> Result<StoreUsage> {
        Ok(StoreUsage { rows: self.inner.meter.rows(), bytes: self.inner.bytes()? })
    }
}
