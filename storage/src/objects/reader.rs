//! Reads ranges of an object.

use std::{fmt, io, ops::Range, sync::Arc};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{ObjectName, io_error, wait};
use crate::{
    encryption::{
        StoreKeys,
        blocks::{BlockReader, HEAD_BYTES},
    },
    files::OpenFile,
};

/// An object that is read by ranges. Objects do not change, so its size is asked once.
#[derive(Clone)]
pub(crate) struct Reader {
    source: Source,
    bytes: u64,
    /// Where what is read is encrypted.
    blocks: Option<Arc<BlockReader>>,
}

#[derive(Clone)]
enum Source {
    /// The file stays open: a read is one call.
    File(Arc<dyn OpenFile>),
    Object(Arc<dyn ObjectStore>, ObjectName),
}

impl Reader {
    /// Of a file that may grow: what it holds now.
    pub fn of_file(file: io::Result<Arc<dyn OpenFile>>) -> io::Result<Reader> {
        let file = file?;
        Ok(Reader { bytes: file.bytes()?, source: Source::File(file), blocks: None })
    }

    pub(super) fn of_object(store: &Arc<dyn ObjectStore>, name: &ObjectName) -> io::Result<Reader> {
        let about = wait(store.head(name)).map_err(io_error)?;
        Ok(Reader { bytes: about.size, source: Source::Object(store.clone(), name.clone()), blocks: None })
    }

    /// The same, decrypted: its ranges are those of the object that was put.
    pub(super) fn decrypting(self, keys: &StoreKeys, name: &ObjectName) -> io::Result<Reader> {
        let head = self.read(0..self.bytes.min(u64::try_from(HEAD_BYTES).unwrap_or(0)))?;
        let blocks = BlockReader::new(keys, name.as_ref(), &head, self.bytes)?;
        Ok(Reader { bytes: blocks.bytes(), blocks: Some(Arc::new(blocks)), ..self })
    }

    /// Is a small read of it dear, because a whole block is decrypted for it?
    pub fn is_encrypted(&self) -> bool {
        self.blocks.is_some()
    }

    /// The object's length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// These bytes of it.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the object ends before; `InvalidData` when it can't be decrypted.
    pub fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        if range.end <= range.start {
            return Ok(Bytes::new());
        }
        let Some(blocks) = &self.blocks else { return self.stored(range) };
        if range.end > self.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let stored = self.stored(blocks.stored(&range))?;
        blocks.open(&range, stored.into()).map(Bytes::from)
    }

    /// These bytes as they are stored.
    fn stored(&self, range: Range<u64>) -> io::Result<Bytes> {
        let wanted = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
        match &self.source {
            Source::File(file) => {
                let mut buffer = vec![0; wanted];
                file.read_at(&mut buffer, range.start)?;
                Ok(buffer.into())
            }
            Source::Object(store, name) => {
                let bytes = wait(store.get_range(name, range)).map_err(io_error)?;
                if bytes.len() == wanted { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
            }
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} bytes)", self.bytes)
    }
}
