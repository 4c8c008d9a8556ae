//! Filter and sum over a column, beside DataFusion over the same Parquet files; and beside itself while others write.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use arrow::{
    array::{AsArray, BooleanArray},
    compute,
    datatypes::{Decimal128Type, Int64Type},
};
use datafusion::{
    execution::{context::SessionContext, options::ParquetReadOptions},
    prelude::SessionConfig,
};
use quarry_benches::measure::{self, Line, Timing, Unit};
use quarry_storage::{CommitInfo, ScanRequest, Store, StoreOptions, TableName, WriteSet};

use crate::wide;

/// Updates a second beside the scan.
const UPDATES: u32 = 1_000;
/// Threads of either side.
const THREADS: usize = 2;

/// `SELECT sum(amount) WHERE probability > 50`, cold and warm.
pub async fn all(rows: u64, slot: Duration) -> Result<Vec<Line>> {
    let folder = tempfile::tempdir()?;
    // No state of the past is kept: the files that are there are those of the rows that are there.
    let options = StoreOptions { history_window_seconds: 0, ..StoreOptions::default() };
    let store = wide::open(folder.path(), options)?;
    wide::load(&store, rows)?;
    let files = settled_files(&store, &folder.path().join("segments"))?;
    let wanted = sum(&store)?;
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(THREADS));
    let paths: Vec<&str> = files.iter().filter_map(|path| path.to_str()).collect();
    let frame = context.read_parquet(paths, ParquetReadOptions::default()).await?;
    context.register_table("deal", frame.into_view())?;
    let ask = async || -> Result<i128> {
        let frame = context.sql("SELECT sum(amount) FROM deal WHERE probability > 50").await?;
        let batches = frame.collect().await?;
        let total = batches
            .first()
            .and_then(|batch| batch.column(0).as_primitive_opt::<Decimal128Type>()?.iter().next()?);
        total.context("no sum")
    };
    ensure!(ask().await? == wanted, "the sums differ");
    let (subject, peer) = measure::in_turn(slot * 4, async || sum(&store), ask).await?;
    let warm = Line {
        name: "scan, filter and sum, warm (DataFusion over the same Parquet files)",
        subject,
        peer,
        targets: ("1.2 ×", "1 ×, 0.3 × from the column cache"),
        unit: Unit::Micros,
    };
    Ok(vec![warm, under_updates(&store, rows, slot * 4)?])
}

/// The sum, on as many threads as DataFusion has.
pub fn sum(store: &Store) -> Result<i128> {
    let request =
        ScanRequest { projection: Some(vec![wide::AMOUNT, wide::PROBABILITY]), ..ScanRequest::default() };
    let parts = store.snapshot().table(wide::TABLE)?.scan(request)?;
    let parts = parking_lot::Mutex::new(parts);
    thread::scope(|scope| {
        let work = || -> Result<i128> {
            let mut total = 0;
            loop {
                let Some(part) = parts.lock().pop() else { return Ok(total) };
                for batch in part {
                    let batch = batch?;
                    let probability = batch.column(1).as_primitive::<Int64Type>();
                    let keep: BooleanArray =
                        compute::kernels::cmp::gt(probability, &arrow::array::Int64Array::new_scalar(50))?;
                    let amounts = compute::filter(batch.column(0), &keep)?;
                    total += compute::sum(amounts.as_primitive::<Decimal128Type>()).unwrap_or(0);
                }
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?)
            .sum()
    })
}

/// The same scan while a writer updates rows all over the table at a steady rate.
fn under_updates(store: &Arc<Store>, rows: u64, slot: Duration) -> Result<Line> {
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        timed(store, slot, &mut quiet)?;
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let writer = scope.spawn(|| write(store, rows, &stop));
            let timed = timed(store, slot, &mut busy);
            stop.store(true, Ordering::Relaxed);
            let wrote = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))?;
            timed.and(wrote)
        })?;
        store.fold()?;
    }
    Ok(Line {
        name: "scan while 1,000 updates/s run (itself without)",
        subject: Timing::of(busy),
        peer: Timing::of(quiet),
        targets: ("1.5 ×", "1.1 ×"),
        unit: Unit::Micros,
    })
}

fn timed(store: &Store, slot: Duration, times: &mut Vec<f64>) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < slot {
        let start = Instant::now();
        sum(store)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(())
}

fn write(store: &Store, rows: u64, stop: &AtomicBool) -> Result<()> {
    let name: TableName = wide::TABLE.into();
    let begin = Instant::now();
    let mut done = 0;
    while !stop.load(Ordering::Relaxed) {
        let snapshot = store.snapshot();
        let table = snapshot.table(wide::TABLE)?;
        let mut writes = WriteSet::new(snapshot.csn());
        for _ in 0..10 {
            let number = (u64::from(done) * 104_729) % rows;
            let old = table.get(&wide::key(number))?.context("a row is missing")?;
            let mut new = old.0.to_vec();
            new.swap(14, 15);
            writes.update(&name, old, quarry_storage::Row(new.into()))?;
            done += 1;
        }
        store.commit(writes, CommitInfo::default())?;
        let due = Duration::from_secs(1) * done / UPDATES;
        thread::sleep(due.saturating_sub(begin.elapsed()));
    }
    Ok(())
}

/// The files of all segments, when nothing is left to fold or merge.
fn settled_files(store: &Store, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = parquet_files(folder)?;
    loop {
        store.fold()?;
        let now = parquet_files(folder)?;
        if now == files {
            return Ok(files);
        }
        files = now;
    }
}

fn parquet_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(parquet_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
