//! `bench moved FOLDER [--keep]`: what criterion left in the folder, held against the kept baseline, or kept as it.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use quarry_benches::moved::{Baseline, told};

use crate::machine;

/// Where the baseline is kept.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results/criterion.json");

/// What is to be said.
///
/// # Errors
///
/// A folder without benches; a baseline that can't be read or written.
pub fn run(words: &[&str]) -> Result<String> {
    let (folder, keeps) = match words {
        [folder] => (folder, false),
        [folder, "--keep"] => (folder, true),
        _ => bail!("moved FOLDER [--keep]"),
    };
    let now = Baseline::of_criterion(Path::new(folder), machine::in_words())?;
    ensure!(!now.benches.is_empty(), "{folder} has no benches");
    let kept = Path::new(KEPT);
    let said = match kept.exists() {
        true => told(&Baseline::read(kept)?, &now),
        false => format!("There is no baseline yet ({} benches ran).\n", now.benches.len()),
    };
    if keeps {
        now.keep(kept)?;
        return Ok(format!("{said}Kept in benches/results/criterion.json."));
    }
    Ok(said)
}
