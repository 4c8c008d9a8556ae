//! Rows of many segments as one stream in the order of keys, a few of each in memory at a time.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc, vec};

use crate::{
    catalog::Table,
    columns,
    error::Result,
    segment::Slices,
    state::SegmentPart,
    value::{Key, Row},
};

/// Rows of a segment that are decoded at a time.
const SLICE_ROWS: usize = 1_024;

/// A row, and where it comes from.
pub(crate) struct Merged {
    pub row: Row,
    /// The CSN that made it.
    pub csn: u64,
    /// The number of its run.
    pub run: usize,
    /// Its number in the segment.
    pub at: u32,
}

/// The current rows of some runs. A run is one segment, or several one behind the other.
pub(crate) struct Merge<'a> {
    runs: Vec<Run<'a>>,
    /// The next key of each run, the smallest on top.
    heads: BinaryHeap<Reverse<(Key, usize)>>,
}

impl<'a> Merge<'a> {
    pub fn new(table: &'a Arc<Table>, runs: impl Iterator<Item = Vec<&'a SegmentPart>>) -> Result<Merge<'a>> {
        let mut merge = Merge { runs: Vec::new(), heads: BinaryHeap::new() };
        for (number, parts) in runs.enumerate() {
            let mut run = Run { table, left: parts.into_iter(), open: None, ready: Vec::new(), next: None };
            run.advance()?;
            merge.heads.extend(run.head(number)?);
            merge.runs.push(run);
        }
        Ok(merge)
    }

    /// The next row. Where a key is in several runs, they come one behind the other.
    pub fn next(&mut self) -> Result<Option<Merged>> {
        let Some(Reverse((_, number))) = self.heads.pop() else { return Ok(None) };
        let Some(run) = self.runs.get_mut(number) else { return Ok(None) };
        let next = run.next.take();
        run.advance()?;
        self.heads.extend(run.head(number)?);
        Ok(next.map(|Next { row, csn, at }| Merged { row, csn, run: number, at }))
    }
}

struct Run<'a> {
    table: &'a Arc<Table>,
    left: vec::IntoIter<&'a SegmentPart>,
    /// The segment that is read, and the number of its next row.
    open: Option<(&'a SegmentPart, Slices, u32)>,
    /// Decoded rows, last first.
    ready: Vec<Next>,
    next: Option<Next>,
}

struct Next {
    row: Row,
    csn: u64,
    at: u32,
}

impl Run<'_> {
    fn head(&self, number: usize) -> Result<Option<Reverse<(Key, usize)>>> {
        self.next.as_ref().map(|next| Ok(Reverse((next.row.key()?.clone(), number)))).transpose()
    }

    fn advance(&mut self) -> Result<()> {
        while self.ready.is_empty() {
            let Some((part, slices, first)) = &mut self.open else {
                let Some(part) = self.left.next() else { break };
                self.open = Some((part, part.segment.slices(SLICE_ROWS)?, 0));
                continue;
            };
            let Some((batch, csns)) = slices.next(self.table)? else {
                self.open = None;
                continue;
            };
            for (row, csn) in columns::rows(&self.table.spec, &batch)?.into_iter().zip(csns) {
                if !part.deleted.contains(*first) {
                    self.ready.push(Next { row, csn: part.loaded_at.unwrap_or(csn), at: *first });
                }
                *first += 1;
            }
            self.ready.reverse();
        }
        self.next = self.ready.pop();
        Ok(())
    }
}
