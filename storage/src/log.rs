//! The commit log: the truth of what was acknowledged.
//!
//! ```text
//! log/00000000000000000001.log    file header | frame | frame | … | zeros
//! ```
//!
//! One frame is one transaction or one change of the catalog, numbered by its CSN and chained to the frame before by
//! that one's BLAKE3 hash. A file is named by its first CSN and rolled by size. Behind the frames the file is zeroed ahead
//! of time by a background thread, so that a sync has no new blocks to enter in the file system's journal.
//!
//! Each frame also tells up to which CSN all was synced when it was written. So a broken frame can be judged: if a
//! later frame says that the broken one had been synced, it is damage; if none does, it belongs to the last write, which
//! was never acknowledged, and is cut off.

mod ahead;
mod entry;
mod frame;
mod framing;
mod reader;
mod recovery;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use entry::{
    ChangeEntry, CheckpointEntry, Entry, LoadEntry, LoadedSegment, LoadedTable, TableEntry, TransactionEntry,
    patched,
};
pub(crate) use frame::Hash;
pub(crate) use reader::{FoundFrame, FrameReader};
pub(crate) use recovery::{LogStart, Tail, judge_tail, log_files, recover};
pub(crate) use writer::{LogGround, LogWriter};
