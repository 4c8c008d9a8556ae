//! History: every entry there ever was, the folded ones as Parquet files, the others in the log.
//!
//! ```text
//! history/<first CSN>-<last CSN>.parquet    rows for people, and each entry's frame byte for byte
//! history/<first CSN>-<last CSN>.sums       its length and a CRC-32C of every block of it
//! log/<first CSN>.log                       entries that are not all folded
//! ```
//!
//! 1. A fold hands log files whose every entry is in segments to [`Archive::keep`]: it writes the Parquet file, reads it
//!    back, and removes the log file. After a crash in between both are there, and the same is done again.
//! 2. [`Archive::frames`] reads entries in order, wherever they lie: to look at the past, and to check the hash chain.
//! 3. [`Archive::rows`] reads what changed, as Arrow batches ([`crate::Snapshot::history`]).
//!
//! The rows of a file are made of its frames ([`rows`]), so that who changes one without the other is found out.

mod chain;
mod file;
mod forget;
mod frames;
mod read;
mod readers;
mod rows;
mod text;
mod write;

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::RwLock;
use readers::Readers;

#[cfg(test)]
pub(crate) use self::file::SUMS_SEAL;
pub use self::{
    chain::ChainLink,
    forget::{Forgotten, IsHeld},
    read::{History, HistoryRequest},
    rows::history_schema,
};
pub(crate) use self::{file::HistoryFile, rows::rows_of, text::timestamp};
use crate::{
    catalog::Catalog,
    error::{Error, Result},
    files::{Files, OpenMode, failed},
    log::{FrameReader, log_files},
    objects::{ObjectName, Objects, Reader},
};

/// Where history lies.
const FOLDER: &str = "history";
/// Endings of names in it. An earlier program moved log files here as they were.
const PARQUET: &str = "parquet";
const SUMS: &str = "sums";
const LOG: &str = "log";

/// Where the entries of a store lie.
pub(crate) struct Archive {
    objects: Objects,
    files: Arc<dyn Files>,
    log_folder: PathBuf,
    /// Taken, to write, by who removes a log file: who reads has the files open by then.
    moving: RwLock<()>,
    readers: Readers,
}

/// A run of entries.
pub(crate) enum Part {
    /// Folded.
    File { csns: RangeInclusive<u64>, name: ObjectName },
    /// In the log, or moved here as they were.
    Log { first: u64, reader: Reader, place: String },
}

impl Part {
    /// Its first CSN.
    pub fn first(&self) -> u64 {
        match self {
            Part::File { csns, .. } => *csns.start(),
            Part::Log { first, .. } => *first,
        }
    }
}

impl Archive {
    pub fn new(objects: Objects, files: Arc<dyn Files>, log_folder: PathBuf) -> Archive {
        Archive { objects, files, log_folder, moving: RwLock::default(), readers: Readers::default() }
    }

    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Where the log is, for messages.
    pub fn log_place(&self) -> String {
        self.log_folder.display().to_string()
    }

    /// The parts that hold these entries, in order. Where a crash left a log file beside the file made of it, both are
    /// told, the finished file first.
    ///
    /// # Errors
    ///
    /// `Damaged` for an object that is none of ours.
    pub fn parts(&self, csns: &RangeInclusive<u64>) -> Result<Vec<Part>> {
        let _still = self.moving.read();
        let mut parts = Vec::new();
        for (first, path) in log_files(&*self.files, &self.log_folder)? {
            let opened = self.files.open(&path, OpenMode::Read);
            let reader = Reader::of_file(opened).map_err(failed("open", &path))?;
            parts.push(Part::Log { first, reader, place: path.display().to_string() });
        }
        for (csns, name) in self.named()? {
            match csns {
                Named::File(csns) => parts.push(Part::File { csns, name }),
                Named::Log(first) => {
                    let place = self.objects.place(&name);
                    parts.push(Part::Log { first, reader: self.objects.reader(&name)?, place });
                }
            }
        }
        parts.sort_by_key(|part| (part.first(), matches!(part, Part::Log { .. })));
        let ends = parts.iter().skip(1).map(|next| next.first().saturating_sub(1)).chain([u64::MAX]);
        let ends: Vec<u64> = ends.collect();
        let wanted = |(part, end): &(Part, u64)| {
            let end = match part {
                Part::File { csns, .. } => *csns.end(),
                Part::Log { .. } => *end,
            };
            part.first() <= *csns.end() && end >= *csns.start()
        };
        Ok(parts.into_iter().zip(ends).filter(wanted).map(|(part, _)| part).collect())
    }

    /// Makes history of a log file that nothing is appended to any more, and removes it.
    ///
    /// # Errors
    ///
    /// `Io`, `Damaged`: the log file is then still there.
    pub fn keep(&self, catalog: &Catalog, path: &Path, csns: &RangeInclusive<u64>) -> Result<()> {
        let opened = self.files.open(path, OpenMode::Read);
        let reader = Reader::of_file(opened).map_err(failed("open", path))?;
        self.write(catalog, reader, path.display().to_string(), csns)?;
        let _alone = self.moving.write();
        self.files.remove(path).map_err(failed("remove", path))?;
        self.files.sync_folder(&self.log_folder).map_err(failed("sync folder", &self.log_folder))
    }

    /// Makes Parquet files of log files that an earlier program moved here.
    ///
    /// # Errors
    ///
    /// `Io`, `Damaged`.
    pub fn keep_moved(&self, catalog: &Catalog) -> Result<()> {
        let named = self.named()?;
        let log_first = log_files(&*self.files, &self.log_folder)?.first().map(|(first, _)| *first);
        let firsts = named.iter().map(|(named, _)| named.first()).chain(log_first);
        let firsts: Vec<u64> = firsts.collect();
        for (named, name) in &named {
            let Named::Log(first) = named else { continue };
            let Some(next) = firsts.iter().copied().find(|next| next > first) else { continue };
            let reader = self.objects.reader(name)?;
            self.write(catalog, reader, self.objects.place(name), &(*first..=next - 1))?;
            let _alone = self.moving.write();
            self.objects.delete(name)?;
        }
        Ok(())
    }

    /// Writes a file of history and reads it back: what it was made of is about to go.
    fn write(
        &self,
        catalog: &Catalog,
        reader: Reader,
        place: String,
        csns: &RangeInclusive<u64>,
    ) -> Result<()> {
        let (header, mut frames) = FrameReader::open(reader, place, self.objects.keys())?;
        if header.first_csn != *csns.start() {
            return Err(frames
                .damaged(16, format!("the header says {}, the name {}", header.first_csn, csns.start())));
        }
        let last_hash = write::write(&self.objects, catalog, &mut frames, csns)?;
        let written = HistoryFile::open(&self.objects, csns)?;
        let mut found = (csns.start().saturating_sub(1), header.hash_before);
        for frame in written.frames(csns)? {
            let frame = frame?;
            if (frame.csn - 1, frame.hash_before) != found {
                return Err(written.damaged(format!("entry {} does not follow {}", frame.csn, found.0)));
            }
            found = (frame.csn, frame.hash);
        }
        if found != (*csns.end(), last_hash) {
            return Err(written.damaged(format!("it ends at entry {}, not {}", found.0, csns.end())));
        }
        Ok(())
    }

    /// What lies in the folder of history, by first CSN.
    fn named(&self) -> Result<Vec<(Named, ObjectName)>> {
        let mut found = Vec::new();
        for name in self.objects.list(&ObjectName::from(FOLDER))? {
            if name.extension() == Some(SUMS) {
                continue;
            }
            let named = name.filename().and_then(Named::parse);
            let named = named.ok_or_else(|| Error::Damaged {
                file: self.objects.place(&name),
                offset: 0,
                what: "this is no file of history".into(),
            })?;
            found.push((named, name));
        }
        found.sort_by_key(|(named, _)| named.first());
        Ok(found)
    }
}

/// What the name of an object of history says.
enum Named {
    File(RangeInclusive<u64>),
    Log(u64),
}

impl Named {
    fn parse(name: &str) -> Option<Named> {
        let (stem, ending) = name.rsplit_once('.')?;
        match ending {
            LOG => stem.parse().ok().map(Named::Log),
            PARQUET => {
                let (first, last) = stem.split_once('-')?;
                let csns: RangeInclusive<u64> = first.parse().ok()?..=last.parse().ok()?;
                (!csns.is_empty() && *csns.start() > 0).then_some(Named::File(csns))
            }
            _ => None,
        }
    }

    fn first(&self) -> u64 {
        match self {
            Named::File(csns) => *csns.start(),
            Named::Log(first) => *first,
        }
    }
}

/// The object of these entries.
fn name(csns: &RangeInclusive<u64>, ending: &str) -> ObjectName {
    ObjectName::from(FOLDER).join(format!("{:020}-{:020}.{ending}", csns.start(), csns.end()))
}
