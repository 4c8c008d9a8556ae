//! Writes an object as it comes, in parts: no more than one part of it is held in memory.

use std::{
    io::{self, Write},
    sync::Arc,
};

use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};

use super::{ObjectName, PART_BYTES, io_error, wait};

/// An object being written. It is there, whole and durable, when [`Self::finish`] says so, and not before; dropped
/// without that, it leaves nothing.
pub(crate) struct Upload {
    store: Arc<dyn ObjectStore>,
    name: ObjectName,
    buffer: Vec<u8>,
    /// Begun when the first part is full: what fits in one part is put at once.
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    pub(super) fn new(store: Arc<dyn ObjectStore>, name: ObjectName) -> Upload {
        Upload { store, name, buffer: Vec::new(), parts: None }
    }

    /// The object is there, durably.
    ///
    /// # Errors
    ///
    /// Those of the store; the object may then be there or not.
    pub fn finish(mut self) -> io::Result<()> {
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
        if self.buffer.len() >= PART_BYTES {
            self.put_part()?;
        }
        let count = bytes.len().min(PART_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(count)
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
