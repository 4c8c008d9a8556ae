//! Something derived from append-only rows, in pieces that cover them all.
//!
//! New rows make a new piece, and a piece that has become as long as the one before it is made anew together with it, as
//! carries go in a binary counter: n rows are covered by about log n pieces, and each row is built about log n times
//! however often a reader looks.

use std::ops::Range;

use crate::error::Result;

/// A piece is not merged past this many rows.
const PIECE_ROWS_MAX: u32 = 8_192;

/// Pieces in the order of rows, without a gap.
pub(super) struct Pieces<T> {
    pieces: Vec<(Range<u32>, T)>,
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Pieces { pieces: Vec::new() }
    }
}

impl<T: Clone> Pieces<T> {
    /// Pieces over all of `0..rows`; what is missing is built.
    pub fn cover(
        &mut self,
        rows: u32,
        mut build: impl FnMut(Range<u32>) -> Result<T>,
    ) -> Result<Vec<(Range<u32>, T)>> {
        let mut start = self.pieces.last().map_or(0, |(places, _)| places.end);
        if start < rows {
            while let Some((last, _)) = self.pieces.last()
                && last.end - last.start <= rows - start
                && rows - last.start <= PIECE_ROWS_MAX
            {
                start = last.start;
                self.pieces.pop();
            }
        }
        while start < rows {
            let end = rows.min(start.saturating_add(PIECE_ROWS_MAX));
            self.pieces.push((start..end, build(start..end)?));
            start = end;
        }
        Ok(self.pieces.clone())
    }
}
