//! Reads, updates, new and deleted rows and the folds they bring, for a while: memory must not grow.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use quarry_benches::{
    measure::{Line, Timing, Unit},
    resident::Watch,
};
use quarry_storage::{CommitInfo, Row, ScanRequest, Store, StoreOptions, TableName, Value, WriteSet};

use crate::{alone, wide};

/// The word that makes this program the one that is measured.
pub const CHILD: &str = "--mixed-load";

/// Rows of the table: as many as come go.
const ROWS: u64 = 300_000;
/// Rows of a transaction that are updated; one more comes and one goes.
const UPDATED: u64 = 8;
/// Transactions a second.
const RATE: u32 = 150;
/// Memory is told of so often.
const TOLD: u32 = 10;
/// Readers of each kind rest so long between two reads.
const REST: Duration = Duration::from_micros(500);

/// Own memory at most in the second half of a run, beside that in the first, of which the first tenth does not count.
/// Compactions make it go up and down: it takes a run of minutes to tell.
pub fn steady(seconds: u64) -> Result<Line> {
    let (late, early) = alone::run(CHILD, seconds)?;
    Ok(Line {
        name: "memory at most in the second half of a mixed load (the first half)",
        subject: Timing::once(late),
        peer: Timing::once(early),
        targets: ("1.1 ×", "1 ×"),
        unit: Unit::Bytes,
    })
}

/// The load.
pub fn child(seconds: u64, folder: &Path) -> Result<()> {
    let watch = Watch::start();
    // A window that is left many times in a run, so that what is past goes.
    let options = StoreOptions { history_window_seconds: 60, ..StoreOptions::default() };
    let store = wide::open(folder, options)?;
    let mut load = store.bulk_load();
    for number in 0..ROWS {
        load.add(&wide::TABLE.into(), wide::row(number))?;
    }
    load.commit(CommitInfo::default())?;
    watch.tell("loaded")?;
    let shared = Shared { store, first: AtomicU64::new(0), reads: AtomicU64::new(0), stop: false.into() };
    let tenth = Duration::from_secs(seconds) / TOLD;
    let most = thread::scope(|scope| {
        let shared = &shared;
        let workers = [write, get, look_up, scan];
        let workers = workers.map(|work| scope.spawn(move || shared.until_stopped(work)));
        let most: Result<Vec<u64>> = (0..TOLD).map(|_| shared.tell_after(tenth, &watch)).collect();
        shared.stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        most
    })?;
    let rows = shared.store.snapshot().table(wide::TABLE)?.statistics().rows;
    ensure!(rows == ROWS, "{rows} rows are there, not {ROWS}");
    let of = |tenths: std::ops::Range<usize>| most.get(tenths).and_then(|some| some.iter().max().copied());
    alone::answer(of(5..10).unwrap_or(0), of(1..5).unwrap_or(0));
    Ok(())
}

struct Shared {
    store: Arc<Store>,
    /// The first row that is there; those before it went. As many transactions were committed.
    first: AtomicU64,
    reads: AtomicU64,
    stop: AtomicBool,
}

impl Shared {
    /// Works until all are to stop; one that fails stops all.
    fn until_stopped(&self, mut work: impl FnMut(&Shared, u64) -> Result<()>) -> Result<()> {
        let mut done = Ok(());
        for turn in 0.. {
            if self.stop.load(Ordering::Relaxed) || done.is_err() {
                break;
            }
            done = work(self, turn);
        }
        if done.is_err() {
            self.stop.store(true, Ordering::Relaxed);
        }
        done
    }

    fn tell_after(&self, time: Duration, watch: &Watch) -> Result<u64> {
        let begin = Instant::now();
        while begin.elapsed() < time && !self.stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10).min(time));
        }
        let (commits, reads) = (self.first.load(Ordering::Relaxed), self.reads.load(Ordering::Relaxed));
        watch.tell(&format!("{commits} transactions and {reads} reads by now"))
    }

    fn snapshot_number(&self, turn: u64) -> u64 {
        self.first.load(Ordering::Relaxed) + turn.wrapping_mul(104_729) % ROWS
    }

    fn rest(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        thread::sleep(REST);
    }
}

/// One transaction: rows all over the table are updated, the first goes, and one comes behind the last.
fn write(shared: &Shared, turn: u64) -> Result<()> {
    let begin = Instant::now();
    let name: TableName = wide::TABLE.into();
    let snapshot = shared.store.snapshot();
    let table = snapshot.table(wide::TABLE)?;
    let mut writes = WriteSet::new(snapshot.csn());
    let gone = table.get(&wide::key(turn))?.context("the first row is missing")?;
    writes.delete(&name, gone)?;
    writes.insert(&name, wide::row(turn + ROWS))?;
    for at in 0..UPDATED {
        let number = turn + 1 + (turn * UPDATED + at).wrapping_mul(7_919) % (ROWS - 1);
        let old = table.get(&wide::key(number))?.context("a row is missing")?;
        let mut new = old.0.to_vec();
        new.swap(14, 15);
        writes.update(&name, old, Row(new.into()))?;
    }
    shared.store.commit(writes, CommitInfo::default())?;
    shared.first.store(turn + 1, Ordering::Relaxed);
    thread::sleep((Duration::from_secs(1) / RATE).saturating_sub(begin.elapsed()));
    Ok(())
}

fn get(shared: &Shared, turn: u64) -> Result<()> {
    let number = shared.snapshot_number(turn);
    if let Some(row) = shared.store.snapshot().table(wide::TABLE)?.get(&wide::key(number))? {
        ensure!(row.get(1) == wide::row(number).get(1), "row {number} has another code");
    }
    shared.rest();
    Ok(())
}

/// The rows of an account are found by the index, and read.
fn look_up(shared: &Shared, turn: u64) -> Result<()> {
    let table = shared.store.snapshot().table(wide::TABLE)?;
    let account = wide::row(shared.snapshot_number(turn)).get(3).clone();
    let rows = table.lookup("account_id", std::slice::from_ref(&account))?;
    let code = table.lookup("code", &[Value::text(format!("C-{}", shared.snapshot_number(turn)))])?;
    ensure!(code.len() <= 1, "a code is there twice");
    for part in table.scan(ScanRequest { rows: Some(rows), ..ScanRequest::default() })? {
        part.into_iter().try_for_each(|batch| batch.map(drop))?;
    }
    shared.rest();
    Ok(())
}

fn scan(shared: &Shared, _: u64) -> Result<()> {
    crate::scans::sum(&shared.store)?;
    shared.rest();
    thread::sleep(Duration::from_millis(50));
    Ok(())
}
