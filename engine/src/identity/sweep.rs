//! Removes what has ended by itself: sessions at once, keys and grants a while later, for their users may wonder what became of them.

use std::ops::Bound;

use quarry_storage::{Key, Value};

use super::{grants, ledger::Ledger};
use crate::{
    error::Result,
    system::{API_KEY, GRANT, SESSION},
    work::{keys_in, keys_of},
};

/// Rows of one transaction.
const BATCH_ROWS: usize = 500;
/// Rows removed at once; the rest goes the next time.
const REMOVED_MAX: usize = 100_000;
/// How long a key or a grant is kept that has ended.
const KEPT_MICROS: i64 = 30 * 86_400_000_000;
/// Who removes what nobody asked for.
const UPKEEP: &str = "upkeep";

/// Removes it; how many rows there were. Blocks.
///
/// # Errors
///
/// Those of the store. What was removed before stays so.
pub(crate) fn sweep(ledger: &Ledger) -> Result<u64> {
    let now = ledger.now();
    let sessions = remove(ledger, SESSION, now)?;
    let keys = remove(ledger, API_KEY, now.saturating_sub(KEPT_MICROS))?;
    Ok(sessions + keys + sweep_grants(ledger, now.saturating_sub(KEPT_MICROS))?)
}

/// Rows of a table that ended before an instant.
fn remove(ledger: &Ledger, table: &str, before_micros: i64) -> Result<u64> {
    let snapshot = ledger.snapshot();
    let ended = snapshot.table(table)?;
    let before = Value::Timestamp(before_micros);
    let rows = ended.range("expires_at", Bound::Unbounded, Bound::Excluded(&before))?;
    let keys = keys_of(&ended, rows, usize::MAX)?;
    let mut removed = 0;
    for batch in keys.get(..REMOVED_MAX.min(keys.len())).unwrap_or_default().chunks(BATCH_ROWS) {
        removed += ledger.write(UPKEEP, |draft| {
            let mut removed = 0;
            for key in batch {
                removed += u64::from(draft.remove(table, key)?);
            }
            Ok(removed)
        })?;
    }
    Ok(removed)
}

/// Grants that ended before an instant.
fn sweep_grants(ledger: &Ledger, before_micros: i64) -> Result<u64> {
    let mut keys: Vec<Key> = Vec::new();
    let request = quarry_storage::ScanRequest { projection: Some(vec![0]), ..Default::default() };
    for part in ledger.snapshot().table(GRANT)?.scan(request)? {
        for batch in part {
            keys_in(batch?.columns().first(), &mut keys)?;
        }
    }
    let mut removed = 0;
    for batch in keys.chunks(BATCH_ROWS) {
        removed += ledger.write(UPKEEP, |draft| {
            let mut removed = 0;
            for user_id in batch {
                let Some(row) = draft.row(GRANT, user_id)? else { continue };
                let given = grants::of_row(&row)?;
                let kept: Vec<_> = given.iter().filter(|g| g.holds_at(before_micros)).cloned().collect();
                if kept.len() == given.len() {
                    continue;
                }
                removed += u64::try_from(given.len() - kept.len()).unwrap_or(u64::MAX);
                match kept.is_empty() {
                    true => drop(draft.remove(GRANT, user_id)?),
                    false => draft.put(GRANT, grants::to_row(user_id, &kept)?)?,
                }
            }
            Ok(removed)
        })?;
    }
    Ok(removed)
}
