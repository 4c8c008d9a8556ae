//! The line of those who wait for a commit: one of them, or whoever does it for them, leads.
//!
//! A thread that waits takes the lead when its turn comes, so that no one works for others after its own answer is there. Who is
//! only told of the answer has no thread: the thread that leads goes on for it, until nobody waits, or one does who can lead.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::{
    delta::Held,
    error::{Error, Result},
    store::Committed,
    write::WriteSet,
};

/// Transactions in one batch.
const BATCH_TRANSACTIONS_MAX: usize = 1_024;
/// Bytes of entries in one batch, unless one alone is larger.
const BATCH_BYTES_MAX: usize = 32 << 20;

/// Called with the answer, by whoever leads.
pub(crate) type Tell = Box<dyn FnOnce(Result<Committed>) + Send>;

/// A transaction that waits for its answer.
pub(crate) struct Waiting {
    pub writes: WriteSet,
    pub payload: Vec<u8>,
    /// The transaction's instant.
    pub time_micros: i64,
    /// The payload, as it is counted.
    _held: Held,
    turn: Mutex<Turn>,
    woken: Condvar,
}

enum Turn {
    /// A thread waits.
    Waits,
    Leads,
    /// No thread waits.
    IsTold(Tell),
    Done(Result<Committed>),
    /// The answer was fetched, or told.
    Taken,
}

/// Who waits.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: Vec<Arc<Waiting>>,
    has_leader: bool,
}

/// Who leads next.
enum Next {
    /// Nobody need, or one who waits does.
    Others,
    /// Somebody must, for one who can't.
    Somebody,
}

impl Waiting {
    /// One whose thread waits, or who is told.
    pub fn new(
        writes: WriteSet,
        ((payload, time_micros), held): ((Vec<u8>, i64), Held),
        tell: Option<Tell>,
    ) -> Arc<Waiting> {
        let turn = Mutex::new(tell.map_or(Turn::Waits, Turn::IsTold));
        Arc::new(Waiting { writes, payload, time_micros, _held: held, turn, woken: Condvar::new() })
    }

    /// The answer, once.
    pub fn finish(&self, answer: Result<Committed>) {
        let mut turn = self.turn.lock();
        match std::mem::replace(&mut *turn, Turn::Taken) {
            Turn::IsTold(tell) => {
                drop(turn);
                tell(answer);
            }
            _ => {
                *turn = Turn::Done(answer);
                self.woken.notify_one();
            }
        }
    }

    fn abandon(&self) {
        if !matches!(*self.turn.lock(), Turn::Done(_) | Turn::Taken) {
            self.finish(Err(Error::Internal("the commit was abandoned".into())));
        }
    }

    /// The answer; `None` when it is this one's turn to lead.
    fn wait(&self) -> Option<Result<Committed>> {
        let mut turn = self.turn.lock();
        loop {
            match std::mem::replace(&mut *turn, Turn::Waits) {
                Turn::Waits => self.woken.wait(&mut turn),
                Turn::Leads => return None,
                Turn::Done(answer) => {
                    *turn = Turn::Taken;
                    return Some(answer);
                }
                Turn::IsTold(_) | Turn::Taken => {
                    return Some(Err(Error::Internal("an answer was fetched twice".into())));
                }
            }
        }
    }
}

impl Queue {
    /// Joins the line; whether this one, or somebody for it, must lead now.
    pub fn join(&self, own: &Arc<Waiting>) -> bool {
        let mut line = self.inner.lock();
        line.waiting.push(own.clone());
        !std::mem::replace(&mut line.has_leader, true)
    }

    /// Waits for the answer of a transaction; meanwhile perhaps leads a batch, by `commit_batch`, which must finish
    /// each one of it, and has others led on by `lead_on`.
    pub fn commit(
        &self,
        own: &Arc<Waiting>,
        commit_batch: impl Fn(&[Arc<Waiting>]),
        lead_on: impl FnOnce(),
    ) -> Result<Committed> {
        if !self.join(own)
            && let Some(answer) = own.wait()
        {
            return answer;
        }
        if matches!(self.lead_once(&commit_batch), Next::Somebody) {
            lead_on();
        }
        match std::mem::replace(&mut *own.turn.lock(), Turn::Taken) {
            Turn::Done(answer) => answer,
            _ => Err(Error::Internal("a batch left a transaction without an answer".into())),
        }
    }

    /// Leads until nobody waits, or one does who leads then.
    pub fn lead(&self, commit_batch: impl Fn(&[Arc<Waiting>])) {
        while matches!(self.lead_once(&commit_batch), Next::Somebody) {}
    }

    fn lead_once(&self, commit_batch: &impl Fn(&[Arc<Waiting>])) -> Next {
        let leading = Leading { queue: self, batch: self.take(), is_over: false };
        commit_batch(&leading.batch);
        leading.end()
    }

    /// The first of the line is always the one that leads, or is led for.
    fn take(&self) -> Vec<Arc<Waiting>> {
        let mut line = self.inner.lock();
        let mut bytes = 0;
        let fits = |waiting: &&Arc<Waiting>| {
            bytes += waiting.payload.len();
            bytes <= BATCH_BYTES_MAX
        };
        let count = line.waiting.iter().take(BATCH_TRANSACTIONS_MAX).take_while(fits).count().max(1);
        let count = count.min(line.waiting.len());
        line.waiting.drain(..count).collect()
    }

    fn hand_over(&self) -> Next {
        let mut line = self.inner.lock();
        let Some(next) = line.waiting.first() else {
            line.has_leader = false;
            return Next::Others;
        };
        let mut turn = next.turn.lock();
        if matches!(*turn, Turn::IsTold(_)) {
            return Next::Somebody;
        }
        *turn = Turn::Leads;
        next.woken.notify_one();
        Next::Others
    }
}

/// A batch and the lead; however it ends, no one is left without an answer and the next one leads.
struct Leading<'a> {
    queue: &'a Queue,
    batch: Vec<Arc<Waiting>>,
    is_over: bool,
}

impl Leading<'_> {
    fn end(mut self) -> Next {
        self.is_over = true;
        self.batch.iter().for_each(|waiting| waiting.abandon());
        self.queue.hand_over()
    }
}

impl Drop for Leading<'_> {
    /// Where a batch panics: those for whom nobody can lead are told.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.batch.iter().for_each(|waiting| waiting.abandon());
        while matches!(self.queue.hand_over(), Next::Somebody) {
            self.queue.take().iter().for_each(|waiting| waiting.abandon());
        }
    }
}
