//! Rows of a delta as columns, each made when it is first wanted: who reads two of thirty columns does not pay for the
//! others.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef};

use super::{
    held::{Gauge, Held},
    pieces::Piece,
};
use crate::{
    catalog::Table,
    columns,
    error::{Error, Result},
    value::Row,
};

/// Some rows, in order.
pub(crate) struct LazyColumns {
    table: Arc<Table>,
    rows: Vec<Row>,
    made: Vec<OnceLock<ArrayRef>>,
    held: Held,
}

impl LazyColumns {
    pub(super) fn new(table: &Arc<Table>, rows: Vec<Row>, gauge: &Gauge) -> LazyColumns {
        let made = table.spec.columns.iter().map(|_| OnceLock::new()).collect();
        let held = gauge.hold(u64::try_from(size_of_val(rows.as_slice())).unwrap_or(u64::MAX));
        LazyColumns { table: table.clone(), rows, made, held }
    }

    /// One column of all rows.
    ///
    /// # Errors
    ///
    /// `Internal` when there is no such column.
    pub fn column(&self, at: usize) -> Result<ArrayRef> {
        let place = self.made.get(at);
        let place = place.ok_or_else(|| Error::Internal(format!("no column {at} in a delta")))?;
        if let Some(made) = place.get() {
            return Ok(made.clone());
        }
        let array = columns::column(&self.table.spec, at, &self.rows)?;
        // Of two readers who make it at once, one is kept.
        if place.set(array.clone()).is_ok() {
            self.held.add(u64::try_from(array.get_array_memory_size()).unwrap_or(u64::MAX));
        }
        Ok(array)
    }
}

/// It tells the gauge by itself what it holds.
impl Piece for Arc<LazyColumns> {
    fn bytes(&self) -> u64 {
        0
    }
}
