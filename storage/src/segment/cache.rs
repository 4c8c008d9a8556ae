//! Decoded columns, in one byte budget.

use arrow::array::{Array, ArrayRef};
use quick_cache::{Weighter, sync::Cache};

use super::SegmentId;

/// A column of a row group of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ColumnId {
    pub segment: SegmentId,
    pub group: usize,
    pub column: usize,
}

/// An array with what it takes in memory, measured once.
#[derive(Clone)]
struct Kept {
    array: ArrayRef,
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<ColumnId, Kept> for ByBytes {
    fn weight(&self, _: &ColumnId, kept: &Kept) -> u64 {
        kept.bytes
    }
}

/// The columns that were decoded lately.
pub(crate) struct ColumnCache {
    kept: Cache<ColumnId, Kept, ByBytes>,
}

impl ColumnCache {
    /// A cache of at most `bytes`.
    pub fn new(bytes: u64) -> ColumnCache {
        let typical = usize::try_from(bytes >> 18).unwrap_or(usize::MAX).clamp(64, 1 << 20);
        ColumnCache { kept: Cache::with_weighter(typical, bytes, ByBytes) }
    }

    pub(super) fn get(&self, id: ColumnId) -> Option<ArrayRef> {
        self.kept.get(&id).map(|kept| kept.array)
    }

    pub(super) fn insert(&self, id: ColumnId, array: ArrayRef) {
        let bytes = u64::try_from(array.get_array_memory_size()).unwrap_or(u64::MAX).max(1);
        self.kept.insert(id, Kept { array, bytes });
    }
}
