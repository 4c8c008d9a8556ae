//! Writes an object as it comes, in parts: no more than one part of it is held in memory.

use std::{
    io::{self, Write},
    sync::Arc,
};

use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};

use super::{ObjectName, PART_BYTES, io_error, wait};
use crate::encryption::{StoreKeys, blocks::BlockWriter};

/// An object being written. It is there, whole and durable, when [`Self::finish`] says so, and not before; dropped
/// without that, it leaves nothing.
pub(crate) struct Upload {
    store: Arc<dyn ObjectStore>,
    name: ObjectName,
    buffer: Vec<u8>,
    /// Begun when the first part is full: what fits in one part is put at once.
    parts: Option<Box<dyn MultipartUpload>>,
    /// Where the object is encrypted.
    keys: Option<Arc<StoreKeys>>,
    /// Begun with the first byte.
    blocks: Option<BlockWriter>,
}

impl Upload {
    pub(super) fn new(store: Arc<dyn ObjectStore>, name: ObjectName, keys: Option<Arc<StoreKeys>>) -> Upload {
        Upload { store, name, buffer: Vec::new(), parts: None, keys, blocks: None }
    }

    /// The object is there, durably.
    ///
    /// # Errors
    ///
    /// Those of the store; the object may then be there or not.
    pub fn finish(mut self) -> io::Result<()> {
        self.encrypt(&[])?;
        if let Some(blocks) = self.blocks.take() {
            let mut sealed = Vec::new();
            blocks.finish(&mut sealed).map_err(io::Error::other)?;
            self.keep(&sealed)?;
        }
        if self.parts.is_none() {
            let all = std::mem::take(&mut self.buffer);
            return wait(self.store.put(&self.name, all.into())).map(drop).map_err(io_error);
        }
        if !self.buffer.is_empty() {
            self.put_part()?;
        }
        let Some(parts) = &mut self.parts else { return Ok(()) };
        wait(parts.complete()).map_err(io_error)?;
        self.parts = None;
        Ok(())
    }

    /// Encrypts what was written, where the object is; what of it is done is kept.
    fn encrypt(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(keys) = &self.keys else { return Ok(()) };
        let mut sealed = Vec::new();
        let blocks = match &mut self.blocks {
            Some(blocks) => blocks,
            None => {
                let name = self.name.as_ref();
                let begun = BlockWriter::new(keys, name, &mut sealed).map_err(io::Error::other)?;
                self.blocks.insert(begun)
            }
        };
        blocks.write(bytes, &mut sealed).map_err(io::Error::other)?;
        self.keep(&sealed)
    }

    /// Keeps bytes of the object, and puts the parts that are full.
    fn keep(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.buffer.len() >= PART_BYTES {
                self.put_part()?;
            }
            let (now, rest) = bytes.split_at(bytes.len().min(PART_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    fn put_part(&mut self) -> io::Result<()> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => {
                let parts = wait(self.store.put_multipart(&self.name)).map_err(io_error)?;
                self.parts.insert(parts)
            }
        };
        let part = std::mem::replace(&mut self.buffer, Vec::with_capacity(PART_BYTES));
        wait(parts.put_part(part.into())).map_err(io_error)
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.keys {
            Some(_) => self.encrypt(bytes)?,
            None => self.keep(bytes)?,
        }
        Ok(bytes.len())
    }

    /// A part goes when it is full; parts that are smaller are not taken by every store.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(parts) = &mut self.parts
            && let Err(error) = wait(parts.abort())
        {
            tracing::warn!(%error, name = %self.name, "parts of an object that was given up may be left");
        }
    }
}
