//! How long a store takes to open after its process was killed with a long log that nothing of was folded.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use quarry_benches::measure::{Line, Timing, Unit};
use quarry_storage::StoreOptions;

use crate::wide;

/// The word that makes this program the one that is killed.
pub const CHILD: &str = "--until-killed";

const LOG_BYTES: u64 = 256 << 20;
const ROUNDS: usize = 3;

fn never_folds() -> StoreOptions {
    StoreOptions { delta_bytes_target: u64::MAX, delta_bytes_max: u64::MAX, ..StoreOptions::default() }
}

/// Kills a writer and opens what it left.
pub fn reopen() -> Result<Line> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(CHILD)
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("no output")?;
        let line = BufReader::new(output).lines().next().context("the writer ended early")??;
        child.kill()?;
        child.wait()?;
        let rows: u64 = line.parse()?;
        let begin = Instant::now();
        let store = wide::open(folder.path(), never_folds())?;
        times.push(begin.elapsed().as_secs_f64() * 1e6);
        let found = store.snapshot().table(wide::TABLE)?.statistics().rows;
        ensure!(found >= rows, "{found} rows of {rows} are there");
    }
    Ok(Line {
        name: "open after kill -9 with 256 MB of log (to reach: 3 s)",
        subject: Timing::of(times),
        peer: Timing::once(3e6),
        targets: ("1 ×", "0.33 ×"),
        unit: Unit::Micros,
    })
}

/// Writes until the log is long enough, says how many rows were acknowledged, and waits to be killed.
#[allow(clippy::print_stdout)]
pub fn child(folder: &Path) -> Result<()> {
    let store = wide::open(folder, never_folds())?;
    let mut rows = 0;
    while log_bytes(&folder.join("log"))? < LOG_BYTES {
        wide::insert(&store, rows..rows + 100)?;
        rows += 100;
    }
    println!("{rows}");
    loop {
        std::thread::park();
    }
}

fn log_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
