//! Appends frames durably.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    ahead::{ZeroAhead, Zeroed},
    frame::{FileHeader, Hash},
    framing::Framing,
};
use crate::{
    encryption::StoreKeys,
    error::{Error, Result},
    files::{Files, OpenFile, OpenMode, failed},
    resources::Resources,
};

/// What a log keeps of the room that a batch was put together in.
const BUFFER_BYTES_KEPT: usize = 64 << 10;

/// What a log stands on.
#[derive(Clone)]
pub(crate) struct LogGround {
    pub files: Arc<dyn Files>,
    pub folder: PathBuf,
    /// Who zeroes ahead.
    pub resources: Arc<Resources>,
    /// A file is rolled past this size.
    pub file_bytes: u64,
    /// Where it is encrypted.
    pub keys: Option<Arc<StoreKeys>>,
}

/// The log's end, where entries are appended. One owner at a time.
pub(crate) struct LogWriter {
    ground: LogGround,
    file: Arc<dyn OpenFile>,
    framing: Framing,
    path: PathBuf,
    /// Where the next frame goes.
    offset: u64,
    /// The last CSN written and synced, and its frame's hash.
    csn: u64,
    hash: Hash,
    zeroed: Arc<Zeroed>,
    /// What this side knows of `zeroed.end`.
    zeroed_end: u64,
    ahead: ZeroAhead,
    /// A write or sync failed; up to here there may be bytes of it that must go before anything else is written.
    dirty_end: Option<u64>,
    buffer: Vec<u8>,
}

/// Where a log ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogEnd {
    /// Behind the last sound frame of the last file.
    pub offset: u64,
    /// That frame's CSN and hash.
    pub csn: u64,
    pub hash: Hash,
}

/// The name of the file whose first frame has this CSN.
pub(crate) fn file_name(first_csn: u64) -> String {
    format!("{first_csn:020}.log")
}

impl LogWriter {
    /// A writer behind the last sound frame of a file that is there.
    pub(super) fn resume(
        ground: &LogGround,
        path: &Path,
        end: LogEnd,
        framing: Framing,
    ) -> Result<LogWriter> {
        let file = ground.files.open(path, OpenMode::Write).map_err(failed("open", path))?;
        // What was read back may never have been synced: it must be durable before anything is built on it.
        file.sync_all().map_err(failed("sync", path))?;
        let length = file.bytes().map_err(failed("look at", path))?;
        let file = LogFile { path: path.to_path_buf(), file, framing };
        Ok(Self::over(ground, file, end, length))
    }

    /// A writer in a new file.
    pub fn create(ground: &LogGround, csn: u64, hash: Hash) -> Result<LogWriter> {
        let file = create_file(ground, csn, hash)?;
        let offset = file.header_bytes();
        Ok(Self::over(ground, file, LogEnd { offset, csn, hash }, offset))
    }

    fn over(
        ground: &LogGround,
        LogFile { path, file, framing }: LogFile,
        end: LogEnd,
        length: u64,
    ) -> LogWriter {
        let LogEnd { offset, csn, hash } = end;
        let writer = LogWriter {
            zeroed: Zeroed::new(file.clone(), length, ground.file_bytes),
            zeroed_end: length,
            ahead: ZeroAhead::new(&ground.resources.zeroing, ground.file_bytes),
            ground: ground.clone(),
            file,
            framing,
            path,
            offset,
            csn,
            hash,
            dirty_end: None,
            buffer: Vec::new(),
        };
        writer.ahead.ask_when_short(&writer.zeroed, offset, length);
        writer
    }

    /// The file that takes the writes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the next frame goes in it.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Is there nothing in it of a write that failed?
    pub fn is_clean(&self) -> bool {
        self.dirty_end.is_none()
    }

    /// The last CSN that is durable.
    pub fn csn(&self) -> u64 {
        self.csn
    }

    /// The hash of its frame.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Appends these payloads under the next CSNs and syncs once. All are durable, or none is acknowledged: after an
    /// error the log ends where it ended before.
    ///
    /// # Errors
    ///
    /// `Unavailable`; the next call first repairs the log.
    pub fn append<'a>(&mut self, payloads: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        self.repair().map_err(|error| Error::Unavailable(format!("the log can't be written: {error}")))?;
        if self.offset >= self.ground.file_bytes {
            self.roll().map_err(|error| Error::Unavailable(format!("the log can't be rolled: {error}")))?;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let (mut csn, mut hash) = (self.csn, self.hash);
        for payload in payloads {
            csn += 1;
            hash = self.framing.append(&mut buffer, (csn, self.csn), &hash, payload)?;
        }
        let written = self.write(&buffer);
        let length = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        buffer.clear();
        buffer.shrink_to(BUFFER_BYTES_KEPT);
        self.buffer = buffer;
        match written {
            Ok(()) => {
                self.offset += length;
                (self.csn, self.hash) = (csn, hash);
                if let Some(end) = self.zeroed.end.try_lock() {
                    self.zeroed_end = *end;
                }
                self.ahead.ask_when_short(&self.zeroed, self.offset, self.zeroed_end);
                Ok(())
            }
            Err(source) => {
                self.dirty_end = Some(self.offset + length);
                if let Err(error) = self.repair() {
                    // Tried again before the next entry is written, and when the log is closed.
                    tracing::error!(%error, "the log could not be repaired after a failed write");
                }
                Err(Error::Unavailable(format!("the log {} can't be written: {source}", self.path.display())))
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let end = self.offset + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if end > self.zeroed_end {
            let zeroed = self.zeroed.clone();
            let mut zeroed_end = zeroed.end.lock();
            self.file.write_at(bytes, self.offset)?;
            *zeroed_end = (*zeroed_end).max(end);
            self.zeroed_end = *zeroed_end;
        } else {
            self.file.write_at(bytes, self.offset)?;
        }
        self.file.sync_data()
    }

    /// Takes back what a failed write may have left, so that it is not found at the next open.
    ///
    /// # Errors
    ///
    /// Those of writing and syncing.
    pub fn repair(&mut self) -> std::io::Result<()> {
        let Some(dirty_end) = self.dirty_end else { return Ok(()) };
        let zeroed = self.zeroed.clone();
        let mut zeroed_end = zeroed.end.lock();
        let length = self.file.bytes()?.min(dirty_end);
        zero(&*self.file, self.offset, length)?;
        self.file.sync_all()?;
        *zeroed_end = (*zeroed_end).max(length);
        self.dirty_end = None;
        Ok(())
    }

    /// Goes on in a new file. After an error the old one stays the last: the CSN does not move before the roll is
    /// tried again, in a file of the same name.
    fn roll(&mut self) -> Result<()> {
        let made = create_file(&self.ground, self.csn, self.hash)?;
        self.offset = made.header_bytes();
        self.zeroed_end = self.offset;
        self.zeroed = Zeroed::new(made.file.clone(), self.offset, self.ground.file_bytes);
        (self.path, self.file, self.framing) = (made.path, made.file, made.framing);
        self.ahead.ask_when_short(&self.zeroed, self.offset, self.zeroed_end);
        Ok(())
    }
}

/// Writes zeros over `from..to`.
pub(crate) fn zero(file: &dyn OpenFile, from: u64, to: u64) -> std::io::Result<()> {
    const STEP: u64 = 1 << 20;
    let mut at = from;
    while at < to {
        let step = STEP.min(to - at);
        file.write_at(&vec![0; usize::try_from(step).unwrap_or(0)], at)?;
        at += step;
    }
    Ok(())
}

/// An open log file.
struct LogFile {
    path: PathBuf,
    file: Arc<dyn OpenFile>,
    framing: Framing,
}

impl LogFile {
    fn header_bytes(&self) -> u64 {
        u64::try_from(self.framing.header_bytes()).unwrap_or(0)
    }
}

/// A new file behind `csn`; its header is durable before any frame is written.
fn create_file(ground: &LogGround, csn: u64, hash: Hash) -> Result<LogFile> {
    let header = FileHeader { first_csn: csn + 1, hash_before: hash };
    let (header, framing) = Framing::begin(&header, ground.keys.as_ref())?;
    let path = ground.folder.join(file_name(csn + 1));
    let file = ground.files.open(&path, OpenMode::Create).map_err(failed("create", &path))?;
    file.write_at(&header, 0).map_err(failed("write", &path))?;
    file.sync_all().map_err(failed("sync", &path))?;
    ground.files.sync_folder(&ground.folder).map_err(failed("sync folder", &ground.folder))?;
    Ok(LogFile { path, file, framing })
}
