//! The end of a tenant: its keys first, durably, then its files.

use std::{io, path::Path};

use crate::{
    encryption::{Erased, erase_keys},
    error::{Error, Result},
    files::failed,
    objects::{ObjectName, Objects},
    world::{ObjectPlace, World},
};

/// Destroys the store in a folder that no process has open. When its keys are gone, what is left of it by a crash, in copies or on the
/// medium, can't be read any more; then its files go. To be done again after an error or a crash; where nothing is left, that is fine.
///
/// # Errors
///
/// `Unavailable` when a process has the store; `Io`.
pub fn destroy_store(folder: &Path, world: &World) -> Result<Erased> {
    let files = &*world.files;
    if files.list(folder).map_err(failed("list", folder))?.is_empty() {
        return Ok(Erased::NoKeys);
    }
    let erased = erase_keys(folder, world)?;
    if let ObjectPlace::Elsewhere(_) = &world.objects {
        Objects::open(folder, world, None)?.delete_folder(&ObjectName::default())?;
    }
    files.remove_folder(folder).map_err(failed("remove", folder))?;
    let Some(parent) = folder.parent() else { return Ok(erased) };
    match files.sync_folder(parent) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("sync folder", parent)(error)),
        _ => Ok::<_, Error>(erased),
    }
}
