//! How frames lie in a log file: as they are, or each as the inside of an encrypted one.

use std::{borrow::Cow, sync::Arc};

use super::frame::{
    FILE_HEADER_BYTES, FRAME_HEADER_BYTES, FRAME_MAGIC, FileHeader, Frame, Hash, PAYLOAD_BYTES_MAX,
    decode_frame, encode_frame, payload_bytes,
};
use crate::{
    encryption::{FileCipher, NONCE_BYTES, SALT_BYTES, Salt, StoreKeys, TAG_BYTES},
    error::{Error, Result},
};

/// Begins an encrypted frame; the last character is the format.
const SEALED_MAGIC: [u8; 4] = *b"QFE1";
/// Magic, length and nonce.
const SEALED_HEAD_BYTES: usize = 8 + NONCE_BYTES;
/// An encrypted log file's header.
pub(super) const SEALED_HEADER_BYTES: usize = 128;
/// Its parts.
const KEY_AT: usize = 24;
const SALT_AT: usize = 32;
const HASH_AT: usize = SALT_AT + SALT_BYTES;
const HASH_END: usize = HASH_AT + 32 + TAG_BYTES;

const FRAMES: &str = "quarry log frames v1";
const HEADER: &str = "quarry log header v1";

/// How the frames of one file lie in it.
#[derive(Clone, Debug)]
pub(crate) enum Framing {
    /// As they are.
    Plain,
    /// Each encrypted under the file's key, with a nonce of its own by chance: the same place may be written twice.
    Sealed(Arc<FileCipher>, Arc<StoreKeys>),
}

impl Framing {
    /// The header of a new file, and how its frames will lie in it.
    pub fn begin(header: &FileHeader, keys: Option<&Arc<StoreKeys>>) -> Result<(Vec<u8>, Framing)> {
        let Some(keys) = keys else { return Ok((header.encode().to_vec(), Framing::Plain)) };
        let salt = keys.random();
        let (number, cipher) = keys.cipher(HEADER, &salt, "")?;
        let (_, frames) = keys.cipher(FRAMES, &salt, "")?;
        let mut head = header.plain_head();
        head.extend_from_slice(&number.to_le_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&salt);
        let mut sealed = header.hash_before.to_vec();
        cipher.seal([0; NONCE_BYTES], &head, &mut sealed, 0)?;
        head.extend_from_slice(&sealed);
        head.resize(SEALED_HEADER_BYTES, 0);
        FileHeader::put_crc(&mut head);
        Ok((head, Framing::Sealed(Arc::new(frames), keys.clone())))
    }

    /// The header that an encrypted file begins with, whose checksum is right and which says that it is one.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is no such key, or none at all; `Damaged` when it is not what was encrypted.
    pub(super) fn of_sealed(
        head: &[u8],
        first_csn: u64,
        file: &str,
        keys: Option<&Arc<StoreKeys>>,
    ) -> Result<(FileHeader, Framing)> {
        let missing =
            || Error::Invalid(format!("{file} is encrypted, and its store has no key file any more"));
        let keys = keys.ok_or_else(missing)?;
        let broken = || Error::Damaged {
            file: file.into(),
            offset: 0,
            what: "the header is not what was encrypted".into(),
        };
        let part = |from: usize, to: usize| head.get(from..to).ok_or_else(broken);
        let number = u32::from_le_bytes(part(KEY_AT, KEY_AT + 4)?.try_into().map_err(|_| broken())?);
        let salt = Salt::try_from(part(SALT_AT, HASH_AT)?).map_err(|_| broken())?;
        let mut authenticated = part(0, HASH_AT)?.to_vec();
        FileHeader::clear_crc(&mut authenticated);
        let mut sealed = part(HASH_AT, HASH_END)?.to_vec();
        let cipher = keys.cipher_of(number, HEADER, &salt, "")?;
        let hash = cipher.open([0; NONCE_BYTES], &authenticated, &mut sealed).ok_or_else(broken)?;
        let hash_before = Hash::try_from(&*hash).map_err(|_| broken())?;
        let frames = keys.cipher_of(number, FRAMES, &salt, "")?;
        Ok((FileHeader { first_csn, hash_before }, Framing::Sealed(Arc::new(frames), keys.clone())))
    }

    /// Bytes before the first frame.
    pub fn header_bytes(&self) -> usize {
        match self {
            Framing::Plain => FILE_HEADER_BYTES,
            Framing::Sealed(..) => SEALED_HEADER_BYTES,
        }
    }

    /// Appends a frame to `out` and returns its hash.
    pub fn append(
        &self,
        out: &mut Vec<u8>,
        (csn, synced): (u64, u64),
        hash_before: &Hash,
        payload: &[u8],
    ) -> Result<Hash> {
        let Framing::Sealed(cipher, keys) = self else {
            return Ok(encode_frame(out, csn, synced, hash_before, payload));
        };
        let start = out.len();
        let inside = u32::try_from(FRAME_HEADER_BYTES + payload.len()).unwrap_or(u32::MAX);
        let [n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, ..] = keys.random();
        let nonce = [n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11];
        out.extend_from_slice(&SEALED_MAGIC);
        out.extend_from_slice(&inside.to_le_bytes());
        let authenticated = out.get(start..).unwrap_or_default().to_vec();
        out.extend_from_slice(&nonce);
        let at = out.len();
        let hash = encode_frame(out, csn, synced, hash_before, payload);
        cipher.seal(nonce, &authenticated, out, at)?;
        Ok(hash)
    }

    /// The bytes in the file of the frame that begins so; `None` when none begins here.
    pub fn stored_bytes(&self, head: &[u8]) -> Option<usize> {
        match self {
            Framing::Plain => payload_bytes(head)
                .filter(|bytes| *bytes <= PAYLOAD_BYTES_MAX)
                .map(|bytes| FRAME_HEADER_BYTES + bytes),
            Framing::Sealed(..) => {
                let (magic, rest) = head.split_first_chunk::<4>()?;
                let (inside, _) = rest.split_first_chunk::<4>()?;
                let inside = usize::try_from(u32::from_le_bytes(*inside)).ok()?;
                let fits = (FRAME_HEADER_BYTES..=FRAME_HEADER_BYTES + PAYLOAD_BYTES_MAX).contains(&inside);
                (*magic == SEALED_MAGIC && fits).then_some(SEALED_HEAD_BYTES + inside + TAG_BYTES)
            }
        }
    }

    /// The frame at the start of `bytes`, with what it takes in the file; `None` when there is no whole and sound one.
    pub fn decode<'a>(&self, bytes: &'a [u8]) -> Option<(Frame<'a>, usize)> {
        let Framing::Sealed(cipher, _) = self else {
            let frame = decode_frame(bytes)?;
            let stored = frame.bytes.len();
            return Some((frame, stored));
        };
        let stored = self.stored_bytes(bytes)?;
        let whole = bytes.get(..stored)?;
        let (authenticated, rest) = whole.split_at_checked(8)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let mut inside = sealed.to_vec();
        let plain = cipher.open(*nonce, authenticated, &mut inside)?.len();
        inside.truncate(plain);
        let Frame { csn, synced, hash_before, bytes } = decode_frame(&inside)?;
        if bytes.len() != plain {
            return None;
        }
        Some((Frame { csn, synced, hash_before, bytes: Cow::Owned(inside) }, stored))
    }

    /// The place of the first sound frame at or behind `from`.
    pub fn next_frame<'a>(&self, bytes: &'a [u8], from: usize) -> Option<(usize, Frame<'a>)> {
        let magic = match self {
            Framing::Plain => FRAME_MAGIC,
            Framing::Sealed(..) => SEALED_MAGIC,
        };
        let mut at = from;
        loop {
            at += place_of(magic, bytes.get(at..)?)?;
            if let Some((frame, _)) = bytes.get(at..).and_then(|rest| self.decode(rest)) {
                return Some((at, frame));
            }
            at += 1;
        }
    }
}

/// May there be a frame in a file whose header can't be read? Of an encrypted one more than that it begins can't be told.
pub(super) fn may_hold_frames(bytes: &[u8]) -> bool {
    Framing::Plain.next_frame(bytes, 0).is_some() || place_of(SEALED_MAGIC, bytes).is_some()
}

fn place_of(magic: [u8; 4], bytes: &[u8]) -> Option<usize> {
    bytes.windows(magic.len()).position(|window| window == magic)
}
