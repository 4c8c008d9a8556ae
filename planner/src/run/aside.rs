//! Reading that is bounded, and may yet wait for a disk.
//!
//! On the threads of a runtime of several, it is done by the thread that asks, while another one takes over what that had to do: nobody
//! has to be woken before the answer is there. Elsewhere it is given to a thread that may wait.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::Deadline;
use crate::error::{Error, Result};

/// For what is done while somebody waits.
pub(crate) static NOBODY_GONE: AtomicBool = AtomicBool::new(false);

/// Does `work`, which is told when nobody waits for it any more.
///
/// # Errors
///
/// Those of the work; `TIMEOUT` where the deadline has come before it.
pub(crate) async fn aside<T: Send + 'static>(
    deadline: Deadline,
    work: impl FnOnce(&AtomicBool) -> Result<T> + Send + 'static,
) -> Result<T> {
    if is_here() {
        return deadline.wait(async { tokio::task::block_in_place(|| work(&NOBODY_GONE)) }).await;
    }
    let wanted = StillWanted::default();
    let gone = Arc::clone(&wanted.0);
    let working = tokio::task::spawn_blocking(move || work(&gone));
    let worked = async { working.await.map_err(|error| Error::internal(error.to_string()))? };
    deadline.wait(worked).await
}

/// Whether the thread can hand on what it has to do.
fn is_here() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// Tells a thread that works when nobody waits for it any more.
#[derive(Default)]
struct StillWanted(Arc<AtomicBool>);

impl Drop for StillWanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
