//! Versions in the order of a column's values, for ranges.
//!
//! Writers keep hash maps only, which know no order. The first reader who asks for a range of a column sorts the places
//! of the versions by it, in pieces as batches are made; a range is then a binary search in each piece.

use std::{
    collections::HashMap,
    ops::{ControlFlow, Range},
    sync::Arc,
};

use roaring::RoaringBitmap;

use super::{
    DeltaTable,
    pieces::{Piece, Pieces},
};
use crate::{
    error::Result,
    range::ValueRange,
    scan::First,
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
        let pieces = self.sorted(column)?;
        let Some(inner) = self.read() else { return Ok(()) };
        let value = |at: u32| inner.version(at).map_or(&Value::Null, |cell| cell.row.get(column));
        for order in pieces {
            let from = order.partition_point(|at| range.is_behind(value(*at)));
            let to = order.partition_point(|at| !range.is_before(value(*at)));
            if let Some(places) = order.get(from..to) {
                take(places, &inner);
            }
        }
        Ok(())
    }

    /// The first of the versions that are wanted and visible at a CSN, in each piece, and all that equal the last of them.
    pub fn first(&self, first: First, is_wanted: impl Fn(u32) -> bool, csn: u64) -> Result<RoaringBitmap> {
        let mut found = RoaringBitmap::new();
        let pieces = self.sorted(first.column)?;
        let Some(inner) = self.read() else { return Ok(found) };
        let value = |at: u32| inner.version(at).map_or(&Value::Null, |cell| cell.row.get(first.column));
        for order in pieces {
            let (nulls, values) = order.split_at(order.partition_point(|at| value(*at).is_null()));
            let mut count = 0;
            let mut last = &Value::Null;
            let mut take = |at: u32| {
                if !is_wanted(at) || !inner.is_visible(at, csn) {
                    return ControlFlow::Continue(());
                }
                if count >= first.rows && value(at).compare(last).is_ne() {
                    return ControlFlow::Break(());
                }
                last = value(at);
                count += 1;
                found.insert(at);
                ControlFlow::Continue(())
            };
            let mut take_all = |places: &[u32], is_descending: bool| match is_descending {
                false => places.iter().copied().try_for_each(&mut take),
                true => places.iter().rev().copied().try_for_each(&mut take),
            };
            let runs = if first.order.nulls_first { [nulls, values] } else { [values, nulls] };
            let _ = runs.iter().try_for_each(|run| take_all(run, first.order.is_descending));
        }
        Ok(found)
    }

    /// The places of all versions in the order of a column, in pieces.
    fn sorted(&self, column: usize) -> Result<Vec<Arc<[u32]>>> {
        let Some(written) = self.written.get() else { return Ok(Vec::new()) };
        let mut sorted = written.sorted.lock();
        let pieces = sorted.entry(column).or_insert_with(|| Pieces::new(&self.gauge));
        let all = pieces.cover(self.len(), |places| Ok(self.sort(column, places)))?;
        Ok(all.into_iter().map(|(_, order)| order).collect())
    }

    fn sort(&self, column: usize, places: Range<u32>) -> Arc<[u32]> {
        let mut rows: Vec<(Row, u32)> = self.rows(places.clone()).into_iter().zip(places).collect();
        rows.sort_by(|(a, _), (b, _)| a.get(column).compare(b.get(column)));
        rows.into_iter().map(|(_, at)| at).collect()
    }
}
