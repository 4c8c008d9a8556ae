//! Contents: bytes that are no rows (documents, pictures), kept as they came, each under a key that whoever keeps the
//! rows gives it. Storage does not know which row speaks of which content.
//!
//! 1. [`Store::new_content`] takes the bytes as they come; no more than one part of them is in memory.
//! 2. [`NewContent::finish`] puts `content/<key>.sums` (length, BLAKE3 of all, CRC-32C of each block), then gives
//!    `content/<key>.bytes` its name: from then on the content is there, whole and durable. Before that nothing is, or
//!    sums without bytes, which say nothing.
//! 3. [`Store::content`] reads it by ranges; each block is checked before any byte of it is given.
//!
//! A content never changes. What no row speaks of is harmless; it goes by [`Store::remove_content`].

use std::{collections::HashMap, fmt, io::Write, ops::Range, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    objects::{CheckedFile, CheckedWriter, ObjectName, Objects, Seal, Sums},
    store::{Store, closed},
    usage::{Meter, Reserved},
    value::Key,
    verify::Report,
};

/// Where contents lie.
const FOLDER: &str = "content";
/// Endings of names in it.
const BYTES: &str = "bytes";
const SUMS: &str = "sums";
const SEAL: Seal = Seal { magic: b"QUARRYCT", version: 1 };
/// A key has so many characters at most.
const KEY_CHARACTERS_MAX: usize = 64;
/// Bytes that are read at a time: some blocks.
const PIECE_BYTES: usize = 4 << 16;

/// What is wrong when each block is right and all of them are not.
const OTHER_HASH: &str = "its hash is another";

/// How long a content is, and its BLAKE3 in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of all of it, 64 hexadecimal digits.
    pub hash: String,
}

/// What `content/<key>.sums` holds.
#[derive(Serialize, Deserialize)]
struct ContentSums {
    sums: Sums,
    hash: [u8; 32],
}

/// A content on its way. It is there when [`Self::finish`] says so; dropped without that, it leaves nothing.
pub struct NewContent {
    objects: Objects,
    meter: Arc<Meter>,
    reserved: Reserved,
    bytes: u64,
    key: String,
    writer: CheckedWriter,
    hasher: blake3::Hasher,
}

impl NewContent {
    /// It takes room that was reserved before.
    pub fn within(self, reserved: Reserved) -> NewContent {
        NewContent { reserved, ..self }
    }

    /// More of it.
    ///
    /// # Errors
    ///
    /// `Limited` when the store may not hold so much; `Io`. The content can't be finished then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.reserved.take(self.bytes)?;
        self.hasher.update(bytes);
        let written = self.writer.write_all(bytes);
        written.map_err(|source| self.objects.io("write", &name(&self.key, BYTES), source))
    }

    /// That was all: it is durable.
    ///
    /// # Errors
    ///
    /// `Io`; the content may then be there or not.
    pub fn finish(self) -> Result<Measure> {
        let NewContent { objects, meter, reserved, key, writer, hasher, .. } = self;
        let (sums, upload) = writer.close();
        let (bytes, hash) = (sums.bytes, hasher.finalize());
        let about = SEAL.encode(&ContentSums { sums, hash: *hash.as_bytes() })?;
        let about_bytes = u64::try_from(about.len()).unwrap_or(u64::MAX);
        objects.put(&name(&key, SUMS), about)?;
        let object = name(&key, BYTES);
        upload.finish().map_err(|source| objects.io("write", &object, source))?;
        meter.add_bytes(bytes.saturating_add(about_bytes));
        drop(reserved);
        Ok(Measure { bytes, hash: hash.to_hex().to_string() })
    }
}

/// A content that is there.
pub struct Content {
    file: CheckedFile,
    hash: blake3::Hash,
    bytes: u64,
}

impl Content {
    fn open(objects: &Objects, key: &str) -> Result<Content> {
        let ContentSums { sums, hash } = SEAL.read(objects, &name(key, SUMS))?;
        let bytes = sums.bytes;
        let file = CheckedFile::open(objects, &name(key, BYTES), sums)?;
        Ok(Content { file, hash: hash.into(), bytes })
    }

    /// Its length and hash.
    pub fn measure(&self) -> Measure {
        Measure { bytes: self.bytes, hash: self.hash.to_hex().to_string() }
    }

    /// So many bytes from `start` on, fewer where it ends before. Blocks.
    ///
    /// # Errors
    ///
    /// `Damaged` with the place, `Io`.
    pub fn read(&self, start: u64, length: usize) -> Result<Bytes> {
        match start < self.bytes {
            true => self.file.read(start, length),
            false => Ok(Bytes::new()),
        }
    }

    /// A range of it, a piece at a time.
    pub fn pieces(self: &Arc<Self>, range: Range<u64>) -> Pieces {
        let (at, end) = (range.start.min(self.bytes), range.end.min(self.bytes));
        let is_whole = at == 0 && end == self.bytes;
        Pieces { content: self.clone(), at, end, hasher: is_whole.then(blake3::Hasher::new) }
    }

    /// Adds what is damaged in it.
    fn check(&self, report: &mut Report) {
        let (mut hasher, mut at, mut is_whole) = (blake3::Hasher::new(), 0, true);
        while at < self.bytes {
            match self.read(at, PIECE_BYTES) {
                Ok(piece) => drop(hasher.update(&piece)),
                Err(error) => {
                    is_whole = false;
                    report.add_error(self.file.place(), error);
                }
            }
            at += u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
        }
        if is_whole && hasher.finalize() != self.hash {
            report.add(self.file.place(), 0, OTHER_HASH);
        }
    }
}

/// Reads on through a content. Where that is all of it, its last piece is given only when the hash of all is right.
pub struct Pieces {
    content: Arc<Content>,
    at: u64,
    end: u64,
    hasher: Option<blake3::Hasher>,
}

impl Pieces {
    /// The next piece; none at the end. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Content::read`].
    pub fn read_on(&mut self) -> Result<Option<Bytes>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let piece = self.content.read(self.at, left.min(PIECE_BYTES))?;
        self.at += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
            if self.at >= self.end && hasher.finalize() != self.content.hash {
                let (file, what) = (self.content.file.place().to_owned(), OTHER_HASH.to_owned());
                return Err(Error::Damaged { file, offset: 0, what });
            }
        }
        Ok(Some(piece))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({:?})", self.measure())
    }
}

impl Store {
    /// Begins a content under a key that had none before: 1 to 64 lower-case letters, digits and `_`.
    ///
    /// # Errors
    ///
    /// `Invalid` for another key; `Unavailable` when the store is closed.
    pub fn new_content(&self, key: &str) -> Result<NewContent> {
        must_be_key(key)?;
        if self.inner.log.lock().is_none() {
            return Err(closed());
        }
        let objects = self.inner.ground.objects.clone();
        self.inner.measure_if_bounded()?;
        let meter = self.inner.meter.clone();
        let reserved = meter.reserve(0)?;
        let writer = CheckedWriter::new(objects.upload(&name(key, BYTES)));
        Ok(NewContent {
            objects,
            meter,
            reserved,
            bytes: 0,
            key: key.to_owned(),
            writer,
            hasher: blake3::Hasher::new(),
        })
    }

    /// The content of a key. Who asks knows that there is one.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not there, or not as it should be; `Io`.
    pub fn content(&self, key: &str) -> Result<Arc<Content>> {
        must_be_key(key)?;
        let objects = &self.inner.ground.objects;
        Content::open(objects, key).map(Arc::new).map_err(|error| match error {
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                let (file, what) = (objects.place(&name(key, BYTES)), "the content is missing".to_owned());
                Error::Damaged { file, offset: 0, what }
            }
            other => other,
        })
    }

    /// Removes the content of a key; none, or half of one, is fine.
    ///
    /// # Errors
    ///
    /// `Io`; what is left of it goes when it is removed again.
    pub fn remove_content(&self, key: &str) -> Result<()> {
        must_be_key(key)?;
        let objects = &self.inner.ground.objects;
        self.inner.meter.forget_bytes();
        [BYTES, SUMS].iter().try_for_each(|end| objects.delete(&name(key, end)))
    }
}

/// Looks at every content that is there, and for those that there must be.
///
/// # Errors
///
/// `Io` when they can't be listed.
pub(crate) fn check(
    objects: &Objects,
    wanted: Option<Vec<(Key, Measure)>>,
    report: &mut Report,
) -> Result<()> {
    let mut found = HashMap::new();
    for object in objects.list(&FOLDER.into())? {
        let Some(key) = object.filename().and_then(|file| file.strip_suffix(&format!(".{BYTES}"))) else {
            continue;
        };
        report.contents += 1;
        match Content::open(objects, key) {
            Ok(content) => {
                content.check(report);
                found.insert(Key::from(key), content.measure());
            }
            Err(error) => report.add_error(&objects.place(&name(key, SUMS)), error),
        }
    }
    let Some(wanted) = wanted else {
        report.notes.push("contents were not compared with the rows that speak of them".into());
        return Ok(());
    };
    for (key, measure) in wanted {
        let what = match found.remove(&key) {
            Some(found) if found == measure => continue,
            Some(_) => "it is not what its row says",
            None => "the content is missing, or can't be read",
        };
        report.add(&objects.place(&name(&key, BYTES)), 0, what);
    }
    if !found.is_empty() {
        report.notes.push(format!("{} contents that no row speaks of", found.len()));
    }
    Ok(())
}

fn name(key: &str, end: &str) -> ObjectName {
    ObjectName::from(FOLDER).join(format!("{key}.{end}"))
}

fn must_be_key(key: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    match (1..=KEY_CHARACTERS_MAX).contains(&key.len()) && key.bytes().all(allowed) {
        true => Ok(()),
        false => Err(Error::Invalid(format!("{key:?} is no key of a content"))),
    }
}
