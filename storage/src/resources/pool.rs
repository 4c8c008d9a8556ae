//! A few threads for the background work of many stores.
//!
//! A [`Task`] is one kind of work of one store. Asking for it puts it in the line, once, however often it is asked for;
//! so the line is never longer than there are tasks, and a task never runs twice at a time. Work that fails, by an error
//! or a panic, is told in the log and comes again by itself after a while, later each time: nothing that was due is
//! forgotten.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::error::Result;

/// How long a task that failed waits at first, and at most.
const AGAIN_MS_MIN: u64 = 100;
const AGAIN_MS_MAX: u64 = 5_000;

/// The threads and their line. Dropped, it ends them; what they are at is finished.
pub(crate) struct Pool {
    line: Arc<Line>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Line {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// There are no threads: who asks does the work.
    is_inline: bool,
}

#[derive(Default)]
struct Waiting {
    ready: VecDeque<Arc<Job>>,
    /// Failed ones, and when they are ready again.
    later: Vec<(Instant, Arc<Job>)>,
    is_over: bool,
}

struct Job {
    what: &'static str,
    work: Box<dyn Fn() -> Result<()> + Send + Sync>,
    /// It is due again so long after it was done.
    pause: Option<Duration>,
    state: Mutex<JobState>,
    rests: Condvar,
}

#[derive(Default)]
struct JobState {
    phase: Phase,
    /// In a row.
    failures: u32,
    is_over: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Rests,
    /// It is in the line.
    Waits,
    Runs,
    /// It was asked for while it ran.
    RunsAndIsDue,
}

/// Work of a store, to be asked for. Dropped, it is stopped.
pub(crate) struct Task {
    job: Arc<Job>,
    line: Arc<Line>,
}

impl Pool {
    /// Starts the threads. Where the system gives fewer, there are fewer; where it gives none, who asks does the work.
    pub fn start(name: &str, threads: usize) -> Pool {
        let shared = Arc::new(Line { is_inline: threads == 0, ..Line::default() });
        let mut started = Vec::new();
        for _ in 0..threads {
            let line = shared.clone();
            match std::thread::Builder::new().name(name.into()).spawn(move || line.serve()) {
                Ok(thread) => started.push(thread),
                Err(error) => tracing::error!(%error, name, "a background thread could not be started"),
            }
        }
        if threads > 0 && started.is_empty() {
            return Pool { line: Arc::new(Line { is_inline: true, ..Line::default() }), threads: started };
        }
        Pool { line: shared, threads: started }
    }

    /// A task that is done by these threads when it is asked for.
    pub fn task(&self, what: &'static str, work: impl Fn() -> Result<()> + Send + Sync + 'static) -> Task {
        Task { job: Arc::new(Job::new(what, work)), line: self.line.clone() }
    }

    /// A task that is done every so often, as long as there are threads.
    pub fn task_every(
        &self,
        pause: Duration,
        what: &'static str,
        work: impl Fn() -> Result<()> + Send + Sync + 'static,
    ) -> Task {
        let job = Arc::new(Job { pause: Some(pause), ..Job::new(what, work) });
        if !self.line.is_inline {
            job.state.lock().phase = Phase::Waits;
            self.line.add_later(&job, pause);
        }
        Task { job, line: self.line.clone() }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.line.waiting.lock().is_over = true;
        self.line.changed.notify_all();
        for thread in self.threads.drain(..) {
            // The last store may be dropped by a background thread, which can't wait for itself.
            let is_self = thread.thread().id() == std::thread::current().id();
            if !is_self && thread.join().is_err() {
                tracing::error!("a background thread panicked");
            }
        }
    }
}

impl Task {
    /// It is due. Never waits, where there are threads.
    pub fn ask(&self) {
        let mut state = self.job.state.lock();
        if state.is_over {
            return;
        }
        match state.phase {
            Phase::Rests if self.line.is_inline => {
                drop(state);
                self.job.run(&self.line);
            }
            Phase::Rests => {
                state.phase = Phase::Waits;
                self.line.add(&self.job);
            }
            Phase::Runs => state.phase = Phase::RunsAndIsDue,
            Phase::Waits | Phase::RunsAndIsDue => {}
        }
    }

    /// Takes it out of the line, and waits for the end of what is being done. It is not done any more after that.
    pub fn stop(&self) {
        let mut state = self.job.state.lock();
        state.is_over = true;
        self.line.remove(&self.job);
        while matches!(state.phase, Phase::Runs | Phase::RunsAndIsDue) {
            self.job.rests.wait(&mut state);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Job {
    fn new(what: &'static str, work: impl Fn() -> Result<()> + Send + Sync + 'static) -> Job {
        let (state, rests) = (Mutex::default(), Condvar::new());
        Job { what, work: Box::new(work), pause: None, state, rests }
    }

    fn run(self: &Arc<Self>, line: &Line) {
        {
            let mut state = self.state.lock();
            if state.is_over {
                return;
            }
            state.phase = Phase::Runs;
        }
        let failed = match catch_unwind(AssertUnwindSafe(|| (self.work)())) {
            Ok(Ok(())) => false,
            Ok(Err(error)) => {
                tracing::error!(%error, "{} failed; it is tried again", self.what);
                true
            }
            Err(_) => {
                tracing::error!("{} panicked; it is tried again", self.what);
                true
            }
        };
        let mut state = self.state.lock();
        state.failures = if failed { state.failures.saturating_add(1) } else { 0 };
        let is_due = state.phase == Phase::RunsAndIsDue;
        state.phase = Phase::Rests;
        if !state.is_over && !line.is_inline {
            let pause = if failed { Some(again_after(state.failures)) } else { self.pause };
            state.phase = if is_due || pause.is_some() { Phase::Waits } else { Phase::Rests };
            match pause {
                Some(pause) => line.add_later(self, pause),
                None if is_due => line.add(self),
                None => {}
            }
        }
        self.rests.notify_all();
    }
}

/// How long a task waits that failed so often in a row.
fn again_after(failures: u32) -> Duration {
    Duration::from_millis(AGAIN_MS_MIN.saturating_mul(1 << failures.clamp(1, 16)).min(AGAIN_MS_MAX))
}

impl Line {
    fn add(&self, job: &Arc<Job>) {
        self.waiting.lock().ready.push_back(job.clone());
        self.changed.notify_one();
    }

    #[allow(clippy::disallowed_methods)] // when it is tried again is never part of an answer or of the log
    fn add_later(&self, job: &Arc<Job>, pause: Duration) {
        self.waiting.lock().later.push((Instant::now() + pause, job.clone()));
        self.changed.notify_one();
    }

    fn remove(&self, job: &Arc<Job>) {
        let mut waiting = self.waiting.lock();
        waiting.ready.retain(|other| !Arc::ptr_eq(other, job));
        waiting.later.retain(|(_, other)| !Arc::ptr_eq(other, job));
    }

    /// Does what comes, until it is over.
    fn serve(&self) {
        while let Some(job) = self.next() {
            job.run(self);
        }
    }

    #[allow(clippy::disallowed_methods)] // see `add_later`
    fn next(&self) -> Option<Arc<Job>> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.is_over {
                return None;
            }
            if let Some(job) = waiting.ready.pop_front() {
                return Some(job);
            }
            let soonest = waiting.later.iter().enumerate().min_by_key(|(_, (at, _))| *at);
            match soonest.map(|(number, (at, _))| (number, *at)) {
                Some((number, at)) if at <= Instant::now() => {
                    return Some(waiting.later.swap_remove(number).1);
                }
                Some((_, at)) => _ = self.changed.wait_until(&mut waiting, at),
                None => self.changed.wait(&mut waiting),
            }
        }
    }
}
