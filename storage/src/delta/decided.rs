//! What predicates hold for, of versions that were decided about before ([`crate::predicate`]): versions never change.

use std::sync::Arc;

use parking_lot::Mutex;
use roaring::RoaringBitmap;

/// Predicates that are remembered; each takes two bits for a version at most.
const PREDICATES_MAX: usize = 32;

/// By the predicate's number, the one that was asked for last at the end.
#[derive(Default)]
pub(super) struct Decided(Mutex<Vec<(u64, Arc<Known>)>>);

/// What is known of one predicate.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// Versions that were decided about.
    pub decided: RoaringBitmap,
    /// Those of them for which it holds.
    pub held: RoaringBitmap,
}

impl Decided {
    pub fn get(&self, number: u64) -> Arc<Known> {
        let mut all = self.0.lock();
        let Some(at) = all.iter().position(|(known, _)| *known == number) else { return Arc::default() };
        let found = all.remove(at);
        let known = found.1.clone();
        all.push(found);
        known
    }

    /// Remembers more of it; the predicate that was not asked for the longest goes.
    pub fn add(&self, number: u64, decided: &RoaringBitmap, held: &RoaringBitmap) {
        let mut all = self.0.lock();
        let mut known = match all.iter().position(|(known, _)| *known == number) {
            Some(at) => all.remove(at).1,
            None => Arc::default(),
        };
        let more = Arc::make_mut(&mut known);
        more.decided |= decided;
        more.held |= held;
        if all.len() >= PREDICATES_MAX {
            all.remove(0);
        }
        all.push((number, known));
    }
}
