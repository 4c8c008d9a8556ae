//! Reads the frames of a log file one after another, without recovering anything: for history and for checks.

use std::sync::Arc;

use super::{
    frame::{FRAME_HEADER_BYTES, FileHeader, Frame, Hash, decode_frame},
    framing::{Framing, SEALED_HEADER_BYTES},
};
use crate::{
    encryption::StoreKeys,
    error::{Error, Result},
    objects::Reader,
};

/// A frame with its bytes.
#[derive(Debug)]
pub(crate) struct FoundFrame {
    pub csn: u64,
    pub hash_before: Hash,
    pub hash: Hash,
    /// Header and payload.
    pub bytes: Vec<u8>,
    /// Where it begins in its file.
    pub offset: u64,
}

impl FoundFrame {
    /// The sound frame that these bytes are, no more and no less.
    pub fn of(bytes: Vec<u8>, offset: u64) -> Option<FoundFrame> {
        let frame = decode_frame(&bytes).filter(|frame| frame.bytes.len() == bytes.len())?;
        let (csn, hash_before, hash) = (frame.csn, frame.hash_before, frame.hash());
        Some(FoundFrame { csn, hash_before, hash, bytes, offset })
    }

    fn at(frame: Frame<'_>, offset: u64) -> FoundFrame {
        let (csn, hash_before, hash) = (frame.csn, frame.hash_before, frame.hash());
        FoundFrame { csn, hash_before, hash, bytes: frame.bytes.into_owned(), offset }
    }

    pub fn payload(&self) -> &[u8] {
        self.bytes.get(FRAME_HEADER_BYTES..).unwrap_or_default()
    }
}

/// A log file being read.
pub(crate) struct FrameReader {
    reader: Reader,
    place: String,
    framing: Framing,
    /// Behind the last sound frame.
    offset: u64,
}

impl FrameReader {
    /// Reads on behind the file's header, which is handed back.
    ///
    /// # Errors
    ///
    /// `Damaged` when the header is broken; `Invalid` when it is of a newer format.
    pub fn open(
        reader: Reader,
        place: String,
        keys: Option<&Arc<StoreKeys>>,
    ) -> Result<(FileHeader, FrameReader)> {
        let mut reader = FrameReader { reader, place, framing: Framing::Plain, offset: 0 };
        let longest = u64::try_from(SEALED_HEADER_BYTES).unwrap_or(0);
        let head = reader.read(0, longest.min(reader.reader.bytes()))?.unwrap_or_default();
        let Some((header, framing)) = FileHeader::decode(&head, &reader.place, keys)? else {
            return Err(reader.damaged(0, "the file's header is broken".into()));
        };
        reader.offset = u64::try_from(framing.header_bytes()).unwrap_or(0);
        reader.framing = framing;
        Ok((header, reader))
    }

    /// The next frame; `None` where no sound one follows.
    pub fn next(&mut self) -> Result<Option<FoundFrame>> {
        let header = u64::try_from(FRAME_HEADER_BYTES).unwrap_or(0);
        let Some(head) = self.read(self.offset, header)? else { return Ok(None) };
        let Some(length) = self.framing.stored_bytes(&head) else { return Ok(None) };
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let Some(bytes) = self.read(self.offset, length)? else { return Ok(None) };
        let Some((frame, _)) = self.framing.decode(&bytes) else { return Ok(None) };
        let found = FoundFrame::at(frame, self.offset);
        self.offset += length;
        Ok(Some(found))
    }

    /// How frames lie in the file.
    pub fn framing(&self) -> &Framing {
        &self.framing
    }

    /// Behind the last frame that was read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// All bytes from [`Self::offset`] on.
    pub fn rest(&self) -> Result<Vec<u8>> {
        let length = self.reader.bytes().saturating_sub(self.offset);
        Ok(self.read(self.offset, length)?.unwrap_or_default())
    }

    /// Goes on at the next sound frame in the rest of the file; `false` where there is none.
    pub fn skip_broken(&mut self, rest: &[u8]) -> bool {
        let Some((at, _)) = self.framing.next_frame(rest, 1) else { return false };
        self.offset += u64::try_from(at).unwrap_or(u64::MAX);
        true
    }

    pub fn damaged(&self, offset: u64, what: String) -> Error {
        Error::Damaged { file: self.place.clone(), offset, what }
    }

    /// So many bytes; `None` when the file ends before.
    fn read(&self, at: u64, length: u64) -> Result<Option<Vec<u8>>> {
        let end = at.saturating_add(length);
        if end > self.reader.bytes() {
            return Ok(None);
        }
        let read = self.reader.read(at..end);
        let bytes = read.map_err(|source| Error::Io { context: format!("read {}", self.place), source })?;
        Ok(Some(bytes.into()))
    }
}
