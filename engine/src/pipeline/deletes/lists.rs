//! Which records hold an id in a list of references.

use std::{collections::HashMap, sync::Arc};

use arrow::array::{Array, AsArray};
use quarry_storage::{Key, ScanRequest, TableSnapshot};

use crate::error::{Error, Result};

/// The key of every row whose list in `column` has one of the wanted ids, with that id. Reads the whole column. Blocks.
///
/// # Errors
///
/// `Limited` past `found_max`; those of the store.
pub(super) fn holding(
    table: &TableSnapshot,
    column: usize,
    wanted: &HashMap<&str, usize>,
    found_max: usize,
) -> Result<Vec<(Key, Key)>> {
    let odd = || Error::internal("a list of references is no list of texts");
    let mut found = Vec::new();
    let request = ScanRequest { projection: Some(vec![0, column]), ..ScanRequest::default() };
    for part in table.scan(request)? {
        for batch in part {
            let batch = batch?;
            let [keys, lists] = batch.columns() else { return Err(odd()) };
            let keys = keys.as_string_view_opt().ok_or_else(odd)?;
            let lists = lists.as_list_opt::<i32>().ok_or_else(odd)?;
            for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
                let ids = lists.value(row);
                let ids = ids.as_string_opt::<i32>().ok_or_else(odd)?;
                let held = ids.iter().flatten().filter(|id| wanted.contains_key(id));
                found.extend(held.map(|id| (Arc::from(keys.value(row)), Arc::from(id))));
            }
            if found.len() > found_max {
                return Err(Error::limited("records touched by one delete", found.len(), found_max));
            }
        }
    }
    Ok(found)
}
