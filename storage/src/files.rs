//! All file work outside the log: the one place to put another store, or faults, behind.
//!
//! A file that a promise hangs on is written, synced, and its folder is synced. Publishing is put-if-absent: the
//! file is finished under a temporary name and hard-linked to its own, which fails when it is there already.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind as IoKind, Write},
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// An I/O error told with what was done to which path.
pub(crate) fn failed(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let context = format!("{what} {}", path.display());
    move |source| Error::Io { context, source }
}

/// Makes the folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(failed("make folder", path))
}

/// Makes names in the folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    let folder = File::open(path).map_err(failed("open folder", path))?;
    folder.sync_all().map_err(failed("sync folder", path))
}

/// Makes the contents of a finished file durable.
pub(crate) fn sync_file(path: &Path) -> Result<()> {
    let file = File::open(path).map_err(failed("open", path))?;
    file.sync_all().map_err(failed("sync", path))
}

/// Syncs all files of a folder, and the folder.
pub(crate) fn sync_all_in(path: &Path) -> Result<()> {
    for file in list(path)? {
        sync_file(&file)?;
    }
    sync_folder(path)
}

/// Writes and syncs a new file; one that was there is replaced.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path).map_err(failed("create", path))?;
    file.write_all(bytes).map_err(failed("write", path))?;
    file.sync_all().map_err(failed("sync", path))
}

/// Puts a file there durably, whole or not at all.
///
/// # Errors
///
/// `Unavailable` when a file of that name is there: someone else published it.
pub(crate) fn publish(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    write(&temporary, bytes)?;
    let linked = fs::hard_link(&temporary, path);
    remove_file(&temporary)?;
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == IoKind::AlreadyExists => {
            return Err(Error::Unavailable(format!("{} was published by another process", path.display())));
        }
        Err(error) => return Err(failed("publish", path)(error)),
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// The whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(failed("read", path))
}

/// What is in a folder, sorted; nothing where there is no folder.
pub(crate) fn list(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == IoKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", path)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        found.push(entry.map_err(failed("list", path))?.path());
    }
    found.sort();
    Ok(found)
}

/// Removes a file; one that is not there is fine.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != IoKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a folder with all in it; one that is not there is fine.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != IoKind::NotFound => Err(failed("remove folder", path)(error)),
        _ => Ok(()),
    }
}

/// Renames a file or folder and makes it durable.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(failed("rename", from))?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// Takes the folder for this process until the file is dropped.
///
/// # Errors
///
/// `Unavailable` when another process has it.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Unavailable(format!(
            "{} is in use by another process; stop it first",
            folder.display()
        ))),
        Err(fs::TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
    }
}
