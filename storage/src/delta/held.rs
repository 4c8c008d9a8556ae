//! Bytes that the deltas of a store hold, whoever keeps them alive.
//!
//! A [`Gauge`] is the sum over a store of: rows of every delta that is alive, the newest, one that is being folded, and those
//! that only a snapshot still pins; batches, text indexes and sorted places that readers had built over them; and payloads
//! that wait to be written. Each owner has its [`Held`], which gives back what it holds when it goes.
//!
//! Not in it: bitmaps of deleted rows that are kept (a bit per row of a segment at most), the hash maps' spare room, and
//! transactions that are not committed yet, which have a limit of their own.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::resources::ReplayPlace;

/// What a store holds.
#[derive(Clone, Default)]
pub(crate) struct Gauge(Arc<Sum>);

#[derive(Default)]
struct Sum {
    bytes: AtomicU64,
    /// Of a past state, whose deltas have a gauge of their own: its place among others is free when the last of them is gone.
    _place: Option<ReplayPlace>,
}

/// What one owner holds of it.
pub(crate) struct Held {
    bytes: AtomicU64,
    gauge: Gauge,
}

impl Gauge {
    /// All that is held, in bytes, roughly.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// The gauge of a past state.
    pub fn of_replay(place: ReplayPlace) -> Gauge {
        Gauge(Arc::new(Sum { bytes: AtomicU64::new(0), _place: Some(place) }))
    }

    /// A new owner of so many bytes.
    pub fn hold(&self, bytes: u64) -> Held {
        let held = Held { bytes: AtomicU64::new(0), gauge: self.clone() };
        held.add(bytes);
        held
    }
}

impl Held {
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn gauge(&self) -> &Gauge {
        &self.gauge
    }

    /// More is held.
    pub fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.gauge.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Less is held; not more than was added.
    pub fn take(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.gauge.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.0.bytes.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}
