//! `segment.meta`: what must be known of a segment before its columns are read.

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    objects::{ObjectName, Objects, Sums},
    value::Key,
};

/// The file's name.
pub(super) const NAME: &str = "segment.meta";
const MAGIC: &[u8; 8] = b"QUARRYSM";
const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SegmentMeta {
    pub rows: u32,
    /// Columns of the table that are in the file, without `_csn`.
    pub columns: u32,
    /// The newest of the CSNs that made the rows.
    pub csn_max: u64,
    pub groups: Vec<GroupMeta>,
    /// Of `columns.parquet`.
    pub sums: Sums,
}

/// A row group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GroupMeta {
    pub rows: u32,
    pub first_key: Key,
    pub last_key: Key,
}

impl SegmentMeta {
    /// Puts the file there durably; the CRC of all its bytes.
    pub fn write(&self, objects: &Objects, name: &ObjectName) -> Result<u32> {
        let payload =
            postcard::to_stdvec(self).map_err(|error| Error::Internal(format!("segment.meta: {error}")))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&payload);
        let crc = crc32c::crc32c(&bytes);
        objects.put(name, bytes)?;
        Ok(crc)
    }

    /// Reads the file with this CRC.
    pub fn read(objects: &Objects, name: &ObjectName, crc: u32) -> Result<SegmentMeta> {
        let bytes = objects.get(name)?;
        let damaged = |what: String| Error::Damaged { file: objects.place(name), offset: 0, what };
        if crc32c::crc32c(&bytes) != crc {
            return Err(damaged("it is not the file that the manifest names".into()));
        }
        let Some((head, payload)) = bytes.split_at_checked(12) else {
            return Err(damaged("it is too short".into()));
        };
        if !head.starts_with(MAGIC) {
            return Err(damaged("it is no segment.meta".into()));
        }
        if head.get(8..) != Some(&VERSION.to_le_bytes()[..]) {
            let place = objects.place(name);
            let what = format!("{place} has a format this program does not read; use a newer program");
            return Err(Error::Invalid(what));
        }
        postcard::from_bytes(payload).map_err(|error| damaged(error.to_string()))
    }
}
