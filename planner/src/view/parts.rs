//! The parts of a scan, shared out among the partitions of a plan.
//!
//! Two scans of one snapshot may be cut into parts in different ways, since the newest rows lie in memory in pieces that
//! are merged as they grow. So all partitions take from one scan: whoever comes first makes it. A plan may run more than
//! once; the second run of a partition takes from the second scan.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
};

use quarry_storage::ScanPart;

/// Parts that are not taken yet.
#[derive(Default)]
pub(super) struct Parts {
    runs: Mutex<Runs>,
}

#[derive(Default)]
struct Runs {
    /// By run: the parts of each partition that has not come for them.
    waiting: HashMap<usize, HashMap<usize, Vec<ScanPart>>>,
    /// By partition, how often it came.
    taken: HashMap<usize, usize>,
}

impl Parts {
    /// The parts of one partition of so many, of a scan that is made when none of them has come for its own yet. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the scan.
    pub(super) fn take<E>(
        &self,
        (partition, partitions): (usize, usize),
        scan: impl FnOnce() -> Result<Vec<ScanPart>, E>,
    ) -> Result<Vec<ScanPart>, E> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let Runs { waiting, taken } = &mut *runs;
        let taken = taken.entry(partition).or_default();
        let run = *taken;
        *taken += 1;
        let shares = match waiting.entry(run) {
            Entry::Occupied(shares) => shares.into_mut(),
            Entry::Vacant(place) => place.insert(shares(scan()?, partitions)),
        };
        let own = shares.remove(&partition).unwrap_or_default();
        if shares.is_empty() {
            waiting.remove(&run);
        }
        Ok(own)
    }
}

/// A scan's parts, dealt out in turn.
fn shares(parts: Vec<ScanPart>, partitions: usize) -> HashMap<usize, Vec<ScanPart>> {
    let mut shares: HashMap<usize, Vec<ScanPart>> = (0..partitions).map(|at| (at, Vec::new())).collect();
    for (number, part) in parts.into_iter().enumerate() {
        shares.entry(number % partitions.max(1)).or_default().push(part);
    }
    shares
}
