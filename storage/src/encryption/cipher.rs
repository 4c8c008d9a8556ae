//! The cipher of one file: AES-256-GCM under a key that no other file has.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::provider::DataKey;
use crate::error::{Error, Result};

/// Bytes of a nonce.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes of a tag.
pub(crate) const TAG_BYTES: usize = 16;
/// Bytes of a file's salt.
pub(crate) const SALT_BYTES: usize = 32;

/// What makes a file's key another than that of every other file.
pub(crate) type Salt = [u8; SALT_BYTES];

/// Encrypts and decrypts pieces of one file. Who calls sees to it that no nonce comes twice.
pub(crate) struct FileCipher(LessSafeKey);

impl FileCipher {
    /// That of a file by its salt and name, for one use of it.
    pub fn derive(context: &'static str, key: &DataKey, salt: &Salt, name: &str) -> Result<FileCipher> {
        let mut material = Zeroizing::new(key.bytes().to_vec());
        material.extend_from_slice(salt);
        material.extend_from_slice(name.as_bytes());
        let derived = Zeroizing::new(blake3::derive_key(context, &material));
        let key = UnboundKey::new(&AES_256_GCM, &*derived);
        key.map(LessSafeKey::new).map(FileCipher).map_err(|_| failed())
    }

    /// Encrypts what lies in `bytes` from `start` on, and appends the tag.
    pub fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        bytes: &mut Vec<u8>,
        start: usize,
    ) -> Result<()> {
        let plain = bytes.get_mut(start..).ok_or_else(failed)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), plain).map_err(|_| failed())?;
        bytes.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Decrypts a piece with its tag in its place; what it says, `None` when it is not what was encrypted.
    pub fn open<'a>(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        self.0.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), sealed).ok()
    }
}

impl fmt::Debug for FileCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileCipher(…)")
    }
}

fn failed() -> Error {
    Error::Internal("a file can't be encrypted".into())
}
