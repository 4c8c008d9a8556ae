//! Work that takes a core for long, on a thread of its own that lets all others go first: checks of passwords, which are slow on purpose, and
//! calls of many changes. A flood of either takes the cores that nobody else wants.

#[cfg(test)]
mod tests;

use std::thread;

use tokio::{runtime::Handle, sync::oneshot};

use crate::error::{Error, Result};

/// As much as a thread may stand back for, short of what only idle machines get to.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// As deep as threads of requests may recurse: formulas and policies are trees, and walked as such.
pub(crate) const STACK_BYTES: usize = 16 << 20;

/// Runs it beside everything else, on a thread of this name. It goes on when nobody waits for it any more.
///
/// # Errors
///
/// Those of `work`; `Internal` where the machine gives no thread.
pub(crate) async fn beside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    begin_beside(name, work)?.done().await
}

/// Work that has begun, on a thread of its own.
pub(crate) struct Begun<T>(oneshot::Receiver<Result<T>>);

/// As [`beside`], for who has something else to wait for, too: it has begun when this returns.
///
/// # Errors
///
/// `Internal` where the machine gives no thread.
pub(crate) fn begin_beside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Begun<T>> {
    let (told, answer) = oneshot::channel();
    // What is told of it may be written down by a task.
    let runtime = Handle::current();
    let run = move || {
        let _entered = runtime.enter();
        stand_back();
        // Whoever asked may have gone.
        drop(told.send(work()));
    };
    let started = thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(run);
    started.map_err(|error| Error::internal("there is no thread for the work").caused_by(error))?;
    Ok(Begun(answer))
}

impl<T> Begun<T> {
    /// What comes of it.
    ///
    /// # Errors
    ///
    /// Those of the work.
    pub(crate) async fn done(self) -> Result<T> {
        self.0.await.map_err(|_| Error::internal("the work ended before its time"))?
    }
}

/// Lets other threads go first; where that is refused, it is a thread as the others.
fn stand_back() {
    // Linux takes the calling thread for the "process"; elsewhere it would be all of this program.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "a thread for slow work keeps its priority");
    }
}
