//! What reading segments made, in one byte budget for all stores of a process: decoded columns, Parquet footers, open
//! indexes. All of it can be made again.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use quick_cache::{Weighter, sync};
use roaring::RoaringBitmap;

use super::SegmentId;
use crate::text::TextPart;

/// What an entry for rows that were decided takes besides them, about.
const DECIDED_BYTES: usize = 128;

/// A segment of a store of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SegmentKey {
    /// The store's number ([`crate::Resources::store_number`]).
    pub store: u64,
    pub segment: SegmentId,
}

/// Something of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Name {
    Column {
        group: usize,
        column: usize,
    },
    Footer,
    Index,
    /// What was decided of the rows of a group, by the number of what decided it.
    Decided {
        group: usize,
        by: u64,
    },
}

#[derive(Clone)]
enum Thing {
    Column(ArrayRef),
    Footer(ArrowReaderMetadata),
    Index(Arc<TextPart>),
    Decided(Arc<RoaringBitmap>),
}

/// With what it takes in memory, measured once.
#[derive(Clone)]
struct Kept {
    thing: Thing,
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(SegmentKey, Name), Kept> for ByBytes {
    fn weight(&self, _: &(SegmentKey, Name), kept: &Kept) -> u64 {
        kept.bytes
    }
}

/// What was used lately.
pub(crate) struct Cache {
    kept: sync::Cache<(SegmentKey, Name), Kept, ByBytes>,
}

impl Cache {
    /// A cache of at most `bytes`.
    pub fn new(bytes: u64) -> Cache {
        let typical = usize::try_from(bytes >> 18).unwrap_or(usize::MAX).clamp(64, 1 << 20);
        Cache { kept: sync::Cache::with_weighter(typical, bytes, ByBytes) }
    }

    /// Lets go of all that belongs to a store.
    pub fn forget_store(&self, store: u64) {
        self.kept.retain(|(segment, _), _| segment.store != store);
    }

    /// Lets go of all that belongs to a segment of so many row groups and columns.
    pub(super) fn forget_segment(&self, segment: SegmentKey, (groups, columns): (usize, usize)) {
        self.kept.remove(&(segment, Name::Footer));
        self.kept.remove(&(segment, Name::Index));
        for group in 0..groups {
            for column in 0..columns {
                self.kept.remove(&(segment, Name::Column { group, column }));
            }
        }
    }

    /// What is kept, in bytes.
    #[cfg(test)]
    pub fn bytes(&self) -> u64 {
        self.kept.weight()
    }

    pub(super) fn column(&self, segment: SegmentKey, group: usize, column: usize) -> Option<ArrayRef> {
        match self.kept.get(&(segment, Name::Column { group, column }))?.thing {
            Thing::Column(array) => Some(array),
            _ => None,
        }
    }

    pub(super) fn keep_column(&self, segment: SegmentKey, group: usize, column: usize, array: ArrayRef) {
        let bytes = array.get_array_memory_size();
        self.insert((segment, Name::Column { group, column }), Thing::Column(array), bytes);
    }

    pub(super) fn footer(&self, segment: SegmentKey) -> Option<ArrowReaderMetadata> {
        match self.kept.get(&(segment, Name::Footer))?.thing {
            Thing::Footer(footer) => Some(footer),
            _ => None,
        }
    }

    pub(super) fn keep_footer(&self, segment: SegmentKey, footer: ArrowReaderMetadata) {
        let bytes = footer.metadata().memory_size();
        self.insert((segment, Name::Footer), Thing::Footer(footer), bytes);
    }

    pub(super) fn index(&self, segment: SegmentKey) -> Option<Arc<TextPart>> {
        match self.kept.get(&(segment, Name::Index))?.thing {
            Thing::Index(index) => Some(index),
            _ => None,
        }
    }

    pub(super) fn keep_index(&self, segment: SegmentKey, index: Arc<TextPart>) {
        let bytes = index.bytes();
        self.insert((segment, Name::Index), Thing::Index(index), bytes);
    }

    pub(super) fn decided(&self, segment: SegmentKey, group: usize, by: u64) -> Option<Arc<RoaringBitmap>> {
        match self.kept.get(&(segment, Name::Decided { group, by }))?.thing {
            Thing::Decided(rows) => Some(rows),
            _ => None,
        }
    }

    pub(super) fn keep_decided(
        &self,
        segment: SegmentKey,
        (group, by): (usize, u64),
        rows: Arc<RoaringBitmap>,
    ) {
        let bytes = DECIDED_BYTES + rows.serialized_size();
        self.insert((segment, Name::Decided { group, by }), Thing::Decided(rows), bytes);
    }

    fn insert(&self, name: (SegmentKey, Name), thing: Thing, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX).max(1);
        self.kept.insert(name, Kept { thing, bytes });
    }
}
