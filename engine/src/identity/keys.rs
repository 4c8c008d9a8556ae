//! API keys: what programs log in with. A key is its user's, and may do what he may, or less: some of his permission sets only, or reading
//! only. At the Postgres door its id is the user's name and the key the password, by SCRAM, so the key itself is not sent.

use std::sync::Arc;

use quarry_metadata::permissions::READ_ALL_DATA;
use quarry_storage::{Row, Snapshot, Value};

use super::{
    ScramVerifier,
    ledger::{Draft, Ledger, rows_of_user},
    principal::{Basis, Means, Principal},
    scram,
    secret::{self, KEY},
};
use crate::{
    error::{Error, ErrorKind, Result},
    system::{API_KEY, Credential, scram_of, scram_values},
};

/// Keys that one user may have.
pub(crate) const KEYS_MAX: usize = 100;
/// Characters of a key's name.
const NAME_CHARACTERS_MAX: usize = 120;
/// How long a key lasts when nothing is said.
const KEY_DAYS_DEFAULT: u32 = 90;
/// How long a key may last.
const KEY_DAYS_MAX: u32 = 3_650;
/// That a key was used is noted when the last note is so old: not every request shall be a commit.
const NOTED_EVERY_MICROS: i64 = 3_600_000_000;

/// A key to be made.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    /// What it is called, unique among the keys of its user.
    pub name: String,
    /// The permission sets it has, among those of its user; none: all that he has, now and later, and what an administrator may.
    pub permission_sets: Option<Vec<String>>,
    /// It changes nothing.
    pub read_only: bool,
    /// How long it lasts; none: 90 days.
    pub days: Option<u32>,
}

/// A key that was made. The secret is told this once.
#[derive(Clone)]
pub struct MadeKey {
    /// What is told of it from now on.
    pub info: KeyInfo,
    /// The key itself.
    pub text: String,
}

impl std::fmt::Debug for MadeKey {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeKey").field("info", &self.info).finish_non_exhaustive()
    }
}

/// What is told of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id: what the key begins with, and its user name at the Postgres door.
    pub id: String,
    /// The user's id.
    pub user_id: String,
    /// What it is called.
    pub name: String,
    /// The permission sets it is held to; none: all of its user's.
    pub permission_sets: Option<Vec<String>>,
    /// It changes nothing.
    pub read_only: bool,
    /// When it was made.
    pub made_micros: i64,
    /// The id of the user who made it.
    pub made_by: String,
    /// When it ends.
    pub expires_micros: i64,
    /// When it was last seen in use, give or take an hour.
    pub last_used_micros: Option<i64>,
}

/// A key as the table has it.
struct Kept {
    info: KeyInfo,
    hash: Value,
    scram: ScramVerifier,
}

impl Kept {
    fn of(row: &Row) -> Result<Self> {
        let damaged = || Error::internal("an API key can't be read");
        let text = |column: usize| match row.get(column) {
            Value::Text(text) => Ok(text.to_string()),
            _ => Err(damaged()),
        };
        let micros = |column: usize| match row.get(column) {
            Value::Timestamp(micros) => Ok(*micros),
            _ => Err(damaged()),
        };
        let permission_sets = match row.get(4) {
            Value::Null => None,
            Value::Text(sets) => Some(serde_json::from_str(sets).map_err(|_| damaged())?),
            _ => return Err(damaged()),
        };
        let Value::Bool(read_only) = row.get(5) else { return Err(damaged()) };
        let info = KeyInfo {
            id: text(0)?,
            user_id: text(1)?,
            name: text(2)?,
            permission_sets,
            read_only: *read_only,
            made_micros: micros(6)?,
            made_by: text(7)?,
            expires_micros: micros(8)?,
            last_used_micros: micros(9).ok(),
        };
        Ok(Self { info, hash: row.get(3).clone(), scram: scram_of(row, 10).ok_or_else(damaged)? })
    }

    fn to_row(&self) -> Result<Row> {
        let info = &self.info;
        let text = |text: &str| Value::Text(text.into());
        let sets = info.permission_sets.as_ref().map(serde_json::to_string).transpose();
        let sets = sets.map_err(|error| Error::internal("an API key can't be written").caused_by(error))?;
        let mut row = vec![
            text(&info.id),
            text(&info.user_id),
            text(&info.name),
            self.hash.clone(),
            sets.map_or(Value::Null, |sets| text(&sets)),
            Value::Bool(info.read_only),
            Value::Timestamp(info.made_micros),
            text(&info.made_by),
            Value::Timestamp(info.expires_micros),
            info.last_used_micros.map_or(Value::Null, Value::Timestamp),
        ];
        row.extend(scram_values(&self.scram));
        Ok(Row(row.into()))
    }
}

/// Makes a key for a user who has these permission sets. Blocks.
///
/// # Errors
///
/// `Invalid` for a name or a time that can't be; `Denied` for a permission set that the user does not have; `Violated` for a name that
/// another key of his has; `Limited` past [`KEYS_MAX`].
pub(crate) fn make(ledger: &Ledger, owner: &Principal, by: &str, new: &NewKey) -> Result<MadeKey> {
    let days = check(owner, new)?;
    let world = ledger.world();
    let id = format!("{KEY}{}", secret::id(world));
    let secret = secret::make(world);
    let text = ledger.marked(&format!("{id}_{secret}"));
    let verifier = scram::verifier(&text, &super::credentials::salt(world))?;
    let info = ledger.write(by, |draft| {
        let others = list(&draft.snapshot, &owner.user_id)?;
        if others.len() >= KEYS_MAX {
            return Err(Error::limited("API keys of one user", others.len() + 1, KEYS_MAX));
        }
        if others.iter().any(|other| other.name == new.name) {
            let message = format!("there is a key {:?} already", new.name);
            return Err(Error::new(ErrorKind::Violated, "UNIQUE_VIOLATION", message));
        }
        let info = KeyInfo {
            id: id.clone(),
            user_id: owner.user_id.clone(),
            name: new.name.clone(),
            permission_sets: new.permission_sets.clone(),
            read_only: new.read_only,
            made_micros: draft.now_micros,
            made_by: by.to_owned(),
            expires_micros: super::sessions::after(draft.now_micros, u64::from(days) * 86_400),
            last_used_micros: None,
        };
        let hash = secret::digest_value(&secret);
        draft.put(API_KEY, Kept { info: info.clone(), hash, scram: verifier.clone() }.to_row()?)?;
        Ok(info)
    })?;
    Ok(MadeKey { info, text })
}

/// Whether such a key may be made; how many days it lasts.
fn check(owner: &Principal, new: &NewKey) -> Result<u32> {
    let length = new.name.chars().count();
    if new.name.trim().is_empty() || length > NAME_CHARACTERS_MAX || new.name.chars().any(char::is_control) {
        let message = format!("a key needs a name of at most {NAME_CHARACTERS_MAX} plain characters");
        return Err(Error::invalid(message).at("name"));
    }
    for set in new.permission_sets.iter().flatten() {
        if !owner.permission_sets.iter().any(|has| **has == **set) {
            let message = format!(
                "the user does not have the permission set {set:?}; a key can't have more than its user"
            );
            return Err(Error::new(ErrorKind::Denied, "PERMISSION_DENIED", message).at("permissionSets"));
        }
    }
    match new.days.unwrap_or(KEY_DAYS_DEFAULT) {
        days @ 1..=KEY_DAYS_MAX => Ok(days),
        days => {
            let message = format!("{days} days: a key lasts from 1 to {KEY_DAYS_MAX} days");
            Err(Error::invalid(message).at("days"))
        }
    }
}

/// The keys of a user, ended or not, the newest first.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn list(snapshot: &Snapshot, user_id: &str) -> Result<Vec<KeyInfo>> {
    let rows = rows_of_user(snapshot, API_KEY, user_id)?;
    let mut keys = rows.iter().map(|row| Ok(Kept::of(row)?.info)).collect::<Result<Vec<_>>>()?;
    keys.sort_by(|a, b| (b.made_micros, &b.id).cmp(&(a.made_micros, &a.id)));
    Ok(keys)
}

/// Revokes a key of a user.
///
/// # Errors
///
/// `Missing` when he has no such key; those of the store.
pub(crate) fn revoke(draft: &mut Draft, user_id: &str, id: &str) -> Result<()> {
    let is_his = match draft.row(API_KEY, id)? {
        Some(row) => Kept::of(&row)?.info.user_id == user_id,
        None => false,
    };
    if !is_his {
        let message = format!("there is no key {id:?}");
        return Err(Error::new(ErrorKind::Missing, "KEY_NOT_FOUND", message));
    }
    draft.remove(API_KEY, id).map(drop)
}

/// Someone who came with a key.
pub(crate) struct Keyed {
    pub principal: Principal,
    /// Its last use is to be noted.
    pub is_note_due: bool,
}

/// Who comes with a key; none when it is unknown or has ended.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn principal(
    snapshot: &Snapshot,
    text: &str,
    now_micros: i64,
    credential_of: impl Fn(&Snapshot, &str) -> Result<Option<Credential>>,
) -> Result<Option<Keyed>> {
    let Some((id, given)) = secret::parts(text, KEY) else { return Ok(None) };
    let Some(kept) = kept(snapshot, &format!("{KEY}{id}"))? else { return Ok(None) };
    match secret::is(given, &kept.hash) {
        true => of_kept(snapshot, &kept, now_micros, credential_of),
        false => Ok(None),
    }
}

/// Who the key of an id is of, while it lasts: for what was opened with it.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn by_id(
    snapshot: &Snapshot,
    id: &str,
    now_micros: i64,
    credential_of: impl Fn(&Snapshot, &str) -> Result<Option<Credential>>,
) -> Result<Option<(Principal, ScramVerifier)>> {
    let Some(kept) = kept(snapshot, id)? else { return Ok(None) };
    let keyed = of_kept(snapshot, &kept, now_micros, credential_of)?;
    Ok(keyed.map(|keyed| (keyed.principal, kept.scram)))
}

fn kept(snapshot: &Snapshot, id: &str) -> Result<Option<Kept>> {
    snapshot.table(API_KEY)?.get(id)?.as_ref().map(Kept::of).transpose()
}

fn of_kept(
    snapshot: &Snapshot,
    kept: &Kept,
    now_micros: i64,
    credential_of: impl Fn(&Snapshot, &str) -> Result<Option<Credential>>,
) -> Result<Option<Keyed>> {
    let info = &kept.info;
    if info.expires_micros <= now_micros {
        return Ok(None);
    }
    let Some(credential) = credential_of(snapshot, &info.user_id)? else { return Ok(None) };
    let basis = Basis {
        until_micros: Some(info.expires_micros),
        may_administer: info.permission_sets.is_none() && !info.read_only,
        ..Basis::of(Means::Key(Arc::from(info.id.as_str())), &credential)
    };
    let mut principal = Principal::of(snapshot, &credential, basis, now_micros)?;
    principal.read_only = info.read_only;
    principal.permission_sets = match &info.permission_sets {
        // An administrator may do everything: a key of his is held to less by the sets it has.
        Some(only) if credential.admin => only.iter().map(|set| Arc::from(set.as_str())).collect(),
        Some(only) => {
            let has = principal.permission_sets.iter().filter(|set| only.iter().any(|name| **name == ***set));
            has.cloned().collect()
        }
        None if credential.admin && info.read_only => [Arc::from(READ_ALL_DATA)].into(),
        None => principal.permission_sets,
    };
    let noted = info.last_used_micros.unwrap_or(i64::MIN);
    Ok(Some(Keyed { principal, is_note_due: now_micros.saturating_sub(noted) >= NOTED_EVERY_MICROS }))
}

/// Notes that a key was used. Blocks.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn note_use(ledger: &Ledger, id: &str) -> Result<()> {
    ledger.write("keys", |draft| {
        let Some(row) = draft.row(API_KEY, id)? else { return Ok(()) };
        let mut kept = Kept::of(&row)?;
        kept.info.last_used_micros = Some(draft.now_micros);
        draft.put(API_KEY, kept.to_row()?)
    })
}
