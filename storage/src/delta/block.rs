//! A fixed run of row versions that is filled once, front to back, while readers look at it.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use super::NEVER;
use crate::{
    error::{Error, Result},
    value::Row,
};

/// Versions in a block.
pub(super) const BLOCK_ROWS: u32 = 256;

/// One version of a row.
pub(super) struct Cell {
    pub row: Row,
    /// Visible from this CSN on …
    pub begin: u64,
    /// … up to but without this one.
    end: AtomicU64,
}

impl Cell {
    /// May a reader at this CSN see it?
    pub fn is_visible(&self, csn: u64) -> bool {
        self.begin <= csn && csn < self.end()
    }

    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub fn set_end(&self, csn: u64) {
        self.end.store(csn, Ordering::Release);
    }
}

pub(super) struct Block {
    cells: Vec<OnceLock<Cell>>,
}

impl Block {
    pub fn new() -> Block {
        Block { cells: (0..BLOCK_ROWS).map(|_| OnceLock::new()).collect() }
    }

    /// Fills a place that is free.
    pub fn set(&self, place: u32, row: Row, begin: u64) -> Result<()> {
        let cell = usize::try_from(place).ok().and_then(|place| self.cells.get(place));
        let filled = cell.map(|cell| cell.set(Cell { row, begin, end: AtomicU64::new(NEVER) }));
        match filled {
            Some(Ok(())) => Ok(()),
            _ => Err(Error::Internal(format!("place {place} of a block is not free"))),
        }
    }

    pub fn get(&self, place: u32) -> Option<&Cell> {
        self.cells.get(usize::try_from(place).ok()?)?.get()
    }

    /// All places in order, also those still free.
    pub fn cells(&self) -> impl Iterator<Item = Option<&Cell>> {
        self.cells.iter().map(OnceLock::get)
    }
}
