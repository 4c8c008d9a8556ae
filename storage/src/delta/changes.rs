//! What changed in a delta behind a CSN.

use super::{DeltaTable, NEVER};
use crate::{
    error::Result,
    segment::SegmentId,
    value::{Key, Row},
};

impl DeltaTable {
    /// Rows that were made behind `since` and are visible at `csn`.
    pub fn made_since(&self, since: u64, csn: u64) -> Vec<Row> {
        let Some(inner) = self.read() else { return Vec::new() };
        let cells = inner.blocks.iter().flat_map(|block| block.cells()).flatten();
        cells.filter(|cell| cell.begin > since && cell.is_visible(csn)).map(|cell| cell.row.clone()).collect()
    }

    /// Keys of versions that were replaced behind `since`.
    pub fn ended_since(&self, since: u64) -> Result<Vec<Key>> {
        let Some(inner) = self.read() else { return Ok(Vec::new()) };
        let cells = inner.blocks.iter().flat_map(|block| block.cells()).flatten();
        let ended = cells.filter(|cell| cell.end() > since && cell.end() != NEVER);
        ended.map(|cell| cell.row.key().cloned()).collect()
    }

    /// Rows of segments that were replaced behind `since`.
    pub fn deleted_since(&self, since: u64) -> Vec<(SegmentId, u32)> {
        let mut found = Vec::new();
        let Some(inner) = self.read() else { return found };
        for (segment, deletes) in &inner.segments {
            let behind = deletes.in_order.partition_point(|(at, _)| *at <= since);
            found.extend(deletes.in_order.iter().skip(behind).map(|(_, row)| (*segment, *row)));
        }
        found
    }
}
