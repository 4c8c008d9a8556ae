//! What a package may say: objects, fields, versions, the registry.
//!
//! The road: [`Registry::load`] reads package folders → parse (places kept) → resolve references → compile.
//! A registry is immutable, whole or not at all; all issues are reported at once.

pub mod issue;
pub mod model;
pub mod name;

pub use issue::{Issue, Issues, Place, Severity};
pub use model::*;
pub use name::{FieldName, ObjectName, PackageName, RelationName};

use std::path::PathBuf;

impl Registry {
    /// Reads every package folder below `folders` (each entry is either a package folder, one that holds
    /// `package.yml`, or a folder of package folders), and compiles them together into one registry.
    ///
    /// # Errors
    ///
    /// All issues of all files at once; nothing is half loaded.
    pub fn load(folders: &[PathBuf]) -> Result<Registry, Issues> {
        let _ = folders;
        todo!()
    }
}
