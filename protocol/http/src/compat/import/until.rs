//! Until when an import goes on. The door ends a request at its deadline and nobody hears what was written by then, so an import ends
//! before it, and tells.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::{Instant, timeout_at};

use crate::{layers::Deadline, problem::Problem};

/// Time that is kept for the report.
const REPORT_TIME: Duration = Duration::from_secs(2);

/// The times of an import; none where the door has no deadline.
#[derive(Clone, Copy)]
pub(super) struct Until {
    times: Option<Times>,
}

#[derive(Clone, Copy)]
struct Times {
    /// Nothing is begun after it.
    begun: Instant,
    /// Nothing is waited for after it.
    ended: Instant,
}

impl Until {
    /// Three quarters of the time that is left are for what is begun, the rest is for what runs then.
    pub fn of(deadline: Option<Deadline>) -> Self {
        let times = deadline.map(|Deadline(at)| {
            let left = at.saturating_duration_since(Instant::now());
            let before = |time: Duration| at.checked_sub(time).unwrap_or(at);
            Times { begun: before(left / 4), ended: before(REPORT_TIME.min(left / 8)) }
        });
        Self { times }
    }

    /// That something more may be begun.
    ///
    /// # Errors
    ///
    /// `TIMEOUT`: it is not.
    pub fn must_begin(self) -> Result<(), Problem> {
        match self.times {
            Some(times) if Instant::now() >= times.begun => {
                Err(timeout("the import ran out of time before this was written; send it again"))
            }
            _ => Ok(()),
        }
    }

    /// What work comes to.
    ///
    /// # Errors
    ///
    /// `TIMEOUT`: it is not known to what. A commit that has begun goes on.
    pub async fn wait<T>(self, work: impl Future<Output = T>) -> Result<T, Problem> {
        match self.times {
            None => Ok(work.await),
            Some(times) => timeout_at(times.ended, work).await.map_err(|_| {
                timeout("the import ran out of time while this was being written; look whether it was")
            }),
        }
    }
}

fn timeout(message: &str) -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", message)
}
