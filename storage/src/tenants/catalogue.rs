//! Which tenants there are: one small file in the data folder, put whole.
//!
//! A file, and not a table of the tenant `main`: it must be readable when no store can be opened (a lost master key, damage), it says that a
//! tenant is going before its first file goes, and who puts an older state of `main` back shall not bring deleted tenants back.
//!
//! It belongs to whoever has the store of `main` open: no other process writes it.

use std::{collections::BTreeMap, io, path::Path};

use serde::{Deserialize, Serialize};

use super::TenantName;
use crate::{
    error::{Error, Result},
    files::{self, OpenMode, failed},
    world::World,
};

const NAME: &str = "tenants";
const UNFINISHED: &str = "tenants.new";
const MAGIC: &[u8; 8] = b"QUARRYTN";
/// 1 knew no limits, and did not tell who is encrypted.
const VERSION: u32 = 2;
const HEADER_BYTES: usize = 16;

/// What a tenant may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TenantState {
    /// It is being made: what a crash leaves of it goes.
    Making,
    /// It serves.
    Active,
    /// Nobody comes in; its records are kept.
    Suspended,
    /// It is going: what a crash leaves of it goes too.
    Deleting,
}

/// A tenant, as the catalogue knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRecord {
    /// Its name.
    pub name: TenantName,
    /// What it may do.
    pub state: TenantState,
    /// The named location that it is pinned to; none: the data folder.
    pub location: Option<String>,
    /// When it was made, microseconds UTC.
    pub made_micros: i64,
    /// Its store has keys: one without is another.
    pub is_encrypted: bool,
    /// What it may have, by names that mean nothing here.
    pub limits: BTreeMap<String, u64>,
}

/// The same in the file.
#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    state: TenantState,
    location: Option<String>,
    made_micros: i64,
    is_encrypted: bool,
    limits: BTreeMap<String, u64>,
}

/// The same in format 1.
#[derive(Deserialize)]
struct Version1 {
    name: String,
    state: TenantState,
    location: Option<String>,
    made_micros: i64,
}

impl From<Version1> for Kept {
    fn from(old: Version1) -> Kept {
        let Version1 { name, state, location, made_micros } = old;
        Kept { name, state, location, made_micros, is_encrypted: false, limits: BTreeMap::new() }
    }
}

/// All tenants, in the order of names; `main` only where something is told of it, and none where there is no catalogue.
///
/// # Errors
///
/// `Damaged`; `Invalid` for a newer format; `Io`.
pub fn read_catalogue(data: &Path, world: &World) -> Result<Vec<TenantRecord>> {
    let path = data.join(NAME);
    let bytes = match files::read(&*world.files, &path) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        bytes => bytes?,
    };
    let damaged =
        |what: &str| Error::Damaged { file: path.display().to_string(), offset: 0, what: what.into() };
    let Some((head, payload)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(damaged("it is too short"));
    };
    let field =
        |at: usize| head.get(at..at + 4).and_then(|field| field.try_into().ok()).map(u32::from_le_bytes);
    let before = head.get(..HEADER_BYTES - 4).unwrap_or_default();
    let crc = crc32c::crc32c_append(crc32c::crc32c(before), payload);
    if !head.starts_with(MAGIC) || field(12) != Some(crc) {
        return Err(damaged("its checksum does not match"));
    }
    let kept = match field(8) {
        Some(1) => postcard::from_bytes::<Vec<Version1>>(payload)
            .map(|kept| kept.into_iter().map(Kept::from).collect::<Vec<_>>()),
        Some(VERSION) => postcard::from_bytes(payload),
        _ => {
            let place = path.display();
            let what = format!("{place} has a format this program does not read; use a newer program");
            return Err(Error::Invalid(what));
        }
    };
    let kept = kept.map_err(|error| damaged(&error.to_string()))?;
    let record = |kept: Kept| {
        let Kept { name, state, location, made_micros, is_encrypted, limits } = kept;
        let name = TenantName::try_from(name.as_str())?;
        Ok(TenantRecord { name, state, location, made_micros, is_encrypted, limits })
    };
    kept.into_iter().map(record).collect()
}

/// Puts the catalogue there, whole and durably.
///
/// # Errors
///
/// `Io`: it may then be the old one or the new one.
pub fn write_catalogue(data: &Path, world: &World, records: &[TenantRecord]) -> Result<()> {
    let mut kept: Vec<Kept> = records.iter().map(kept_of).collect();
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    let payload = postcard::to_stdvec(&kept).map_err(|error| Error::Internal(format!("tenants: {error}")))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), &payload);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&payload);
    let (path, unfinished, files) = (data.join(NAME), data.join(UNFINISHED), &*world.files);
    let put = || -> io::Result<()> {
        let file = files.open(&unfinished, OpenMode::Create)?;
        file.write_at(&bytes, 0)?;
        file.sync_all()?;
        files.rename(&unfinished, &path)?;
        files.sync_folder(data)
    };
    put().map_err(failed("write", &path))
}

fn kept_of(record: &TenantRecord) -> Kept {
    let TenantRecord { name, state, location, made_micros, is_encrypted, limits } = record;
    Kept {
        name: name.to_string(),
        state: *state,
        location: location.clone(),
        made_micros: *made_micros,
        is_encrypted: *is_encrypted,
        limits: limits.clone(),
    }
}
