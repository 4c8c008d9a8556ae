//! Bringing records in from files, by a mapping kept beside the package (`docs/import.md`).
//!
//! The road of a row:
//!
//! 1. [`mapping::Mapping::read`] says which file becomes which object; it is checked before anything is read.
//! 2. [`source::Source`] reads rows with their place, one at a time.
//! 3. [`prepare`] turns a row into the values of a record: transforms, aliases, what "no value" means.
//! 4. [`reference`] finds the records that the batch refers to by their natural keys.
//! 5. [`batch`] writes it as one transaction; rows with findings go to the [`findings`] file, the others are tried again.
//! 6. Where a file refers to itself, [`run`] goes through it a second time for those references.
//!
//! Everything that is written goes through a [`target::Target`], which is an engine in this process or a running server.

mod batch;
mod findings;
mod mapping;
mod prepare;
mod reference;
mod report;
mod run;
mod seen;
mod source;
pub mod target;

#[cfg(test)]
pub mod tests;

pub use run::{ImportOptions, run};
