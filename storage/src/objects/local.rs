//! Objects in a folder: an object store whose puts are durable.
//!
//! 1. The contents are written to a file of their own in `staging/`, and synced.
//! 2. The file gets the object's name by a rename, or, where it must not be there yet, by a hard link, which fails when
//!    it is.
//! 3. The folder of the name is synced, and once also the folders above it, as they may be as new.
//!
//! So an object is never seen in part, and one that was acknowledged is there after a crash. What an interrupted put
//! leaves in `staging/` is removed when the folder is opened, which only one process does at a time.

use std::{
    collections::HashSet,
    fmt, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::{StreamExt, stream, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, UploadPart,
};
use parking_lot::Mutex;

use super::ObjectName;
use crate::files::{Files, OpenFile, OpenMode};

const STAGING: &str = "staging";
const DONE: PutResult = PutResult { e_tag: None, version: None };

/// A folder of objects, by plain calls.
pub(super) struct LocalFolder {
    files: Arc<dyn Files>,
    root: PathBuf,
    /// The number of the next file in `staging/`.
    next: AtomicU64,
    /// Folders whose own names are durable.
    durable: Mutex<HashSet<PathBuf>>,
}

impl LocalFolder {
    /// The objects in a folder that is there.
    pub fn open(root: &Path, files: Arc<dyn Files>) -> io::Result<LocalFolder> {
        let staging = root.join(STAGING);
        for entry in files.list(&staging)? {
            match entry.bytes {
                Some(_) => files.remove(&entry.path)?,
                None => files.remove_folder(&entry.path)?,
            }
        }
        files.make_folder(&staging)?;
        let root = root.to_path_buf();
        Ok(LocalFolder { files, root, next: AtomicU64::new(0), durable: Mutex::default() })
    }

    /// Where an object lies.
    pub fn path(&self, name: &ObjectName) -> PathBuf {
        let mut path = self.root.clone();
        path.extend(name.parts().map(|part| part.as_ref().to_string()));
        path
    }

    pub fn open_file(&self, name: &ObjectName) -> io::Result<Arc<dyn OpenFile>> {
        self.files.open(&self.path(name), OpenMode::Read)
    }

    /// Removes all objects below a name.
    pub fn remove_folder(&self, name: &ObjectName) -> io::Result<()> {
        let path = self.path(name);
        self.durable.lock().retain(|folder| !folder.starts_with(&path));
        self.files.remove_folder(&path)
    }

    /// Makes the names in a folder durable, where it is there, and those of the folders above.
    pub fn sync_names_in(&self, name: &ObjectName) -> io::Result<()> {
        match self.sync_parents(&self.path(name).join("a name in it")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced,
        }
    }

    /// Makes files durable that were made in the folder of this name by other means.
    pub fn sync_made_in(&self, name: &ObjectName) -> io::Result<()> {
        let folder = self.path(name);
        for entry in self.files.list(&folder)? {
            if entry.bytes.is_some() {
                self.files.open(&entry.path, OpenMode::Read)?.sync_all()?;
            }
        }
        self.sync_parents(&folder.join("a name in it"))
    }

    fn put(&self, name: &ObjectName, payload: &PutPayload, mode: &PutMode) -> io::Result<()> {
        let mut staged = self.stage()?;
        for part in payload {
            staged.add(part)?;
        }
        self.settle(staged, name, mode)
    }

    fn stage(&self) -> io::Result<Staged> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join(STAGING).join(number.to_string());
        let file = self.files.open(&path, OpenMode::Create)?;
        Ok(Staged { files: self.files.clone(), path, file, bytes: 0 })
    }

    /// Makes the staged file the object of this name.
    fn settle(&self, staged: Staged, name: &ObjectName, mode: &PutMode) -> io::Result<()> {
        staged.file.sync_all()?;
        let path = self.path(name);
        self.make_parent(&path)?;
        match mode {
            PutMode::Create => self.files.link(&staged.path, &path)?,
            _ => self.files.rename(&staged.path, &path)?,
        }
        self.sync_parents(&path)
    }

    fn make_parent(&self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), |folder| self.files.make_folder(folder))
    }

    /// Makes a path durable: the name in its folder always, those of the folders above it once.
    fn sync_parents(&self, path: &Path) -> io::Result<()> {
        let mut synced = Vec::new();
        for folder in path.ancestors().skip(1) {
            self.files.sync_folder(folder)?;
            if folder == self.root || self.durable.lock().contains(folder) {
                break;
            }
            synced.push(folder.to_path_buf());
        }
        self.durable.lock().extend(synced);
        Ok(())
    }

    fn get(&self, name: &ObjectName, options: &GetOptions) -> io::Result<(Bytes, Range<u64>, u64)> {
        let file = self.open_file(name)?;
        let size = file.bytes()?;
        let range = match &options.range {
            _ if options.head => 0..0,
            None => 0..size,
            Some(GetRange::Bounded(range)) => range.start.min(size)..range.end.min(size),
            Some(GetRange::Offset(start)) => (*start).min(size)..size,
            Some(GetRange::Suffix(bytes)) => size.saturating_sub(*bytes)..size,
        };
        let bytes = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
        let mut buffer = vec![0; bytes];
        file.read_at(&mut buffer, range.start)?;
        Ok((buffer.into(), range, size))
    }

    /// All objects below a prefix.
    fn list(&self, prefix: &ObjectName) -> io::Result<Vec<ObjectMeta>> {
        let mut found = Vec::new();
        let mut open = vec![prefix.clone()];
        while let Some(folder) = open.pop() {
            for entry in self.files.list(&self.path(&folder))? {
                let Some(part) = entry.path.file_name().and_then(|name| name.to_str()) else { continue };
                let name = folder.clone().join(part);
                match entry.bytes {
                    Some(bytes) => found.push(about(name, bytes)),
                    None => open.push(name),
                }
            }
        }
        Ok(found)
    }

    fn delete(&self, name: &ObjectName) -> io::Result<()> {
        let path = self.path(name);
        self.files.remove(&path)?;
        path.parent().map_or(Ok(()), |folder| self.files.sync_folder(folder))
    }
}

/// What is known of an object. When it was made is not kept: nothing here asks for it.
fn about(location: ObjectName, size: u64) -> ObjectMeta {
    ObjectMeta { location, last_modified: DateTime::UNIX_EPOCH, size, e_tag: None, version: None }
}

/// A file in `staging/`; its name there goes when it is dropped, the object stays.
struct Staged {
    files: Arc<dyn Files>,
    path: PathBuf,
    file: Arc<dyn OpenFile>,
    bytes: u64,
}

impl Staged {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(bytes, self.bytes)?;
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Err(error) = self.files.remove(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "a temporary file is left until the next start");
        }
    }
}

/// A [`LocalFolder`] as an object store. Its futures never wait: the work is done when they are polled.
pub(super) struct LocalStore(pub Arc<LocalFolder>);

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(
        &self,
        location: &ObjectName,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) {
            return Err(not_there("a put over a known version"));
        }
        self.0.put(location, &payload, &options.mode).map_err(|error| store_error(location, error))?;
        Ok(DONE)
    }

    async fn put_multipart_opts(
        &self,
        location: &ObjectName,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        let staged = self.0.stage().map_err(|error| store_error(location, error))?;
        let folder = self.0.clone();
        Ok(Box::new(LocalUpload { folder, name: location.clone(), staged: Some(staged) }))
    }

    async fn get_opts(&self, location: &ObjectName, options: GetOptions) -> object_store::Result<GetResult> {
        let got = self.0.get(location, &options).map_err(|error| store_error(location, error));
        let (bytes, range, size) = got?;
        let meta = about(location.clone(), size);
        options.check_preconditions(&meta)?;
        let payload = GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Default::default() })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<ObjectName>>,
    ) -> BoxStream<'static, object_store::Result<ObjectName>> {
        let folder = self.0.clone();
        let delete = move |location: object_store::Result<ObjectName>| {
            let location = location?;
            folder.delete(&location).map_err(|error| store_error(&location, error))?;
            Ok(location)
        };
        locations.map(delete).boxed()
    }

    fn list(&self, prefix: Option<&ObjectName>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let prefix = prefix.cloned().unwrap_or_default();
        match self.0.list(&prefix) {
            Ok(found) => stream::iter(found.into_iter().map(Ok)).boxed(),
            Err(error) => {
                let error = store_error(&prefix, error);
                stream::once(async { Err(error) }).boxed()
            }
        }
    }

    async fn list_with_delimiter(&self, _: Option<&ObjectName>) -> object_store::Result<ListResult> {
        Err(not_there("a list by folders"))
    }

    async fn copy_opts(&self, _: &ObjectName, _: &ObjectName, _: CopyOptions) -> object_store::Result<()> {
        Err(not_there("a copy"))
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.root.display())
    }
}

impl fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalStore({})", self.0.root.display())
    }
}

/// An object that comes in parts, which are written in the order they were given.
struct LocalUpload {
    folder: Arc<LocalFolder>,
    name: ObjectName,
    /// `None` once completed or aborted.
    staged: Option<Staged>,
}

#[async_trait]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let written = match &mut self.staged {
            Some(staged) => data.iter().try_for_each(|part| staged.add(part)),
            None => Err(io::Error::other("the upload is over")),
        };
        let written = written.map_err(|error| store_error(&self.name, error));
        Box::pin(async { written })
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        let staged = self.staged.take().ok_or_else(|| io::Error::other("the upload is over"));
        let settled = staged.and_then(|staged| self.folder.settle(staged, &self.name, &PutMode::Overwrite));
        settled.map_err(|error| store_error(&self.name, error))?;
        Ok(DONE)
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        self.staged = None;
        Ok(())
    }
}

impl fmt::Debug for LocalUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalUpload({})", self.name)
    }
}

fn store_error(name: &ObjectName, error: io::Error) -> object_store::Error {
    let path = name.to_string();
    match error.kind() {
        io::ErrorKind::NotFound => object_store::Error::NotFound { path, source: error.into() },
        io::ErrorKind::AlreadyExists => object_store::Error::AlreadyExists { path, source: error.into() },
        _ => object_store::Error::Generic { store: "local folder", source: error.into() },
    }
}

fn not_there(operation: &str) -> object_store::Error {
    object_store::Error::NotImplemented { operation: operation.into(), implementer: "LocalStore".into() }
}
