//! Contents that no record has got in time are removed, some hundred at a time, while everything runs.
//!
//! 1. In the log, they are no contents any more: whoever wanted to put one into a record at the same time conflicts.
//! 2. Their bytes go.
//! 3. The log forgets them. A crash before that leaves them to the next time.

use std::ops::Bound;

use arrow::{
    array::{Array, AsArray},
    datatypes::Int64Type,
};
use quarry_storage::{Key, Measure, ScanRequest, Snapshot, Value};

use super::UploadRow;
use crate::{
    engine::Engine,
    error::{Error, ErrorKind, Result},
    system::UPLOAD,
    work::keys_of,
};

/// Contents of one transaction.
const BATCH_CONTENTS: usize = 500;
/// Contents removed at once; the rest goes the next time.
const REMOVED_MAX: usize = 100_000;
/// Who removes what nobody asked for.
const UPKEEP: &str = "upkeep";

impl Engine {
    /// The ids of all contents that there must be, as the newest state tells. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn contents(&self) -> Result<Vec<String>> {
        let known = super::contents_of(&self.store().snapshot())?;
        Ok(known.into_iter().map(|(key, _)| key.to_string()).collect())
    }

    /// Hands on a content, a piece at a time. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store; what `take` says.
    pub fn each_piece(&self, id: &str, take: &mut dyn FnMut(&[u8]) -> std::io::Result<()>) -> Result<()> {
        let content = self.store().content(id)?;
        let mut pieces = content.pieces(0..content.measure().bytes);
        while let Some(piece) = pieces.read_on()? {
            take(&piece).map_err(|error| {
                let message = format!("the content {id} can't be handed on: {error}");
                Error::new(ErrorKind::Unavailable, "STORE_UNAVAILABLE", message).caused_by(error)
            })?;
        }
        Ok(())
    }

    /// Removes the contents whose time is over and that no record has; how many there were. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the store. What was removed before stays so.
    pub fn remove_uploads(&self) -> Result<u64> {
        let now = Value::Timestamp(self.world().clock.now_micros());
        let snapshot = self.store().snapshot();
        let table = snapshot.table(UPLOAD)?;
        let over = table.range("expires_at", Bound::Unbounded, Bound::Excluded(&now))?;
        let keys = keys_of(&table, over, usize::MAX)?;
        let mut removed = 0;
        for batch in keys.get(..REMOVED_MAX.min(keys.len())).unwrap_or_default().chunks(BATCH_CONTENTS) {
            match self.remove_batch(batch) {
                Ok(count) => removed += count,
                // A record got one of them: the others are for the next time.
                Err(error) if error.kind == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    fn remove_batch(&self, keys: &[Key]) -> Result<u64> {
        let mut work = self.work(&self.active(), UPKEEP);
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            let row = work.row(UPLOAD, key)?.map(|row| UploadRow::of(&row)).transpose()?;
            rows.extend(row.filter(|row| row.holder.is_none()));
        }
        for row in &rows {
            work.put_system(UPLOAD, UploadRow { measure: None, ..row.clone() }.to_row())?;
        }
        self.commit_own(work)?;
        rows.iter().try_for_each(|row| self.store().remove_content(&row.id))?;
        let mut work = self.work(&self.active(), UPKEEP);
        let mut removed = 0;
        for row in &rows {
            if let Some(row) = work.row(UPLOAD, &row.id)? {
                work.delete(&crate::system::table_name(UPLOAD), row)?;
                removed += 1;
            }
        }
        self.commit_own(work)?;
        Ok(removed)
    }
}

/// The contents that a state speaks of.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn contents_of(snapshot: &Snapshot) -> quarry_storage::Result<Vec<(Key, Measure)>> {
    let Ok(table) = snapshot.table(UPLOAD) else { return Ok(Vec::new()) };
    let mut contents = Vec::new();
    let request = ScanRequest { projection: Some(vec![0, 3, 4]), ..ScanRequest::default() };
    for part in table.scan(request)? {
        for batch in part {
            let batch = batch?;
            let [ids, sizes, hashes] = batch.columns() else { continue };
            let (Some(ids), Some(sizes), Some(hashes)) = (
                ids.as_string_view_opt(),
                sizes.as_primitive_opt::<Int64Type>(),
                hashes.as_string_view_opt(),
            ) else {
                return Err(quarry_storage::Error::Internal(format!("{UPLOAD} has other columns")));
            };
            for row in (0..ids.len()).filter(|row| hashes.is_valid(*row)) {
                let bytes = u64::try_from(sizes.value(row)).unwrap_or(u64::MAX);
                let measure = Measure { bytes, hash: hashes.value(row).to_owned() };
                contents.push((Key::from(ids.value(row)), measure));
            }
        }
    }
    Ok(contents)
}
