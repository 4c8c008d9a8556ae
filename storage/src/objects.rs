//! Objects: all of a store that is not its log. Manifests, segments with their indexes, history.
//!
//! They lie in an [`ObjectStore`], of which this asks more than the trait does: **when a put, a complete or a delete
//! returns `Ok`, it is durable**, and a put of [`PutMode::Create`] lets only one of many win. Object stores by the network
//! promise both; the one over a local folder is ours ([`local`]), as the library's own does not sync.
//!
//! **Storage is synchronous** and its futures are driven by [`wait`], which polls on the calling thread and parks it
//! while the future is pending. No runtime is entered or needed, so nothing here can starve one: the local store does
//! its work within the first poll, by plain file calls (the library's would go to the blocking threads of a runtime,
//! whose last one may be the caller). A store that needs a runtime brings its own and wakes the waiter from there.
//! All methods block, as all of storage does: they are called off the async threads.
//!
//! Where the objects lie in a folder of this machine, some ways are shorter: a [`Reader`] keeps the file open, a finished
//! file is taken in by its name, and Tantivy maps its files into memory.

mod checked;
mod local;
mod reader;
mod seal;
mod upload;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
};

use bytes::Bytes;
use futures::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

pub(crate) use object_store::path::Path as ObjectName;

use self::local::{LocalFolder, LocalStore};
pub(crate) use self::{
    checked::{CheckedFile, CheckedReader, CheckedWriter, Failure, Sums},
    reader::Reader,
    seal::Seal,
    upload::Upload,
};
use crate::{
    encryption::{
        StoreKeys,
        blocks::{self, BlockReader},
    },
    error::{Error, Result},
    files::{Files, failed},
    world::{ObjectPlace, World},
};

/// The folders of all objects that a store puts.
const OBJECT_FOLDERS: [&str; 4] = ["content", "history", "manifest", "segments"];
/// Bytes that are uploaded, or copied, at a time.
const PART_BYTES: usize = 8 << 20;

/// The objects of one store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    files: Arc<dyn Files>,
    /// Where they lie in a folder of this machine.
    local: Option<Arc<LocalFolder>>,
    /// Where they are encrypted.
    keys: Option<Arc<StoreKeys>>,
    /// The store is to be destroyed: nothing is written any more, whoever still reads it.
    is_shut: Arc<AtomicBool>,
}

impl Objects {
    /// The objects of the store in a folder, encrypted where it has keys; what an interrupted put left there is removed.
    pub fn open(folder: &Path, world: &World, keys: Option<Arc<StoreKeys>>) -> Result<Objects> {
        let (files, is_shut) = (world.files.clone(), Arc::default());
        match &world.objects {
            ObjectPlace::Folder => {
                let local = LocalFolder::open(folder, files.clone()).map_err(failed("open", folder))?;
                let local = Arc::new(local);
                Ok(Objects {
                    store: Arc::new(LocalStore(local.clone())),
                    files,
                    local: Some(local),
                    keys,
                    is_shut,
                })
            }
            ObjectPlace::Elsewhere(store_of) => {
                Ok(Objects { store: store_of(folder), files, local: None, keys, is_shut })
            }
        }
    }

    /// Puts an object there, whole or not at all; one of that name is replaced.
    pub fn put(&self, name: &ObjectName, bytes: Vec<u8>) -> Result<()> {
        self.must_be_open()?;
        let bytes = self.stored(name, bytes)?;
        wait(self.store.put(name, bytes.into())).map_err(|error| self.failed("put", name, error))?;
        Ok(())
    }

    /// Puts an object there, whole or not at all.
    ///
    /// # Errors
    ///
    /// `Unavailable` when there is one of that name: someone else put it there.
    pub fn put_if_absent(&self, name: &ObjectName, bytes: Vec<u8>) -> Result<()> {
        self.must_be_open()?;
        let bytes = self.stored(name, bytes)?;
        let how = PutOptions::from(PutMode::Create);
        match wait(self.store.put_opts(name, bytes.into(), how)) {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {
                Err(Error::Unavailable(format!("{} was published by another process", self.place(name))))
            }
            Err(error) => Err(self.failed("publish", name, error)),
        }
    }

    /// The whole object.
    pub fn get(&self, name: &ObjectName) -> Result<Bytes> {
        let get = async { self.store.get(name).await?.bytes().await };
        let bytes = wait(get).map_err(|error| self.failed("read", name, error))?;
        let Some(keys) = &self.keys else { return Ok(bytes) };
        let reader = BlockReader::new(keys, name.as_ref(), &bytes, u64::try_from(bytes.len()).unwrap_or(0));
        let plain = reader.and_then(|reader| reader.open_all(&bytes));
        plain.map(Bytes::from).map_err(|source| self.io("read", name, source))
    }

    /// Reads ranges of an object.
    pub fn reader(&self, name: &ObjectName) -> Result<Reader> {
        let opened = match &self.local {
            Some(local) => Reader::of_file(local.open_file(name)),
            None => Reader::of_object(&self.store, name),
        };
        let opened = opened.and_then(|reader| match &self.keys {
            Some(keys) => reader.decrypting(keys, name),
            None => Ok(reader),
        });
        opened.map_err(|source| self.io("open", name, source))
    }

    /// Writes an object as it comes; it is there once the upload is finished.
    pub fn upload(&self, name: &ObjectName) -> Upload {
        Upload::new(self.store.clone(), name.clone(), self.keys.clone())
    }

    /// The names below a prefix, in order.
    pub fn list(&self, prefix: &ObjectName) -> Result<Vec<ObjectName>> {
        let listed = wait(self.store.list(Some(prefix)).collect::<Vec<_>>());
        let mut names = Vec::with_capacity(listed.len());
        for about in listed {
            names.push(about.map_err(|error| self.failed("list", prefix, error))?.location);
        }
        names.sort();
        Ok(names)
    }

    /// Bytes of all objects; of a store in a folder, without its log and what is being put.
    pub fn bytes(&self) -> Result<u64> {
        let prefixes = OBJECT_FOLDERS.iter().map(|folder| ObjectName::from(*folder));
        let mut bytes = 0;
        for prefix in prefixes {
            for about in wait(self.store.list(Some(&prefix)).collect::<Vec<_>>()) {
                bytes += about.map_err(|error| self.failed("list", &prefix, error))?.size;
            }
        }
        Ok(bytes)
    }

    /// Makes the names that are found in a folder durable: a process that was killed while it put them there may not
    /// have done so.
    pub fn sync_names_in(&self, prefix: &ObjectName) -> Result<()> {
        let Some(local) = &self.local else { return Ok(()) };
        local.sync_names_in(prefix).map_err(|source| self.io("sync", prefix, source))
    }

    /// Removes an object; one that is not there is fine.
    pub fn delete(&self, name: &ObjectName) -> Result<()> {
        match wait(self.store.delete(name)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", name, error)),
        }
    }

    /// Removes all objects below a prefix; not durably, and a part of them may be left after an error.
    pub fn delete_folder(&self, prefix: &ObjectName) -> Result<()> {
        match &self.local {
            Some(local) => local.remove_folder(prefix).map_err(|source| self.io("remove", prefix, source)),
            None => self.list(prefix)?.iter().try_for_each(|name| self.delete(name)),
        }
    }

    /// The folder of these objects where a library may work in it by itself. What is made in it is an object once
    /// [`Self::sync_made_in`] was called.
    pub fn mappable_folder(&self, prefix: &ObjectName) -> Option<PathBuf> {
        let local = self.local.as_ref().filter(|_| self.keys.is_none())?;
        self.files.are_mappable().then(|| local.path(prefix))
    }

    /// Makes durable what was made in [`Self::mappable_folder`].
    pub fn sync_made_in(&self, prefix: &ObjectName) -> Result<()> {
        let Some(local) = &self.local else { return Ok(()) };
        local.sync_made_in(prefix).map_err(|source| self.io("sync", prefix, source))
    }

    /// Makes an empty folder for [`Self::mappable_folder`]; what was in it goes.
    pub fn make_mappable_folder(&self, prefix: &ObjectName) -> Result<()> {
        self.must_be_open()?;
        self.delete_folder(prefix)?;
        let Some(local) = &self.local else { return Ok(()) };
        let path = local.path(prefix);
        self.files.make_folder(&path).map_err(failed("make folder", &path))
    }

    /// Where an object is, for messages.
    pub fn place(&self, name: &ObjectName) -> String {
        match &self.local {
            Some(local) => local.path(name).display().to_string(),
            None => format!("{name} in {}", self.store),
        }
    }

    /// From now on nothing is written: who reads an index of a store that is being destroyed shall not make it anew.
    pub fn shut(&self) {
        self.is_shut.store(true, Ordering::Release);
    }

    fn must_be_open(&self) -> Result<()> {
        match self.is_shut.load(Ordering::Acquire) {
            true => Err(Error::Unavailable("the store is gone".into())),
            false => Ok(()),
        }
    }

    /// The keys of the store, where it is encrypted.
    pub fn keys(&self) -> Option<&Arc<StoreKeys>> {
        self.keys.as_ref()
    }

    /// What is put for these bytes.
    fn stored(&self, name: &ObjectName, bytes: Vec<u8>) -> Result<Vec<u8>> {
        match &self.keys {
            Some(keys) => blocks::seal(keys, name.as_ref(), &bytes),
            None => Ok(bytes),
        }
    }

    /// An error of I/O, told with what was done to which object; of bytes that can't be decrypted, the damage.
    pub fn io(&self, what: &str, name: &ObjectName, source: io::Error) -> Error {
        if source.kind() == io::ErrorKind::InvalidData {
            return Error::Damaged { file: self.place(name), offset: 0, what: source.to_string() };
        }
        Error::Io { context: format!("{what} {}", self.place(name)), source }
    }

    fn failed(&self, what: &str, name: &ObjectName, error: object_store::Error) -> Error {
        self.io(what, name, io_error(error))
    }
}

/// The I/O error in an object store's error.
fn io_error(error: object_store::Error) -> io::Error {
    match error {
        object_store::Error::Generic { store, source } => match source.downcast::<io::Error>() {
            Ok(own) => *own,
            Err(source) => io::Error::other(object_store::Error::Generic { store, source }),
        },
        other => other.into(),
    }
}

/// Drives a future on this thread. May be nested: each wait has a flag of its own, so none takes another's waking.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let woken = Arc::new(Woken { thread: std::thread::current(), is_set: AtomicBool::new(false) });
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        while !woken.is_set.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    }
}

struct Woken {
    thread: Thread,
    is_set: AtomicBool,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.is_set.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
