//! Both ways to commit: waiting for the answer, and being told of it.

use std::sync::Arc;

use super::{Tell, Waiting, committed, encode};
use crate::{
    delta::Held,
    error::{Error, Result},
    store::{CommitInfo, Committed, Inner, Store},
    usage::BYTES_MAX,
    write::WriteSet,
};

impl Store {
    /// Makes a transaction durable: conflicts, unique values and references are checked against the newest state,
    /// one entry is appended and synced (together with those of others who wait), then it is visible.
    ///
    /// # Errors
    ///
    /// `Conflict`, the violations, `Limited`, `Unavailable`; the transaction then left nothing.
    pub fn commit(&self, writes: WriteSet, info: CommitInfo) -> Result<Committed> {
        let inner = &self.inner;
        let Some(encoded) = self.encoded(&writes, info)? else { return Ok(committed(inner.published().csn)) };
        inner.measure_if_bounded()?;
        inner.wait_for_room(&self.folding)?;
        let own = Waiting::new(writes, self.held(encoded), None);
        let commit_batch = |batch: &[Arc<Waiting>]| inner.commit_batch(batch);
        let answer = inner.queue.commit(&own, commit_batch, || lead_on(inner));
        self.fold_if_due(&answer);
        answer
    }

    /// As [`Self::commit`] for one who does not wait, and may do so on any thread: `tell` is called with the answer, by this call or by
    /// whoever leads. Small transactions only: what it takes to encode one is done at once.
    pub fn submit(
        self: &Arc<Self>,
        writes: WriteSet,
        info: CommitInfo,
        tell: impl FnOnce(Result<Committed>) + Send + 'static,
    ) {
        let encoded = match self.encoded(&writes, info) {
            Ok(Some(encoded)) => encoded,
            Ok(None) => {
                tell(Ok(committed(self.inner.published().csn)));
                return;
            }
            Err(error) => {
                tell(Err(error));
                return;
            }
        };
        let store = Arc::clone(self);
        let tell: Tell = Box::new(move |answer| {
            store.fold_if_due(&answer);
            tell(answer);
        });
        let own = Waiting::new(writes, self.held(encoded), Some(tell));
        if self.inner.queue.join(&own) {
            lead_on(&self.inner);
        }
    }

    /// Whether there is room for what changes before it is folded, and known how much there is on disk where that is bounded; where not,
    /// [`Self::commit`] waits for it.
    pub fn has_room(&self) -> bool {
        self.inner.gauge.bytes() <= self.inner.options.delta_bytes_max && self.inner.knows_what_is_bounded()
    }

    /// The entry of a transaction, with its instant; none for one that changes nothing.
    fn encoded(&self, writes: &WriteSet, info: CommitInfo) -> Result<Option<(Vec<u8>, i64)>> {
        let (options, now) = (&self.inner.options, self.inner.published());
        if writes.is_empty() {
            return Ok(None);
        }
        if writes.base().0 > now.csn {
            return Err(Error::Invalid(format!(
                "a transaction on the state {}, which is yet to come",
                writes.base().0
            )));
        }
        let limit = options.transaction_rows_max;
        if writes.len() > limit {
            return Err(Error::Limited {
                limit: "transaction_rows_max",
                asked: u64::try_from(writes.len()).unwrap_or(u64::MAX),
                allowed: u64::try_from(limit).unwrap_or(u64::MAX),
            });
        }
        let (asked, allowed) = (writes.bytes(), options.transaction_bytes_max);
        if asked > allowed {
            return Err(Error::Limited { limit: "transaction_bytes_max", asked, allowed });
        }
        let time_micros = info.time_micros;
        Ok(Some((encode(&now.state.catalog, writes, info)?, time_micros)))
    }

    /// Counted as what waits to be written.
    fn held(&self, encoded: (Vec<u8>, i64)) -> ((Vec<u8>, i64), Held) {
        let held = self.inner.gauge.hold(u64::try_from(encoded.0.len()).unwrap_or(u64::MAX));
        (encoded, held)
    }

    /// A fold makes room in memory, and perhaps on disk.
    fn fold_if_due(&self, answer: &Result<Committed>) {
        let inner = &self.inner;
        let is_full = matches!(answer, Err(Error::Limited { limit: BYTES_MAX, .. }));
        if inner.published().state.newest_bytes() > inner.options.delta_bytes_target
            || is_full && inner.meter.wish_for_room(inner.clock.now_micros())
        {
            self.folding.ask();
        }
    }
}

/// Has those led for who have no thread.
fn lead_on(inner: &Arc<Inner>) {
    let own = Arc::clone(inner);
    inner.leaders.lead(move || own.queue.lead(|batch| own.commit_batch(batch)));
}
