//! The chain of entries as others can check it: each with its frame, byte for byte, and the hashes that follow from it.

use crate::{
    Csn,
    error::Result,
    log::{Entry, FoundFrame},
    snapshot::Snapshot,
};

/// One entry of the chain. `hash` is BLAKE3 of `frame`, and what the next entry has as `hash_before`; `hash_before` and `csn` are
/// in the frame too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Its number.
    pub csn: u64,
    /// The transaction's instant, microseconds UTC; none for a change of the catalog, or where it can't be read.
    pub time_micros: Option<i64>,
    /// The hash of the entry before; zeros for the first.
    pub hash_before: [u8; 32],
    /// Its own.
    pub hash: [u8; 32],
    /// Header and payload.
    pub frame: Vec<u8>,
}

impl ChainLink {
    /// The link that these bytes are; none when they are no whole and sound frame.
    pub fn of(frame: Vec<u8>) -> Option<ChainLink> {
        FoundFrame::of(frame, 0).map(ChainLink::from)
    }
}

impl From<FoundFrame> for ChainLink {
    fn from(frame: FoundFrame) -> ChainLink {
        let entry = Entry::decode(frame.payload()).ok();
        let time_micros = entry.and_then(|entry| entry.by().map(|by| by.time_micros));
        let FoundFrame { csn, hash_before, hash, bytes, .. } = frame;
        ChainLink { csn, time_micros, hash_before, hash, frame: bytes }
    }
}

impl Snapshot {
    /// The entries from one to another, both of them with it, as far as this state goes and history was not let go of. What they hold is everything: nothing is hidden
    /// from who has them.
    ///
    /// # Errors
    ///
    /// `Io`. `Damaged` comes as an entry is read.
    pub fn chain(
        &self,
        from: Csn,
        to: Csn,
    ) -> Result<impl Iterator<Item = Result<ChainLink>> + Send + use<>> {
        let last = to.0.min(self.csn().0);
        let from = from.0.max(1);
        let reading = self.archive().readers.read_from(from);
        let first = self.archive().kept_from(from, self.csn().0)?;
        let reading = reading.only_from(first);
        let frames = self.archive().frames(first..=last)?;
        Ok(frames.map(move |frame| {
            // As long as it is read on, it is there.
            let _still = &reading;
            frame.map(ChainLink::from)
        }))
    }
}
