//! What the store may not take from the machine by itself: time, ids and chance, files, and where objects lie.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // one of the two places that hold the world

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use object_store::ObjectStore;
use parking_lot::Mutex;
use rand::{RngCore, SeedableRng, TryRngCore, rngs::OsRng, rngs::StdRng};
use ulid::Ulid;

use crate::{
    encryption::KeyProvider,
    files::{Files, RealFiles},
};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn now_micros(&self) -> i64;
}

/// Makes ids.
pub trait Ids: Send + Sync {
    /// A new ULID in its 26-character form, greater than those made before in this process.
    fn ulid(&self) -> String;
    /// 32 unpredictable bytes.
    fn secret(&self) -> [u8; 32];
}

/// Gives the object store of the store in a folder.
pub type ObjectStoreOf = Arc<dyn Fn(&Path) -> Arc<dyn ObjectStore> + Send + Sync>;

/// Where a store keeps all but its log.
#[derive(Clone)]
pub enum ObjectPlace {
    /// In its folder, beside the log.
    Folder,
    /// In another object store. When a put, a complete or a delete there returns `Ok`, it must be durable, and a put
    /// of `PutMode::Create` must let only one of many win. Its futures are polled on threads that belong to no runtime.
    Elsewhere(ObjectStoreOf),
}

/// Clock, ids and disk of a process, or of a seeded test.
#[derive(Clone)]
pub struct World {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The ids.
    pub ids: Arc<dyn Ids>,
    /// The files.
    pub files: Arc<dyn Files>,
    /// The place of objects.
    pub objects: ObjectPlace,
    /// Who wraps the keys of stores. `None`: new stores are not encrypted, and encrypted ones are not opened.
    pub keys: Option<Arc<dyn KeyProvider>>,
}

impl World {
    /// The machine's own clock, random source and disk.
    pub fn real() -> World {
        World {
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds { last: Mutex::new(Ulid::nil()) }),
            files: Arc::new(RealFiles),
            objects: ObjectPlace::Folder,
            keys: None,
        }
    }

    /// A clock that starts at `start_micros` and moves on by one millisecond at each look, and ids by `seed`; the
    /// machine's disk.
    pub fn seeded(seed: u64, start_micros: i64) -> World {
        let start_millis = u64::try_from(start_micros / 1_000).unwrap_or(0);
        World {
            clock: Arc::new(SteppingClock { next: Mutex::new(start_micros) }),
            ids: Arc::new(SeededIds {
                state: Mutex::new(SeededState {
                    random: StdRng::seed_from_u64(seed),
                    millis: start_millis,
                    last: Ulid::nil(),
                }),
            }),
            files: Arc::new(RealFiles),
            objects: ObjectPlace::Folder,
            keys: None,
        }
    }
}

/// The machine's clock.
struct SystemClock;

impl Clock for SystemClock {
    fn now_micros(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

/// ULIDs from the machine's clock and random source; where the clock stands still or goes back, the last id
/// plus one.
struct SystemIds {
    last: Mutex<Ulid>,
}

impl Ids for SystemIds {
    fn ulid(&self) -> String {
        let millis = u64::try_from(SystemClock.now_micros() / 1_000).unwrap_or(0);
        let random = self.secret();
        let mut last = self.last.lock();
        *last = later(*last, millis, &random);
        last.to_string()
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        if OsRng.try_fill_bytes(&mut bytes).is_err() {
            // A machine without a random source cannot make secrets; going on would make guessable ones.
            std::process::abort();
        }
        bytes
    }
}

/// A clock for tests: the same times in every run.
struct SteppingClock {
    next: Mutex<i64>,
}

impl Clock for SteppingClock {
    fn now_micros(&self) -> i64 {
        let mut next = self.next.lock();
        let now = *next;
        *next = now.saturating_add(1_000);
        now
    }
}

/// Ids for tests: the same ids in every run.
struct SeededIds {
    state: Mutex<SeededState>,
}

struct SeededState {
    random: StdRng,
    millis: u64,
    last: Ulid,
}

impl Ids for SeededIds {
    fn ulid(&self) -> String {
        let random = self.secret();
        let mut state = self.state.lock();
        state.millis += 1;
        state.last = later(state.last, state.millis, &random);
        state.last.to_string()
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.state.lock().random.fill_bytes(&mut bytes);
        bytes
    }
}

/// A ULID of that millisecond, or the one after `last` when that would not be greater.
fn later(last: Ulid, millis: u64, random: &[u8; 32]) -> Ulid {
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, ..] = *random;
    let low = u128::from_be_bytes([0, 0, 0, 0, 0, 0, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9]);
    let fresh = Ulid::from_parts(millis, low);
    if fresh > last { fresh } else { Ulid(last.0.saturating_add(1)) }
}
