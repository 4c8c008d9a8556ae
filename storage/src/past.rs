//! Reading the past: a manifest that is kept, and the entries behind it.
//!
//! 1. [`Store::snapshot_at`] looks whether the current state can tell: it can from the CSN on up to which all is folded.
//! 2. Else the last manifest before the wanted CSN or time is opened ([`crate::retained`]) …
//! 3. … and the entries behind it are replayed into a delta of its own, in memory, up to the wanted one.
//!
//! What comes out is a snapshot like every other: keys, indexes, scans and search answer on it. It is seen through the
//! tables of today: a column that was added later is null in it, a later table is empty.

use std::{ops::RangeInclusive, sync::Arc};

use crate::{
    Csn, apply, bulk,
    catalog::{Catalog, TableId},
    changes::Changes,
    delta::{Gauge, Generation},
    error::{Error, Result},
    history::{Archive, timestamp},
    log::Entry,
    manifest::Manifest,
    retained::{Retained, Segments},
    segment::Ground,
    snapshot::Snapshot,
    state::{SegmentPart, State},
    store::{Inner, Published, Store},
};

/// Which past state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The one after this commit.
    Csn(Csn),
    /// The last one at this instant, microseconds UTC. The time of a commit is the latest instant of all transactions up
    /// to it: so the same instant gives the same state whenever it is asked for, once a later one has been committed.
    Time(i64),
}

impl Store {
    /// The state as it was. Further back than the current state reaches it is made anew each time, from what
    /// [`crate::StoreOptions::history_window_seconds`] keeps.
    ///
    /// # Errors
    ///
    /// `Invalid` for the future, and for what is older than the window; `Limited` when more than
    /// `time_travel_bytes_max` would have to be replayed, or [`crate::ResourceOptions::past_states_max`] are read already
    /// and none of them is given up in time; `Damaged`, `Io`.
    pub fn snapshot_at(&self, as_of: AsOf) -> Result<Snapshot> {
        let inner = &*self.inner;
        let now = inner.published();
        match as_of {
            AsOf::Csn(Csn(csn)) if csn > now.csn => {
                Err(Error::Invalid(format!("state {csn} is yet to come; the newest is {}", now.csn)))
            }
            AsOf::Csn(Csn(csn)) if csn >= now.state.folded.csn => Ok(Snapshot::new(now.state, csn)),
            AsOf::Csn(Csn(csn)) => past(inner, &now, csn, i64::MAX),
            AsOf::Time(at) => {
                let clock = inner.clock.now_micros();
                if at > clock {
                    let (at, clock) = (timestamp(at), timestamp(clock));
                    return Err(Error::Invalid(format!("{at} is in the future: it is {clock}")));
                }
                if at >= inner.newest_time() {
                    return Ok(Snapshot::new(now.state, now.csn));
                }
                if at < now.state.folded.time_micros {
                    return past(inner, &now, now.csn, at);
                }
                let csns = now.state.folded.csn + 1..=now.csn;
                let (state, csn) =
                    Replay::until(at).follow(now.state, (&inner.retained, &inner.ground), csns)?;
                Ok(Snapshot::new(state, csn))
            }
        }
    }
}

/// The last state up to a CSN and a time, both before what the current state can tell.
fn past(inner: &Inner, now: &Published, csn: u64, at: i64) -> Result<Snapshot> {
    let place = inner.log_ground.resources.replays.take()?;
    let found = inner.retained.find(&inner.ground, |start| start.csn <= csn && start.time_micros <= at)?;
    let Some((manifest, segments)) = found else { return Err(outside(inner)) };
    let catalog = now.state.catalog.clone();
    // Not in the store's gauge: who looks back must not make writers wait. It has a limit of its own, and a place.
    let gauge = Gauge::of_replay(place);
    let state = state_over(&manifest, segments, catalog, now.state.archive.clone(), &gauge);
    let replay = Replay { until_micros: at, bytes_max: inner.options.time_travel_bytes_max, applies: true };
    let csns = manifest.folded_csn + 1..=csn;
    let (state, csn) = replay.follow(Arc::new(state), (&inner.retained, &inner.ground), csns)?;
    Ok(Snapshot::new(state, csn))
}

fn outside(inner: &Inner) -> Error {
    let seconds = inner.options.history_window_seconds;
    let oldest = inner.retained.oldest();
    let oldest = oldest.map(|start| format!("state {} of {}", start.csn, timestamp(start.time_micros)));
    Error::Invalid(format!(
        "that is older than what is kept (history_window_seconds: {seconds}); the oldest is {}",
        oldest.unwrap_or_else(|| "the current state".into())
    ))
}

/// The state that a manifest tells: segments, and an empty delta over them. When its tables were changed is not known.
pub(crate) fn state_over(
    manifest: &Manifest,
    segments: Segments,
    catalog: Arc<Catalog>,
    archive: Arc<Archive>,
    gauge: &Gauge,
) -> State {
    let live = |part: &SegmentPart| u64::from(part.segment.rows()).saturating_sub(part.deleted.len());
    let rows = |table: TableId| segments.get(&table).map_or(0, |parts| parts.iter().map(live).sum());
    State {
        generations: vec![Arc::new(Generation::new(&catalog, rows, gauge))],
        folded: manifest.folded(),
        frozen: None,
        segments,
        archive,
        changes: Arc::new(Changes::unknown()),
        catalog,
    }
}

/// Follows entries behind a state.
pub(crate) struct Replay {
    /// Up to the last commit of this time.
    pub until_micros: i64,
    /// What the delta may take at most.
    pub bytes_max: u64,
    /// Entries become part of the state.
    pub applies: bool,
}

impl Replay {
    /// Only looks for the last commit of a time.
    fn until(until_micros: i64) -> Replay {
        Replay { until_micros, bytes_max: u64::MAX, applies: false }
    }

    /// The state, and the CSN of the last entry that was followed. The state's catalog must have the tables of all of them.
    ///
    /// # Errors
    ///
    /// `Limited`, `Damaged`, `Io`.
    pub fn follow(
        &self,
        mut state: Arc<State>,
        from: (&Retained, &Arc<Ground>),
        csns: RangeInclusive<u64>,
    ) -> Result<(Arc<State>, u64)> {
        let mut last = csns.start().saturating_sub(1);
        let mut time = state.folded.time_micros;
        let archive = state.archive.clone();
        for frame in archive.frames(csns)? {
            let frame = frame?;
            let entry = Entry::decode(frame.payload())
                .map_err(|error| Error::Internal(format!("entry {} can't be read: {error}", frame.csn)))?;
            time = entry.by().map_or(time, |by| time.max(by.time_micros));
            if time > self.until_micros {
                break;
            }
            match &entry {
                Entry::Transaction(transaction) if self.applies => {
                    apply::replay(&state, transaction, frame.csn)?;
                }
                Entry::Load(load) if self.applies => {
                    state = Arc::new(bulk::replay(&state, from, load, frame.csn)?);
                }
                _ => {}
            }
            last = frame.csn;
            let asked = state.newest_bytes();
            if asked > self.bytes_max {
                return Err(Error::Limited {
                    limit: "time_travel_bytes_max",
                    asked,
                    allowed: self.bytes_max,
                });
            }
        }
        Ok((state, last))
    }
}
