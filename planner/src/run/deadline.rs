//! What ends a question: its time is over, or it is called off.
//!
//! Who waits for a question ends it by waiting no more. Work that a thread does in one piece does not hear of that, neither of a timer nor of
//! whoever was to wait: it asks here, between its pieces.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use crate::{
    context::QueryContext,
    error::{Error, Result},
};

/// Calls a question off, from wherever; what is cloned of it is the same. By default nobody can.
#[derive(Clone, Debug, Default)]
pub struct Stop(Option<Arc<Flag>>);

#[derive(Debug)]
struct Flag {
    is_called: AtomicBool,
    /// What this is a part of.
    whole: Stop,
}

impl Stop {
    /// One that may be called.
    pub fn new() -> Stop {
        Stop::default().part()
    }

    /// Of a part of the work: it stops with the whole, and may be called alone.
    #[must_use]
    pub fn part(&self) -> Stop {
        Stop(Some(Arc::new(Flag { is_called: AtomicBool::new(false), whole: self.clone() })))
    }

    /// From now on the work is not wanted.
    pub fn call(&self) {
        if let Some(flag) = &self.0 {
            flag.is_called.store(true, Ordering::Relaxed);
        }
    }

    /// Calls it when what is given here is dropped: for who waits.
    pub fn when_dropped(&self) -> StopWhenDropped {
        StopWhenDropped(self.clone())
    }

    /// Whether it was called, or the whole of it.
    pub fn is_called(&self) -> bool {
        let mut next = &self.0;
        while let Some(flag) = next {
            if flag.is_called.load(Ordering::Relaxed) {
                return true;
            }
            next = &flag.whole.0;
        }
        false
    }
}

/// Held by who waits for work.
pub struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.call();
    }
}

/// When a question is ended: at an instant, where there is one, or when it is called off.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    instant: Option<Instant>,
    stop: Stop,
}

impl Deadline {
    /// Of a question that is asked now.
    pub(crate) fn of(context: &QueryContext) -> Deadline {
        Deadline::after(context.timeout, context.stop.clone())
    }

    /// So long from now, or when it is called off.
    pub(crate) fn after(timeout: Option<Duration>, stop: Stop) -> Deadline {
        Deadline { instant: timeout.and_then(|timeout| Instant::now().checked_add(timeout)), stop }
    }

    /// The same for a part of the work, which may be called off alone.
    pub(crate) fn part(&self) -> (Deadline, Stop) {
        let stop = self.stop.part();
        (Deadline { instant: self.instant, stop: stop.clone() }, stop)
    }

    /// The instant; none: it may run on.
    pub(crate) fn instant(&self) -> Option<Instant> {
        self.instant
    }

    /// Whether it has not come yet.
    ///
    /// # Errors
    ///
    /// `TIMEOUT` when it has; `CANCELLED` when the question was called off.
    pub(crate) fn check(&self) -> Result<()> {
        if self.stop.is_called() {
            return Err(Error::cancelled());
        }
        match self.instant {
            Some(instant) if instant <= Instant::now() => Err(Error::timeout()),
            _ => Ok(()),
        }
    }

    /// Waits for `work`, no longer than the deadline; what comes behind it is not taken.
    pub(crate) async fn wait<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T>
    where
        Error: From<E>,
    {
        self.check()?;
        let done = match self.instant {
            Some(instant) => timeout_at(instant, work).await.map_err(|_| Error::timeout())??,
            None => work.await?,
        };
        // The timer looks at the work first, however long that takes, and is up to a millisecond late.
        self.check()?;
        Ok(done)
    }
}
