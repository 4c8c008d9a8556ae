//! The store's suite: what `storage` promises in numbers, in process, each beside its peer or baseline in one run.
//!
//! Rows are 30 columns wide ([`wide`]); PostgreSQL 15 gets the same rows and indexes. Every case prints one line of the
//! table; `--only` takes some of them: `commit`, `crowd`, `get` (with `disk`), `scan`, `load`, `open`, `memory`, `mixed`.
//!
//! With `QUARRY_BENCH_ENCRYPTED=1` in the environment every store of the suite is encrypted: run twice, the two tables tell what that costs
//! (`--only commit --only crowd --only get --only scan --only load`).
//!
//! ```text
//! cargo run --release --workspace --bin store -- [--rows N] [--scan-rows N] [--load-rows N] [--memory-rows N]
//!     [--seconds S] [--slot-ms MS] [--only NAME]…
//! ```
#![allow(clippy::print_stdout)]

mod alone;
mod commits;
mod crash;
mod disk;
mod load;
mod memory;
mod mixed;
mod reads;
mod scans;
mod wide;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use quarry_benches::{measure::Line, report::Report};

/// The server's allocator: in process, the store is measured as the server runs it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What was asked of the suite.
pub struct Options {
    /// Rows for key lookups and sizes.
    pub rows: u64,
    /// Rows for scans.
    pub scan_rows: u64,
    /// Rows for a bulk load.
    pub load_rows: u64,
    /// Rows of the large table in little memory.
    pub memory_rows: u64,
    /// How long the mixed load goes on.
    pub seconds: u64,
    /// How long one side is timed at a time.
    pub slot: Duration,
    only: Vec<String>,
}

impl Options {
    fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| case.starts_with(word.as_str()))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, folder] = words.as_slice()
        && first == crash::CHILD
    {
        return crash::child(folder.as_ref());
    }
    match alone::asked(&words) {
        Some((memory::CHILD, rows, folder)) => return memory::child(rows, folder),
        Some((mixed::CHILD, seconds, folder)) => return mixed::child(seconds, folder),
        _ => {}
    }
    let options = options(words.into_iter())?;
    let mut report = Report::new(format!(
        "Rows of 30 columns, {} of them for lookups and sizes, {} for scans.",
        options.rows, options.scan_rows
    ));
    let mut add = |lines: Vec<Line>| lines.into_iter().for_each(|line| report.line(line));
    if options.wants("commit") {
        add(commits::one(options.slot)?);
    }
    if options.wants("crowd") {
        add(commits::crowd(options.slot * 6)?);
    }
    if options.wants("get") || options.wants("disk") {
        let both = disk::Both::load(options.rows).await?;
        add(vec![reads::by_key(&both, options.rows, options.slot).await?]);
        add(both.bytes().await?);
    }
    if options.wants("scan") {
        add(scans::all(options.scan_rows, options.slot).await?);
    }
    if options.wants("load") {
        add(vec![load::beside_copy(options.load_rows).await?]);
    }
    if options.wants("memory") {
        add(memory::budget(options.memory_rows)?);
    }
    if options.wants("mixed") {
        add(vec![mixed::steady(options.seconds)?]);
    }
    if options.wants("open") {
        add(vec![crash::reopen()?]);
    }
    println!("{report}");
    Ok(())
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options {
        rows: 1_000_000,
        scan_rows: 10_000_000,
        load_rows: 200_000,
        memory_rows: 1_000_000,
        seconds: 20,
        slot: Duration::from_millis(500),
        only: Vec::new(),
    };
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--rows" => options.rows = value.parse()?,
            "--scan-rows" => options.scan_rows = value.parse()?,
            "--load-rows" => options.load_rows = value.parse()?,
            "--memory-rows" => options.memory_rows = value.parse()?,
            "--seconds" => options.seconds = value.parse()?,
            "--slot-ms" => options.slot = Duration::from_millis(value.parse()?),
            "--only" => options.only.push(value),
            _ => bail!("{word} is not known; see the head of benches/store/main.rs"),
        }
    }
    Ok(options)
}
