//! Keeps credentials in step with the records of `user`: a new login name is the credential's too, and who is deleted
//! can't log in any more.

use quarry_storage::{Row, Value};

use crate::{
    active::USER,
    error::Result,
    layout::{Layout, key_of},
    system::{CREDENTIAL, Credential, table_name},
    work::Work,
};

/// A user record was changed.
///
/// # Errors
///
/// Those of the store.
pub(super) fn follow(work: &mut Work, layout: &Layout, old: &Row, new: &Row) -> Result<()> {
    if layout.object.name.as_str() != USER {
        return Ok(());
    }
    let Some(column) = layout.column(work.active.login_field.as_str()) else { return Ok(()) };
    let Value::Text(name) = new.get(column) else { return Ok(()) };
    if old.get(column) == new.get(column) {
        return Ok(());
    }
    let Some(row) = work.row(CREDENTIAL, &key_of(new))? else { return Ok(()) };
    let credential = Credential { name: name.clone(), ..Credential::from_row(&row)? };
    work.put_system(CREDENTIAL, credential.to_row())
}

/// A user record goes.
///
/// # Errors
///
/// Those of the store.
pub(super) fn leave(work: &mut Work, layout: &Layout, row: &Row) -> Result<()> {
    if layout.object.name.as_str() != USER {
        return Ok(());
    }
    match work.row(CREDENTIAL, &key_of(row))? {
        Some(credential) => work.delete(&table_name(CREDENTIAL), credential),
        None => Ok(()),
    }
}
