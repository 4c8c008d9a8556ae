//! The store of one tenant: opens, commits, folds.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use parking_lot::{Condvar, Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::{
    Csn, apply, bulk,
    catalog::{Catalog, TableId},
    check,
    commit::{Leaders, Queue},
    delta::Gauge,
    encryption::StoreKeys,
    error::{Error, Result},
    files::{self, Files, FolderLock, failed},
    history::Archive,
    log::{Entry, LogGround, LogWriter, recover},
    objects::Objects,
    past::state_over,
    resources::{Resources, Task},
    retained::Retained,
    scan::ScanRequest,
    schema::{TableName, TableSpec},
    segment::{Ground, Segment},
    snapshot::Snapshot,
    state::State,
    usage::Meter,
    world::{Clock, World},
    write::TRANSACTION_BYTES_MAX,
};

/// Limits and sizes, each with its unit.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// A log file is rolled past this size.
    pub log_file_bytes: u64,
    /// The delta is folded past this size.
    pub delta_bytes_target: u64,
    /// Writers wait, then fail with `Limited`, while more than this is held in memory by deltas: rows that are not folded,
    /// rows that are but that a snapshot still pins, what readers had built over them, and commits that wait.
    pub delta_bytes_max: u64,
    /// How long a writer waits for room.
    pub write_wait_ms_max: u64,
    /// Changes in one transaction.
    pub transaction_rows_max: usize,
    /// Bytes that an open transaction may hold, roughly, rows and the journal of its savepoints. See
    /// [`Snapshot::writes`].
    pub transaction_bytes_max: u64,
    /// Rows of a bulk load that wait to be sorted and written, roughly, in bytes.
    pub load_bytes_target: u64,
    /// Rows in a Parquet row group.
    pub row_group_rows: usize,
    /// How far back a past state can be asked for; what only older ones need goes. History stays.
    pub history_window_seconds: u64,
    /// What may be replayed in memory to make one past state.
    pub time_travel_bytes_max: u64,
    /// Whether rows of a table of this name count as what the store holds ([`crate::StoreQuota`]).
    pub is_counted: fn(&str) -> bool,
    /// Whether rows of a table that is not counted are written however much the store holds.
    pub is_always_written: fn(&str) -> bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            log_file_bytes: 64 << 20,
            delta_bytes_target: 64 << 20,
            delta_bytes_max: 256 << 20,
            write_wait_ms_max: 10_000,
            transaction_rows_max: 1_000_000,
            transaction_bytes_max: TRANSACTION_BYTES_MAX,
            load_bytes_target: 32 << 20,
            row_group_rows: 32_768,
            history_window_seconds: 24 * 60 * 60,
            time_travel_bytes_max: 256 << 20,
            is_counted: |_| true,
            is_always_written: |_| false,
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
    /// From where it was sent; none where the process itself did it.
    pub origin: Option<CommitOrigin>,
}

/// From where a transaction was sent. Texts that mean nothing here; empty where they are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitOrigin {
    /// By which door.
    pub door: String,
    /// The client's address.
    pub address: String,
    /// The id of the request.
    pub request: String,
    /// What the client says it is.
    pub client: String,
}

/// A commit that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The state that contains it.
    pub csn: Csn,
}

/// One tenant's records. Shared by `Arc`; every method may be called from any thread, and blocks: call it off the
/// async threads.
pub struct Store {
    pub(crate) inner: Arc<Inner>,
    pub(crate) folding: Task,
}

/// The store without its background work.
pub(crate) struct Inner {
    pub files: Arc<dyn Files>,
    pub options: StoreOptions,
    pub ground: Arc<Ground>,
    pub log_ground: LogGround,
    pub clock: Arc<dyn Clock>,
    /// Manifests of the past, and their segments.
    pub retained: Retained,
    /// The latest instant of all transactions that were committed.
    time_micros: AtomicI64,
    /// Segments that a manifest names which failed to be published, and may be there all the same. They stay until a
    /// later one is published.
    pub doubtful: Mutex<Vec<Arc<Segment>>>,
    /// Segments of loads that failed, whose entry may be in the log all the same.
    pub unlogged: Mutex<Vec<Arc<Segment>>>,
    /// The number of the next segment, and of the last manifest.
    pub next_segment: AtomicU64,
    pub manifest: AtomicU64,
    /// What deltas hold in memory.
    pub gauge: Gauge,
    /// What it holds on disk, and may.
    pub meter: Arc<Meter>,
    pub queue: Queue,
    pub leaders: Arc<Leaders>,
    /// Taken by who appends to the log or changes the state. `None` once closed.
    pub log: Mutex<Option<LogWriter>>,
    /// Taken, before the log, by who folds or changes the catalog.
    pub folding: Mutex<()>,
    published: RwLock<Published>,
    /// A fold made room in the delta.
    pub room: Condvar,
    pub room_lock: Mutex<()>,
    folder_lock: Mutex<Option<FolderLock>>,
}

/// What readers see.
#[derive(Clone)]
pub(crate) struct Published {
    pub state: Arc<State>,
    pub csn: u64,
}

impl Store {
    /// Opens, or makes, the store in `folder` and brings it to the last acknowledged commit. Its background work is done
    /// by the threads of `resources`, which all stores of a process share.
    ///
    /// # Errors
    ///
    /// `Unavailable` when another process has it; `Damaged` with file and offset; `Io`.
    pub fn open(
        folder: &Path,
        options: StoreOptions,
        world: World,
        resources: &Arc<Resources>,
    ) -> Result<Arc<Store>> {
        let inner = Arc::new(Inner::open(folder, options, &world, resources)?);
        let folds = inner.clone();
        let folding = resources.folding.task("folding the delta", move || folds.fold_if_due());
        Ok(Arc::new(Store { inner, folding }))
    }

    /// Makes these tables be there, as one log entry when anything changes; idempotent. Rows that are there must hold
    /// new unique constraints and references.
    ///
    /// # Errors
    ///
    /// `Invalid` when a column changes its type or is missing, naming it; a violation by a row that is there.
    pub fn define_tables(&self, tables: Vec<TableSpec>) -> Result<()> {
        self.inner.define_tables(tables)
    }

    /// The newest acknowledged state.
    pub fn snapshot(&self) -> Snapshot {
        let Published { state, csn } = self.inner.published();
        Snapshot::new(state, csn).with_transaction_limit(self.inner.options.transaction_bytes_max)
    }

    /// Folds the delta into segments now; returns the CSN up to which all is folded. Also runs by itself past
    /// `delta_bytes_target`, in the background.
    ///
    /// # Errors
    ///
    /// `Io`; nothing is lost, it is tried again.
    pub fn fold(&self) -> Result<Csn> {
        self.inner.fold().map(Csn)
    }

    /// Makes the indexes of these tables anew from their rows, of all tables where none is named; how many segments they
    /// were. Reads and commits go on meanwhile.
    ///
    /// # Errors
    ///
    /// `UnknownTable`, `Damaged`, `Io`.
    pub fn reindex(&self, tables: &[TableName]) -> Result<u64> {
        let _folding = self.inner.folding.lock();
        let state = self.inner.published().state;
        tables.iter().try_for_each(|name| state.catalog.must_get(name).map(drop))?;
        let mut count = 0;
        for table in state.catalog.tables() {
            if !tables.is_empty() && !tables.contains(&table.spec.name) {
                continue;
            }
            for part in state.segments.get(&table.id).map(|parts| parts.as_slice()).unwrap_or_default() {
                part.segment.reindex(table)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Waits for background work, syncs, lets go of the folder's lock. Also done on drop. Snapshots can still be read.
    ///
    /// # Errors
    ///
    /// `Io` of the last sync.
    pub fn close(&self) -> Result<()> {
        self.folding.stop();
        // Every acknowledged commit is synced already; dropping the writer ends the zeroing ahead.
        let _folding = self.inner.folding.lock();
        let repaired = self.inner.log.lock().take().map_or(Ok(()), |mut log| log.repair());
        self.inner.ground.close();
        drop(self.inner.folder_lock.lock().take());
        repaired.map_err(|source| Error::Io { context: "close the log".into(), source })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the store could not be closed");
        }
    }
}

/// Folders above the store that an open may have made: `tenant`, the data folder, and what that lies in.
const FOLDERS_ABOVE: usize = 3;
/// The folder of the log.
pub(crate) const LOG: &str = "log";

fn log_ground(
    folder: &Path,
    (files, resources): (&Arc<dyn Files>, &Arc<Resources>),
    file_bytes: u64,
    keys: Option<Arc<StoreKeys>>,
) -> LogGround {
    let (files, resources) = (files.clone(), resources.clone());
    LogGround { files, folder: folder.join(LOG), resources, file_bytes, keys }
}

impl Inner {
    fn open(
        folder: &Path,
        options: StoreOptions,
        world: &World,
        resources: &Arc<Resources>,
    ) -> Result<Inner> {
        let files = world.files.clone();
        // Before anything is written: who has not the key leaves no trace.
        let keys = StoreKeys::open(folder, world)?;
        make_folders(&*files, folder)?;
        let folder_lock = files::lock(&*files, folder)?;
        let objects = Objects::open(folder, world, keys.clone())?;
        let ground = Ground::new(objects, resources);
        let (retained, manifest) = Retained::open(&ground.objects, options.history_window_seconds)?;
        let start = manifest.folded();
        let archive = Archive::new(ground.objects.clone(), files.clone(), folder.join(LOG));
        let segments = retained.segments(&ground, &manifest)?;
        let catalog = Arc::new(Catalog::new(manifest.catalog.clone(), &resources.shapes)?);
        let gauge = Gauge::default();
        let state = state_over(&manifest, segments, catalog, Arc::new(archive), &gauge);
        let mut state = Arc::new(State { changes: Arc::default(), ..state });
        let mut time_micros = start.time_micros;
        let log_ground = log_ground(folder, (&files, resources), options.log_file_bytes, keys);
        let log = recover(&log_ground, start, &mut |csn, entry| {
            match entry {
                Entry::Catalog(specs) => {
                    state = Arc::new(state.with_catalog(state.catalog.replaced(specs)?));
                }
                Entry::Transaction(transaction) => {
                    time_micros = time_micros.max(transaction.time_micros);
                    apply::replay(&state, &transaction, csn)?;
                }
                Entry::Load(load) => {
                    time_micros = time_micros.max(load.by.time_micros);
                    state = Arc::new(bulk::replay(&state, (&retained, &ground), &load, csn)?);
                }
                Entry::Checkpoint(checkpoint) => time_micros = time_micros.max(checkpoint.by.time_micros),
            }
            Ok(())
        })?;
        let next_segment = retained.remove_unnamed(&ground.objects, &state)?.max(manifest.next_segment);
        retained.expire(&ground.objects, world.clock.now_micros())?;
        let meter = Arc::new(Meter::new((options.is_counted, options.is_always_written), &state)?);
        // Of what was read again nothing was told by table.
        state.changes.note_all(log.csn());
        let published = Published { state, csn: log.csn() };
        Ok(Inner {
            files,
            options,
            ground,
            log_ground,
            clock: world.clock.clone(),
            retained,
            time_micros: AtomicI64::new(time_micros),
            doubtful: Mutex::default(),
            unlogged: Mutex::default(),
            next_segment: AtomicU64::new(next_segment),
            manifest: AtomicU64::new(manifest.number),
            gauge,
            meter,
            queue: Queue::default(),
            leaders: Arc::clone(&resources.leaders),
            log: Mutex::new(Some(log)),
            folding: Mutex::default(),
            published: RwLock::new(published),
            room: Condvar::new(),
            room_lock: Mutex::default(),
            folder_lock: Mutex::new(Some(folder_lock)),
        })
    }

    pub fn published(&self) -> Published {
        self.published.read().clone()
    }

    /// The latest instant of all transactions that were committed.
    pub fn newest_time(&self) -> i64 {
        self.time_micros.load(Ordering::Acquire)
    }

    /// A transaction of this instant was committed.
    pub fn note_time(&self, time_micros: i64) {
        self.time_micros.fetch_max(time_micros, Ordering::AcqRel);
    }

    /// Readers see this from now on, in which any table may be another. The log's lock is held.
    pub fn publish(&self, state: Arc<State>, csn: u64) {
        let mut published = self.published.write();
        if csn != published.csn {
            state.changes.note_all(csn);
        }
        *published = Published { state, csn };
    }

    /// The same, in which only these tables are others.
    pub fn publish_changes(&self, state: Arc<State>, csn: u64, tables: impl Iterator<Item = TableId>) {
        state.changes.note(tables, csn);
        *self.published.write() = Published { state, csn };
    }

    /// A fold made room: writers that wait may go on.
    pub fn tell_room(&self) {
        let _lock = self.room_lock.lock();
        self.room.notify_all();
    }

    fn define_tables(&self, tables: Vec<TableSpec>) -> Result<()> {
        let _folding = self.folding.lock();
        let mut log = self.log.lock();
        let log = log.as_mut().ok_or_else(closed)?;
        let old = self.published();
        let Some(catalog) = old.state.catalog.with(tables)? else { return Ok(()) };
        let entry = Entry::Catalog(catalog.specs()).encode()?;
        let state = Arc::new(old.state.with_catalog(catalog));
        check_rows(&old, &state)?;
        log.append([entry.as_slice()].into_iter())?;
        self.publish(state, log.csn());
        Ok(())
    }
}

/// Makes the store's folders, as durable as what will lie in them, and so the names of those above, which may be new.
fn make_folders(files: &dyn Files, folder: &Path) -> Result<()> {
    let log = folder.join(LOG);
    files.make_folder(&log).map_err(failed("make folder", &log))?;
    let above = folder.ancestors().take(FOLDERS_ABOVE + 1).filter(|above| !above.as_os_str().is_empty());
    for folder in above {
        files.sync_folder(folder).map_err(failed("sync folder", folder))?;
    }
    Ok(())
}

/// Rows that are there must hold constraints that are new.
fn check_rows(old: &Published, new: &Arc<State>) -> Result<()> {
    for table in new.catalog.tables() {
        let before = old.state.catalog.must_by_id(table.id).ok();
        let Some(before) = before else { continue };
        if before.unique == table.unique && before.references == table.references {
            continue;
        }
        let snapshot = Snapshot::new(new.clone(), old.csn).table(&table.spec.name)?;
        for part in snapshot.scan(ScanRequest::default())? {
            for batch in part {
                check::rows(new, table, &crate::columns::rows(&table.spec, &batch?)?)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}
