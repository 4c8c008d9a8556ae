//! What ends a statement from outside.

use std::time::Duration;

use quarry_planner::Stop;
use tokio::time::{Instant, sleep_until};

use crate::{
    cancel::Cancel,
    error::{PgError, Result},
    sqlstate::SqlState,
    wire::Wire,
};

/// What may end a statement from outside: a cancel request, its deadline, the client leaving.
pub struct Guard {
    cancel: Cancel,
    deadline: Option<Instant>,
}

impl Guard {
    /// A guard from now on.
    pub fn new(cancel: Cancel, timeout: Option<Duration>) -> Guard {
        Guard { cancel, deadline: timeout.and_then(|t| Instant::now().checked_add(t)) }
    }

    /// Waits for `work`, or ends it.
    ///
    /// # Errors
    ///
    /// The work's; `57014`; `08006`, fatal, when the client has gone.
    pub async fn wait<T>(&self, wire: &mut Wire, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            ended = self.ended() => Err(ended),
            // It may have heard of it before this did.
            done = work => done.map_err(|error| if self.cancel.is_called() { cancelled() } else { error }),
            () = wire.gone() => Err(PgError::fatal(SqlState::CONNECTION_FAILURE, "the client has gone")),
        }
    }

    /// Writes what waits for the client, as long as the statement may run. What is not written by then stays before the
    /// error.
    ///
    /// # Errors
    ///
    /// `57014`; `08006`, fatal, when the client has gone or does not read.
    pub async fn flush(&self, wire: &mut Wire) -> Result<()> {
        tokio::select! {
            biased;
            ended = self.ended() => Err(ended),
            done = wire.flush() => done,
        }
    }

    /// Refuses to begin a step when the statement was ended meanwhile.
    ///
    /// # Errors
    ///
    /// `57014`.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_called() {
            return Err(cancelled());
        }
        match self.deadline {
            Some(deadline) if deadline <= Instant::now() => Err(timed_out()),
            _ => Ok(()),
        }
    }

    /// What questions of the statement are to look at while they work.
    pub fn of_work(&self) -> &Stop {
        self.cancel.of_work()
    }

    /// Waits until the statement is ended from outside.
    async fn ended(&self) -> PgError {
        let deadline = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.called() => cancelled(),
            () = deadline => timed_out(),
        }
    }
}

fn cancelled() -> PgError {
    PgError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request")
}

/// What a statement past its time is told.
pub(super) fn timed_out() -> PgError {
    PgError::new(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout")
}
