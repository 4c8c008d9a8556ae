//! The bytes of a log file: its header, its frames. All numbers little-endian; `FORMAT.md` has the table.

use std::{borrow::Cow, sync::Arc};

use super::framing::{Framing, SEALED_HEADER_BYTES};
use crate::{
    encryption::StoreKeys,
    error::{Error, Result},
};

/// A BLAKE3 hash of a frame.
pub(crate) type Hash = [u8; 32];

/// The file header's length.
pub(crate) const FILE_HEADER_BYTES: usize = 64;
/// A frame's bytes before its payload.
pub(crate) const FRAME_HEADER_BYTES: usize = 60;
/// The largest payload of a frame.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 512 << 20;

const FILE_MAGIC: [u8; 8] = *b"QUARRYLG";
/// Of a file whose frames lie in it as they are, and of one whose frames are encrypted.
const FILE_VERSION: u32 = 1;
const FILE_VERSION_SEALED: u32 = 2;
/// Names the frame's format too: a later format has another last byte.
pub(crate) const FRAME_MAGIC: [u8; 4] = *b"QFR1";

/// The head of a log file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FileHeader {
    /// The CSN of the first frame in it.
    pub first_csn: u64,
    /// The hash of the frame before that.
    pub hash_before: Hash,
}

impl FileHeader {
    pub fn encode(&self) -> [u8; FILE_HEADER_BYTES] {
        let mut out = [0; FILE_HEADER_BYTES];
        put(&mut out, 0, &FILE_MAGIC);
        put(&mut out, 8, &FILE_VERSION.to_le_bytes());
        put(&mut out, 16, &self.first_csn.to_le_bytes());
        put(&mut out, 24, &self.hash_before);
        FileHeader::put_crc(&mut out);
        out
    }

    /// What an encrypted file's header begins with, its checksum being zero.
    pub(super) fn plain_head(&self) -> Vec<u8> {
        let mut head = FILE_MAGIC.to_vec();
        head.extend_from_slice(&FILE_VERSION_SEALED.to_le_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&self.first_csn.to_le_bytes());
        head
    }

    /// The checksum of a header is made while it is zero.
    pub(super) fn clear_crc(head: &mut [u8]) {
        put(head, 12, &[0; 4]);
    }

    pub(super) fn put_crc(head: &mut [u8]) {
        let crc = crc32c::crc32c(head);
        put(head, 12, &crc.to_le_bytes());
    }

    /// The header in these bytes, and how the frames behind it lie; `None` when it is torn or damaged.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is of a newer format, or encrypted and there is no key; `Damaged` when it is not encrypted in a
    /// store that is, or not what was encrypted.
    pub fn decode(
        bytes: &[u8],
        file: &str,
        keys: Option<&Arc<StoreKeys>>,
    ) -> Result<Option<(FileHeader, Framing)>> {
        let (Some(version), Some(crc), Some(first_csn)) =
            (u32_at(bytes, 8), u32_at(bytes, 12), u64_at(bytes, 16))
        else {
            return Ok(None);
        };
        let length = if version == FILE_VERSION_SEALED { SEALED_HEADER_BYTES } else { FILE_HEADER_BYTES };
        let Some(head) = bytes.get(..length) else { return Ok(None) };
        let mut plain = head.to_vec();
        FileHeader::clear_crc(&mut plain);
        if head.get(..8) != Some(&FILE_MAGIC[..]) || crc32c::crc32c(&plain) != crc {
            return Ok(None);
        }
        match (version, keys) {
            (FILE_VERSION_SEALED, keys) => Framing::of_sealed(head, first_csn, file, keys).map(Some),
            (FILE_VERSION, None) => {
                let header = hash_at(head, 24).map(|hash_before| FileHeader { first_csn, hash_before });
                Ok(header.map(|header| (header, Framing::Plain)))
            }
            (FILE_VERSION, Some(_)) => {
                let what = "it is not encrypted, as all of this store is".to_owned();
                Err(Error::Damaged { file: file.to_owned(), offset: 8, what })
            }
            _ => Err(Error::Invalid(format!(
                "{file} has log format {version}, this program reads up to {FILE_VERSION_SEALED}; use a newer program"
            ))),
        }
    }
}

/// A frame found in a log file.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub csn: u64,
    /// All up to this CSN was synced when this frame was written.
    pub synced: u64,
    pub hash_before: Hash,
    /// Header and payload.
    pub bytes: Cow<'a, [u8]>,
}

impl Frame<'_> {
    /// What the next frame is chained to.
    pub fn hash(&self) -> Hash {
        *blake3::hash(&self.bytes).as_bytes()
    }

    /// What it carries.
    pub fn payload(&self) -> &[u8] {
        self.bytes.get(FRAME_HEADER_BYTES..).unwrap_or_default()
    }
}

/// Appends a frame to `out` and returns its hash.
pub(crate) fn encode_frame(
    out: &mut Vec<u8>,
    csn: u64,
    synced: u64,
    hash_before: &Hash,
    payload: &[u8],
) -> Hash {
    let start = out.len();
    out.extend_from_slice(&FRAME_MAGIC);
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&csn.to_le_bytes());
    out.extend_from_slice(&synced.to_le_bytes());
    out.extend_from_slice(hash_before);
    let head = out.get(start..).unwrap_or_default();
    let crc = crc32c::crc32c_append(crc32c::crc32c(head), payload);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
    *blake3::hash(out.get(start..).unwrap_or_default()).as_bytes()
}

/// The length of the payload of the frame that begins so; `None` when none begins here.
pub(crate) fn payload_bytes(head: &[u8]) -> Option<usize> {
    if head.get(..4)? != FRAME_MAGIC {
        return None;
    }
    usize::try_from(u32_at(head, 4)?).ok()
}

/// The frame at the start of `bytes`; `None` when there is no whole and sound one.
pub(crate) fn decode_frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let length = payload_bytes(bytes)?;
    if length > PAYLOAD_BYTES_MAX {
        return None;
    }
    let whole = bytes.get(..FRAME_HEADER_BYTES + length)?;
    let payload = whole.get(FRAME_HEADER_BYTES..)?;
    let head = whole.get(..FRAME_HEADER_BYTES - 4)?;
    if crc32c::crc32c_append(crc32c::crc32c(head), payload) != u32_at(whole, FRAME_HEADER_BYTES - 4)? {
        return None;
    }
    Some(Frame {
        csn: u64_at(whole, 8)?,
        synced: u64_at(whole, 16)?,
        hash_before: hash_at(whole, 24)?,
        bytes: Cow::Borrowed(whole),
    })
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = out.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

fn hash_at(bytes: &[u8], at: usize) -> Option<Hash> {
    bytes.get(at..at + 32)?.try_into().ok()
}
