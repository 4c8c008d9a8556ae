//! Threads that lead for those who only wait to be told: never one that anybody else may hold, or an answer could wait for a thread
//! that waits for the answer.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

use parking_lot::Mutex;

/// A thread that had nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);

/// What is to be done.
type Work = Box<dyn FnOnce() + Send>;

/// The threads of a process: no more than stores that commit at once.
#[derive(Default)]
pub(crate) struct Leaders(Arc<Mutex<Line>>);

#[derive(Default)]
struct Line {
    /// Those that wait for work, by their numbers.
    idle: Vec<(u64, SyncSender<Work>)>,
    started: u64,
}

impl Leaders {
    /// Has some work done by a thread that is idle, or a new one; here, where the system gives none.
    pub fn lead(&self, work: impl FnOnce() + Send + 'static) {
        let mut line = self.0.lock();
        // A thread is taken out of the line by who has work for it, or by itself when it ends: it gets what is sent.
        if let Some((_, idle)) = line.idle.pop() {
            drop(line);
            drop(idle.send(Box::new(work)));
            return;
        }
        line.started += 1;
        let number = line.started;
        drop(line);
        let (sender, next) = sync_channel::<Work>(1);
        let (begin, line) = (sender.clone(), Arc::clone(&self.0));
        let run = move || {
            loop {
                match next.recv_timeout(IDLE) {
                    Ok(work) => work(),
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let mut line = line.lock();
                        let Some(at) = line.idle.iter().position(|(own, _)| *own == number) else { continue };
                        line.idle.remove(at);
                        return;
                    }
                }
                line.lock().idle.push((number, sender.clone()));
            }
        };
        let started = std::thread::Builder::new().name("quarry-commit".into()).spawn(run);
        match started.is_ok() {
            // It waits for its first work.
            true => drop(begin.send(Box::new(work))),
            false => work(),
        }
    }
}
