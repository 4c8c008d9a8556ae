//! Package folders as a source of versions.
//!
//! When the engine opens, and at each reload, the folders are looked at. A package whose content is what the folder held the
//! last time is left as the store says: a version that was activated or rolled back meanwhile stays so. Other content is
//! published and activated, if it compiles and does not break who uses the active version; what is refused is told, and what
//! was active goes on serving. A version that is published with other content becomes a build of it
//! (`1.2.0+3f2a9c017b2d`), so that a folder can be worked on without a new number for every save, and yet no published
//! version changes. Going back to content that was active once is going back to that version.

use std::path::PathBuf;

use quarry_metadata::Bundle;
use quarry_storage::{Snapshot, Store};
use semver::BuildMetadata;

use super::{
    shelf,
    switch::{Rule, Switch, is_same},
};
use crate::{
    active::Active,
    engine::Engine,
    error::{Error, Result},
    opening, system,
};

/// Who publishes what lies in folders.
const FOLDERS: &str = "folders";
/// Digits of a hash that tell a build from others.
const BUILD_DIGITS: usize = 12;

/// What folders hold, and what it compiles to where that had to be known.
pub(crate) struct Read {
    bundles: Result<Vec<Bundle>>,
    compiled: Option<Active>,
}

/// What a store and its folders open with.
pub(crate) struct Opened {
    /// What serves until the folders have been looked at.
    pub(crate) active: Active,
    /// What lies in the folders.
    pub(crate) folders: Result<Vec<Bundle>>,
}

/// Reads the folders. Nothing that compiles in them is fatal where there is no store yet that could go on without them. What
/// is `known` is held once.
///
/// # Errors
///
/// `Invalid` with all issues.
pub(crate) fn read(folders: &[PathBuf], is_first_start: bool, known: Option<&Active>) -> Result<Read> {
    let beside = known.map_or(&[][..], |known| &known.bundles);
    let bundles = Bundle::read_beside(folders, beside).map_err(opening::uncompiled);
    if !is_first_start {
        return Ok(Read { bundles, compiled: None });
    }
    let bundles = shared(bundles?, known);
    let compiled = Some(Active::of(sorted(bundles.clone()), known)?);
    Ok(Read { bundles: Ok(bundles), compiled })
}

/// Packages of which the very same are `known` are those: their files, and what was parsed of them, are in memory once.
fn shared(bundles: Vec<Bundle>, known: Option<&Active>) -> Vec<Bundle> {
    let known = known.map_or(&[][..], |known| &known.bundles);
    let same = |bundle: Bundle| known.iter().find(|known| is_same(known, &bundle)).cloned().unwrap_or(bundle);
    bundles.into_iter().map(same).collect()
}

fn sorted(mut bundles: Vec<Bundle>) -> Vec<Bundle> {
    bundles.sort_by(|a, b| a.name().cmp(b.name()));
    bundles
}

/// What serves first: the active packages of the store, or, where there are none, those of the folders.
///
/// # Errors
///
/// `Invalid` with all issues; those of the store.
pub(crate) fn open(store: &Store, read: Read, known: Option<&Active>) -> Result<Opened> {
    let Read { bundles: folders, compiled } = read;
    store.define_tables(system::tables())?;
    let beside = known.map(|known| &known.bundles).or(folders.as_ref().ok()).map_or(&[][..], Vec::as_slice);
    let kept = shelf::active(&store.snapshot(), beside)?;
    if kept.is_empty() {
        let folders = folders?;
        let active = match compiled {
            Some(active) => active,
            None => Active::of(sorted(folders.clone()), known)?,
        };
        return Ok(Opened { active, folders: Ok(folders) });
    }
    Ok(Opened { active: Active::of(sorted(shared(kept, known)), known)?, folders })
}

impl Engine {
    /// See [`Engine::reload`].
    pub(crate) fn reload_folders(&self, folders: &[PathBuf]) -> Result<()> {
        self.offer(&Bundle::read(folders).map_err(opening::uncompiled)?)
    }

    /// Publishes and activates what the folders hold and did not hold the last time.
    ///
    /// # Errors
    ///
    /// `Invalid` with all issues, `Violated` with what would break; what was active goes on serving.
    pub(crate) fn offer(&self, bundles: &[Bundle]) -> Result<()> {
        let _alone = self.switching().lock();
        let snapshot = self.store().snapshot();
        let is_first = shelf::all(&snapshot)?.is_empty();
        let mut offered = Vec::new();
        let mut wanted = Vec::new();
        let mut goes_back = true;
        for bundle in bundles {
            if shelf::offered(&snapshot, bundle.name().as_str())?.as_deref() == Some(bundle.hash()) {
                continue;
            }
            offered.push(bundle.clone());
            let (bundle, was_active) = as_version(&snapshot, bundle)?;
            goes_back &= was_active;
            wanted.push(bundle);
        }
        if offered.is_empty() {
            return Ok(());
        }
        // With nothing on the shelf there is nothing that could be broken: the candidate is what serves.
        let rule = if goes_back || is_first { Rule::GoesBack } else { Rule::Evolves };
        self.switch(&Switch { bundles: &wanted, rule, offered: &offered, by: FOLDERS }).map(drop)
    }
}

/// The version that content from a folder is, and whether it was active once.
fn as_version(snapshot: &Snapshot, bundle: &Bundle) -> Result<(Bundle, bool)> {
    let Some((known, _)) = shelf::get(snapshot, &bundle.id())? else { return Ok((bundle.clone(), false)) };
    if known.hash == bundle.hash() {
        return Ok((bundle.clone(), known.activated.is_some()));
    }
    let digits: String = bundle.hash().chars().take(BUILD_DIGITS).collect();
    let build = BuildMetadata::new(&digits).map_err(|error| Error::internal(error.to_string()))?;
    let bundle = bundle.clone().as_build(build);
    let known = shelf::get(snapshot, &bundle.id())?;
    Ok((bundle, known.is_some_and(|(known, _)| known.activated.is_some())))
}
