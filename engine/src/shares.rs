//! Shares: a record given to a user or a team, to be read or to be changed, for good or until an instant.
//!
//! Whoever owns the record, or is above its owner, may share it. Shares go with the record, and with whom they were given to: an id that
//! comes to somebody else brings nothing along.

use quarry_metadata::{
    ObjectName,
    permissions::{Act, Records, Sharing},
};
use quarry_planner::policy::SHARE;
use quarry_storage::{Key, Row, Snapshot, Value};

use crate::{
    error::{Error, ErrorKind, Result},
    identity::EventKind,
    rights::{Rights, denied},
    session::Session,
    system::table_name,
    work::{Work, keys_of},
};

/// Shares of one record.
const SHARES_MAX: usize = 1_000;
/// Shares that are looked at when a record or a user goes.
const GONE_MAX: usize = 1_000_000;
/// Places in a row.
const TABLE: usize = 1;
const RECORD: usize = 2;

/// To whom a record is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// The user of this id.
    User(String),
    /// Everyone in the team of this id.
    Team(String),
}

/// What may be done with a record that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Access {
    Read,
    Update,
}

impl Access {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Update => "update",
        }
    }
}

/// A share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its id.
    pub id: String,
    /// The id of the user or the team that has it.
    pub grantee: String,
    /// For what.
    pub access: Access,
    /// When it ends by itself, microseconds UTC.
    pub expires_micros: Option<i64>,
    /// The user who gave it.
    pub given_by: String,
    /// When, microseconds UTC.
    pub given_at_micros: i64,
}

impl Session {
    /// The shares of a record. Blocks.
    ///
    /// # Errors
    ///
    /// `Missing` for a record that is not seen; `Denied` for one that is not the user's to share.
    pub fn shares_of(&self, object: &str, record: &str) -> Result<Vec<Share>> {
        let (table, snapshot) = self.must_share(object, record)?;
        let mut shares = Vec::new();
        for row in rows_of_record(&snapshot, &table, record)? {
            shares.push(share_of(&row)?);
        }
        shares.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(shares)
    }

    /// Gives a record to a user or a team; who has it already has it anew. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::shares_of`]; `Missing` for a user or team that is not there; `Invalid` for an instant that has passed; `Limited` past a
    /// thousand shares of one record.
    pub fn share(
        &self,
        object: &str,
        record: &str,
        to: &Grantee,
        (access, expires_micros): (Access, Option<i64>),
    ) -> Result<Share> {
        self.must_write()?;
        let (table, snapshot) = self.must_share(object, record)?;
        let (kind, grantee) = match to {
            Grantee::User(id) => ("user", id),
            Grantee::Team(id) => ("team", id),
        };
        let active = self.engine().active();
        let known = active.object(kind)?;
        let clock = (self.engine().world().clock.now_micros(), self.options().time_zone);
        let rights = Rights::of(&active, self.principal(), snapshot.clone(), clock);
        let is_there = snapshot.table(known.table())?.get(grantee)?.is_some();
        if !is_there || !rights.sees(&snapshot, &known.name, &Key::from(grantee.as_str()))? {
            let message = format!("there is no {kind} {grantee:?}");
            return Err(Error::new(ErrorKind::Missing, "RECORD_NOT_FOUND", message));
        }
        let (by, id) = (self.principal().user_id.clone(), self.engine().world().ids.ulid());
        let made = self.engine().gate().ledger.write(&by, |draft| {
            if expires_micros.is_some_and(|ends| ends <= draft.now_micros) {
                return Err(Error::invalid("the share would have ended already").at("expires"));
            }
            let all = rows_of_record(&draft.snapshot, &table, record)?;
            if all.len() >= SHARES_MAX {
                return Err(Error::limited("shares of one record", all.len() + 1, SHARES_MAX));
            }
            let mut id = id.clone();
            for row in &all {
                let known = share_of(row)?;
                if known.grantee == *grantee {
                    id = known.id;
                }
            }
            let share = Share {
                id,
                grantee: grantee.clone(),
                access,
                expires_micros,
                given_by: by.clone(),
                given_at_micros: draft.now_micros,
            };
            draft.put(SHARE, row_of(&share, &table, record))?;
            Ok(share)
        })?;
        self.tell(self.event(EventKind::Granted).about(&format!("{object} {record} {}", access.name())));
        Ok(made)
    }

    /// Takes a share back. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::shares_of`]; `Missing` for one that the record does not have.
    pub fn unshare(&self, object: &str, record: &str, share: &str) -> Result<()> {
        self.must_write()?;
        let (table, _) = self.must_share(object, record)?;
        let by = self.principal().user_id.clone();
        self.engine().gate().ledger.write(&by, |draft| {
            let is_its = |row: &Row| text(row, TABLE) == table && text(row, RECORD) == record;
            if !draft.row(SHARE, share)?.is_some_and(|row| is_its(&row)) {
                let message = format!("the record has no share {share:?}");
                return Err(Error::new(ErrorKind::Missing, "SHARE_NOT_FOUND", message));
            }
            draft.remove(SHARE, share)
        })?;
        self.tell(self.event(EventKind::Revoked).about(&format!("{object} {record}")));
        Ok(())
    }

    /// The table of a record that the user may share.
    fn must_share(&self, object: &str, record: &str) -> Result<(String, Snapshot)> {
        let engine = self.engine();
        let (active, snapshot) = (engine.active(), engine.store().snapshot());
        let clock = (engine.world().clock.now_micros(), self.options().time_zone);
        let rights = Rights::of(&active, self.principal(), snapshot.clone(), clock);
        let view = rights.must_see(object)?;
        let (name, key) = (view.object.name.clone(), Key::from(record));
        let whole = active.object(name.as_str())?;
        if snapshot.table(whole.table())?.get(record)?.is_none() || !rights.sees(&snapshot, &name, &key)? {
            let message = format!("there is no {name} {record:?}");
            return Err(Error::new(ErrorKind::Missing, "RECORD_NOT_FOUND", message));
        }
        if let Sharing::Parent(lookup) = &whole.sharing {
            let message = format!("{name} is shared as what {lookup} leads to: share that");
            return Err(Error::invalid(message));
        }
        let owned = whole.owner_field().map_or(Records::None, |owner| Records::Owned(owner.clone()));
        let is_own = rights.may(whole, Act::ModifyAll)
            || !rights.among(&snapshot, (whole, &owned), std::slice::from_ref(&key))?.is_empty();
        match is_own {
            true => Ok((whole.table().to_owned(), snapshot)),
            false => Err(denied(format!("only who owns this {name}, or is above who does, may share it"))),
        }
    }
}

/// A record goes: nobody has it any more.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn leave(work: &mut Work, table: &str, record: &Key) -> Result<()> {
    let state = work.view();
    forget(work, rows_of_record(&state, table, record)?)
}

/// A user or a team goes: nothing is given to it any more.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn leave_grantee(work: &mut Work, object: &ObjectName, id: &Key) -> Result<()> {
    if !["user", "team"].contains(&object.as_str()) {
        return Ok(());
    }
    let state = work.view();
    forget(work, rows(&state, "grantee", id)?)
}

fn forget(work: &mut Work, shares: Vec<Row>) -> Result<()> {
    for row in shares {
        work.delete(&table_name(SHARE), row)?;
    }
    Ok(())
}

fn rows_of_record(snapshot: &Snapshot, table: &str, record: &str) -> Result<Vec<Row>> {
    let mut all = rows(snapshot, "record", record)?;
    all.retain(|row| text(row, TABLE) == table);
    Ok(all)
}

fn rows(snapshot: &Snapshot, column: &str, value: &str) -> Result<Vec<Row>> {
    let table = snapshot.table(SHARE)?;
    let found = table.lookup(column, &[Value::Text(value.into())])?;
    let mut rows = Vec::new();
    for key in keys_of(&table, found, GONE_MAX)? {
        rows.extend(table.get(&key)?);
    }
    Ok(rows)
}

fn text(row: &Row, column: usize) -> &str {
    match row.get(column) {
        Value::Text(text) => text,
        _ => "",
    }
}

fn row_of(share: &Share, table: &str, record: &str) -> Row {
    let text = |text: &str| Value::Text(text.into());
    Row([
        text(&share.id),
        text(table),
        text(record),
        text(&share.grantee),
        text(share.access.name()),
        share.expires_micros.map_or(Value::Null, Value::Timestamp),
        text(&share.given_by),
        Value::Timestamp(share.given_at_micros),
    ]
    .into())
}

fn share_of(row: &Row) -> Result<Share> {
    let instant = |column: usize| match row.get(column) {
        Value::Timestamp(micros) => Some(*micros),
        _ => None,
    };
    let access = match text(row, 4) {
        "read" => Access::Read,
        "update" => Access::Update,
        _ => return Err(Error::internal("a share can't be read")),
    };
    Ok(Share {
        id: text(row, 0).to_owned(),
        grantee: text(row, 3).to_owned(),
        access,
        expires_micros: instant(5),
        given_by: text(row, 6).to_owned(),
        given_at_micros: instant(7).unwrap_or_default(),
    })
}
