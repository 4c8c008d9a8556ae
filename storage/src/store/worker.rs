//! The thread that folds in the background.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use parking_lot::Mutex;

use super::Inner;
use crate::error::{Error, Result};

/// One thread per store; it ends when it is stopped or the store is dropped.
pub(super) struct Worker {
    ask: Mutex<Option<SyncSender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    pub fn start(inner: &Arc<Inner>) -> Result<Worker> {
        let (ask, asked) = sync_channel(1);
        let inner = inner.clone();
        let run = move || {
            while asked.recv().is_ok() {
                if let Err(error) = inner.fold_if_due() {
                    tracing::error!(%error, "the delta could not be folded; it is tried again");
                }
            }
        };
        let thread = std::thread::Builder::new().name("quarry-fold".into()).spawn(run);
        let thread = thread.map_err(|source| Error::Io { context: "start a thread".into(), source })?;
        Ok(Worker { ask: Mutex::new(Some(ask)), thread: Mutex::new(Some(thread)) })
    }

    /// Never waits: a request that is not taken yet stands for this one too.
    pub fn ask_to_fold(&self) {
        if let Some(ask) = &*self.ask.lock() {
            let _already_asked = ask.try_send(()).is_err();
        }
    }

    /// Waits for what is being done, and ends the thread.
    pub fn stop(&self) {
        drop(self.ask.lock().take());
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that folds panicked");
        }
    }
}
