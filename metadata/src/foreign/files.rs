//! The files of a foreign package: a folder of them, or one.

use std::{collections::BTreeMap, path::Path};

use crate::{
    issue::{Issues, Place},
    limits::{FILES_MAX, FOLDER_DEPTH_MAX},
    read::{entries, read_bounded},
};

/// Folders that hold what was built or fetched.
const NOT_SOURCES: &[&str] = &["node_modules", "dist", "build", "coverage"];

/// Reads a folder, or one file: paths below the folder, each with its text. What is no text, hidden, or in `node_modules`, `dist`,
/// `build` or `coverage` is not read.
///
/// # Errors
///
/// A folder or file that can't be read; more files, deeper folders or larger files than are read.
pub fn read_files(from: &Path) -> Result<BTreeMap<String, String>, Issues> {
    let mut files = BTreeMap::new();
    let mut issues = Issues::default();
    match from.is_dir() {
        true => folder(from, from, &mut files, &mut issues),
        false => file(from.parent().unwrap_or(from), from, &mut files, &mut issues),
    }
    if issues.has_errors() { Err(issues) } else { Ok(files) }
}

fn folder(root: &Path, at: &Path, files: &mut BTreeMap<String, String>, issues: &mut Issues) {
    let place = Place { file: at.to_owned(), line: 1, path: String::new() };
    if at.strip_prefix(root).map_or(0, |below| below.components().count()) > FOLDER_DEPTH_MAX {
        return issues.error(
            &place,
            "too-deep",
            format!("more than {FOLDER_DEPTH_MAX} folders within folders"),
        );
    }
    let inner = match entries(at) {
        Ok(inner) => inner,
        Err(error) => return issues.error(&place, "unreadable", format!("can't read the folder: {error}")),
    };
    for path in inner {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match path.is_dir() {
            true if NOT_SOURCES.contains(&name.as_str()) => {}
            true => folder(root, &path, files, issues),
            false => file(root, &path, files, issues),
        }
        if files.len() > FILES_MAX {
            return issues.error(&place, "too-many", format!("more than {FILES_MAX} files"));
        }
    }
}

fn file(root: &Path, path: &Path, files: &mut BTreeMap<String, String>, issues: &mut Issues) {
    let below = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let place = Place { file: path.to_owned(), line: 1, path: String::new() };
    let is_data = [".yml", ".yaml", ".json"].iter().any(|end| below.ends_with(end));
    match is_data.then(|| read_bounded(path)) {
        // Named in the report, and not looked into.
        None => drop(files.insert(below, String::new())),
        Some(Ok(Some(text))) => drop(files.insert(below, text)),
        Some(Ok(None)) => issues.error(&place, "too-large", "the file is larger than one that is read"),
        Some(Err(error)) => issues.error(&place, "unreadable", format!("can't read the file: {error}")),
    }
}
