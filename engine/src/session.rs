//! A session: someone proven, with locale and time zone, on the registry that was current when it began a request.

use std::time::Duration;

use quarry_planner::{Answer, Query, QueryContext};

use crate::{
    change::{Change, ChangeReport},
    error::Result,
    identity::Principal,
    transaction::Transaction,
};

/// What a client may choose.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// For labels.
    pub locale: String,
    /// For dates.
    pub time_zone: chrono_tz::Tz,
    /// A question is ended when it has run so long.
    pub timeout: Option<Duration>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { locale: "en".into(), time_zone: chrono_tz::UTC, timeout: Some(Duration::from_secs(60)) }
    }
}

/// A session; cheap to clone.
#[derive(Clone)]
pub struct Session;

impl Session {
    /// Who.
    pub fn principal(&self) -> &Principal {
        todo!()
    }

    /// Its choices, to change (`SET timezone`).
    pub fn options_mut(&mut self) -> &mut SessionOptions {
        todo!()
    }

    /// The surroundings of a question on the newest state.
    pub fn context(&self) -> QueryContext {
        todo!()
    }

    /// Answers one question on the newest state.
    ///
    /// # Errors
    ///
    /// The planner's.
    pub async fn query(&self, query: &Query) -> Result<Answer> {
        let _ = query;
        todo!()
    }

    /// A transaction on the newest state.
    pub fn begin(&self) -> Transaction {
        todo!()
    }

    /// All changes as one transaction, retried a few times on a write conflict; `dry_run` keeps nothing.
    ///
    /// # Errors
    ///
    /// `Violated` with all findings, `Conflict`, …; nothing was kept.
    pub async fn change(&self, changes: Vec<Change>, dry_run: bool) -> Result<ChangeReport> {
        let _ = (changes, dry_run);
        todo!()
    }
}
