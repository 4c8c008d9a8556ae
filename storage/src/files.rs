//! Files as the log and a local object store need them. What of them survives a crash is said here, and nothing else
//! may be relied on.
//!
//! - What was written to a file is durable after [`OpenFile::sync_data`] or [`OpenFile::sync_all`]; before that any part
//!   of it may be lost, in any order, down to single sectors.
//! - A name in a folder (of a new, renamed, linked or removed file or folder) is durable after [`Files::sync_folder`] of
//!   that folder; before that the old or the new name may be there. A rename never leaves neither.
//! - A failed write may have written a part; after a failed sync nothing is known of what was written since the last
//!   one: it is to be written again.
//!
//! [`RealFiles`] are the machine's. A test gives others, which forget and fail as the above allows.

mod real;

use std::{
    any::Any,
    fmt::Debug,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(crate) use self::real::RealFiles;
use crate::error::{Error, Result};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To read one that is there.
    Read,
    /// To read and write one that is there.
    Write,
    /// To read and write; one that was there is emptied.
    Create,
}

/// What is found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// Its whole path.
    pub path: PathBuf,
    /// A file's length; `None` for a folder.
    pub bytes: Option<u64>,
}

/// Holds a folder's lock until it is dropped.
pub type FolderLock = Box<dyn Any + Send + Sync>;

/// The files of a machine, or of a test. Errors are those of `std::fs`; a path that is not there is `NotFound`.
pub trait Files: Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn OpenFile>>;

    /// What is in a folder, in the order of paths; nothing where there is no folder.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn list(&self, folder: &Path) -> io::Result<Vec<FolderEntry>>;

    /// Makes the folder and those above it that are not there.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Gives a file another name, at once; a file of that name is replaced.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file one more name.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when there is a file of that name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a name of a file; one that is not there is fine.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder with all in it; one that is not there is fine.
    ///
    /// # Errors
    ///
    /// Those of the system; a part may be gone.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Takes a folder that is there for this process.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when someone has it.
    fn lock(&self, folder: &Path) -> io::Result<FolderLock>;

    /// Can libraries open these paths by themselves, and map the files into memory?
    fn are_mappable(&self) -> bool;
}

/// An open file. Every method may be called from several threads.
pub trait OpenFile: Send + Sync + Debug {
    /// Its length in bytes.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn bytes(&self) -> io::Result<u64>;

    /// Fills the buffer from the place `at`.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the file ends before.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;

    /// Writes all of it at the place `at`.
    ///
    /// # Errors
    ///
    /// Those of the system; a part may be written.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Makes contents and length durable.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes all about it durable.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn sync_all(&self) -> io::Result<()>;
}

/// An I/O error told with what was done to which path.
pub(crate) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let context = format!("{what} {}", path.display());
    move |source| Error::Io { context, source }
}

/// The whole file.
pub(crate) fn read(files: &dyn Files, path: &Path) -> Result<Vec<u8>> {
    read_all(files, path).map_err(failed("read", path))
}

fn read_all(files: &dyn Files, path: &Path) -> io::Result<Vec<u8>> {
    let file = files.open(path, OpenMode::Read)?;
    let bytes = usize::try_from(file.bytes()?).map_err(io::Error::other)?;
    let mut buffer = vec![0; bytes];
    file.read_at(&mut buffer, 0)?;
    Ok(buffer)
}

/// Takes a folder for this process until the lock is dropped.
///
/// # Errors
///
/// `Unavailable` when another process has it.
pub(crate) fn lock(files: &dyn Files, folder: &Path) -> Result<FolderLock> {
    files.lock(folder).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            Error::Unavailable(format!("{} is in use by another process; stop it first", folder.display()))
        }
        _ => failed("lock", folder)(error),
    })
}
