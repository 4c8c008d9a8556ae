//! Finding rows of a table: by key, by the terms of an index, by a range of values.
//!
//! Every part is asked, and what is not current at the CSN is taken off.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{Found, Place, SegmentPart, TableParts};
use crate::{
    catalog::Indexed,
    delta::{DeltaTable, Version},
    error::Result,
    range::ValueRange,
    rowset::RowSet,
    term::Term,
};

/// So few rows are looked up among the deleted one by one; for more, the bitmap of the deleted is made.
const ONE_BY_ONE: u64 = 256;

/// What is known of a key.
pub(crate) struct Located {
    /// The row that is current.
    pub found: Option<Found>,
    /// Where there is none: when the last one that a segment still has was replaced.
    pub gone: Option<Gone>,
}

/// When a row of a segment was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gone {
    /// Before the last fold.
    Folded,
    /// By this CSN.
    At(u64),
}

impl TableParts {
    /// The row of a key.
    pub fn find(&self, key: &str) -> Result<Option<Found>> {
        Ok(self.locate(key)?.found)
    }

    /// The row of a key, or when it went.
    pub fn locate(&self, key: &str) -> Result<Located> {
        for (number, delta) in self.deltas.iter().enumerate().rev() {
            if let Some(Version { at, row, begin }) = delta.find(key, self.csn) {
                let found = Found { place: Place::Delta(number, at), row: Some(row), begin: Some(begin) };
                return Ok(Located { found: Some(found), gone: None });
            }
        }
        let mut gone = None;
        for (number, part) in self.segments.iter().enumerate().rev() {
            let Some(row) = part.segment.find(key)? else { continue };
            match self.gone(part, row) {
                Some(when) => gone = gone.max(Some(when)),
                None => {
                    let found = Found { place: Place::Segment(number, row), row: None, begin: None };
                    return Ok(Located { found: Some(found), gone: None });
                }
            }
        }
        Ok(Located { found: None, gone })
    }

    /// Rows that an index has under one of these terms.
    pub fn lookup(&self, index: &Indexed, terms: &[Term]) -> Result<RowSet> {
        self.gather(
            |part| part.segment.lookup(&self.table, index, terms),
            |delta| Ok(delta.lookup(index, terms, self.csn)),
        )
    }

    /// Rows whose column is in a range; it is the key, or has an index.
    pub fn range(&self, column: usize, range: &ValueRange<'_>) -> Result<RowSet> {
        self.gather(
            |part| part.segment.range(&self.table, column, range),
            |delta| delta.range(column, range, self.csn),
        )
    }

    /// About how many rows [`Self::lookup`] finds.
    pub fn count_terms(&self, index: &Indexed, terms: &[Term]) -> Result<u64> {
        let mut sum = self.deltas.iter().map(|delta| delta.count_terms(index, terms)).sum();
        for part in self.segments.iter() {
            sum += part.segment.count_terms(&self.table, index, terms)?;
        }
        Ok(sum)
    }

    /// About how many rows [`Self::range`] finds.
    pub fn count_range(&self, column: usize, range: &ValueRange<'_>) -> Result<u64> {
        let mut sum = 0;
        for delta in &self.deltas {
            sum += delta.count_range(column, range)?;
        }
        for part in self.segments.iter() {
            sum += part.segment.count_range(&self.table, column, range)?;
        }
        Ok(sum)
    }

    fn gather(
        &self,
        of_segment: impl Fn(&SegmentPart) -> Result<RoaringBitmap>,
        of_delta: impl Fn(&DeltaTable) -> Result<RoaringBitmap>,
    ) -> Result<RowSet> {
        let mut found = RowSet::default();
        for (number, part) in self.segments.iter().enumerate() {
            let mut rows = of_segment(part)?;
            if rows.len() > ONE_BY_ONE {
                rows -= self.deleted(part);
            } else {
                rows = rows.iter().filter(|row| self.gone(part, *row).is_none()).collect();
            }
            found.add(self.part_of(Place::Segment(number, 0)).0, rows);
        }
        for (number, delta) in self.deltas.iter().enumerate() {
            found.add(self.part_of(Place::Delta(number, 0)).0, of_delta(delta)?);
        }
        Ok(found)
    }

    /// Is a row of a segment current?
    pub fn is_current(&self, part: &SegmentPart, row: u32) -> bool {
        self.gone(part, row).is_none()
    }

    /// When a row of a segment was replaced; `None` while it is current.
    fn gone(&self, part: &SegmentPart, row: u32) -> Option<Gone> {
        if part.deleted.contains(row) {
            return Some(Gone::Folded);
        }
        let since = |delta: &Arc<DeltaTable>| delta.deleted_at(part.segment.id(), row);
        self.deltas.iter().filter_map(since).filter(|at| *at <= self.csn).max().map(Gone::At)
    }
}
