//! What a question is asked in: who, when, on which state.

use std::{sync::Arc, time::Duration};

use quarry_storage::{Snapshot, TenantName};

use crate::{
    coerce::Clock,
    objectql::AsOf,
    policy::{Seeing, Viewer},
    run::{HeavyLine, MemoryShare, Stop},
    view::Views,
};

/// One question's surroundings. Made by the engine's session; a transaction's context carries its own writes in the
/// snapshot.
#[derive(Clone)]
pub struct QueryContext {
    /// What the session may see.
    pub views: Arc<Views>,
    /// The state it sees.
    pub snapshot: Snapshot,
    /// Which past state that is; none: the newest, perhaps with writes of its own.
    pub as_of: Option<AsOf>,
    /// The user, as policies see him.
    pub viewer: Arc<Viewer>,
    /// The locale for labels.
    pub locale: String,
    /// The time zone for dates.
    pub time_zone: chrono_tz::Tz,
    /// The instant of `now`, microseconds UTC.
    pub now_micros: i64,
    /// The question is ended when it has run so long.
    pub timeout: Option<Duration>,
    /// Ends it before, when it is called.
    pub stop: Stop,
    /// The share of the memory that it and others of its tenant have; none: all of it.
    pub memory: Option<MemoryShare>,
    /// It may read `audit.changes`.
    pub reads_audit: bool,
    /// Whose turns it takes, where these are short. What is seen does not depend on it: a snapshot is one tenant's.
    pub tenant: TenantName,
    /// Where it is told that it waits for one.
    pub line: HeavyLine,
}

impl QueryContext {
    /// The state, and who looks at it.
    pub(crate) fn seeing(&self) -> Seeing {
        Seeing::new(self.snapshot.clone(), Arc::clone(&self.viewer))
    }

    /// When and where it is asked.
    pub(crate) fn clock(&self) -> Clock {
        Clock { now_micros: self.now_micros, zone: self.time_zone }
    }
}
