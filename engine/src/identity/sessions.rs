//! Sessions: a login gives an access token for some minutes and a refresh token, which gives the next pair. Both are kept as hashes in the
//! store, so a restart ends no session and a look into the store gives no token away.
//!
//! A refresh token works once. All those of a session share a part that only they have: who comes with that part and another rest has a
//! token that was used before, so it was stolen, by him or from him, and the session ends for both. (RFC 9700, section 4.14.)

use std::sync::Arc;

use quarry_storage::{Row, Snapshot, Value};

use super::{
    Origin, Token,
    ledger::{Draft, Ledger, rows_of_user},
    principal::{Basis, Means, Principal},
    secret::{self, ACCESS, REFRESH},
};
use crate::{
    error::{Error, ErrorKind, Result},
    system::{Credential, SESSION},
};

/// Sessions of one user; the oldest ends when there is one more.
pub(crate) const SESSIONS_MAX: usize = 50;

/// What a login gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The session's id, nothing secret.
    pub session: String,
    /// For requests.
    pub access: Token,
    /// For the next pair, once.
    pub refresh: Token,
}

/// A session, as its user and administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its id.
    pub id: String,
    /// When it began.
    pub began_micros: i64,
    /// When it was last refreshed.
    pub renewed_micros: i64,
    /// When it ends at the latest.
    pub expires_micros: i64,
    /// From where it was last refreshed.
    pub address: Option<String>,
}

/// How long tokens last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lasting {
    pub access_seconds: u64,
    pub session_seconds: u64,
}

/// A row of the table.
struct Kept<'a>(&'a Row);

impl Kept<'_> {
    fn text(&self, column: usize) -> Result<&str> {
        match self.0.get(column) {
            Value::Text(text) => Ok(text),
            _ => Err(Error::internal("a session can't be read")),
        }
    }

    fn micros(&self, column: usize) -> Result<i64> {
        match self.0.get(column) {
            Value::Timestamp(micros) => Ok(*micros),
            _ => Err(Error::internal("a session can't be read")),
        }
    }

    fn id(&self) -> Result<&str> {
        self.text(0)
    }

    fn user_id(&self) -> Result<&str> {
        self.text(1)
    }

    fn info(&self) -> Result<SessionInfo> {
        Ok(SessionInfo {
            id: self.id()?.to_owned(),
            began_micros: self.micros(7)?,
            renewed_micros: self.micros(8)?,
            expires_micros: self.micros(6)?,
            address: self.text(10).ok().map(str::to_owned),
        })
    }
}

/// What stays the same over the life of a session.
struct Frame {
    id: String,
    user_id: String,
    family: Value,
    expires_micros: i64,
    began_micros: i64,
    credential_micros: i64,
}

/// Begins a session of someone proven. Blocks.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn begin(
    ledger: &Ledger,
    credential: &Credential,
    lasting: Lasting,
    origin: &Origin,
) -> Result<Tokens> {
    let world = ledger.world();
    let (id, family) = (secret::id(world), secret::make(world));
    ledger.write(&credential.user_id, |draft| {
        make_room(draft, &credential.user_id)?;
        let frame = Frame {
            id: id.clone(),
            user_id: credential.user_id.to_string(),
            family: secret::digest_value(&family),
            expires_micros: after(draft.now_micros, lasting.session_seconds),
            began_micros: draft.now_micros,
            credential_micros: credential.changed_at_micros,
        };
        renew(ledger, draft, &frame, &family, lasting, origin)
    })
}

/// Gives the next pair of tokens, which ends the ones before. Blocks.
fn renew(
    ledger: &Ledger,
    draft: &mut Draft,
    frame: &Frame,
    family: &str,
    lasting: Lasting,
    origin: &Origin,
) -> Result<Tokens> {
    let (access, refresh) = (secret::make(ledger.world()), secret::make(ledger.world()));
    let access_expires = after(draft.now_micros, lasting.access_seconds).min(frame.expires_micros);
    let address = origin.address.map_or(Value::Null, |address| Value::Text(address.to_string().into()));
    let row = [
        Value::Text(frame.id.as_str().into()),
        Value::Text(frame.user_id.as_str().into()),
        frame.family.clone(),
        secret::digest_value(&refresh),
        secret::digest_value(&access),
        Value::Timestamp(access_expires),
        Value::Timestamp(frame.expires_micros),
        Value::Timestamp(frame.began_micros),
        Value::Timestamp(draft.now_micros),
        Value::Timestamp(frame.credential_micros),
        address,
    ];
    draft.put(SESSION, Row(row.into()))?;
    let id = &frame.id;
    Ok(Tokens {
        session: id.clone(),
        access: Token {
            text: ledger.marked(&format!("{ACCESS}{id}_{access}")),
            expires_micros: access_expires,
        },
        refresh: Token {
            text: ledger.marked(&format!("{REFRESH}{id}.{family}.{refresh}")),
            expires_micros: frame.expires_micros,
        },
    })
}

/// What became of a refresh token.
pub(crate) enum Refreshed {
    /// The next pair, and the user's id.
    Renewed(Tokens, String),
    /// It was used before: the session has ended. The user's id and the session's.
    Replayed(String, String),
    /// Nobody knows it.
    Unknown,
}

/// Exchanges a refresh token. Blocks.
///
/// # Errors
///
/// Those of the store; those of `credential_of`, which tells the credential of a user who may log in.
pub(crate) fn refresh(
    ledger: &Ledger,
    text: &str,
    lasting: Lasting,
    origin: &Origin,
    credential_of: impl Fn(&Snapshot, &str) -> Result<Option<Credential>>,
) -> Result<Refreshed> {
    let Some((id, family, rest)) = refresh_parts(text) else { return Ok(Refreshed::Unknown) };
    ledger.write("refresh", |draft| {
        let Some(row) = draft.row(SESSION, id)? else { return Ok(Refreshed::Unknown) };
        let kept = Kept(&row);
        if !secret::is(family, row.get(2)) {
            return Ok(Refreshed::Unknown);
        }
        let user_id = kept.user_id()?.to_owned();
        if !secret::is(rest, row.get(3)) {
            draft.remove(SESSION, id)?;
            return Ok(Refreshed::Replayed(user_id, id.to_owned()));
        }
        let credential = credential_of(&draft.snapshot, &user_id)?;
        let lives = kept.micros(6)? > draft.now_micros
            && credential.as_ref().map(|c| c.changed_at_micros) == Some(kept.micros(9)?);
        if !lives {
            draft.remove(SESSION, id)?;
            return Ok(Refreshed::Unknown);
        }
        let frame = Frame {
            id: id.to_owned(),
            user_id: user_id.clone(),
            family: row.get(2).clone(),
            expires_micros: kept.micros(6)?,
            began_micros: kept.micros(7)?,
            credential_micros: kept.micros(9)?,
        };
        let tokens = renew(ledger, draft, &frame, family, lasting, origin)?;
        Ok(Refreshed::Renewed(tokens, user_id))
    })
}

/// Whether a refresh token is one that could be exchanged. It is left as it is.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn knows_refresh(snapshot: &Snapshot, text: &str) -> Result<bool> {
    let Some((id, family, rest)) = refresh_parts(text) else { return Ok(false) };
    let row = snapshot.table(SESSION)?.get(id)?;
    Ok(row.is_some_and(|row| secret::is(family, row.get(2)) && secret::is(rest, row.get(3))))
}

fn refresh_parts(text: &str) -> Option<(&str, &str, &str)> {
    let mut parts = text.strip_prefix(REFRESH)?.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(id), Some(family), Some(rest), None) if !id.is_empty() => Some((id, family, rest)),
        _ => None,
    }
}

/// Who comes with an access token; none when it is unknown or has ended.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn principal(
    snapshot: &Snapshot,
    text: &str,
    now_micros: i64,
    credential_of: impl Fn(&Snapshot, &str) -> Result<Option<Credential>>,
) -> Result<Option<Principal>> {
    let Some((id, given)) = secret::parts(text, ACCESS) else { return Ok(None) };
    let Some(row) = snapshot.table(SESSION)?.get(id)? else { return Ok(None) };
    if !secret::is(given, row.get(4)) || Kept(&row).micros(5)? <= now_micros {
        return Ok(None);
    }
    of_row(snapshot, &row, now_micros, credential_of)
}

/// Who a session is of, while it lasts: for what was opened by one of its access tokens.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn by_id(
    snapshot: &Snapshot,
    id: &str,
    now_micros: i64,
    credential_of: impl Fn(&Snapshot, &str) -> Result<Option<Credential>>,
) -> Result<Option<Principal>> {
    match snapshot.table(SESSION)?.get(id)? {
        Some(row) => of_row(snapshot, &row, now_micros, credential_of),
        None => Ok(None),
    }
}

fn of_row(
    snapshot: &Snapshot,
    row: &Row,
    now_micros: i64,
    credential_of: impl Fn(&Snapshot, &str) -> Result<Option<Credential>>,
) -> Result<Option<Principal>> {
    let kept = Kept(row);
    if kept.micros(6)? <= now_micros {
        return Ok(None);
    }
    let Some(credential) = credential_of(snapshot, kept.user_id()?)? else { return Ok(None) };
    if credential.changed_at_micros != kept.micros(9)? {
        return Ok(None);
    }
    let basis = Basis {
        until_micros: Some(kept.micros(6)?),
        ..Basis::of(Means::Session(Arc::from(kept.id()?)), &credential)
    };
    Principal::of(snapshot, &credential, basis, now_micros).map(Some)
}

/// The sessions of a user that have not ended, the newest first.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn list(snapshot: &Snapshot, user_id: &str, now_micros: i64) -> Result<Vec<SessionInfo>> {
    let rows = rows_of_user(snapshot, SESSION, user_id)?;
    let mut sessions = rows.iter().map(|row| Kept(row).info()).collect::<Result<Vec<_>>>()?;
    sessions.retain(|session| session.expires_micros > now_micros);
    sessions.sort_by(|a, b| (b.began_micros, &b.id).cmp(&(a.began_micros, &a.id)));
    Ok(sessions)
}

/// Ends a session of a user; an error when he has no such session.
///
/// # Errors
///
/// `Missing`; those of the store.
pub(crate) fn end(draft: &mut Draft, user_id: &str, id: &str) -> Result<()> {
    let is_his = match draft.row(SESSION, id)? {
        Some(row) => Kept(&row).user_id()? == user_id,
        None => false,
    };
    if !is_his {
        let message = format!("there is no session {id:?}, or it has ended");
        return Err(Error::new(ErrorKind::Missing, "SESSION_NOT_FOUND", message));
    }
    draft.remove(SESSION, id).map(drop)
}

/// Ends all sessions of a user; how many there were.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn end_all(draft: &mut Draft, user_id: &str) -> Result<usize> {
    let rows = rows_of_user(&draft.snapshot, SESSION, user_id)?;
    for row in &rows {
        draft.remove(SESSION, Kept(row).id()?)?;
    }
    Ok(rows.len())
}

/// Ends the oldest sessions of a user until there is room for one more.
fn make_room(draft: &mut Draft, user_id: &str) -> Result<()> {
    let rows = rows_of_user(&draft.snapshot, SESSION, user_id)?;
    let Some(over) = (rows.len() + 1).checked_sub(SESSIONS_MAX).filter(|over| *over > 0) else {
        return Ok(());
    };
    let mut sessions = rows.iter().map(|row| Kept(row).info()).collect::<Result<Vec<_>>>()?;
    sessions.sort_by_key(|session| session.renewed_micros);
    for session in sessions.iter().take(over) {
        draft.remove(SESSION, &session.id)?;
    }
    Ok(())
}

/// The instant so many seconds later.
pub(crate) fn after(micros: i64, seconds: u64) -> i64 {
    micros.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}
