//! Packages that were written for others of this family, brought into our form, with a report of all that became of them.
//!
//! The road of a foreign package:
//!
//! 1. [`read_files`] reads a folder, or one file.
//! 2. `gather` finds what the files hold: objects, rules, texts, whole stacks of them, and which package each belongs to.
//! 3. `object`, `field` and `rule` write each in our words: one name for each property, options and references in their own
//!    spelling, expressions and conditions in CEL.
//! 4. `settle` compiles what came out, beside the packages that it stands on, and takes out what is refused.
//! 5. `write` gives YAML that compiles, and [`Report`] tells of everything that was read what became of it.
//!
//! Where a meaning is plain, the spelling is forgiven; where it is not, the thing is left out and told. The manual page is
//! `docs/foreign.md`.

mod condition;
mod expression;
mod field;
mod files;
mod gather;
mod names;
mod object;
mod options;
mod package;
mod pen;
mod permission;
mod report;
mod rule;
mod settle;
mod tree;
mod world;
mod write;

use std::collections::BTreeMap;

pub use files::read_files;
pub use report::{Change, Entry, Note, Outcome, Report, Subject};

use crate::{
    bundle::Bundle,
    foreign::{gather::gather, report::Key, report::Log, world::World, write::yaml},
    issue::Issues,
    model::Registry,
    yaml::Node,
};

/// What is not said in the files.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The package of what names none.
    pub name: String,
    /// The version of a package that says none.
    pub version: String,
    /// The language that its texts are in.
    pub locale: String,
}

/// What came of an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Packages by name, each with its files: paths below the package folder, with their text.
    pub packages: BTreeMap<String, BTreeMap<String, String>>,
    /// What became of everything that was read.
    pub report: Report,
}

/// A file in our form, still as a tree.
#[derive(Debug)]
struct Written {
    package: String,
    /// Its path below the package folder.
    path: String,
    /// The object that it is about.
    name: String,
    /// Where the report tells of it.
    key: Key,
    /// It holds a list of rules.
    is_rules: bool,
    root: Node,
}

impl Written {
    /// Nothing is left in it that would be worth a file.
    fn is_empty(&self) -> bool {
        match self.is_rules {
            true => !self.root.entries().iter().any(|entry| !entry.value.items().is_empty()),
            false => self.root.entries().is_empty(),
        }
    }
}

/// Brings packages of other programs into our form. `files` are their texts by path, `with` the packages that they may stand on; one
/// of the name of an imported one gives way to it, with what stands on that.
///
/// # Errors
///
/// The packages of `with` do not compile, or nothing that compiles could be made of the files: every finding.
pub fn import(
    files: &BTreeMap<String, String>,
    with: &[Bundle],
    wanted: &Wanted,
) -> Result<Imported, Issues> {
    let mut log = Log::default();
    let shipments = gather(files, &wanted.name, &mut log);
    let with = &standing(with, |package| shipments.contains_key(package));
    let (known, _) = Registry::compile(with)?;
    let mut world = World::new(&known, &wanted.locale);
    for (package, shipment) in &shipments {
        // What says that it only adds to an object declares none.
        let declared = shipment.objects.iter().filter(|object| object.root.get("extends").is_none());
        declared.for_each(|object| world.enter(&object.object_name(), package));
        shipment.sets().for_each(|set| world.enter_set(&set, package));
    }
    for (package, shipment) in &shipments {
        let roles = shipment.permissions.iter().flat_map(|document| permission::roles(&document.root));
        roles.for_each(|(set, _)| world.enter_set(&set, package));
    }
    let mut written = Vec::new();
    for (name, shipment) in &shipments {
        let packing = package::Packing { name, wanted, world: &world };
        written.extend(package::package(shipment, packing, &mut log));
    }
    settle::settle(&mut written, with, &mut log)?;
    let mut packages: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for file in written {
        packages.entry(file.package).or_default().insert(file.path, yaml(&file.root));
    }
    Ok(Imported { packages, report: log.report() })
}

/// The packages that can be stood on: all but those that are imported anew, and what stands on these.
fn standing(with: &[Bundle], is_imported: impl Fn(&str) -> bool) -> Vec<Bundle> {
    let mut standing = with.to_vec();
    loop {
        let names: Vec<String> = standing.iter().map(|bundle| bundle.name().to_string()).collect();
        let before = standing.len();
        standing.retain(|bundle| {
            let holds = |package: &str| {
                names.iter().any(|name| name == package) || !with.iter().any(|w| w.name().as_str() == package)
            };
            !is_imported(bundle.name().as_str())
                && bundle.depends().iter().all(|package| holds(package.as_str()))
        });
        if standing.len() == before {
            return standing;
        }
    }
}

#[cfg(test)]
mod tests;
