//! An index that lies in an object store, for Tantivy to read: its files by ranges, none of them as a whole.

use std::{
    collections::HashMap,
    fmt, io,
    ops::Range,
    path::Path,
    sync::{Arc, OnceLock},
};

use tantivy::{
    Directory, HasLen, Index,
    directory::{
        DirectoryLock, FileHandle, Lock, OwnedBytes, RamDirectory, WatchCallback, WatchHandle, WritePtr,
        error::{DeleteError, LockError, OpenReadError, OpenWriteError},
    },
};

use crate::{
    error::{Error, Result},
    objects::{ObjectName, Objects, Reader},
};

/// Where Tantivy keeps its list of files; the list does not name it.
const MANAGED: &str = ".managed.json";

/// An encrypted file of up to so many bytes is decrypted once, and held as long as the index is open.
const HELD_BYTES_MAX: u64 = 8 << 20;

/// The files of a finished index. Nothing can be written.
#[derive(Clone)]
pub(super) struct ObjectDirectory {
    files: Arc<HashMap<String, Arc<ObjectFile>>>,
}

impl ObjectDirectory {
    /// The index below a name.
    pub fn open(objects: &Objects, name: &ObjectName) -> Result<ObjectDirectory> {
        let mut files = HashMap::new();
        for file in objects.list(name)? {
            if let Some(short) = file.filename() {
                let (reader, held) = (objects.reader(&file)?, OnceLock::new());
                files.insert(short.to_string(), Arc::new(ObjectFile { reader, held }));
            }
        }
        Ok(ObjectDirectory { files: Arc::new(files) })
    }

    /// The length of all files, of which readers may hold a part in memory.
    pub fn bytes(&self) -> usize {
        let all: u64 = self.files.values().map(|file| file.reader.bytes()).sum();
        usize::try_from(all).unwrap_or(usize::MAX)
    }

    fn file(&self, path: &Path) -> Result<&Arc<ObjectFile>, OpenReadError> {
        let file = path.to_str().and_then(|name| self.files.get(name));
        file.ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_path_buf()))
    }
}

/// Puts the files of an index that was made in memory there, durably.
pub(super) fn put(index: &Index, memory: &RamDirectory, objects: &Objects, name: &ObjectName) -> Result<()> {
    let mut paths: Vec<_> = index.directory().list_managed_files().into_iter().collect();
    paths.push(MANAGED.into());
    paths.sort();
    for path in paths {
        let Some(short) = path.to_str() else { continue };
        if !memory.exists(&path).unwrap_or(false) {
            continue;
        }
        let bytes = memory.open_read(&path).map_err(io::Error::other).and_then(|file| file.read_bytes());
        let bytes = bytes.map_err(|error| Error::Internal(format!("text index: {error}")))?;
        objects.put(&name.clone().join(short), bytes.to_vec())?;
    }
    Ok(())
}

impl Directory for ObjectDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(self.file(path)?.clone())
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(finished()), filepath: path.to_path_buf() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.file(path).is_ok())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::wrap_io_error(finished(), path.to_path_buf()))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let reader = &self.file(path)?.reader;
        let bytes = reader.read(0..reader.bytes());
        let bytes = bytes.map_err(|error| OpenReadError::wrap_io_error(error, path.to_path_buf()))?;
        Ok(bytes.to_vec())
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(finished())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    /// Nobody writes, so nobody is kept off.
    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

impl fmt::Debug for ObjectDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectDirectory({} files)", self.files.len())
    }
}

fn part_of(held: &OwnedBytes, range: Range<usize>) -> io::Result<OwnedBytes> {
    if range.start > range.end || range.end > held.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(held.slice(range))
}

fn finished() -> io::Error {
    io::Error::other("the index is finished")
}

#[derive(Debug)]
struct ObjectFile {
    reader: Reader,
    /// All of it, once it was read.
    held: OnceLock<OwnedBytes>,
}

impl ObjectFile {
    fn is_held(&self) -> bool {
        self.reader.is_encrypted() && self.reader.bytes() <= HELD_BYTES_MAX
    }
}

impl HasLen for ObjectFile {
    fn len(&self) -> usize {
        usize::try_from(self.reader.bytes()).unwrap_or(usize::MAX)
    }
}

impl FileHandle for ObjectFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if let Some(held) = self.held.get() {
            return part_of(held, range);
        }
        if self.is_held() {
            let all = self.reader.read(0..self.reader.bytes())?;
            let held = self.held.get_or_init(|| OwnedBytes::new(Vec::from(all)));
            return part_of(held, range);
        }
        let place = |at: usize| u64::try_from(at).map_err(io::Error::other);
        let bytes = self.reader.read(place(range.start)?..place(range.end)?)?;
        Ok(OwnedBytes::new(bytes.to_vec()))
    }
}
