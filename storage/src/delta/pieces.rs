//! Something derived from append-only rows, in pieces that cover them all.
//!
//! New rows make a new piece, and a piece that has become as long as the one before it is made anew together with it, as
//! carries go in a binary counter: n rows are covered by about log n pieces, and each row is built about log n times
//! however often a reader looks.

use std::ops::Range;

use super::held::{Gauge, Held};
use crate::error::Result;

/// A piece is not merged past this many rows.
const PIECE_ROWS_MAX: u32 = 8_192;

/// What pieces are made of.
pub(super) trait Piece: Clone {
    /// Bytes that it takes, roughly.
    fn bytes(&self) -> u64;
}

/// Pieces in the order of rows, without a gap.
pub(super) struct Pieces<T> {
    pieces: Vec<(Range<u32>, T)>,
    held: Held,
}

impl<T: Piece> Pieces<T> {
    /// Over no rows yet; what they take is held of the gauge.
    pub fn new(gauge: &Gauge) -> Pieces<T> {
        Pieces { pieces: Vec::new(), held: gauge.hold(0) }
    }

    /// Pieces over all of `0..rows`; what is missing is built.
    pub fn cover(
        &mut self,
        rows: u32,
        mut build: impl FnMut(Range<u32>) -> Result<T>,
    ) -> Result<Vec<(Range<u32>, T)>> {
        let mut start = self.pieces.last().map_or(0, |(places, _)| places.end);
        if start < rows {
            while let Some((last, piece)) = self.pieces.last()
                && last.end - last.start <= rows - start
                && rows - last.start <= PIECE_ROWS_MAX
            {
                start = last.start;
                self.held.take(piece.bytes());
                self.pieces.pop();
            }
        }
        while start < rows {
            let end = rows.min(start.saturating_add(PIECE_ROWS_MAX));
            let piece = build(start..end)?;
            self.held.add(piece.bytes());
            self.pieces.push((start..end, piece));
            start = end;
        }
        Ok(self.pieces.clone())
    }
}
