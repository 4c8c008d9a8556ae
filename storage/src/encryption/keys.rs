//! The key file of a store: its data keys, wrapped.

use std::{fmt, io, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    cipher::{FileCipher, Salt},
    provider::{DataKey, KeyProvider, WrappedKey},
};
use crate::{
    error::{Error, Result},
    files::{self, Files, OpenMode, failed},
    store::LOG,
    world::{Ids, World},
};

/// The file's name, and what it is written as before it has that name.
const NAME: &str = "keys";
const UNFINISHED: &str = "keys.new";
const MAGIC: &[u8; 8] = b"QUARRYKY";
/// 1 was not bound to the folder's name; it is when it is opened.
const VERSION: u32 = 2;
const HEADER_BYTES: usize = 16;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct KeyFile {
    /// Whose keys they are: no key can be taken from another store's file.
    store: [u8; 16],
    /// In the order they were made; the last one is for new files.
    keys: Vec<(u32, WrappedKey)>,
    /// The name of the folder that they are for, which is the tenant's. It is not in the file: a key is unwrapped by this name or not at
    /// all, so that a store is no other tenant's when its files are put in that one's place.
    #[serde(skip)]
    bound_to: Option<String>,
}

/// The data keys of an open store.
pub(crate) struct StoreKeys {
    keys: Vec<(u32, DataKey)>,
    random: Arc<dyn Ids>,
}

/// What is known of a store's keys without unwrapping them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// The store is not encrypted.
    Plain,
    /// It is, under this master key, with so many data keys.
    Encrypted {
        /// The name of the master key that wraps the newest data key.
        master: String,
        /// How many data keys there are.
        data_keys: usize,
    },
}

/// What [`erase_keys`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// There were keys, and they are gone durably: the store's files can't be read by anyone any more.
    Keys,
    /// The store had none: its files are as readable as before.
    NoKeys,
}

impl StoreKeys {
    /// The keys of the store in a folder. A store that is yet to be made gets some where the world has a master key.
    ///
    /// # Errors
    ///
    /// `Invalid` when the store is encrypted and the master key it names is not given; `Damaged`; `Io`. Nothing was written.
    pub fn open(folder: &Path, world: &World) -> Result<Option<Arc<StoreKeys>>> {
        let files = &*world.files;
        let Some(file) = read(files, folder)? else {
            return match &world.keys {
                Some(provider) if !is_made(files, folder)? => make(folder, world, &**provider).map(Some),
                Some(_) => {
                    tracing::warn!(
                        folder = %folder.display(),
                        "this store was made without a master key, and is not encrypted"
                    );
                    Ok(None)
                }
                None => Ok(None),
            };
        };
        let provider = provider_of(folder, world)?;
        let opened = file.open(folder, &**provider, &world.ids)?;
        if file.bound_to.is_none() {
            bind(folder, world, &**provider)?;
        }
        Ok(Some(opened))
    }

    /// As [`Self::open`] of a store that is there; none is made.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn of_made(folder: &Path, world: &World) -> Result<Option<Arc<StoreKeys>>> {
        let Some(file) = read(&*world.files, folder)? else { return Ok(None) };
        let provider = provider_of(folder, world)?;
        file.open(folder, &**provider, &world.ids).map(Some)
    }

    /// The cipher of a new file, with the number of its data key.
    pub fn cipher(&self, context: &'static str, salt: &Salt, name: &str) -> Result<(u32, FileCipher)> {
        let (number, key) = self.keys.last().ok_or_else(|| Error::Internal("a store without keys".into()))?;
        Ok((*number, FileCipher::derive(context, key, salt, name)?))
    }

    /// The cipher of a file that is there.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is no such data key.
    pub fn cipher_of(
        &self,
        number: u32,
        context: &'static str,
        salt: &Salt,
        name: &str,
    ) -> Result<FileCipher> {
        let known = self.keys.iter().find(|(known, _)| *known == number);
        let missing = || {
            Error::Invalid(format!("the key file has no data key {number}; was it put back to an older one?"))
        };
        FileCipher::derive(context, &known.ok_or_else(missing)?.1, salt, name)
    }

    /// 32 bytes that never were, and that nobody can tell.
    pub fn random(&self) -> Salt {
        self.random.secret()
    }
}

impl fmt::Debug for StoreKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKeys({} keys)", self.keys.len())
    }
}

impl KeyFile {
    fn open(
        &self,
        folder: &Path,
        provider: &dyn KeyProvider,
        random: &Arc<dyn Ids>,
    ) -> Result<Arc<StoreKeys>> {
        let mut keys = Vec::new();
        for (number, wrapped) in &self.keys {
            let key =
                provider.unwrap_key(wrapped, &self.context(*number)).map_err(|error| told(folder, error))?;
            keys.push((*number, key));
        }
        if keys.is_empty() {
            return Err(damaged(folder, "it holds no key"));
        }
        Ok(Arc::new(StoreKeys { keys, random: random.clone() }))
    }

    /// One more data key, for new files.
    fn add(&mut self, provider: &dyn KeyProvider, random: &dyn Ids) -> Result<()> {
        let number = self.keys.last().map_or(1, |(number, _)| number.saturating_add(1));
        let bytes = zeroize::Zeroizing::new(random.secret());
        self.keys.push((number, provider.wrap_key(&DataKey(bytes), &self.context(number))?));
        Ok(())
    }

    fn context(&self, number: u32) -> Vec<u8> {
        let mut context = self.store.to_vec();
        context.extend_from_slice(&number.to_le_bytes());
        context.extend_from_slice(self.bound_to.as_deref().unwrap_or_default().as_bytes());
        context
    }

    /// The same keys, all of them wrapped anew, for the folder that it lies in.
    fn wrapped_anew(&mut self, folder: &Path, provider: &dyn KeyProvider) -> Result<()> {
        let bound = KeyFile { store: self.store, keys: Vec::new(), bound_to: Some(name_of(folder)?) };
        let mut keys = Vec::new();
        for (number, wrapped) in &self.keys {
            let key = provider.unwrap_key(wrapped, &self.context(*number));
            let key = key.map_err(|error| told(folder, error))?;
            keys.push((*number, provider.wrap_key(&key, &bound.context(*number))?));
        }
        *self = KeyFile { keys, ..bound };
        Ok(())
    }

    /// Puts the file there, whole and durably.
    fn write(&self, files: &dyn Files, folder: &Path) -> Result<()> {
        let payload = postcard::to_stdvec(self).map_err(|error| Error::Internal(format!("keys: {error}")))?;
        let mut bytes = MAGIC.to_vec();
        let version = if self.bound_to.is_some() { VERSION } else { 1 };
        bytes.extend_from_slice(&version.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), &payload);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(&payload);
        let (path, unfinished) = (folder.join(NAME), folder.join(UNFINISHED));
        let put = || -> io::Result<()> {
            let file = files.open(&unfinished, OpenMode::Create)?;
            file.write_at(&bytes, 0)?;
            file.sync_all()?;
            files.rename(&unfinished, &path)?;
            files.sync_folder(folder)
        };
        put().map_err(failed("write", &path))
    }
}

/// What a store's key file says of itself.
///
/// # Errors
///
/// `Damaged`, `Io`.
pub fn key_state(folder: &Path, world: &World) -> Result<KeyState> {
    let Some(file) = read(&*world.files, folder)? else { return Ok(KeyState::Plain) };
    let master = file.keys.last().map(|(_, wrapped)| wrapped.master.clone()).unwrap_or_default();
    Ok(KeyState::Encrypted { master, data_keys: file.keys.len() })
}

/// Wraps all data keys of a store that no process has open with the world's master key; `false` when they are already.
///
/// # Errors
///
/// As [`crate::Store::open`]; `Invalid` when the store is not encrypted.
pub fn rotate_master_key(folder: &Path, world: &World) -> Result<bool> {
    change(folder, world, |file, provider| {
        let master = provider.master();
        if file.bound_to.is_some() && file.keys.iter().all(|(_, wrapped)| wrapped.master == master) {
            return Ok(false);
        }
        file.wrapped_anew(folder, provider)?;
        Ok(true)
    })
}

/// Gives a store that no process has open a new data key, which files made from now on are encrypted with.
///
/// # Errors
///
/// As [`rotate_master_key`].
pub fn rotate_data_key(folder: &Path, world: &World) -> Result<()> {
    change(folder, world, |file, provider| {
        if file.bound_to.is_none() {
            file.wrapped_anew(folder, provider)?;
        }
        file.add(provider, &*world.ids)?;
        Ok(true)
    })
    .map(drop)
}

/// Binds the keys of an earlier program to the folder's name.
fn bind(folder: &Path, world: &World, provider: &dyn KeyProvider) -> Result<()> {
    let files = &*world.files;
    // Who opens the store has not locked the folder yet; another process that has it binds them itself.
    let _lock = files::lock(files, folder)?;
    match read(files, folder)? {
        Some(mut file) if file.bound_to.is_none() => {
            file.wrapped_anew(folder, provider)?;
            file.write(files, folder)
        }
        _ => Ok(()),
    }
}

/// The name of a store's folder: the tenant's.
fn name_of(folder: &Path) -> Result<String> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let nameless =
        || Error::Invalid(format!("the folder {} has no name that keys could be for", folder.display()));
    name.map(str::to_owned).ok_or_else(nameless)
}

/// Destroys the keys of a store that no process has open, durably: the file is overwritten, then removed. A store that has none is told.
///
/// # Errors
///
/// `Unavailable` when a process has the store; `Io`: the keys may then be there or not.
pub fn erase_keys(folder: &Path, world: &World) -> Result<Erased> {
    let files = &*world.files;
    let _lock = files::lock(files, folder)?;
    let mut erased = Erased::NoKeys;
    for name in [UNFINISHED, NAME] {
        let path = folder.join(name);
        let file = match files.open(&path, OpenMode::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed("open", &path)(error)),
        };
        let erase = || -> io::Result<()> {
            let bytes = usize::try_from(file.bytes()?).map_err(io::Error::other)?;
            file.write_at(&vec![0; bytes], 0)?;
            file.sync_all()?;
            files.remove(&path)?;
            files.sync_folder(folder)
        };
        erase().map_err(failed("erase", &path))?;
        erased = Erased::Keys;
    }
    Ok(erased)
}

fn change(
    folder: &Path,
    world: &World,
    how: impl FnOnce(&mut KeyFile, &dyn KeyProvider) -> Result<bool>,
) -> Result<bool> {
    let files = &*world.files;
    let _lock = files::lock(files, folder)?;
    let file = read(files, folder)?;
    let plain = || Error::Invalid(format!("the store in {} is not encrypted", folder.display()));
    let mut file = file.ok_or_else(plain)?;
    let provider = provider_of(folder, world)?;
    file.open(folder, &**provider, &world.ids)?;
    let is_changed = how(&mut file, &**provider)?;
    if is_changed {
        file.write(files, folder)?;
    }
    Ok(is_changed)
}

/// The keys of a new store, durable.
fn make(folder: &Path, world: &World, provider: &dyn KeyProvider) -> Result<Arc<StoreKeys>> {
    let files = &*world.files;
    files.make_folder(folder).map_err(failed("make folder", folder))?;
    // Who makes the same store meanwhile must not get other keys.
    let _lock = files::lock(files, folder)?;
    if let Some(file) = read(files, folder)? {
        return file.open(folder, provider, &world.ids);
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15, ..] = world.ids.secret();
    let store = [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15];
    let mut file = KeyFile { store, keys: Vec::new(), bound_to: Some(name_of(folder)?) };
    file.add(provider, &*world.ids)?;
    file.write(files, folder)?;
    file.open(folder, provider, &world.ids)
}

/// Has a store been made here?
fn is_made(files: &dyn Files, folder: &Path) -> Result<bool> {
    let log = folder.join(LOG);
    Ok(!files.list(&log).map_err(failed("list", &log))?.is_empty())
}

fn provider_of<'a>(folder: &Path, world: &'a World) -> Result<&'a Arc<dyn KeyProvider>> {
    let missing = || {
        let place = folder.display();
        Error::Invalid(format!("the store in {place} is encrypted, and no master key is given"))
    };
    world.keys.as_ref().ok_or_else(missing)
}

fn read(files: &dyn Files, folder: &Path) -> Result<Option<KeyFile>> {
    let path = folder.join(NAME);
    let bytes = match files::read(files, &path) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    let Some((head, payload)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(damaged(folder, "it is too short"));
    };
    let field =
        |at: usize| head.get(at..at + 4).and_then(|field| field.try_into().ok()).map(u32::from_le_bytes);
    let before = head.get(..HEADER_BYTES - 4).unwrap_or_default();
    if !head.starts_with(MAGIC) || field(12) != Some(crc32c::crc32c_append(crc32c::crc32c(before), payload)) {
        return Err(damaged(folder, "its checksum does not match"));
    }
    let bound_to = match field(8) {
        Some(1) => None,
        Some(VERSION) => Some(name_of(folder)?),
        _ => {
            let place = path.display();
            let what = format!("{place} has a format this program does not read; use a newer program");
            return Err(Error::Invalid(what));
        }
    };
    let file: KeyFile = postcard::from_bytes(payload).map_err(|error| damaged(folder, &error.to_string()))?;
    Ok(Some(KeyFile { bound_to, ..file }))
}

fn damaged(folder: &Path, what: &str) -> Error {
    Error::Damaged { file: folder.join(NAME).display().to_string(), offset: 0, what: what.into() }
}

/// A provider's word, with the store that it is about.
fn told(folder: &Path, error: Error) -> Error {
    match error {
        Error::Invalid(what) => {
            Error::Invalid(format!("the store in {} can't be opened: {what}", folder.display()))
        }
        other => other,
    }
}

#[cfg(test)]
pub(super) mod tests;
