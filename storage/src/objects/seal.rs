//! Small objects of one value: magic (8 bytes), version (4), CRC-32C of all the other bytes (4), the value as postcard.

use serde::{Serialize, de::DeserializeOwned};

use super::{ObjectName, Objects};
use crate::error::{Error, Result};

const HEADER_BYTES: usize = 16;

/// What begins the objects of one kind.
pub(crate) struct Seal {
    pub magic: &'static [u8; 8],
    pub version: u32,
}

impl Seal {
    /// The bytes of an object that holds this.
    pub fn encode(&self, value: &impl Serialize) -> Result<Vec<u8>> {
        let payload = postcard::to_stdvec(value).map_err(|error| Error::Internal(error.to_string()))?;
        let mut bytes = self.magic.to_vec();
        bytes.extend_from_slice(&self.version.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), &payload);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(&payload);
        Ok(bytes)
    }

    /// What an object holds.
    ///
    /// # Errors
    ///
    /// `Damaged`; `Invalid` for a newer format.
    pub fn read<T: DeserializeOwned>(&self, objects: &Objects, name: &ObjectName) -> Result<T> {
        let bytes = objects.get(name)?;
        let damaged = |what: &str| Error::Damaged { file: objects.place(name), offset: 0, what: what.into() };
        let Some((head, payload)) = bytes.split_at_checked(HEADER_BYTES) else {
            return Err(damaged("it is too short"));
        };
        if !head.starts_with(self.magic) {
            return Err(damaged("it begins with another magic"));
        }
        let field =
            |at: usize| head.get(at..at + 4).and_then(|field| field.try_into().ok()).map(u32::from_le_bytes);
        let before = head.get(..HEADER_BYTES - 4).unwrap_or_default();
        if field(12) != Some(crc32c::crc32c_append(crc32c::crc32c(before), payload)) {
            return Err(damaged("the checksum does not match"));
        }
        if field(8) != Some(self.version) {
            let place = objects.place(name);
            let what = format!("{place} has a format this program does not read; use a newer program");
            return Err(Error::Invalid(what));
        }
        postcard::from_bytes(payload).map_err(|error| damaged(&error.to_string()))
    }
}
