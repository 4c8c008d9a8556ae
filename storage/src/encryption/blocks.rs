//! An object as encrypted blocks: written from its first byte to its last, read by ranges.
//!
//! ```text
//! head: magic, version, number of the data key, salt | block | block | … | last block
//! ```
//!
//! Each block is 64 KiB of the object and a tag; the last may be shorter, and says that it is the last.

use std::{io, ops::Range};

use super::{FileCipher, NONCE_BYTES, SALT_BYTES, Salt, StoreKeys, TAG_BYTES};
use crate::error::Result;

const MAGIC: &[u8; 8] = b"QUARRYEO";
const VERSION: u32 = 1;
const CONTEXT: &str = "quarry object v1";
/// Bytes of the object in a block.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;
const SEALED_BYTES: usize = BLOCK_BYTES + TAG_BYTES;
/// Bytes before the first block.
pub(crate) const HEAD_BYTES: usize = 16 + SALT_BYTES;

/// Encrypts an object as it comes.
pub(crate) struct BlockWriter {
    cipher: FileCipher,
    number: u64,
    /// The block that is being filled: full only while it is not known whether it is the last.
    open: Vec<u8>,
}

impl BlockWriter {
    /// Begins an object; its head is appended to `out`.
    pub fn new(keys: &StoreKeys, name: &str, out: &mut Vec<u8>) -> Result<BlockWriter> {
        let salt = keys.random();
        let (number, cipher) = keys.cipher(CONTEXT, &salt, name)?;
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&salt);
        Ok(BlockWriter { cipher, number: 0, open: Vec::new() })
    }

    /// More of the object; the blocks that are done are appended to `out`.
    pub fn write(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        while !bytes.is_empty() {
            if self.open.len() == BLOCK_BYTES {
                self.close(false, out)?;
            }
            let count = bytes.len().min(BLOCK_BYTES - self.open.len());
            let (now, rest) = bytes.split_at(count);
            self.open.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    /// That was all of it.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.close(true, out)
    }

    fn close(&mut self, is_last: bool, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        out.extend_from_slice(&self.open);
        self.cipher.seal(nonce(self.number, is_last), &[], out, start)?;
        self.open.clear();
        self.number += 1;
        Ok(())
    }
}

/// A whole object, encrypted.
pub(crate) fn seal(keys: &StoreKeys, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(HEAD_BYTES + bytes.len() + (bytes.len() / BLOCK_BYTES + 1) * TAG_BYTES);
    let mut writer = BlockWriter::new(keys, name, &mut out)?;
    writer.write(bytes, &mut out)?;
    writer.finish(&mut out)?;
    Ok(out)
}

/// Decrypts what was read of an object.
pub(crate) struct BlockReader {
    cipher: FileCipher,
    blocks: u64,
    /// The object's own length.
    bytes: u64,
}

impl BlockReader {
    /// That of an object by its head and whole length.
    ///
    /// # Errors
    ///
    /// `InvalidData` when it is no encrypted object, or no key is known for it.
    pub fn new(keys: &StoreKeys, name: &str, head: &[u8], stored: u64) -> io::Result<BlockReader> {
        if !head.starts_with(MAGIC) {
            return Err(wrong("it is not encrypted, as all of this store is"));
        }
        let field =
            |at: usize| head.get(at..at + 4).and_then(|field| field.try_into().ok()).map(u32::from_le_bytes);
        if field(8) != Some(VERSION) {
            return Err(wrong("it is encrypted in a way this program does not know; use a newer program"));
        }
        let salt = head.get(16..HEAD_BYTES).and_then(|salt| Salt::try_from(salt).ok());
        let (Some(number), Some(salt)) = (field(12), salt) else { return Err(wrong("its head is cut off")) };
        let cipher =
            keys.cipher_of(number, CONTEXT, &salt, name).map_err(|error| wrong(&error.to_string()))?;
        let sealed = stored.saturating_sub(to_u64(HEAD_BYTES));
        let blocks = sealed.div_ceil(to_u64(SEALED_BYTES));
        let tags = blocks * to_u64(TAG_BYTES);
        if blocks == 0
            || sealed < tags
            || !sealed.is_multiple_of(to_u64(SEALED_BYTES))
                && sealed % to_u64(SEALED_BYTES) < to_u64(TAG_BYTES)
        {
            return Err(wrong("its end is cut off"));
        }
        Ok(BlockReader { cipher, blocks, bytes: sealed - tags })
    }

    /// The object's own length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What must be read to have this range of the object, which is not empty.
    pub fn stored(&self, range: &Range<u64>) -> Range<u64> {
        let (first, end) = (range.start / to_u64(BLOCK_BYTES), range.end.div_ceil(to_u64(BLOCK_BYTES)));
        let place = |block: u64| to_u64(HEAD_BYTES) + block * to_u64(SEALED_BYTES);
        let all = to_u64(HEAD_BYTES) + self.bytes + self.blocks * to_u64(TAG_BYTES);
        place(first)..place(end).min(all)
    }

    /// The range of the object in what [`Self::stored`] says of it.
    ///
    /// # Errors
    ///
    /// `InvalidData` with the block that is not what was written; `UnexpectedEof` behind the end.
    pub fn open(&self, range: &Range<u64>, mut stored: Vec<u8>) -> io::Result<Vec<u8>> {
        if range.end > self.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let first = range.start / to_u64(BLOCK_BYTES);
        // Each block is decrypted where it lies and moved over the tags before it.
        let (mut from, mut to, mut number) = (0, 0, first);
        while from < stored.len() {
            let end = stored.len().min(from + SEALED_BYTES);
            let block = stored.get_mut(from..end).unwrap_or_default();
            let opened = self.cipher.open(nonce(number, number + 1 == self.blocks), &[], block);
            let count = opened.map(|plain| plain.len()).ok_or_else(|| broken(number))?;
            stored.copy_within(from..from + count, to);
            (from, to, number) = (end, to + count, number + 1);
        }
        stored.truncate(to);
        let skip = usize::try_from(range.start - first * to_u64(BLOCK_BYTES)).map_err(io::Error::other)?;
        let wanted = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
        if to < skip + wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        stored.truncate(skip + wanted);
        stored.drain(..skip);
        Ok(stored)
    }

    /// The whole object.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_all(&self, stored: &[u8]) -> io::Result<Vec<u8>> {
        self.open(&(0..self.bytes), stored.get(HEAD_BYTES..).unwrap_or_default().to_vec())
    }
}

fn nonce(number: u64, is_last: bool) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    if let Some((counter, rest)) = nonce.split_first_chunk_mut::<8>() {
        *counter = number.to_le_bytes();
        if let Some(last) = rest.last_mut() {
            *last = u8::from(is_last);
        }
    }
    nonce
}

fn broken(block: u64) -> io::Error {
    wrong(&format!("block {block} is not what was encrypted: changed, cut off, or of another file"))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
