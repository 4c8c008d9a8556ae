//! `depends`: each package is there, in a version of the range. Circles are fine: packages are compiled together.

use crate::{
    compile::{Parsed, book::Book},
    issue::Issues,
    nearest::did_you_mean,
};

/// Reports dependencies that are missing or of a version that is not accepted.
pub(super) fn check(book: &Book<'_>, parsed: &Parsed, issues: &mut Issues) {
    for package in &parsed.packages {
        for (name, range) in &package.definition.depends {
            match book.package(name.value.as_str()) {
                Some(found) if found.is_of_tenant && !package.definition.is_of_tenant => {
                    let message =
                        format!("`{}` is one tenant's own; what is for all can't stand on it", name.value);
                    issues.error(&name.place, "tenant-dependency", message);
                }
                Some(found) => {
                    if let Some(version) = found.version.as_ref().filter(|version| !range.matches(version)) {
                        let message =
                            format!("`{}` is here in version {version}, but {range} is needed", name.value);
                        issues.error(&name.place, "dependency-version", message);
                    }
                }
                None if book.is_broken_package(name.value.as_str()) => {}
                None => {
                    let near = did_you_mean(name.value.as_str(), book.package_names());
                    let message =
                        format!("the package `{}` is not among those that are loaded{near}", name.value);
                    issues.error(&name.place, "missing-dependency", message);
                }
            }
        }
    }
}
