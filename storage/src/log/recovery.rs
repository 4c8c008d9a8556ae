//! Reads the log on open: checks the chain, hands on the entries, cuts off what was never acknowledged.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Entry, LogGround, LogWriter,
    frame::{FileHeader, Frame, Hash},
    framing::{Framing, may_hold_frames},
    writer::{LogEnd, file_name, zero},
};
use crate::{
    encryption::StoreKeys,
    error::{Error, Result},
    files::{self, Files, OpenMode, failed},
};

/// From where entries are wanted: those up to `csn` are in segments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogStart {
    pub csn: u64,
    pub hash: Hash,
    /// The latest instant of all transactions up to it, microseconds.
    pub time_micros: i64,
}

/// Hands every entry behind `start` to `apply`, in order, and returns a writer behind the last of them.
///
/// # Errors
///
/// `Damaged` with file and offset; `Invalid` for a newer format; whatever `apply` says.
pub(crate) fn recover(
    ground: &LogGround,
    start: LogStart,
    apply: &mut dyn FnMut(u64, Entry) -> Result<()>,
) -> Result<LogWriter> {
    let (files, folder) = (&*ground.files, ground.folder.as_path());
    files.make_folder(folder).map_err(failed("make folder", folder))?;
    // A process that was killed may have left names that are not durable yet: nothing may be built on them.
    files.sync_folder(folder).map_err(failed("sync folder", folder))?;
    let keys = ground.keys.as_ref();
    let mut reader = Reader { files, keys, start, csn: 0, hash: [0; 32], apply };
    let mut paths = log_files(files, folder)?;
    drop_unfinished(files, keys, &mut paths)?;
    let first = paths.iter().rposition(|(csn, _)| *csn <= start.csn + 1);
    let Some(first) = first else {
        if let Some((_, path)) = paths.first() {
            return Err(damaged(
                path,
                0,
                format!("the log before it is missing; {} was wanted", file_name(start.csn + 1)),
            ));
        }
        if start.csn > 0 {
            return Err(damaged(
                folder,
                0,
                format!("there is no log file; one that holds {} was wanted", start.csn),
            ));
        }
        return LogWriter::create(ground, 0, [0; 32]);
    };
    let mut end = None;
    for (number, (first_csn, path)) in paths.iter().enumerate().skip(first) {
        let is_last = number + 1 == paths.len();
        let opens = number == first;
        end = Some((path, reader.read_file(path, *first_csn, opens, is_last)?));
    }
    let Some((path, (offset, framing))) = end else {
        return Err(Error::Internal("no log file was read".into()));
    };
    if reader.csn < start.csn {
        return Err(damaged(
            path,
            offset,
            format!("the log ends at {}, segments hold {}", reader.csn, start.csn),
        ));
    }
    LogWriter::resume(ground, path, LogEnd { offset, csn: reader.csn, hash: reader.hash }, framing)
}

/// Log files by first CSN. A file of another name is refused: nothing in here is guessed at.
pub(crate) fn log_files(files: &dyn Files, folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in files.list(folder).map_err(failed("list", folder))? {
        let path = entry.path;
        let stem = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".log"));
        let Some(csn) = stem.and_then(|stem| stem.parse().ok()) else {
            return Err(damaged(&path, 0, "this is no log file".into()));
        };
        found.push((csn, path));
    }
    Ok(found)
}

/// A crash while a file was made leaves a last file without a sound header and without a frame: it goes.
fn drop_unfinished(
    files: &dyn Files,
    keys: Option<&Arc<StoreKeys>>,
    paths: &mut Vec<(u64, PathBuf)>,
) -> Result<()> {
    let Some((_, path)) = paths.last() else { return Ok(()) };
    let bytes = files::read(files, path)?;
    if FileHeader::decode(&bytes, &path.display().to_string(), keys)?.is_none() {
        if may_hold_frames(&bytes) {
            return Err(damaged(path, 0, "the file's header is broken".into()));
        }
        files.remove(path).map_err(failed("remove", path))?;
        paths.pop();
    }
    Ok(())
}

struct Reader<'a> {
    files: &'a dyn Files,
    keys: Option<&'a Arc<StoreKeys>>,
    start: LogStart,
    csn: u64,
    hash: Hash,
    apply: &'a mut dyn FnMut(u64, Entry) -> Result<()>,
}

impl Reader<'_> {
    /// Reads one file; the offset behind its last sound frame, and how frames lie in it.
    fn read_file(
        &mut self,
        path: &Path,
        first_csn: u64,
        opens: bool,
        is_last: bool,
    ) -> Result<(u64, Framing)> {
        let bytes = files::read(self.files, path)?;
        let (header, framing) = FileHeader::decode(&bytes, &path.display().to_string(), self.keys)?
            .ok_or_else(|| damaged(path, 0, "the file's header is broken".into()))?;
        if header.first_csn != first_csn || first_csn == 0 {
            return Err(damaged(
                path,
                16,
                format!("the header says {}, the name {first_csn}", header.first_csn),
            ));
        }
        if opens {
            (self.csn, self.hash) = (first_csn - 1, header.hash_before);
            self.check_start(path, 24)?;
        } else if (header.first_csn, header.hash_before) != (self.csn + 1, self.hash) {
            return Err(damaged(
                path,
                0,
                format!("it does not follow entry {} of the file before", self.csn),
            ));
        }
        let mut offset = framing.header_bytes();
        while let Some((frame, stored)) = bytes.get(offset..).and_then(|rest| framing.decode(rest)) {
            self.take(path, offset, &frame)?;
            offset += stored;
        }
        self.check_tail(path, bytes.get(offset..).unwrap_or_default(), to_u64(offset), (&framing, is_last))?;
        Ok((to_u64(offset), framing))
    }

    fn take(&mut self, path: &Path, offset: usize, frame: &Frame<'_>) -> Result<()> {
        let at = to_u64(offset);
        if frame.csn != self.csn + 1 {
            return Err(damaged(path, at, format!("entry {} where {} was due", frame.csn, self.csn + 1)));
        }
        if frame.hash_before != self.hash {
            return Err(damaged(path, at, format!("entry {} does not continue the hash chain", frame.csn)));
        }
        (self.csn, self.hash) = (frame.csn, frame.hash());
        self.check_start(path, at)?;
        if frame.csn <= self.start.csn {
            return Ok(());
        }
        let entry = Entry::decode(frame.payload())
            .map_err(|error| damaged(path, at, format!("entry {} can't be read: {error}", frame.csn)))?;
        (self.apply)(frame.csn, entry)
    }

    /// The chain must pass through the entry up to which segments hold all.
    fn check_start(&self, path: &Path, offset: u64) -> Result<()> {
        if self.csn == self.start.csn && self.hash != self.start.hash {
            return Err(damaged(
                path,
                offset,
                format!("entry {} is not the one the segments were made of", self.csn),
            ));
        }
        Ok(())
    }

    fn check_tail(
        &self,
        path: &Path,
        tail: &[u8],
        at: u64,
        (framing, is_last): (&Framing, bool),
    ) -> Result<()> {
        let last = match judge_tail(framing, tail, self.csn + 1, is_last) {
            Tail::Ends => return Ok(()),
            Tail::Damaged(what) => return Err(damaged(path, at, what)),
            Tail::Unacknowledged(bytes) => bytes,
        };
        tracing::warn!(file = %path.display(), offset = at, "an unacknowledged write at the end of the log is cut off");
        let file = self.files.open(path, OpenMode::Write).map_err(failed("open", path))?;
        zero(&*file, at, at + to_u64(last)).map_err(failed("cut", path))?;
        file.sync_all().map_err(failed("sync", path))
    }
}

/// What lies behind the last sound frame of a log file.
pub(crate) enum Tail {
    /// Zeros: the file's end.
    Ends,
    /// So many bytes of a write that was never acknowledged.
    Unacknowledged(usize),
    /// Entries that were acknowledged are broken.
    Damaged(String),
}

/// Zeros behind the last frame are its end. Else it is a write that was never acknowledged, which is cut off, or
/// damage: when another file follows, or a later frame says that this place, where entry `lost` was due, had been synced.
pub(crate) fn judge_tail(framing: &Framing, tail: &[u8], lost: u64, is_last: bool) -> Tail {
    let Some(last) = tail.iter().rposition(|byte| *byte != 0) else { return Tail::Ends };
    let mut at = 0;
    while let Some((place, frame)) = framing.next_frame(tail, at) {
        if frame.synced >= lost {
            return Tail::Damaged(format!("entry {lost} is broken and others follow it"));
        }
        at = place + 1;
    }
    if is_last {
        Tail::Unacknowledged(last + 1)
    } else {
        Tail::Damaged(format!("entry {lost} is broken and another file follows"))
    }
}

fn damaged(path: &Path, offset: u64, what: String) -> Error {
    Error::Damaged { file: path.display().to_string(), offset, what }
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
