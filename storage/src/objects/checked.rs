//! An object whose every block is checked when it is read, and Parquet over it.

use std::{
    fmt::Display,
    io::{ErrorKind, Read, Write},
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::Mutex;
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use serde::{Deserialize, Serialize};

use super::{ObjectName, Objects, Reader, Upload};
use crate::error::{Error, Result};

/// Bytes under one CRC.
const BLOCK_BYTES: usize = 64 << 10;

/// A file's length, and the CRC-32C of each of its blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub bytes: u64,
    pub block_crcs: Vec<u32>,
}

/// A finished file with its sums.
pub(crate) struct CheckedFile {
    reader: Reader,
    /// Where it is, for messages.
    place: String,
    sums: Sums,
}

impl CheckedFile {
    /// # Errors
    ///
    /// `Damaged` when the file has another length.
    pub fn open(objects: &Objects, name: &ObjectName, sums: Sums) -> Result<CheckedFile> {
        let reader = objects.reader(name)?;
        let (found, place, bytes) = (reader.bytes(), objects.place(name), sums.bytes);
        if found != bytes {
            let what = format!("the file has {found} bytes, not {bytes}");
            return Err(Error::Damaged { file: place, offset: found.min(bytes), what });
        }
        Ok(CheckedFile { reader, place, sums })
    }

    /// Where it is, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Reads all of it; the damaged blocks.
    ///
    /// # Errors
    ///
    /// `Io`.
    pub fn damages(&self) -> Result<Vec<Error>> {
        let mut found = Vec::new();
        for number in 0..self.sums.block_crcs.len() {
            match self.read(to_u64(number) * to_u64(BLOCK_BYTES), BLOCK_BYTES) {
                Ok(_) => {}
                Err(damage @ Error::Damaged { .. }) => found.push(damage),
                Err(other) => return Err(other),
            }
        }
        Ok(found)
    }

    /// Bytes `start..start + length`, as far as the file goes; every block they touch is checked.
    ///
    /// # Errors
    ///
    /// `Damaged` with the block, `Io`.
    pub fn read(&self, start: u64, length: usize) -> Result<Bytes> {
        let block_bytes = to_u64(BLOCK_BYTES);
        let end = start.saturating_add(to_u64(length)).min(self.sums.bytes);
        let from = start - start % block_bytes;
        let to = end.next_multiple_of(block_bytes).min(self.sums.bytes);
        let read = self.reader.read(from..to.max(from));
        let bytes = read.map_err(|source| match source.kind() {
            ErrorKind::InvalidData => {
                Error::Damaged { file: self.place.clone(), offset: from, what: source.to_string() }
            }
            _ => Error::Io { context: format!("read {}", self.place), source },
        })?;
        let first = usize::try_from(from / block_bytes).unwrap_or(usize::MAX);
        for (number, block) in (first..).zip(bytes.chunks(BLOCK_BYTES)) {
            if self.sums.block_crcs.get(number) != Some(&crc32c::crc32c(block)) {
                let offset = to_u64(number) * block_bytes;
                let what = "the block's checksum does not match".to_string();
                return Err(Error::Damaged { file: self.place.clone(), offset, what });
            }
        }
        let skip = usize::try_from(start - from).unwrap_or(usize::MAX);
        let wanted = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        if skip + wanted > bytes.len() {
            return Err(Error::Internal(format!("a read behind the end of {}", self.place)));
        }
        Ok(bytes.slice(skip..skip + wanted))
    }
}

/// A [`CheckedFile`] as Parquet reads it.
pub(crate) struct CheckedReader {
    file: Arc<CheckedFile>,
    failure: Failure,
}

/// Why a read failed: Parquet and Arrow hand on no more than its words.
#[derive(Clone, Default)]
pub(crate) struct Failure(Arc<Mutex<Option<Error>>>);

impl Failure {
    /// The failure of a read, if there was one; else what Parquet or Arrow says.
    pub fn or(&self, told: impl Display) -> Error {
        self.0.lock().take().unwrap_or_else(|| Error::Internal(format!("parquet: {told}")))
    }

    fn keep(&self, error: Error) -> String {
        let words = error.to_string();
        *self.0.lock() = Some(error);
        words
    }
}

impl CheckedReader {
    pub fn new(file: &Arc<CheckedFile>) -> CheckedReader {
        CheckedReader { file: file.clone(), failure: Failure::default() }
    }

    /// Where the failure of its reads is told.
    pub fn failure(&self) -> Failure {
        self.failure.clone()
    }
}

impl Length for CheckedReader {
    fn len(&self) -> u64 {
        self.file.sums.bytes
    }
}

impl ChunkReader for CheckedReader {
    type T = Sequential;

    fn get_read(&self, start: u64) -> Result<Sequential, ParquetError> {
        Ok(Sequential {
            file: self.file.clone(),
            failure: self.failure.clone(),
            at: start,
            ready: Bytes::new(),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.file.read(start, length).map_err(|error| ParquetError::General(self.failure.keep(error)))
    }
}

/// Reads on from a place, a block at a time.
pub(crate) struct Sequential {
    file: Arc<CheckedFile>,
    failure: Failure,
    at: u64,
    ready: Bytes,
}

impl Read for Sequential {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.ready.is_empty() && self.at < self.file.sums.bytes {
            let left = BLOCK_BYTES - usize::try_from(self.at % to_u64(BLOCK_BYTES)).unwrap_or(0);
            let read = self.file.read(self.at, left);
            self.ready = read.map_err(|error| std::io::Error::other(self.failure.keep(error)))?;
            self.at += to_u64(self.ready.len());
        }
        let count = out.len().min(self.ready.len());
        let taken = self.ready.split_to(count);
        if let Some(place) = out.get_mut(..count) {
            place.copy_from_slice(&taken);
        }
        Ok(count)
    }
}

/// Writes an object and keeps the CRC of each block.
pub(crate) struct CheckedWriter {
    upload: Upload,
    bytes: u64,
    crcs: Vec<u32>,
    /// The CRC of the block that is being filled, and how much of it is.
    open: (u32, usize),
}

impl CheckedWriter {
    pub fn new(upload: Upload) -> CheckedWriter {
        CheckedWriter { upload, bytes: 0, crcs: Vec::new(), open: (0, 0) }
    }

    /// All was written: the sums of it, and the upload that is to be finished.
    pub fn close(mut self) -> (Sums, Upload) {
        if self.open.1 > 0 {
            self.crcs.push(self.open.0);
        }
        (Sums { bytes: self.bytes, block_crcs: self.crcs }, self.upload)
    }
}

impl Write for CheckedWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = bytes.len().min(BLOCK_BYTES - self.open.1);
        let now = bytes.get(..count).unwrap_or_default();
        self.upload.write_all(now)?;
        self.open = (crc32c::crc32c_append(self.open.0, now), self.open.1 + count);
        if self.open.1 == BLOCK_BYTES {
            self.crcs.push(self.open.0);
            self.open = (0, 0);
        }
        self.bytes += to_u64(count);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.upload.flush()
    }
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
