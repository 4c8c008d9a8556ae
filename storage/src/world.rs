//! What the store may not take from the machine by itself: time and ids.

use std::sync::Arc;

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

/// Clock and ids of a process, or of a seeded test.
#[derive(Clone)]
pub struct World {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The ids.
    pub ids: Arc<dyn Ids>,
}

impl World {
    /// The machine's own clock and random source.
    pub fn real() -> World {
        todo!()
    }

    /// A clock that starts at `start_micros` and moves on by one millisecond at each look, and ids by `seed`.
    pub fn seeded(seed: u64, start_micros: i64) -> World {
        let _ = (seed, start_micros);
        todo!()
    }
}
