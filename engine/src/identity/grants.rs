//! Which permission sets were given to whom: one row for each user who has any, so that a request finds them with one look.

use std::sync::Arc;

use quarry_storage::{Row, Snapshot, Value};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind, Result},
    system::GRANT,
};

/// Permission sets that one user may be given.
pub(crate) const GRANTS_MAX: usize = 200;
/// A name may be so long.
const SET_BYTES_MAX: usize = 100;

/// Permission sets that are always there: every record and field may be read, or changed too.
pub const BUILT_IN: [&str; 2] = ["read_all_data", "write_all_data"];

/// A permission set that was given to a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionGrant {
    /// The name of the set.
    pub set: String,
    /// When it ends by itself, microseconds UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_micros: Option<i64>,
    /// The id of the user who gave it.
    pub given_by: String,
    /// When it was given, microseconds UTC.
    pub given_at_micros: i64,
}

impl PermissionGrant {
    /// It has not ended by then.
    pub fn holds_at(&self, now_micros: i64) -> bool {
        self.expires_micros.is_none_or(|ends| ends > now_micros)
    }
}

/// What was given to a user, ended or not, by name.
///
/// # Errors
///
/// Those of the store; `Internal` when it is damaged: then nobody is let in on less or more than he was given.
pub(crate) fn of_user(snapshot: &Snapshot, user_id: &str) -> Result<Vec<PermissionGrant>> {
    snapshot.table(GRANT)?.get(user_id)?.as_ref().map_or_else(|| Ok(Vec::new()), of_row)
}

/// What a row of the table holds.
///
/// # Errors
///
/// `Internal` when it is damaged.
pub(crate) fn of_row(row: &Row) -> Result<Vec<PermissionGrant>> {
    let damaged = || Error::internal("what is kept of a user's permission sets can't be read");
    let Value::Text(text) = row.get(1) else { return Err(damaged()) };
    serde_json::from_str(text).map_err(|error| damaged().caused_by(error))
}

/// As a row.
///
/// # Errors
///
/// `Internal`, which does not happen.
pub(crate) fn to_row(user_id: &str, grants: &[PermissionGrant]) -> Result<Row> {
    let text = serde_json::to_string(grants)
        .map_err(|error| Error::internal("permission sets can't be written").caused_by(error))?;
    Ok(Row([Value::Text(user_id.into()), Value::Text(text.as_str().into())].into()))
}

/// The names that hold at an instant, with those that the proof itself brings; sorted, each once.
pub(crate) fn effective(given: &[PermissionGrant], brought: &[Arc<str>], now_micros: i64) -> Arc<[Arc<str>]> {
    let given = given.iter().filter(|grant| grant.holds_at(now_micros)).map(|grant| Arc::from(&*grant.set));
    let mut names: Vec<Arc<str>> = given.chain(brought.iter().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

/// Whether a text may be the name of a set.
///
/// # Errors
///
/// `Invalid`.
pub(crate) fn check_name(set: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !set.is_empty() && set.len() <= SET_BYTES_MAX && set.chars().all(is_plain) {
        return Ok(());
    }
    let message =
        format!("a permission set has a name of at most {SET_BYTES_MAX} letters, digits, _, - and .");
    Err(Error::new(ErrorKind::Invalid, "INVALID_REQUEST", message))
}
