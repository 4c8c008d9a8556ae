//! Cases: what packages promise, tried on a store of their own.
//!
//! 1. The packages are compiled once, and an empty store with their tables is made in a folder that goes with it
//!    ([`ground`]); in it is one user, who acts in all cases.
//! 2. Each case begins on the state of that store ([`trial`]), with the clock of the case and ids that are the same in every
//!    run. Its transactions run through the pipeline one after another, each all or nothing, over what the ones before it
//!    left; nothing is committed, so that no case sees another, and hundreds take no longer than their rules.
//! 3. What is there in the end is held against what is expected ([`expect`]).

mod expect;
mod ground;
mod trial;

use std::{collections::BTreeSet, fmt, sync::Arc};

use quarry_metadata::{Bundle, PackageName, Place};
use quarry_storage::{ResourceOptions, Resources};
use serde::Serialize;

use crate::{
    active::Active,
    error::{Error, ErrorKind, Result},
    session::Session,
};

/// What trying cases found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// How many cases were tried.
    pub cases: usize,
    /// What was not as expected, case by case in their order.
    pub failures: Vec<Failure>,
}

/// Something that was not as a case expects it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The package that promises it.
    pub package: String,
    /// The case.
    pub case: String,
    /// Where it says so.
    pub place: Place,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { case, place, expected, found, .. } = self;
        write!(f, "{place}: {case}: expected {expected}; found {found}")
    }
}

/// Tries the cases of some packages, all of which are compiled together. Blocks.
///
/// # Errors
///
/// `Invalid` with all issues when the packages do not compile; those of the store.
pub fn test_bundles(
    bundles: Vec<Bundle>,
    packages: &BTreeSet<PackageName>,
    filter: Option<&str>,
) -> Result<Tried> {
    let resources = Resources::new(ResourceOptions::default());
    run(&Arc::new(Active::of(bundles, None)?), &resources, packages, filter)
}

impl Session {
    /// Tries the cases of packages, which are compiled together with the active ones of other names; nothing is kept, and no
    /// record of the tenant is looked at. Their store takes of the cache and the threads that all stores have together, and a tenant has one of
    /// them at a time. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Invalid` with all issues; `Limited`, `REQUESTS_BUSY` while others are tried.
    pub fn test_packages(&self, bundles: &[Bundle], filter: Option<&str>) -> Result<Tried> {
        self.must_administer("packages")?;
        let Some(_trying) = self.engine().trying().try_lock() else {
            let message = "cases of this tenant are being tried already: try again when these are done";
            return Err(Error::new(ErrorKind::Limited, "REQUESTS_BUSY", message));
        };
        let packages = bundles.iter().map(|bundle| bundle.name().clone()).collect();
        let resources = self.engine().process().tenants.resources();
        run(&self.engine().candidate(bundles)?, resources, &packages, filter)
    }
}

/// The cases of these packages whose name, or whose file's, contains the filter.
fn run(
    active: &Arc<Active>,
    resources: &Arc<Resources>,
    packages: &BTreeSet<PackageName>,
    filter: Option<&str>,
) -> Result<Tried> {
    let cases: Vec<_> = active
        .registry
        .cases
        .iter()
        .filter(|case| packages.contains(&case.package))
        .filter(|case| {
            let file = case.place.file.to_string_lossy();
            filter.is_none_or(|text| case.name.contains(text) || file.contains(text))
        })
        .collect();
    let mut failures = Vec::new();
    if !cases.is_empty() {
        let ground = ground::Ground::make(active, resources)?;
        for case in &cases {
            match trial::run(&ground, active, case) {
                Ok(found) => failures.extend(found),
                Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Missing) => {
                    failures.push(Failure {
                        package: case.package.to_string(),
                        case: case.name.clone(),
                        place: case.place.clone(),
                        expected: "a case that can be tried".to_owned(),
                        found: error.message,
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Tried { cases: cases.len(), failures })
}

#[cfg(test)]
mod tests;
