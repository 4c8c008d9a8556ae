//! Shares: single records that were given to a user or a team, for reading or for changing, perhaps until an instant.
//!
//! The engine writes them; here it is said how they lie in their table, and which of them hold for a user.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow::{array::AsArray, datatypes::TimestampMicrosecondType};
use quarry_metadata::permissions::Act;
use quarry_storage::{ColumnSpec, ColumnType, ScanRequest, Snapshot, TableSpec, Value};

use super::{
    ids::IdSet,
    viewer::{Ids, to_u64, too_many},
};
use crate::error::{Error, Result};

/// The table of shares, which no view shows.
pub const SHARE: &str = "_share";
/// Shares that hold for one user.
const SHARES_MAX: u64 = 100_000;
/// Shares that take hardly longer to read than none.
const FEW: usize = 64;
/// Its columns: the table of the record and its id, to whom, whether for changing, until when, by whom and since when.
const COLUMNS: [(&str, ColumnType, bool); 8] = [
    ("id", ColumnType::Text, true),
    ("table", ColumnType::Text, false),
    ("record", ColumnType::Text, true),
    ("grantee", ColumnType::Text, true),
    ("access", ColumnType::Text, false),
    ("expires_at", ColumnType::Timestamp, false),
    ("given_by", ColumnType::Text, false),
    ("given_at", ColumnType::Timestamp, false),
];

/// The table of shares.
pub fn share_table() -> TableSpec {
    let column = |(name, column_type, indexed): &(&str, ColumnType, bool)| ColumnSpec {
        name: (*name).into(),
        column_type: *column_type,
        indexed: *indexed,
        searchable: false,
    };
    TableSpec {
        name: SHARE.into(),
        columns: COLUMNS.iter().map(column).collect(),
        unique: Vec::new(),
        references: Vec::new(),
    }
}

/// What was shared with a user, by table.
#[derive(Clone, Default)]
pub(super) struct Shares {
    read: Arc<Ids>,
    update: Arc<Ids>,
}

impl Shares {
    /// The ids of a table that were shared for an act.
    pub(super) fn of(&self, table: &str, act: Act) -> IdSet {
        let ids = if act == Act::Read { &self.read } else { &self.update };
        ids.get(table).cloned().unwrap_or_default()
    }
}

/// Whether hardly anything was shared with a user and his teams.
pub(super) fn are_few(snapshot: &Snapshot, user: &Arc<str>, teams: &[Arc<str>]) -> bool {
    let Ok(table) = snapshot.table(SHARE) else { return true };
    let grantees: Vec<Value> = teams.iter().chain([user]).cloned().map(Value::Text).collect();
    grantees.len() <= FEW && table.estimate_lookup("grantee", &grantees).is_ok_and(|rows| rows <= to_u64(FEW))
}

/// What holds for a user and his teams at an instant.
///
/// # Errors
///
/// `Limited` past [`SHARES_MAX`]; those of storage.
pub(super) fn of(
    snapshot: &Snapshot,
    user: &Arc<str>,
    teams: &[Arc<str>],
    now_micros: i64,
) -> Result<Shares> {
    // A store that has no shares may have no such table yet.
    let Ok(table) = snapshot.table(SHARE) else { return Ok(Shares::default()) };
    let grantees: Vec<Value> = teams.iter().chain([user]).cloned().map(Value::Text).collect();
    let rows = table.lookup("grantee", &grantees)?;
    if rows.is_empty() {
        return Ok(Shares::default());
    }
    if rows.len() > SHARES_MAX {
        return Err(too_many(("shares of one user", SHARES_MAX)));
    }
    let request =
        ScanRequest { projection: Some(vec![1, 2, 4, 5]), rows: Some(rows), ..ScanRequest::default() };
    let (mut read, mut update) = (HashMap::new(), HashMap::new());
    for batch in table.scan(request)?.into_iter().flatten() {
        let batch = batch?;
        let text = |at: usize| {
            let column = batch.columns().get(at).and_then(|column| column.as_string_view_opt());
            column.ok_or_else(|| Error::internal("a share can't be read"))
        };
        let (tables, records, accesses) = (text(0)?, text(1)?, text(2)?);
        let until =
            batch.columns().get(3).and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let until = until.ok_or_else(|| Error::internal("a share can't be read"))?;
        let shares = tables.iter().zip(records).zip(accesses).zip(until);
        for (((table, record), access), until) in shares {
            let (Some(table), Some(record)) = (table, record) else { continue };
            if until.is_some_and(|until| until <= now_micros) {
                continue;
            }
            let give = |ids: &mut HashMap<Arc<str>, HashSet<Arc<str>>>| {
                ids.entry(table.into()).or_default().insert(record.into())
            };
            give(&mut read);
            if access == Some("update") {
                give(&mut update);
            }
        }
    }
    let shared = |ids: HashMap<Arc<str>, HashSet<Arc<str>>>| {
        Arc::new(ids.into_iter().map(|(table, ids)| (table, IdSet::new(ids))).collect::<Ids>())
    };
    Ok(Shares { read: shared(read), update: shared(update) })
}
