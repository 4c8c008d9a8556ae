//! The benchmark: Quarry and its peers with the same records, asked the same in one run.
//!
//! `./bench` builds this, installs the peers' clients, and runs it.
//!
//! 1. [`options::Options`] says which parts, how much and how long.
//! 2. [`stage::Stage::set`] loads the same records everywhere, and starts everyone on loopback.
//! 3. Each part asks all sides ([`asked::Question::line`] compares their answers before it times them) and gives a
//!    [`quarry_benches::results::Section`].
//! 4. The run is kept as JSON after each part; [`quarry_benches::page`] makes the page of it, [`quarry_benches::plot`] its drawings.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod asked;
mod costs;
mod dashboard;
mod graphql;
mod growth;
mod load;
mod machine;
mod mixed;
mod moved;
mod options;
mod peers;
mod questions;
mod sides;
mod stage;
mod tpch;
mod writing;

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use quarry_benches::results::{Results, Section};
use tokio::signal::unix::{SignalKind, signal};

use options::{Options, USAGE};
use stage::{Cast, Stage, tell};

/// The server's allocator: DataFusion alone is measured with what Quarry has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // What is dropped here stops its servers and takes its files away.
    let ended = tokio::select! {
        ended = run(words) => ended,
        ended = told_to_end() => ended,
    };
    ended.unwrap_or_else(|error| {
        eprintln!("bench: {error:#}");
        ExitCode::FAILURE
    })
}

/// Waits until somebody ends the run.
async fn told_to_end() -> Result<ExitCode> {
    let (mut end, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = end.recv() => {}
        _ = interrupt.recv() => {}
    }
    tell("ended before its end; servers are stopped");
    Ok(ExitCode::from(130))
}

async fn run(words: Vec<String>) -> Result<ExitCode> {
    let strs: Vec<&str> = words.iter().map(String::as_str).collect();
    match strs.as_slice() {
        ["--help" | "-h" | "help", ..] => println!("{USAGE}"),
        ["page", file] => {
            let results = Results::read(Path::new(file))?;
            writing::page(&results)?;
        }
        ["moved", rest @ ..] => println!("{}", moved::run(rest)?),
        _ => return measure(Options::read(words)?).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(options: Options) -> Result<ExitCode> {
    let mut results = machine::results(&options)?;
    let path = writing::path(&options, &results.date)?;
    let stage_is_wanted = options::PARTS.iter().take(6).any(|part| options.wants(part));
    let mut is_broken = false;
    if stage_is_wanted {
        match Stage::set(options.company, Cast::All, options.limit).await {
            Ok(stage) => is_broken |= on_stage(stage, &options, &mut results, &path).await?,
            Err(error) => is_broken |= broke_off("the stage", &error, &mut results),
        }
    }
    if options.wants("growth") {
        let mut troubles = Vec::new();
        let section = growth::section(&options, &mut troubles).await;
        results.troubles.extend(troubles);
        is_broken |= keep("growth", section, &mut results, &path)?;
    }
    if options.wants("tpch") {
        let mut troubles = Vec::new();
        let section = tpch::section(&options, &mut troubles).await;
        results.troubles.extend(troubles);
        is_broken |= keep("tpch", section, &mut results, &path)?;
    }
    tell(&format!("the run is kept in {}", path.display()));
    if options.writes_page {
        writing::after(&options, &results)?;
    }
    results.troubles.iter().for_each(|trouble| eprintln!("trouble: {trouble}"));
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The parts that share a stage; whether one of them broke off.
async fn on_stage(stage: Stage, options: &Options, results: &mut Results, path: &Path) -> Result<bool> {
    results.sizes = stage.sizes();
    results.peers.clone_from(&stage.peers);
    let mut is_broken = false;
    let mut troubles = Vec::new();
    if options.wants("questions") {
        let section = questions::section(&stage, options, &mut troubles).await;
        is_broken |= keep("questions", section, results, path)?;
    }
    if options.wants("dashboard") {
        let section = dashboard::section(&stage, options, &mut troubles).await;
        is_broken |= keep("dashboard", section, results, path)?;
    }
    if options.wants("graphql") {
        let section = graphql::section(&stage, options, &mut troubles).await;
        is_broken |= keep("graphql", section, results, path)?;
    }
    results.troubles.append(&mut troubles);
    if options.wants("load") {
        is_broken |= keep("load", load::section(&stage, options).await, results, path)?;
    }
    if options.wants("mixed") {
        is_broken |= keep("mixed", mixed::section(&stage, options).await, results, path)?;
    }
    for peer in &mut results.peers {
        peer.settings.extend(stage.outside(&peer.name));
    }
    if options.wants("costs") {
        is_broken |= keep("costs", costs::section(stage, options).await, results, path)?;
    }
    Ok(is_broken)
}

/// Keeps a part, or that it broke off; whether it did.
fn keep(part: &str, section: Result<Section>, results: &mut Results, path: &Path) -> Result<bool> {
    let is_broken = match section {
        Ok(section) => {
            results.sections.push(section);
            false
        }
        Err(error) => broke_off(part, &error, results),
    };
    results.write(path).context("the run can't be kept")?;
    Ok(is_broken)
}

fn broke_off(part: &str, error: &anyhow::Error, results: &mut Results) -> bool {
    tell(&format!("{part} broke off: {error:#}"));
    results.troubles.push(format!("{part} broke off: {error:#}"));
    true
}
