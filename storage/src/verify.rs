//! Is everything in a store as it should be? Reads all of it and changes nothing but what can be made anew.
//!
//! 1. [`manifests`]: each of those that are kept.
//! 2. [`chain`]: every entry from the first on, in history and in the log: frame checksums, numbers, the hash chain, the
//!    readable rows of history against their frames.
//! 3. [`segments`]: every block, the order of rows, and each index against one made anew of the rows.
//! 4. [`counts`]: as many rows as the entries made.
//! 5. [`constraints`]: unique values and references, in the newest state.
//! 6. [`content`]: every block and the hash of each content, and those that rows speak of are there.
//!
//! What is damaged does not keep the rest from being looked at, unless it stands on it. Whoever rewrites every entry from
//! some point on, with all hashes and all segments, leaves a chain that is whole: against that, [`Report::head`] can be
//! kept somewhere else and compared later.

mod chain;
mod constraints;
mod segments;

#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

use self::chain::Chain;
use crate::{
    catalog::{Catalog, Shapes, TableId},
    content::{self, Measure},
    encryption::StoreKeys,
    error::{Error, Result},
    files,
    history::Archive,
    log::Hash,
    manifest::{self, Manifest},
    objects::Objects,
    resources::{ResourceOptions, Resources},
    retained::Retained,
    segment::Ground,
    snapshot::Snapshot,
    store::LOG,
    value::Key,
    world::World,
};

/// Findings that are told one by one.
const FINDINGS_MAX: usize = 1_000;
/// What may be cached meanwhile.
const CACHE_BYTES: u64 = 64 << 20;

/// Damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, or the table where it is none's.
    pub file: String,
    /// The byte in it where it begins, as near as is known.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.file, self.offset, self.what)
    }
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Damage; nothing where all is well. In the order it was found: entries first.
    pub findings: Vec<Finding>,
    /// Findings past [`FINDINGS_MAX`] that are not told.
    pub findings_left: u64,
    /// What was not looked at, and why.
    pub notes: Vec<String>,
    /// Entries that are sound.
    pub entries: u64,
    /// Segments that were looked at, and their rows.
    pub segments: u64,
    /// Rows of segments.
    pub rows: u64,
    /// Contents that were looked at.
    pub contents: u64,
    /// The last entry and the hash of its frame, in hexadecimal: it stands for all entries up to it.
    pub head: Option<(u64, String)>,
}

impl Report {
    /// Nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Notes damage, once.
    pub fn add(&mut self, file: &str, offset: u64, what: impl Into<String>) {
        let finding = Finding { file: file.to_string(), offset, what: what.into() };
        if self.findings.contains(&finding) {
            return;
        }
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.findings_left += 1;
        }
    }

    /// Notes what an error tells; `place` where it names none.
    pub fn add_error(&mut self, place: &str, error: Error) {
        match error {
            Error::Damaged { file, offset, what } => self.add(&file, offset, what),
            other => self.add(place, 0, other.to_string()),
        }
    }
}

/// What every step stands on.
struct Bench {
    ground: Arc<Ground>,
    archive: Arc<Archive>,
    /// Those that can be read, oldest first.
    manifests: Vec<Manifest>,
    retained: Retained,
    shapes: Arc<Shapes>,
}

/// Checks the store in a folder that no process has open. `contents_of` tells which contents the rows of a state speak of, by
/// their keys.
///
/// # Errors
///
/// `Unavailable` while a server runs; `Invalid` when there is no store; `Io` when something can't be read at all.
pub fn verify(
    folder: &Path,
    world: &World,
    contents_of: impl FnOnce(&Snapshot) -> Result<Vec<(Key, Measure)>>,
) -> Result<Report> {
    must_be_store(folder, world)?;
    let files = world.files.clone();
    let log_folder = folder.join(LOG);
    let _lock = files::lock(&*files, folder)?;
    let resources = Resources::new(ResourceOptions {
        cache_bytes: CACHE_BYTES,
        fold_threads: 0,
        ..ResourceOptions::default()
    });
    let objects = Objects::open(folder, world, StoreKeys::of_made(folder, world)?)?;
    let archive = Arc::new(Archive::new(objects.clone(), files, log_folder));
    let ground = Ground::new(objects, &resources);
    let mut report = Report::default();
    let manifests = manifests(&ground.objects, &mut report)?;
    let (retained, shapes) = (Retained::default(), resources.shapes.clone());
    let bench = Bench { ground, archive, manifests, retained, shapes };
    let chain = Chain::check(&bench, &mut report)?;
    segments::check(&bench, &mut report)?;
    counts(&bench, &chain, &mut report)?;
    let newest = constraints::check(&bench, &chain, &mut report)?;
    let wanted = newest.as_ref().map(contents_of).transpose()?;
    content::check(&bench.ground.objects, wanted, &mut report)?;
    Ok(report)
}

/// Is there a store in this folder? Opening one would make it.
///
/// # Errors
///
/// `Invalid` when there is none.
pub fn must_be_store(folder: &Path, world: &World) -> Result<()> {
    let log_folder = folder.join(LOG);
    let entries = world.files.list(folder).map_err(files::failed("list", folder))?;
    if entries.iter().any(|entry| entry.path == log_folder) {
        return Ok(());
    }
    Err(Error::Invalid(format!("there is no store in {}", folder.display())))
}

/// The manifests that can be read, oldest first.
fn manifests(objects: &Objects, report: &mut Report) -> Result<Vec<Manifest>> {
    let mut found = Vec::new();
    for (number, name) in manifest::all(objects)? {
        match manifest::read(objects, &name, number) {
            Ok(manifest) => found.push(manifest),
            Err(error) => report.add_error(&objects.place(&name), error),
        }
    }
    Ok(found)
}

/// As many rows as the entries up to a manifest made.
fn counts(bench: &Bench, chain: &Chain, report: &mut Report) -> Result<()> {
    if !report.is_sound() {
        report.notes.push("rows were not counted against entries: something is damaged".into());
        return Ok(());
    }
    for manifest in &bench.manifests {
        let Some(wanted) = chain.counts.get(&manifest.folded_csn) else { continue };
        let catalog = Catalog::new(manifest.catalog.clone(), &bench.shapes)?;
        let found = segments::live_rows(&bench.ground, manifest)?;
        for table in catalog.tables() {
            let rows = |counts: &HashMap<TableId, i64>| counts.get(&table.id).copied().unwrap_or(0);
            let (wanted, found) = (rows(wanted), rows(&found));
            if wanted != found {
                let place = bench.ground.objects.place(&manifest::name(manifest.number));
                let name = &table.spec.name;
                report.add(&place, 0, format!("{name:?} has {found} rows, its entries made {wanted}"));
            }
        }
    }
    Ok(())
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
