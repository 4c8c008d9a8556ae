//! Legal holds: what must not be purged, whoever asks. A hold is on a record, on an object, or on everything of the tenant.
//!
//! A hold keeps what is deleted in the recycle bin: neither time nor an administrator empties it of that. It says nothing of changes and deletions, which
//! lose nothing: history keeps both.

use quarry_metadata::Registry;
use quarry_storage::{Key, Row, Snapshot, TableName, Value};

use crate::{
    error::{Error, ErrorKind, Result},
    identity::{EventKind, ledger::Ledger},
    session::Session,
    system::HOLD,
    work::{Work, keys_in},
};

/// Holds of a tenant.
const HOLDS_MAX: usize = 10_000;
/// Why there is a hold may be told in so many bytes.
const REASON_BYTES_MAX: usize = 1_000;
/// Who does what nobody asked for.
pub(super) const UPKEEP: &str = "upkeep";
/// Everything, or every record of an object.
pub(super) const ALL: &str = "*";

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// `*`, `object/*` or `object/record`.
    pub on: String,
    /// Why.
    pub reason: String,
    /// Since when, microseconds UTC.
    pub placed_micros: i64,
    /// Who placed it, by the id of the user.
    pub placed_by: String,
}

/// What a hold is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Everything.
    Tenant,
    /// All records of an object.
    Object(String),
    /// One record.
    Record(String, String),
}

impl Held {
    /// From `*`, `object`, `object/*` or `object/record`.
    ///
    /// # Errors
    ///
    /// `Invalid` for what is none of these.
    pub fn parse(text: &str) -> Result<Held> {
        let held = match text.split_once('/') {
            _ if text == ALL => Held::Tenant,
            Some((object, ALL)) => Held::Object(object.into()),
            Some((object, record)) if !record.is_empty() => Held::Record(object.into(), record.into()),
            None => Held::Object(text.into()),
            Some(_) => Held::Object(String::new()),
        };
        match &held {
            Held::Object(object) | Held::Record(object, _) if object.is_empty() => {
                let message = "a hold is on *, on an object, or on object/record";
                Err(Error::new(ErrorKind::Invalid, "INVALID_REQUEST", message))
            }
            _ => Ok(held),
        }
    }

    fn key(&self) -> Key {
        match self {
            Held::Tenant => ALL.into(),
            Held::Object(object) => format!("{object}/{ALL}").as_str().into(),
            Held::Record(object, record) => format!("{object}/{record}").as_str().into(),
        }
    }
}

/// Whether a record is held, by whatever hold.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn is_held(work: &Work, object: &str, record: &str) -> Result<bool> {
    let all = [Held::Tenant, Held::Object(object.into()), Held::Record(object.into(), record.into())];
    for held in all {
        if work.row(HOLD, &held.key())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A record is held.
pub(crate) fn refused(object: &str, record: &str) -> Error {
    let message = format!("{object} {record:?} is under a legal hold and can't be purged");
    Error::new(ErrorKind::Violated, "LEGAL_HOLD", message)
}

fn hold_of(row: &Row) -> Result<Hold> {
    let text = |column: usize| match row.get(column) {
        Value::Text(text) => Ok(text.to_string()),
        _ => Err(Error::internal("a hold can't be read")),
    };
    let Value::Timestamp(placed_micros) = row.get(2) else {
        return Err(Error::internal("a hold can't be read"));
    };
    Ok(Hold { on: text(0)?, reason: text(1)?, placed_micros: *placed_micros, placed_by: text(3)? })
}

/// What is held, by the keys of the holds.
///
/// # Errors
///
/// Those of the store.
pub(super) fn keys(snapshot: &Snapshot) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let request = quarry_storage::ScanRequest { projection: Some(vec![0]), ..Default::default() };
    for batch in snapshot.table(HOLD)?.scan(request)?.into_iter().flatten() {
        keys_in(batch?.columns().first(), &mut keys)?;
    }
    keys.sort();
    Ok(keys)
}

/// Holds are kept by the names of tables. An earlier program kept them by the names that objects had then, under which nothing is looked for
/// where an object was renamed: those are kept by its table from now on. Blocks.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn resolve(ledger: &Ledger, registry: &Registry) -> Result<()> {
    let is_table = |name: &str| registry.objects.values().any(|object| object.table() == name);
    let of_table = |name: &str| match registry.get(name) {
        Some(object) if !is_table(name) => Some(object.table().to_owned()),
        _ => None,
    };
    for key in keys(&ledger.snapshot())? {
        let resolved = match Held::parse(&key)? {
            Held::Tenant => None,
            Held::Object(object) => of_table(&object).map(Held::Object),
            Held::Record(object, record) => of_table(&object).map(|table| Held::Record(table, record)),
        };
        let Some(resolved) = resolved.map(|held| held.key()) else { continue };
        ledger.write(UPKEEP, |draft| {
            let Some(row) = draft.row(HOLD, &key)? else { return Ok(()) };
            draft.remove(HOLD, &key)?;
            if let Some(other) = draft.row(HOLD, &resolved)? {
                // Two holds of the same: it is held for both reasons.
                let (reason, other_reason) = (hold_of(&row)?.reason, hold_of(&other)?.reason);
                if reason == other_reason {
                    return Ok(());
                }
                let mut both = other.0.to_vec();
                if let Some(cell) = both.get_mut(1) {
                    *cell = Value::Text(format!("{other_reason}; {reason}").into());
                }
                return draft.put(HOLD, Row(both.into_iter().collect()));
            }
            let rest = (1..).map_while(|column| row.0.get(column).cloned());
            draft.put(HOLD, Row(std::iter::once(Value::Text(resolved.clone())).chain(rest).collect()))
        })?;
        tracing::info!("the legal hold on {key} holds {resolved}: the object was renamed");
    }
    Ok(())
}

impl Session {
    /// All holds. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; those of the store.
    pub fn holds(&self) -> Result<Vec<Hold>> {
        self.must_administer("legal holds")?;
        let snapshot = self.engine().store().snapshot();
        let table = snapshot.table(HOLD)?;
        let rows = keys(&snapshot)?.into_iter().filter_map(|key| table.get(&key).transpose());
        rows.map(|row| hold_of(&row?)).collect()
    }

    /// By the name of the object's table, which no renaming changes: what is looked for are records of tables.
    fn kept_as(&self, on: &Held) -> Held {
        let active = self.engine().active();
        let table = |object: &String| {
            active.registry.get(object).map_or_else(|| object.clone(), |object| object.table().to_owned())
        };
        match on {
            Held::Tenant => Held::Tenant,
            Held::Object(object) => Held::Object(table(object)),
            Held::Record(object, record) => Held::Record(table(object), record.clone()),
        }
    }

    /// Places a hold. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Missing` for an object that is not there; `Limited` past the number of holds.
    pub fn place_hold(&self, on: &Held, reason: &str) -> Result<()> {
        self.must_administer("legal holds")?;
        if let Held::Object(object) | Held::Record(object, _) = on {
            let mut work = self.engine().work(&self.engine().active(), "");
            work.layout(object)?;
        }
        let on = &self.kept_as(on);
        if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
            let message = format!("a hold needs a reason of at most {REASON_BYTES_MAX} bytes");
            return Err(Error::new(ErrorKind::Invalid, "INVALID_REQUEST", message));
        }
        let count = keys(&self.engine().store().snapshot())?.len();
        if count >= HOLDS_MAX {
            return Err(Error::limited("legal holds", count + 1, HOLDS_MAX));
        }
        let (key, by) = (on.key(), self.principal().user_id.clone());
        // History is let go of by what is held then.
        let _still = self.engine().forgetting().lock();
        // A purge that looked before the hold has ended; one that looks after it finds it.
        let alone = self.engine().commits().write();
        self.engine().gate().ledger.write(&by, |draft| {
            let now = Value::Timestamp(draft.now_micros);
            let text = |text: &str| Value::Text(text.into());
            draft.put(
                HOLD,
                Row(std::sync::Arc::from([Value::Text(key.clone()), text(reason), now, text(&by)])),
            )
        })?;
        drop(alone);
        self.tell_of(EventKind::HoldPlaced, &key);
        Ok(())
    }

    /// Lifts a hold. Blocks.
    ///
    /// # Errors
    ///
    /// `Denied` unless an administrator asks; `Missing` when there is none on that.
    pub fn lift_hold(&self, on: &Held) -> Result<()> {
        self.must_administer("legal holds")?;
        let key = self.kept_as(on).key();
        let by = &self.principal().user_id;
        if !self.engine().gate().ledger.write(by, |draft| draft.remove(HOLD, &key))? {
            let message = format!("there is no hold on {key}");
            return Err(Error::new(ErrorKind::Missing, "RECORD_NOT_FOUND", message));
        }
        self.tell_of(EventKind::HoldLifted, &key);
        Ok(())
    }
}

/// The object whose deleted records lie in a table.
pub(crate) fn object_of_bin(bin: &TableName) -> &str {
    object_of_table(bin)
}

/// The object whose records, there or deleted, lie in a table.
pub(super) fn object_of_table(table: &str) -> &str {
    table.strip_prefix(quarry_planner::lower::BIN).unwrap_or(table)
}
