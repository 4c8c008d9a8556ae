//! The source under test: what `ARCHITECTURE.md` and the rules of style promise, held against every file.
//!
//! 1. [`source::read_all`] reads and parses every Rust file of the workspace.
//! 2. [`rooms`] looks at manifests and the lock file: who may depend on whom, one version of what must agree.
//! 3. [`shape`] looks at each file: its head, length, names; the length, parameters and nesting of its functions.
//! 4. [`calls`] looks at its tokens: calls that are banned, and words that belong to one room only.
//! 5. [`findings::Exceptions`] takes away what `exceptions.toml` allows, with a reason each, and reports exceptions that nothing
//!    needs any more.
//!
//! A finding names the rule, the file and the line, and says what to do instead.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod calls;
mod findings;
mod rooms;
mod shape;
mod source;
#[cfg(test)]
mod tests;

use std::{fs, path::Path};

use findings::{Exceptions, Finding};

/// Everything that is wrong anywhere, exceptions taken away.
fn check(root: &Path) -> Vec<Finding> {
    let mut findings = rooms::check(root);
    for source in source::read_all(root) {
        findings.extend(shape::check(&source));
        findings.extend(calls::check(&source));
    }
    let exceptions = Exceptions::read(&fs::read_to_string(root.join("tests/tidy/exceptions.toml")).unwrap());
    exceptions.apply(findings)
}

#[test]
fn the_source_is_tidy() {
    let findings = check(Path::new(env!("CARGO_MANIFEST_DIR")));
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} findings\n{}\n", lines.len(), lines.join("\n"));
}
