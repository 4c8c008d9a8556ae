//! Versions in the order of a column's values, for ranges.
//!
//! Writers keep hash maps only, which know no order. The first reader who asks for a range of a column sorts the places
//! of the versions by it, in pieces as batches are made; a range is then a binary search in each piece.

use std::{collections::HashMap, ops::Range, sync::Arc};

use roaring::RoaringBitmap;

use super::{
    DeltaTable,
    pieces::{Piece, Pieces},
};
use crate::{
    error::Result,
    range::ValueRange,
    value::{Row, Value},
};

/// Places by column; in each piece in the order of values.
pub(super) type Sorted = HashMap<usize, Pieces<Arc<[u32]>>>;

impl Piece for Arc<[u32]> {
    fn bytes(&self) -> u64 {
        u64::try_from(size_of_val(&**self)).unwrap_or(u64::MAX)
    }
}

impl DeltaTable {
    /// Versions visible at a CSN whose column is in a range.
    pub fn range(&self, column: usize, range: &ValueRange<'_>, csn: u64) -> Result<RoaringBitmap> {
        let mut found = RoaringBitmap::new();
        self.within(column, range, |places, inner| {
            found.extend(places.iter().copied().filter(|at| inner.is_visible(*at, csn)));
        })?;
        Ok(found)
    }

    /// How many versions have a column in a range, at most.
    pub fn count_range(&self, column: usize, range: &ValueRange<'_>) -> Result<u64> {
        let mut count = 0;
        self.within(column, range, |places, _| count += u64::try_from(places.len()).unwrap_or(u64::MAX))?;
        Ok(count)
    }

    /// Hands on the places of each piece that are in a range.
    fn within(
        &self,
        column: usize,
        range: &ValueRange<'_>,
        mut take: impl FnMut(&[u32], &super::Inner),
    ) -> Result<()> {
        let pieces = {
            let mut sorted = self.sorted.lock();
            let pieces = sorted.entry(column).or_insert_with(|| Pieces::new(&self.gauge));
            pieces.cover(self.len(), |places| Ok(self.sort(column, places)))?
        };
        let inner = self.inner.read();
        let value = |at: u32| inner.version(at).map_or(&Value::Null, |cell| cell.row.get(column));
        for (_, order) in pieces {
            let from = order.partition_point(|at| range.is_behind(value(*at)));
            let to = order.partition_point(|at| !range.is_before(value(*at)));
            if let Some(places) = order.get(from..to) {
                take(places, &inner);
            }
        }
        Ok(())
    }

    fn sort(&self, column: usize, places: Range<u32>) -> Arc<[u32]> {
        let mut rows: Vec<(Row, u32)> = self.rows(places.clone()).into_iter().zip(places).collect();
        rows.sort_by(|(a, _), (b, _)| a.get(column).compare(b.get(column)));
        rows.into_iter().map(|(_, at)| at).collect()
    }
}
