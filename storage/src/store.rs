//! The store of one tenant: opens, commits, folds.

use std::{path::Path, sync::Arc};

use crate::{
    Csn, error::Result, schema::TableSpec, snapshot::Snapshot, world::World, write::WriteSet,
};

/// Limits and sizes, each with its unit.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// A log file is rolled past this size.
    pub log_file_bytes: u64,
    /// The delta is folded past this size.
    pub delta_bytes_target: u64,
    /// Writers wait, then fail with `Limited`, while the delta is larger than this.
    pub delta_bytes_max: u64,
    /// How long a writer waits for room.
    pub write_wait_ms_max: u64,
    /// What decoded columns, footers and index readers may keep.
    pub cache_bytes: u64,
    /// Changes in one transaction.
    pub transaction_rows_max: usize,
    /// Rows in a Parquet row group.
    pub row_group_rows: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            log_file_bytes: 64 << 20,
            delta_bytes_target: 64 << 20,
            delta_bytes_max: 256 << 20,
            write_wait_ms_max: 10_000,
            cache_bytes: 1 << 30,
            transaction_rows_max: 1_000_000,
            row_group_rows: 32_768,
        }
    }
}

/// Who commits, and why: written into the log entry.
#[derive(Clone, Debug, Default)]
pub struct CommitInfo {
    /// The acting user's id.
    pub actor: String,
    /// The transaction's id.
    pub transaction: String,
    /// The transaction's instant, microseconds UTC.
    pub time_micros: i64,
    /// The registry version that decided it.
    pub package_version: String,
}

/// A commit that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The state that contains it.
    pub csn: Csn,
}

/// One tenant's records. Shared by `Arc`; every method may be called from any thread, and blocks: call it off the
/// async threads.
pub struct Store;

impl Store {
    /// Opens, or makes, the store in `folder` and brings it to the last acknowledged commit.
    ///
    /// # Errors
    ///
    /// `Unavailable` when another process has it; `Damaged` with file and offset; `Io`.
    pub fn open(folder: &Path, options: StoreOptions, world: World) -> Result<Arc<Store>> {
        let _ = (folder, options, world);
        todo!()
    }

    /// Makes these tables be there, as one log entry when anything changes; idempotent.
    ///
    /// # Errors
    ///
    /// `Invalid` when a column changes its type or is missing, naming it.
    pub fn define_tables(&self, tables: Vec<TableSpec>) -> Result<()> {
        let _ = tables;
        todo!()
    }

    /// The newest acknowledged state.
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }

    /// Makes a transaction durable: conflicts, unique values and references are checked against the newest state,
    /// one entry is appended and synced (together with those of others who wait), then it is visible.
    ///
    /// # Errors
    ///
    /// `Conflict`, the violations, `Limited`, `Unavailable`; the transaction then left nothing.
    pub fn commit(&self, writes: WriteSet, info: CommitInfo) -> Result<Committed> {
        let _ = (writes, info);
        todo!()
    }

    /// Folds the delta into segments now; returns the CSN up to which all is folded. Also runs by itself past
    /// `delta_bytes_target`, in the background.
    ///
    /// # Errors
    ///
    /// `Io`; nothing is lost, it is tried again.
    pub fn fold(&self) -> Result<Csn> {
        todo!()
    }

    /// Waits for background work, syncs, lets go of the folder's lock. Also done on drop.
    ///
    /// # Errors
    ///
    /// `Io` of the last sync.
    pub fn close(&self) -> Result<()> {
        todo!()
    }
}
