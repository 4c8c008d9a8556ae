//! What a package may say: objects, fields, versions, the registry.
//!
//! The road of a package, from files to [`Registry`]:
//!
//! 1. `read::read_packages` finds the package folders and what each file in them is.
//! 2. `yaml::parse` reads a file into a tree that knows its lines; `definition` judges each file by itself: keys,
//!    shapes, ranges, options.
//! 3. `compile::compile` brings all packages together: names, dependencies, references, relations, translations.
//! 4. A registry comes of it, immutable and named by its content, or the list of everything that is wrong.
//! 5. `evolution::compare` holds it against the registry before it: what a new version may change, and what it may not.
//!
//! Each stage goes on with what the one before could make sense of, so that an author sees all findings at once, each with its
//! place. Nothing is ever half loaded. The manual page for authors is `docs/metadata.md`.
//!
//! This room knows no storage and no query engine, and does no I/O beyond reading package folders.

mod bundle;
mod compile;
pub mod currency;
mod decimal;
mod definition;
pub mod evolution;
pub mod expression;
pub mod foreign;
pub mod issue;
mod limits;
pub mod model;
pub mod name;
pub mod naming;
pub mod nearest;
mod pattern;
pub mod permissions;
mod read;
pub mod rules;
pub mod yaml;

pub use bundle::Bundle;
pub use issue::{Issue, Issues, Place, Places, Severity};
pub use model::*;
pub use name::{FieldName, ObjectName, PackageName, RelationName};
pub use pattern::Pattern;

use std::path::PathBuf;

impl Registry {
    /// Reads every package folder in `folders` (each entry is either a package folder, one that holds
    /// `package.yml`, or a folder of package folders), and compiles them together into one registry.
    ///
    /// The order of `folders`, of files and of the keys in them does not matter; a folder that is reached twice is
    /// read once. What compiles but deserves a look is in [`Registry::warnings`].
    ///
    /// # Errors
    ///
    /// All issues of all files at once, sorted by place, warnings among them; nothing is half loaded.
    pub fn load(folders: &[PathBuf]) -> Result<Registry, Issues> {
        let mut issues = Issues::default();
        let sources = read::read_packages(folders, &mut issues);
        let parsed: Vec<_> = sources.iter().map(compile::ParsedSource::of).collect();
        let parsed = parsed.iter().map(|source| (source, None));
        compile::compile(parsed, None, issues).map(|(registry, _)| registry)
    }
}
