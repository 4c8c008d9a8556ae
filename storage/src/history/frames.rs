//! Entries in order, wherever they lie.

use std::{collections::VecDeque, ops::RangeInclusive};

use super::{Archive, HistoryFile, Part};
use crate::{
    error::{Error, Result},
    log::{FoundFrame, FrameReader},
    objects::Objects,
};

/// The frames of a range of entries; each follows the one before, or there is an error.
pub(crate) struct Frames {
    objects: Objects,
    parts: VecDeque<Part>,
    open: Option<Box<dyn Iterator<Item = Result<FoundFrame>> + Send>>,
    next: u64,
    last: u64,
    log_folder: String,
}

impl Archive {
    /// The frames of these entries, all of which must have been acknowledged.
    ///
    /// # Errors
    ///
    /// `Io`, `Damaged`.
    pub fn frames(&self, csns: RangeInclusive<u64>) -> Result<Frames> {
        Ok(Frames {
            objects: self.objects.clone(),
            parts: self.parts(&csns)?.into(),
            open: None,
            next: *csns.start(),
            last: *csns.end(),
            log_folder: self.log_place(),
        })
    }
}

impl Frames {
    fn advance(&mut self) -> Result<Option<FoundFrame>> {
        while self.next <= self.last {
            let Some(open) = &mut self.open else {
                let Some(part) = self.parts.pop_front() else { return Err(self.missing()) };
                self.open = Some(self.frames_of(part)?);
                continue;
            };
            match open.next().transpose()? {
                // The log file that a file of history was made of is there as well.
                Some(frame) if frame.csn < self.next => {}
                Some(frame) if frame.csn == self.next => {
                    self.next += 1;
                    return Ok(Some(frame));
                }
                Some(_) => return Err(self.missing()),
                None => self.open = None,
            }
        }
        Ok(None)
    }

    fn frames_of(&self, part: Part) -> Result<Box<dyn Iterator<Item = Result<FoundFrame>> + Send>> {
        match part {
            Part::File { csns, .. } => {
                let from = self.next.max(*csns.start());
                HistoryFile::open(&self.objects, &csns)?.frames(&(from..=self.last.min(*csns.end())))
            }
            Part::Log { reader, place, .. } => {
                let (_, mut frames) = FrameReader::open(reader, place, self.objects.keys())?;
                Ok(Box::new(std::iter::from_fn(move || frames.next().transpose())))
            }
        }
    }

    fn missing(&self) -> Error {
        missing(&self.log_folder, self.next)
    }
}

/// An entry that must be there is not.
pub(super) fn missing(log_folder: &str, csn: u64) -> Error {
    let what = format!("entry {csn} is neither in history nor in the log");
    Error::Damaged { file: log_folder.to_string(), offset: 0, what }
}

impl Iterator for Frames {
    type Item = Result<FoundFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if next.is_err() {
            // Nothing is read behind an error.
            self.last = 0;
        }
        next.transpose()
    }
}
