//! Keeps what users log in with in step with the records of `user`: a new login name is the credential's too, who becomes inactive
//! has no session any more, and who is deleted leaves neither credential nor rights behind.

use quarry_metadata::permissions::Capability;
use quarry_storage::{Key, Row, Value};

use crate::{
    active::USER,
    error::Result,
    identity::ledger::rows_of_user,
    layout::{Layout, key_of},
    rights::denied,
    system::{API_KEY, CREDENTIAL, Credential, GRANT, SESSION, table_name},
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
    let is_active =
        |row: &Row| layout.column("active").map(|column| row.get(column).clone()) != Some(Value::Bool(false));
    if is_active(old) != is_active(new) {
        must_touch(work, &key_of(new))?;
    }
    if is_active(old) && !is_active(new) {
        remove_rows(work, SESSION, &key_of(new))?;
    }
    let Some(column) = layout.column(work.active.login_field.as_str()) else { return Ok(()) };
    let Value::Text(name) = new.get(column) else { return Ok(()) };
    if old.get(column) == new.get(column) {
        return Ok(());
    }
    must_touch(work, &key_of(new))?;
    let Some(row) = work.row(CREDENTIAL, &key_of(new))? else { return Ok(()) };
    let credential = Credential { name: name.clone(), ..Credential::from_row(&row)? };
    work.put_system(CREDENTIAL, credential.to_row())
}

/// A user record goes. Whoever gets its id again has nothing of what was given to it.
///
/// # Errors
///
/// Those of the store.
pub(super) fn leave(work: &mut Work, layout: &Layout, row: &Row) -> Result<()> {
    if layout.object.name.as_str() != USER {
        return Ok(());
    }
    let user_id = key_of(row);
    must_touch(work, &user_id)?;
    for table in [CREDENTIAL, GRANT] {
        if let Some(row) = work.row(table, &user_id)? {
            work.delete(&table_name(table), row)?;
        }
    }
    remove_rows(work, SESSION, &user_id)?;
    remove_rows(work, API_KEY, &user_id)
}

/// Refuses a client to change by what someone logs in, or whether: that is for who manages users, and of an administrator for
/// administrators. Whoever may write records of `user` may not become another by it.
fn must_touch(work: &Work, user: &Key) -> Result<()> {
    let Some(rights) = work.actor.rights.as_ref().filter(|rights| !rights.admin) else { return Ok(()) };
    let Some(row) = work.row(CREDENTIAL, user)? else { return Ok(()) };
    let is_admin = Credential::from_row(&row)?.admin;
    match !is_admin && rights.has(Capability::ManageUsers) {
        true => Ok(()),
        false => Err(denied("you may not change how this user logs in".to_owned())),
    }
}

fn remove_rows(work: &mut Work, table: &str, user_id: &Key) -> Result<()> {
    for row in rows_of_user(&work.view(), table, user_id)? {
        work.delete(&table_name(table), row)?;
    }
    Ok(())
}
