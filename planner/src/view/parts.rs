//! The parts of a scan, shared out among the partitions of a plan.
//!
//! Two scans of one snapshot may be cut into parts in different ways, since the newest rows lie in memory in pieces that
//! are merged as they grow. So all partitions take from one scan: whoever comes first makes it. A plan may run more than
//! once; the second run of a partition takes from the second scan.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
};

use quarry_storage::{Result, ScanPart, ScanRequest, TableSnapshot};

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
    /// The parts of one partition of so many. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the scan.
    pub(super) fn take(
        &self,
        table: &TableSnapshot,
        request: &ScanRequest,
        (partition, partitions): (usize, usize),
    ) -> Result<Vec<ScanPart>> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let Runs { waiting, taken } = &mut *runs;
        let taken = taken.entry(partition).or_default();
        let run = *taken;
        *taken += 1;
        let shares = match waiting.entry(run) {
            Entry::Occupied(shares) => shares.into_mut(),
            Entry::Vacant(place) => place.insert(shares(table, request, partitions)?),
        };
        let own = shares.remove(&partition).unwrap_or_default();
        if shares.is_empty() {
            waiting.remove(&run);
        }
        Ok(own)
    }
}

/// A scan's parts, dealt out in turn.
fn shares(
    table: &TableSnapshot,
    request: &ScanRequest,
    partitions: usize,
) -> Result<HashMap<usize, Vec<ScanPart>>> {
    let mut shares: HashMap<usize, Vec<ScanPart>> = (0..partitions).map(|at| (at, Vec::new())).collect();
    for (number, part) in table.scan(request.clone())?.into_iter().enumerate() {
        shares.entry(number % partitions.max(1)).or_default().push(part);
    }
    Ok(shares)
}
