//! A transaction's own writes as one more part of each table it changed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use roaring::RoaringBitmap;

use crate::{
    catalog::{Table, TableId},
    columns,
    error::Result,
    rowset::RowSet,
    scan::Extent,
    state::TableParts,
    text::TextPart,
    value::{Key, Row},
    write::{Change, WriteSet},
};

/// The own writes of a snapshot; a table's part is made when it is first asked for.
pub(crate) struct Overlay {
    writes: WriteSet,
    tables: Mutex<HashMap<TableId, Arc<TableOverlay>>>,
}

impl Overlay {
    pub fn new(writes: WriteSet) -> Overlay {
        Overlay { writes, tables: Mutex::default() }
    }

    /// What lies over this table, if anything.
    pub fn table(&self, parts: &TableParts) -> Result<Option<Arc<TableOverlay>>> {
        let Some(changes) = self.writes.table(&parts.table.spec.name) else { return Ok(None) };
        let mut tables = self.tables.lock();
        if let Some(made) = tables.get(&parts.table.id) {
            return Ok(Some(made.clone()));
        }
        let made = Arc::new(TableOverlay::new(parts, changes)?);
        tables.insert(parts.table.id, made.clone());
        Ok(Some(made))
    }
}

/// The own writes of one table.
pub(crate) struct TableOverlay {
    table: Arc<Table>,
    /// Rows put, in the order of keys.
    rows: Vec<Row>,
    /// Every key changed, and where its row is; `None` where it was deleted.
    keys: HashMap<Key, Option<u32>>,
    /// Committed rows that are replaced.
    pub masked: RowSet,
    columns: OnceLock<RecordBatch>,
    text: OnceLock<Arc<TextPart>>,
}

impl TableOverlay {
    fn new(parts: &TableParts, changes: &BTreeMap<Key, Change>) -> Result<TableOverlay> {
        let mut rows = Vec::new();
        let mut keys = HashMap::with_capacity(changes.len());
        let mut masked = RowSet::default();
        for (key, change) in changes {
            let place = change.new_row().map(|row| {
                rows.push(row.clone());
                u32::try_from(rows.len() - 1).unwrap_or(u32::MAX)
            });
            keys.insert(key.clone(), place);
            if let Some(found) = parts.find(key)? {
                let (part, row) = parts.part_of(found.place);
                masked.insert(part, row);
            }
        }
        let table = parts.table.clone();
        Ok(TableOverlay { table, rows, keys, masked, columns: OnceLock::new(), text: OnceLock::new() })
    }

    /// How many rows it puts.
    pub fn put(&self) -> u64 {
        u64::try_from(self.rows.len()).unwrap_or(u64::MAX)
    }

    /// `None` where the key is untouched, `Some(None)` where it was deleted.
    pub fn get(&self, key: &str) -> Option<Option<&Row>> {
        self.place(key).map(|place| self.rows.get(usize::try_from(place?).ok()?))
    }

    /// As [`Self::get`], but where the row is.
    pub fn place(&self, key: &str) -> Option<Option<u32>> {
        self.keys.get(key).copied()
    }

    /// Rows of which this holds. It looks at each row: own writes are few.
    pub fn matching(&self, holds: impl Fn(&Row) -> bool) -> RoaringBitmap {
        (0..).zip(&self.rows).filter(|(_, row)| holds(row)).map(|(at, _)| at).collect()
    }

    /// What is known of a column in the rows it puts.
    pub fn extent(&self, column: usize) -> Extent {
        let mut extent = Extent::empty();
        self.rows.iter().for_each(|row| extent.note(row.get(column)));
        extent
    }

    /// The rows as one batch.
    pub fn batch(&self) -> Result<RecordBatch> {
        if let Some(made) = self.columns.get() {
            return Ok(made.clone());
        }
        let made = columns::batch(&self.table.spec, &self.table.schema, &self.rows)?;
        Ok(self.columns.get_or_init(|| made).clone())
    }

    /// A text index over the rows.
    pub fn text(&self) -> Result<Arc<TextPart>> {
        if let Some(made) = self.text.get() {
            return Ok(made.clone());
        }
        let made = Arc::new(TextPart::of_rows(&self.table, &self.rows)?);
        Ok(self.text.get_or_init(|| made).clone())
    }
}
