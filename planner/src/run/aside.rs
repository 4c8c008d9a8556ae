//! Reading that is bounded, and may yet wait for a disk.
//!
//! On the threads of a runtime of several, it is done by the thread that asks, while another one takes over what that had to do, unless work
//! like it was always quick ([`Pace`]): nobody has to be woken before the answer is there. Elsewhere, and where there is more to read, it is
//! given to a thread that may wait. The work asks between its pieces whether it is still wanted ([`Gone`]): where the thread that asks does
//! it, no timer can end it.

#[cfg(test)]
mod tests;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::{Deadline, Pace};
use crate::error::{Error, Result};

/// Tells work when nobody waits for it any more.
pub(crate) struct Gone(Deadline);

impl Gone {
    /// For what is done while somebody waits, until the deadline.
    pub(crate) fn at(deadline: &Deadline) -> Gone {
        Gone(deadline.clone())
    }

    /// Ends work that is not wanted any more.
    ///
    /// # Errors
    ///
    /// `TIMEOUT` past the deadline; `CANCELLED` when it was called off, or who asked has left.
    pub(crate) fn check(&self) -> Result<()> {
        self.0.check()
    }
}

/// Does `work` of a kind, which is told when nobody waits for it any more.
///
/// # Errors
///
/// Those of the work; `TIMEOUT` where the deadline has come before it, `CANCELLED` where it was called off before.
pub(crate) async fn aside<T: Send + 'static>(
    deadline: &Deadline,
    pace: &Pace,
    work: impl FnOnce(&Gone) -> Result<T> + Send + 'static,
) -> Result<T> {
    if is_here() {
        let work = || pace.measured(|| work(&Gone::at(deadline)));
        return match pace.is_quick() {
            true => deadline.wait(async { work() }).await,
            false => deadline.wait(async { tokio::task::block_in_place(work) }).await,
        };
    }
    apart(deadline, work).await
}

/// As [`aside`], always on another thread: for what is not that small.
///
/// # Errors
///
/// As [`aside`].
pub(crate) async fn apart<T: Send + 'static>(
    deadline: &Deadline,
    work: impl FnOnce(&Gone) -> Result<T> + Send + 'static,
) -> Result<T> {
    deadline.check()?;
    let (apart, stop) = deadline.part();
    let gone = Gone(apart);
    let _wanted = stop.when_dropped();
    let working = tokio::task::spawn_blocking(move || work(&gone));
    let worked = async { working.await.map_err(|error| Error::internal(error.to_string()))? };
    deadline.wait(worked).await
}

/// Whether the thread can hand on what it has to do.
fn is_here() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}
