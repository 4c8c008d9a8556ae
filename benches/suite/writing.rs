//! Where a run is kept, and the page that is made of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use quarry_benches::{page, plot, results::Results};

use crate::{options::Options, stage::tell};

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A run that is not the whole: it leaves the page and the README alone.
fn trials() -> PathBuf {
    root().join("benches/results/trial")
}

fn is_trial(options: &Options) -> bool {
    options.quick || !options.only.is_empty()
}

/// Where this run is kept.
///
/// # Errors
///
/// A folder that can't be made.
pub fn path(options: &Options, date: &str) -> Result<PathBuf> {
    let folder = if is_trial(options) { trials() } else { root().join("benches/results") };
    fs::create_dir_all(&folder)?;
    Ok(options.out.clone().unwrap_or_else(|| folder.join(format!("{date}.json"))))
}

/// Writes what is to be read of this run: of a trial beside it, of a whole run what [`page`] writes.
///
/// # Errors
///
/// Those of the disk.
pub fn after(options: &Options, results: &Results) -> Result<()> {
    if !is_trial(options) {
        return page(results);
    }
    let path = page_in(&trials(), results)?;
    tell(&format!("{} is written; a trial leaves docs/benchmarks.md and README.md alone", path.display()));
    Ok(())
}

/// Writes `docs/benchmarks.md`, its drawings, and the summary of the README.
///
/// # Errors
///
/// Those of the disk.
pub fn page(results: &Results) -> Result<()> {
    let path = page_in(&root().join("docs"), results)?;
    let readme = root().join("README.md");
    let old = fs::read_to_string(&readme)?;
    if let Some(new) = page::readme(&old, &page::summary(results)) {
        fs::write(&readme, new)?;
    }
    tell(&format!("{} and the summary in README.md are written", path.display()));
    Ok(())
}

/// The page and its drawings; a drawing without points is told and left out.
fn page_in(folder: &Path, results: &Results) -> Result<PathBuf> {
    let drawings = folder.join("benchmarks");
    fs::create_dir_all(&drawings)?;
    let mut results = results.clone();
    for section in &mut results.sections {
        section.plots.retain(|plot| match plot::svg(plot) {
            Ok(svg) => fs::write(drawings.join(format!("{}.svg", plot.file)), svg).is_ok(),
            Err(error) => {
                tell(&format!("a drawing is left out: {error:#}"));
                false
            }
        });
    }
    let path = folder.join("benchmarks.md");
    fs::write(&path, page::page(&results)).with_context(|| path.display().to_string())?;
    Ok(path)
}
