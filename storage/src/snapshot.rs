//! Reading: a pinned state, the same by every access path.
//!
//! 1. [`Snapshot::table`] gathers a table's parts: segments, deltas, and a transaction's own writes laid over them.
//! 2. [`TableSnapshot::keys`], [`TableSnapshot::lookup`], [`TableSnapshot::range`] and [`TableSnapshot::search`] find rows:
//!    each asks every part, and what is not visible at this CSN, or masked by the own writes, is taken off.
//! 3. [`TableSnapshot::scan`] reads rows, all or those found ([`crate::scan`]).

mod ranges;
mod statistics;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;

pub use self::statistics::{ColumnStatistics, TableStatistics};
use crate::{
    Csn,
    catalog::Indexed,
    error::{Error, Result},
    history::{Archive, History, HistoryRequest},
    overlay::{Overlay, TableOverlay},
    rowset::RowSet,
    scan::{self, ScanPart, ScanRequest},
    schema::TableSpec,
    search::{self, TextHits, TextQuery},
    state::{State, TableParts},
    term::{Term, term},
    value::{Key, Row, Value},
    write::{TRANSACTION_BYTES_MAX, WriteSet},
};

/// The state at one CSN, pinned; cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    state: Arc<State>,
    csn: u64,
    overlay: Option<Arc<Overlay>>,
    transaction_bytes_max: u64,
}

impl Snapshot {
    pub(crate) fn new(state: Arc<State>, csn: u64) -> Snapshot {
        Snapshot { state, csn, overlay: None, transaction_bytes_max: TRANSACTION_BYTES_MAX }
    }

    /// Transactions begun on it may hold so many bytes.
    pub(crate) fn with_transaction_limit(self, transaction_bytes_max: u64) -> Snapshot {
        Snapshot { transaction_bytes_max, ..self }
    }

    /// An empty transaction on this state, which may hold as much as the store's options say.
    pub fn writes(&self) -> WriteSet {
        WriteSet::limited(self.csn(), self.transaction_bytes_max)
    }

    /// Whether it is this very state, with the same own writes laid over it by the same call; false where that can't be told cheaply.
    pub fn is_same(&self, other: &Snapshot) -> bool {
        let overlays = match (&self.overlay, &other.overlay) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        overlays && self.csn == other.csn && Arc::ptr_eq(&self.state, &other.state)
    }

    /// The state and its CSN, without own writes; none where there are some.
    pub(crate) fn committed(&self) -> Option<(&State, u64)> {
        self.overlay.is_none().then_some((&*self.state, self.csn))
    }

    /// Its commit number.
    pub fn csn(&self) -> Csn {
        Csn(self.csn)
    }

    /// The same state with a transaction's own changes over it, on every access path. Changes laid over it before are
    /// replaced: a write set holds all of its transaction.
    #[must_use]
    pub fn with_writes(&self, writes: &WriteSet) -> Snapshot {
        let overlay = (!writes.is_empty()).then(|| Arc::new(Overlay::new(writes.clone())));
        Snapshot { overlay, ..self.clone() }
    }

    /// One table.
    ///
    /// # Errors
    ///
    /// `UnknownTable`; `Damaged`, `Io` where own changes must be laid over it.
    pub fn table(&self, name: &str) -> Result<TableSnapshot> {
        let table = self.state.catalog.must_get(name)?;
        let parts = self.state.parts(table, self.csn)?;
        let overlay = match &self.overlay {
            Some(overlay) => overlay.table(&parts)?,
            None => None,
        };
        Ok(TableSnapshot { view: Arc::new(TableView { parts, overlay }) })
    }

    /// Where the entries lie.
    pub(crate) fn archive(&self) -> &Arc<Archive> {
        &self.state.archive
    }

    /// What changed up to this state, in the order of commits, as batches of [`crate::history_schema`]. What was committed
    /// a moment ago is there; a transaction's own writes are not, as nothing is known of them yet.
    ///
    /// # Errors
    ///
    /// `Invalid` for a column that is not there; `Io`. `Damaged` comes as a batch is read.
    pub fn history(&self, request: &HistoryRequest) -> Result<History> {
        self.state.archive.rows(&self.state.catalog, self.csn, request)
    }

    /// The tables there are, in the order they were defined.
    pub fn tables(&self) -> Vec<Arc<TableSpec>> {
        self.state.catalog.specs()
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({}{})", self.csn, if self.overlay.is_some() { ", with own writes" } else { "" })
    }
}

/// One table of a snapshot; cheap to clone.
#[derive(Clone)]
pub struct TableSnapshot {
    pub(crate) view: Arc<TableView>,
}

impl std::fmt::Debug for TableSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TableSnapshot({:?} at {})", self.spec().name, self.view.parts.csn)
    }
}

/// The parts of a table, with a transaction's own writes over them as the last part.
pub(crate) struct TableView {
    pub parts: TableParts,
    pub overlay: Option<Arc<TableOverlay>>,
}

impl TableView {
    /// The number of the part that holds the own writes.
    pub fn overlay_part(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    /// Without committed rows that the own writes replace.
    pub fn unmasked(&self, rows: RowSet) -> RowSet {
        match &self.overlay {
            Some(overlay) => rows.minus(&overlay.masked),
            None => rows,
        }
    }
}

impl TableSnapshot {
    /// The table.
    pub fn spec(&self) -> &Arc<TableSpec> {
        &self.view.parts.table.spec
    }

    /// Its Arrow schema.
    pub fn schema(&self) -> SchemaRef {
        self.view.parts.table.schema.clone()
    }

    /// The row of a key.
    ///
    /// # Errors
    ///
    /// `Damaged`, `Io`.
    pub fn get(&self, key: &str) -> Result<Option<Row>> {
        if let Some(own) = self.view.overlay.as_ref().and_then(|overlay| overlay.get(key)) {
            return Ok(own.cloned());
        }
        match self.view.parts.find(key)? {
            Some(found) => self.view.parts.row(found).map(Some),
            None => Ok(None),
        }
    }

    /// The rows of these keys; keys that are not there are left out.
    ///
    /// # Errors
    ///
    /// `Damaged`, `Io`.
    pub fn keys(&self, keys: &[Key]) -> Result<RowSet> {
        let mut rows = RowSet::default();
        for key in keys {
            if let Some((part, row)) = self.place(key)? {
                rows.insert(part, row);
            }
        }
        Ok(rows)
    }

    /// Where the row of a key is: its part, and its number there.
    pub(crate) fn place(&self, key: &Key) -> Result<Option<(u32, u32)>> {
        let view = &self.view;
        if let Some(place) = view.overlay.as_ref().and_then(|overlay| overlay.place(key)) {
            return Ok(place.map(|at| (view.overlay_part(), at)));
        }
        Ok(view.parts.find(key)?.map(|found| view.parts.part_of(found.place)))
    }

    /// The rows whose `column` equals one of `values` (`Null` finds the nulls only where the index keeps them: it does).
    ///
    /// # Errors
    ///
    /// `UnknownColumn`; `Invalid` when the column is not indexed (nor unique by itself, nor a reference, nor the key), or
    /// can't hold one of the values.
    pub fn lookup(&self, column: &str, values: &[Value]) -> Result<RowSet> {
        let at = self.must_position(column)?;
        values.iter().try_for_each(|value| self.must_fit(at, value))?;
        if at == 0 {
            let texts = values.iter().filter_map(|value| match value {
                Value::Text(key) => Some(key.clone()),
                _ => None,
            });
            return self.keys(&texts.collect::<Vec<_>>());
        }
        let terms: Vec<_> = values.iter().map(term).collect();
        self.lookup_terms(self.must_index(at)?, &terms)
    }

    fn lookup_terms(&self, index: &Indexed, terms: &[Term]) -> Result<RowSet> {
        let mut rows = self.view.unmasked(self.view.parts.lookup(index, terms)?);
        if let Some(overlay) = &self.view.overlay {
            let has = |row: &Row| index.term(row).is_some_and(|term| terms.contains(&term));
            rows.add(self.view.overlay_part(), overlay.matching(has));
        }
        Ok(rows)
    }

    /// Can [`Self::lookup`] and [`Self::range`] answer for this column?
    pub fn has_index(&self, column: &str) -> bool {
        let at = self.spec().position(column);
        at.is_some_and(|at| at == 0 || self.view.parts.table.column_index(at).is_some())
    }

    /// Full-text search.
    ///
    /// # Errors
    ///
    /// `Invalid` for a mistake in an expression, a column that is not searchable, or a table without searchable columns.
    pub fn search(&self, query: &TextQuery) -> Result<TextHits> {
        search::search(&self.view, query)
    }

    /// The rows, in parts. Order is by key inside a segment and unspecified otherwise.
    ///
    /// # Errors
    ///
    /// `UnknownColumn` for a position out of range.
    pub fn scan(&self, request: ScanRequest) -> Result<Vec<ScanPart>> {
        scan::scan(&self.view, request)
    }

    fn must_position(&self, column: &str) -> Result<usize> {
        let spec = self.spec();
        spec.position(column)
            .ok_or_else(|| Error::UnknownColumn { table: spec.name.to_string(), column: column.to_string() })
    }

    fn must_index(&self, at: usize) -> Result<&Indexed> {
        let table = &self.view.parts.table;
        table.column_index(at).ok_or_else(|| {
            let column = table.spec.columns.get(at).map(|column| &column.name);
            Error::Invalid(format!("column {:?} of {:?} is not indexed", column, table.spec.name))
        })
    }

    fn must_fit(&self, at: usize, value: &Value) -> Result<()> {
        let spec = self.spec();
        match spec.columns.get(at) {
            Some(column) if !column.column_type.fits(value) => Err(Error::Invalid(format!(
                "column {:?} of {:?} is {:?} and never {value:?}",
                column.name, spec.name, column.column_type
            ))),
            _ => Ok(()),
        }
    }
}
