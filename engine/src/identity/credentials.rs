//! Credentials in the store: found by login name or user, and what a password is checked against.

use quarry_storage::{Key, Snapshot, Value, World};

use super::{UserKind, password, scram};
use crate::{
    active::USER,
    error::Result,
    system::{CREDENTIAL, Credential, PasswordProof},
    work::keys_of,
};

/// The credential of a login name whose user may log in: the record of the user is there and not inactive.
///
/// # Errors
///
/// Those of the store; `Internal` when it is damaged. Then nobody is logged in.
pub(crate) fn by_name(snapshot: &Snapshot, name: &str) -> Result<Option<Credential>> {
    let found = any_by_name(snapshot, name)?;
    only_active(snapshot, found)
}

/// The credential of a user who may log in.
///
/// # Errors
///
/// As [`by_name`].
pub(crate) fn by_user(snapshot: &Snapshot, user_id: &str) -> Result<Option<Credential>> {
    let found = any_by_user(snapshot, user_id)?;
    only_active(snapshot, found)
}

/// The credential of a login name, whether or not its user may log in.
///
/// # Errors
///
/// As [`by_name`].
pub(crate) fn any_by_name(snapshot: &Snapshot, name: &str) -> Result<Option<Credential>> {
    let table = snapshot.table(CREDENTIAL)?;
    let rows = table.lookup("name", &[Value::Text(name.into())])?;
    match keys_of(&table, rows, 1)?.into_iter().next() {
        Some(key) => any_by_user(snapshot, &key),
        None => Ok(None),
    }
}

/// The credential of a user, whether or not he may log in.
///
/// # Errors
///
/// As [`by_name`].
pub(crate) fn any_by_user(snapshot: &Snapshot, user_id: &str) -> Result<Option<Credential>> {
    let row = snapshot.table(CREDENTIAL)?.get(user_id)?;
    row.as_ref().map(Credential::from_row).transpose()
}

fn only_active(snapshot: &Snapshot, found: Option<Credential>) -> Result<Option<Credential>> {
    let Some(credential) = found else { return Ok(None) };
    let users = snapshot.table(USER)?;
    let Some(user) = users.get(&credential.user_id)? else { return Ok(None) };
    let active = users.spec().position("active").map(|column| user.get(column).clone());
    Ok(Some(credential).filter(|_| active != Some(Value::Bool(false))))
}

/// What a password is checked against. Slow on purpose.
///
/// # Errors
///
/// `Violated` when the password may not be chosen.
pub(crate) fn password(password: &str, world: &World) -> Result<PasswordProof> {
    password::check(password)?;
    Ok(PasswordProof {
        hash: password::hash(password, &salt(world))?,
        scram: scram::verifier(password, &salt(world))?,
    })
}

/// The credential of a new user.
pub(crate) fn of_new(user_id: &Key, name: &str, admin: bool, world: &World) -> Credential {
    Credential {
        user_id: user_id.clone(),
        name: Key::from(name),
        password: None,
        admin,
        changed_at_micros: world.clock.now_micros(),
        kind: UserKind::Person,
        external_id: None,
    }
}

/// The argon2id hash of a password that a record keeps. Slow on purpose.
///
/// # Errors
///
/// `Internal`, which does not happen.
pub(crate) fn hash(text: &str, world: &World) -> Result<String> {
    password::hash(text, &salt(world))
}

pub(crate) fn salt(world: &World) -> [u8; 16] {
    let mut salt = [0; 16];
    for (byte, random) in salt.iter_mut().zip(world.ids.secret()) {
        *byte = random;
    }
    salt
}
