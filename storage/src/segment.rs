//! Segments.

use std::{convert::Infallible, ops::Range};

use arrow::array::ArrayRef;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use crate::{catalog::Table, error::Result, term::Term, value::Row};

/// A segment's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct SegmentId(pub u64);

pub(crate) struct Segment {
    never: Infallible,
}

impl Segment {
    pub fn id(&self) -> SegmentId {
        match self.never {}
    }
    pub fn find(&self, _key: &str) -> Result<Option<u32>> {
        match self.never {}
    }
    pub fn row(&self, _table: &Table, _row: u32) -> Result<Row> {
        match self.never {}
    }
    pub fn lookup(&self, _table: &Table, _column: usize, _terms: &[Term]) -> Result<RoaringBitmap> {
        match self.never {}
    }
    pub fn begin_after(&self, _row: u32, _base: u64) -> Result<u64> {
        match self.never {}
    }
    pub fn groups(&self) -> Vec<Range<u32>> {
        match self.never {}
    }
    pub fn columns(&self, _table: &Table, _group: usize, _projection: &[usize]) -> Result<Vec<ArrayRef>> {
        match self.never {}
    }
    pub fn sparse(
        &self,
        _table: &Table,
        _group: usize,
        _projection: &[usize],
        _rows: &[u32],
    ) -> Result<Vec<ArrayRef>> {
        match self.never {}
    }
}
