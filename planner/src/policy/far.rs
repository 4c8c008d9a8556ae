//! Records at the far end of a lookup, read by their keys.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{Array, ArrayRef, AsArray, StringViewArray, UInt32Array, new_empty_array},
    compute::{concat, take},
};
use datafusion::common::HashSet;
use quarry_storage::{Key, RowSet, ScanRequest, TableSnapshot};

use super::test::Test;
use crate::error::{Error, Result};

/// Once so many keys were asked for, or a share of the table, all of it is looked at, and remembered: a record by its key takes
/// some microseconds, one among all of them some hundredths of one.
const ASKED_MIN: u64 = 512;
const ASKED_SHARE: u64 = 64;
/// A larger table is asked by keys however many they are.
const WHOLE_ROWS_MAX: u64 = 4_000_000;

/// A table over there, and which of its records count.
pub(super) struct Far {
    pub(super) table: TableSnapshot,
    /// Positions of the columns that the test reads.
    pub(super) reads: Vec<usize>,
    pub(super) test: Test,
    asked: AtomicU64,
    whole: OnceLock<Arc<HashSet<Box<str>>>>,
}

impl Far {
    pub(super) fn new(table: TableSnapshot, reads: Vec<usize>, test: Test) -> Far {
        Far { table, reads, test, asked: AtomicU64::new(0), whole: OnceLock::new() }
    }

    /// Those of the keys whose records are there and count. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn among<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Result<HashSet<&'k str>> {
        let mut wanted: HashSet<&str> = keys.collect();
        if wanted.is_empty() || matches!(self.test, Test::None) {
            return Ok(HashSet::new());
        }
        if let Some(whole) = self.whole(wanted.len())? {
            wanted.retain(|key| whole.contains(*key));
            return Ok(wanted);
        }
        let rows = self.table.keys(&wanted.iter().map(|key| Key::from(*key)).collect::<Vec<_>>())?;
        let mut counted: HashSet<Box<str>> = HashSet::new();
        self.read(Some(rows), &mut counted)?;
        wanted.retain(|key| counted.contains(*key));
        Ok(wanted)
    }

    /// All keys that count, once it is worth the while to look at all.
    fn whole(&self, more: usize) -> Result<Option<Arc<HashSet<Box<str>>>>> {
        if let Some(whole) = self.whole.get() {
            return Ok(Some(Arc::clone(whole)));
        }
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        let asked = self.asked.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        let rows = self.table.statistics().rows;
        if asked < ASKED_MIN.max(rows / ASKED_SHARE) || rows > WHOLE_ROWS_MAX {
            return Ok(None);
        }
        let mut counted = HashSet::new();
        self.read(None, &mut counted)?;
        Ok(Some(Arc::clone(self.whole.get_or_init(|| Arc::new(counted)))))
    }

    fn read(&self, rows: Option<RowSet>, counted: &mut HashSet<Box<str>>) -> Result<()> {
        let projection = [0].into_iter().chain(self.reads.iter().copied()).collect();
        let request = ScanRequest { projection: Some(projection), rows, ..ScanRequest::default() };
        for batch in self.table.scan(request)?.into_iter().flatten() {
            let batch = batch?;
            let (keys, columns) = batch.columns().split_first().ok_or_else(no_key)?;
            let keys = keys.as_string_view_opt().ok_or_else(no_key)?;
            let counts = self.test.of(columns, batch.num_rows())?;
            let kept = keys.iter().enumerate().filter(|(row, _)| counts.value(*row));
            counted.extend(kept.filter_map(|(_, key)| key.map(Box::from)));
        }
        Ok(())
    }

    /// The keys without those whose records do not count: null in their place.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn only(&self, keys: &ArrayRef) -> Result<ArrayRef> {
        let keys = keys.as_string_view_opt().ok_or_else(no_key)?;
        if let Some(whole) = self.whole(keys.len())? {
            let shown = keys.iter().map(|key| key.filter(|key| whole.contains(*key)));
            return Ok(Arc::new(shown.collect::<StringViewArray>()));
        }
        let counted = self.among(keys.iter().flatten())?;
        let shown = keys.iter().map(|key| key.filter(|key| counted.contains(key)));
        Ok(Arc::new(shown.collect::<StringViewArray>()))
    }

    /// Which of the keys count; a null does not.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn counts(&self, keys: &ArrayRef) -> Result<Vec<bool>> {
        let keys = keys.as_string_view_opt().ok_or_else(no_key)?;
        if let Some(whole) = self.whole(keys.len())? {
            return Ok(keys.iter().map(|key| key.is_some_and(|key| whole.contains(key))).collect());
        }
        let counted = self.among(keys.iter().flatten())?;
        Ok(keys.iter().map(|key| key.is_some_and(|key| counted.contains(key))).collect())
    }
}

/// A column of the records that keys lead to, one for each key; null where there is none. Blocks.
///
/// # Errors
///
/// Those of storage.
pub(super) fn followed(table: &TableSnapshot, keys: &ArrayRef, column: usize) -> Result<ArrayRef> {
    let keys = keys.as_string_view_opt().ok_or_else(no_key)?;
    let distinct: HashSet<&str> = keys.iter().flatten().collect();
    let rows = table.keys(&distinct.iter().map(|key| Key::from(*key)).collect::<Vec<_>>())?;
    let request =
        ScanRequest { projection: Some(vec![0, column]), rows: Some(rows), ..ScanRequest::default() };
    let (mut places, mut values, mut next) = (HashMap::<Box<str>, u32>::new(), Vec::new(), 0u32);
    for batch in table.scan(request)?.into_iter().flatten() {
        let batch = batch?;
        let [found, column] = batch.columns() else { return Err(no_key()) };
        for key in found.as_string_view_opt().ok_or_else(no_key)? {
            places.extend(key.map(|key| (Box::from(key), next)));
            next += 1;
        }
        values.push(Arc::clone(column));
    }
    let values = match values.is_empty() {
        true => new_empty_array(table.schema().field(column).data_type()),
        false => concat(&values.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?,
    };
    let places: UInt32Array = keys.iter().map(|key| places.get(key?).copied()).collect();
    Ok(take(&values, &places, None)?)
}

fn no_key() -> Error {
    Error::internal("a key that is no text")
}
