//! `quarry verify` and `quarry reindex`: on the data folder itself, while no server runs.

use std::process::ExitCode;

use anyhow::Result;
use quarry_engine::{Report, upkeep};

use crate::{
    reach::{engine_options, world},
    settings::Settings,
};

/// Prints what is damaged, a line each, and what was looked at; fails when something is.
///
/// # Errors
///
/// While a server runs; when there is no store.
pub fn verify(settings: &Settings) -> Result<ExitCode> {
    let tenants = upkeep::verify_data(&settings.data(), &world(settings)?, &settings.locations())?;
    let mut is_sound = true;
    for (tenant, report) in &tenants {
        if tenants.len() > 1 {
            eprintln!("tenant {tenant}:");
        }
        is_sound &= tell(report);
    }
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(report: &Report) -> bool {
    for finding in &report.findings {
        println!("{finding}");
    }
    if report.findings_left > 0 {
        println!("… and {} more", report.findings_left);
    }
    for note in &report.notes {
        eprintln!("{note}");
    }
    let (entries, segments, rows) = (report.entries, report.segments, report.rows);
    eprintln!(
        "looked at {entries} entries, {segments} segments of {rows} rows, {} contents",
        report.contents
    );
    if let Some((csn, hash)) = &report.head {
        eprintln!("entry {csn} is the last, its hash {hash}");
    }
    if report.is_sound() {
        eprintln!("nothing is damaged");
        return true;
    }
    eprintln!("{} findings", report.findings.len());
    false
}

/// Makes indexes anew.
///
/// # Errors
///
/// While a server runs; an object that is not there; damage of records.
pub fn reindex(settings: &Settings, objects: &[String]) -> Result<()> {
    let store = engine_options(settings).tenants.store;
    let count = upkeep::reindex_data(&settings.data(), store, &world(settings)?, objects)?;
    println!("made the indexes of {count} segments anew");
    Ok(())
}
