//! Whether the questions of a request wait for their turn among the heavy ones.
//!
//! Who waits there uses nothing of the machine, but what its door gave it (a place, a turn of its tenant) would be held for
//! as long as a report of another takes. So it is told here, and the door gives back what it holds meanwhile. It is never the
//! other way round: nobody who has a turn among the heavy ones waits for a place, so there is no circle.

#[cfg(test)]
mod tests;

use std::{future::ready, pin::pin, sync::Arc};

use tokio::sync::watch;

/// How many of a request's questions wait; what is cloned of it is the same.
#[derive(Clone, Debug)]
pub struct HeavyLine(Arc<watch::Sender<usize>>);

/// What a door gave a request to work with, and wants back while the request uses nothing of the machine.
pub trait Lent: Send {
    /// Gives it back, where it is not given back already.
    fn give_back(&mut self);

    /// Waits for it again, where it was given back.
    fn again(&mut self) -> impl Future<Output = ()> + Send;
}

/// One that waits, until it is dropped.
struct InLine(HeavyLine);

impl Default for HeavyLine {
    fn default() -> Self {
        HeavyLine(Arc::new(watch::Sender::new(0)))
    }
}

impl HeavyLine {
    /// Does work with what was lent for it. While one of its questions waits that is given back, and it is there again before the work
    /// goes on. Work that ends while it waits has nothing any more.
    pub async fn work_with<T>(&self, lent: &mut impl Lent, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.until(|waiting| waiting > 0) => {}
            }
            lent.give_back();
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.until(|waiting| waiting == 0) => {}
            }
            lent.again().await;
        }
    }

    async fn until(&self, holds: impl Fn(usize) -> bool) {
        // The sender lives as long as this.
        drop(self.0.subscribe().wait_for(|waiting| holds(*waiting)).await);
    }

    /// Waits for a turn, which is told unless it is there at once.
    pub async fn wait_for<T>(&self, turn: impl Future<Output = T>) -> T {
        let mut turn = pin!(turn);
        tokio::select! {
            biased;
            turn = &mut turn => return turn,
            () = ready(()) => {}
        }
        let waits = self.join();
        let turn = turn.await;
        drop(waits);
        // What was lent for the work is taken again before its next step.
        tokio::task::yield_now().await;
        turn
    }

    fn join(&self) -> InLine {
        self.0.send_modify(|waiting| *waiting += 1);
        InLine(self.clone())
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        self.0.0.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }
}
