//! Zeroes a log file ahead of its writer, off the commit path.
//!
//! The writer stays inside what is known to be zeroed and needs no lock for it. Only when it would pass that mark does it
//! take the lock, which waits for a block that is being zeroed right now, and grows the file itself.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    files::OpenFile,
    resources::{Pool, Task},
};

/// Zeroed at a time.
const BLOCK_BYTES: u64 = 4 << 20;

/// One log file's zeroed part.
pub(crate) struct Zeroed {
    file: Arc<dyn OpenFile>,
    /// Bytes of the file that hold frames or zeros.
    pub end: Mutex<u64>,
    limit: u64,
}

impl Zeroed {
    pub fn new(file: Arc<dyn OpenFile>, end: u64, limit: u64) -> Arc<Zeroed> {
        Arc::new(Zeroed { file, end: Mutex::new(end), limit })
    }

    fn extend(&self, step: u64) -> std::io::Result<()> {
        let mut end = self.end.lock();
        let to = (*end + step).min(self.limit);
        if to <= *end {
            return Ok(());
        }
        let zeros = vec![0; usize::try_from(to - *end).unwrap_or(0)];
        self.file.write_at(&zeros, *end)?;
        self.file.sync_data()?;
        *end = to;
        Ok(())
    }
}

/// Has zeros written by a background thread. Dropped, it waits for what is being written.
pub(crate) struct ZeroAhead {
    /// The file that wants zeros.
    asked: Arc<Mutex<Option<Arc<Zeroed>>>>,
    task: Task,
    step: u64,
}

impl ZeroAhead {
    pub fn new(pool: &Pool, log_file_bytes: u64) -> ZeroAhead {
        let step = (log_file_bytes / 4).clamp(4 << 10, BLOCK_BYTES);
        let asked = Arc::new(Mutex::new(None::<Arc<Zeroed>>));
        let wanted = asked.clone();
        let task = pool.task("zeroing a log ahead", move || {
            let file = wanted.lock().take();
            if let Some(file) = file
                && let Err(error) = file.extend(step)
            {
                // Asked for again by the next commit.
                tracing::warn!(%error, "the log could not be zeroed ahead; it grows as it is written");
            }
            Ok(())
        });
        ZeroAhead { asked, task, step }
    }

    /// Asks for more zeros when less than half a step is left behind `offset`. Never waits.
    pub fn ask_when_short(&self, file: &Arc<Zeroed>, offset: u64, known_end: u64) {
        if known_end < file.limit && known_end.saturating_sub(offset) < self.step / 2 {
            *self.asked.lock() = Some(file.clone());
            self.task.ask();
        }
    }
}
