//! Zeroes a log file ahead of its writer, off the commit path.
//!
//! The writer stays inside what is known to be zeroed and needs no lock for it. Only when it would pass that mark does it
//! take the lock, which waits for a block that is being zeroed right now, and grows the file itself.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use parking_lot::Mutex;

/// Zeroed at a time.
const BLOCK_BYTES: u64 = 4 << 20;

/// One log file's zeroed part.
pub(crate) struct Zeroed {
    file: File,
    /// Bytes of the file that hold frames or zeros.
    pub end: Mutex<u64>,
    limit: u64,
}

impl Zeroed {
    pub fn new(file: File, end: u64, limit: u64) -> Arc<Zeroed> {
        Arc::new(Zeroed { file, end: Mutex::new(end), limit })
    }

    fn extend(&self, step: u64) -> std::io::Result<()> {
        let mut end = self.end.lock();
        let to = (*end + step).min(self.limit);
        if to <= *end {
            return Ok(());
        }
        let zeros = vec![0; usize::try_from(to - *end).unwrap_or(0)];
        self.file.write_all_at(&zeros, *end)?;
        self.file.sync_data()?;
        *end = to;
        Ok(())
    }
}

/// The thread that zeroes. It ends when the last sender is dropped.
pub(crate) struct ZeroAhead {
    ask: Option<SyncSender<Arc<Zeroed>>>,
    thread: Option<JoinHandle<()>>,
    step: u64,
}

impl ZeroAhead {
    /// Starts the thread; without one the log merely grows as it is written.
    pub fn start(log_file_bytes: u64) -> ZeroAhead {
        let step = (log_file_bytes / 4).clamp(4 << 10, BLOCK_BYTES);
        let (ask, asked) = sync_channel(1);
        let thread =
            std::thread::Builder::new().name("quarry-log".into()).spawn(move || run(&asked, step)).ok();
        ZeroAhead { ask: Some(ask), thread, step }
    }

    /// Asks for more zeros when less than half a step is left behind `offset`. Never waits.
    pub fn ask_when_short(&self, file: &Arc<Zeroed>, offset: u64, known_end: u64) {
        if known_end.saturating_sub(offset) < self.step / 2
            && let Some(ask) = &self.ask
        {
            // A full queue means that it is being done.
            let _already_asked = ask.try_send(file.clone()).is_err();
        }
    }
}

impl Drop for ZeroAhead {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that zeroes the log panicked");
        }
    }
}

fn run(asked: &Receiver<Arc<Zeroed>>, step: u64) {
    while let Ok(file) = asked.recv() {
        if let Err(error) = file.extend(step) {
            tracing::warn!(%error, "the log could not be zeroed ahead; it grows as it is written");
        }
    }
}
