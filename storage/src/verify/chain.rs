//! Every entry from the first on.

use std::{collections::HashMap, ops::RangeInclusive, sync::Arc};

use arrow::{array::AsArray, record_batch::RecordBatch};

use super::{Bench, Report, hex};
use crate::{
    catalog::{Catalog, Shapes, TableId},
    encryption::StoreKeys,
    error::{Error, Result},
    history::{HistoryFile, Part, rows_of},
    log::{CheckpointEntry, Entry, FoundFrame, FrameReader, Hash, Tail, judge_tail},
    manifest::Manifest,
    objects::{Objects, Reader},
    schema::TableSpec,
};

/// The chain as far as it was followed.
pub(super) struct Chain {
    /// The last entry that was found, and its hash.
    pub csn: u64,
    hash: Hash,
    /// The tables, by the last entry that told.
    pub tables: Vec<Arc<TableSpec>>,
    /// Rows of each table as the entries made them, at the CSNs of manifests.
    pub counts: HashMap<u64, HashMap<TableId, i64>>,
    rows: HashMap<TableId, i64>,
    /// The entry before the first that is there, and its hash, which that one tells; none before it was seen.
    begin: Option<(u64, Hash)>,
    /// Hash and rows where files of history end.
    ends: HashMap<u64, (Hash, HashMap<TableId, i64>)>,
    /// What tables had before the first entry that is there, by a checkpoint.
    base: Option<HashMap<TableId, i64>>,
    /// What entries must be, by manifests that were made of them.
    anchors: HashMap<u64, Hash>,
    /// Names and types of all columns that folded entries have.
    catalog: Option<Arc<Catalog>>,
    shapes: Arc<Shapes>,
}

impl Chain {
    /// Follows the chain through history and log.
    pub fn check(bench: &Bench, report: &mut Report) -> Result<Chain> {
        let newest = bench.manifests.last().filter(|manifest| !manifest.catalog.is_empty());
        let known = |manifest: &Manifest| Catalog::new(manifest.catalog.clone(), &bench.shapes);
        let catalog = newest.map(known).transpose()?;
        let anchor = |manifest: &Manifest| (manifest.folded_csn, manifest.folded_hash);
        let mut chain = Chain {
            csn: 0,
            hash: [0; 32],
            tables: Vec::new(),
            counts: HashMap::new(),
            rows: HashMap::new(),
            begin: None,
            ends: HashMap::new(),
            base: None,
            anchors: bench.manifests.iter().map(anchor).collect(),
            catalog: catalog.map(Arc::new),
            shapes: bench.shapes.clone(),
        };
        let mut parts = bench.archive.parts(&(0..=u64::MAX))?.into_iter().peekable();
        if let Some(first) = parts.peek().map(Part::first).filter(|first| *first > 1) {
            chain.csn = first - 1;
            chain.tables = newest.map(|manifest| manifest.catalog.clone()).unwrap_or_default();
        }
        while let Some(part) = parts.next() {
            match part {
                Part::File { csns, name } => {
                    let place = bench.ground.objects.place(&name);
                    if let Err(error) = chain.file(&bench.ground.objects, &csns, report) {
                        report.add_error(&place, error);
                    }
                    chain.ends.insert(*csns.end(), (chain.hash, chain.rows.clone()));
                }
                Part::Log { reader, place, .. } => {
                    let is_last = parts.peek().is_none();
                    let keys = bench.ground.objects.keys();
                    if let Err(error) = chain.log((reader, keys), &place, is_last, report) {
                        report.add_error(&place, error);
                    }
                }
            }
        }
        chain.add_base(bench, report);
        if let Some(manifest) = newest.filter(|manifest| manifest.folded_csn > chain.csn) {
            let what = format!("entries end at {}, segments hold {}", chain.csn, manifest.folded_csn);
            report.add(&bench.archive.log_place(), 0, what);
        }
        report.head = (chain.csn > 0).then(|| (chain.csn, hex(&chain.hash)));
        Ok(chain)
    }

    /// A file of history: its blocks, its frames, and its rows against its frames.
    fn file(&mut self, objects: &Objects, csns: &RangeInclusive<u64>, report: &mut Report) -> Result<()> {
        for damage in HistoryFile::checked(objects, csns)?.damages()? {
            report.add_error("", damage);
        }
        let file = HistoryFile::open(objects, csns)?;
        let mut shown = Shown::default();
        for (number, offset) in file.groups().into_iter().enumerate() {
            let damaged = |error| match error {
                Error::Damaged { .. } => error,
                other => Error::Damaged { file: file.place().into(), offset, what: other.to_string() },
            };
            let batches = file.group(number).map_err(damaged);
            let done = batches.and_then(|mut batches| {
                batches.try_for_each(|batch| {
                    self.batch(&batch.map_err(damaged)?, (file.place(), offset), &mut shown, report)
                })
            });
            if let Err(error) = done {
                report.add_error(file.place(), error);
                shown = Shown { is_lost: true, ..Shown::default() };
            }
        }
        shown.end((file.place(), 0), report);
        Ok(())
    }

    fn batch(
        &mut self,
        batch: &RecordBatch,
        place: (&str, u64),
        shown: &mut Shown,
        report: &mut Report,
    ) -> Result<()> {
        let frames = batch.column_by_name("frame").and_then(|array| array.as_binary_opt::<i32>());
        let frames = frames.ok_or_else(|| Error::Internal("history without frames".into()))?;
        let starts: Vec<usize> =
            frames.iter().enumerate().filter(|(_, frame)| frame.is_some()).map(|(at, _)| at).collect();
        let first = starts.first().copied().unwrap_or(batch.num_rows());
        shown.compare(&batch.slice(0, first), place, report);
        let ends = starts.iter().skip(1).copied().chain([batch.num_rows()]);
        for (start, end) in starts.iter().copied().zip(ends) {
            shown.end(place, report);
            let bytes = frames.value(start).to_vec();
            let Some(frame) = FoundFrame::of(bytes, place.1) else {
                report.add(place.0, place.1, format!("the frame of entry {} is broken", self.csn + 1));
                *shown = Shown { is_lost: true, ..Shown::default() };
                continue;
            };
            let entry = self.take(&frame, place, report);
            *shown = match (entry, &self.catalog) {
                (Some(entry), Some(catalog)) => Shown::of(rows_of(catalog, &frame, &entry)?, frame.csn),
                _ => Shown { is_lost: true, ..Shown::default() },
            };
            shown.compare(&batch.slice(start, end - start), place, report);
        }
        Ok(())
    }

    /// A log file. Behind a broken frame the next sound one is looked for.
    fn log(
        &mut self,
        (reader, keys): (Reader, Option<&Arc<StoreKeys>>),
        place: &str,
        is_last: bool,
        report: &mut Report,
    ) -> Result<()> {
        let (header, mut frames) = FrameReader::open(reader, place.to_string(), keys)?;
        let is_begun = self.begin.is_some() || self.csn == 0;
        if is_begun && header.first_csn == self.csn + 1 && header.hash_before != self.hash {
            report.add(place, 24, "the file's header does not continue the hash chain");
        }
        loop {
            while let Some(frame) = frames.next()? {
                _ = self.take(&frame, (place, frame.offset), report);
            }
            let tail = frames.rest()?;
            match judge_tail(frames.framing(), &tail, self.csn + 1, is_last) {
                Tail::Ends => return Ok(()),
                Tail::Unacknowledged(_) => {
                    let what = format!("{place} ends in a write that was never acknowledged");
                    report.notes.push(what);
                    return Ok(());
                }
                Tail::Damaged(what) => report.add(place, frames.offset(), what),
            }
            if !frames.skip_broken(&tail) {
                return Ok(());
            }
        }
    }

    /// An entry's place in the chain; the entry, unless it was seen before or can't be read.
    fn take(
        &mut self,
        frame: &FoundFrame,
        (file, offset): (&str, u64),
        report: &mut Report,
    ) -> Option<Entry> {
        if frame.csn <= self.csn {
            return None;
        }
        if self.begin.is_none() {
            // Of what was let go of before it, a checkpoint must tell the same hash.
            self.hash = if self.csn == 0 { [0; 32] } else { frame.hash_before };
            self.begin = Some((self.csn, self.hash));
        }
        if frame.csn != self.csn + 1 {
            report.add(file, offset, format!("entry {} where {} was due", frame.csn, self.csn + 1));
        } else if frame.hash_before != self.hash {
            report.add(file, offset, format!("entry {} does not continue the hash chain", frame.csn));
        }
        (self.csn, self.hash) = (frame.csn, frame.hash);
        if self.anchors.get(&frame.csn).is_some_and(|hash| *hash != frame.hash) {
            let what = format!("entry {} is not the one the segments were made of", frame.csn);
            report.add(file, offset, what);
        }
        let entry = match Entry::decode(frame.payload()) {
            Ok(entry) => entry,
            Err(error) => {
                report.add(file, offset, format!("entry {} can't be read: {error}", frame.csn));
                return None;
            }
        };
        report.entries += 1;
        entry.count(|table, more| *self.rows.entry(table).or_default() += more);
        if let Entry::Checkpoint(checkpoint) = &entry {
            self.checkpoint(checkpoint, (file, offset), report);
        }
        if self.anchors.contains_key(&frame.csn) {
            self.counts.insert(frame.csn, self.rows.clone());
        }
        if let Entry::Catalog(specs) = &entry {
            self.tables.clone_from(specs);
            if self.catalog.is_none() {
                self.catalog = Catalog::new(specs.clone(), &self.shapes).ok().map(Arc::new);
            }
        }
        Some(entry)
    }

    /// A checkpoint: where the chain begins behind it, it tells the hash that the first entry has of the one before, and the rows then.
    fn checkpoint(&mut self, told: &CheckpointEntry, (file, offset): (&str, u64), report: &mut Report) {
        let (begin, begin_hash) = self.begin.unwrap_or_default();
        if told.csn < begin {
            return; // a later one has taken its place
        }
        let known = match told.csn == begin {
            true => Some((begin_hash, HashMap::new())),
            false => self.ends.get(&told.csn).cloned(),
        };
        let Some((hash, counted)) = known else {
            let what =
                format!("entry {} lets go of entries up to {}, where no file ends", self.csn, told.csn);
            return report.add(file, offset, what);
        };
        if hash != told.hash {
            let what = format!("entry {} tells another hash of entry {}", self.csn, told.csn);
            report.add(file, offset, what);
        }
        let signed = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        let mut base: HashMap<TableId, i64> =
            told.rows.iter().map(|(table, rows)| (*table, signed(*rows))).collect();
        for (table, rows) in counted {
            *base.entry(table).or_default() -= rows;
        }
        base.retain(|_, rows| *rows != 0);
        let differs =
            self.base.as_ref().is_some_and(|known| *known != base) || begin == 0 && !base.is_empty();
        if differs {
            let what =
                format!("entry {} tells other rows than the entries up to {} made", self.csn, told.csn);
            report.add(file, offset, what);
        }
        self.base = Some(base);
    }

    /// What was let go of counts for the rows that there must be.
    fn add_base(&mut self, bench: &Bench, report: &mut Report) {
        let Some((begin, hash)) = self.begin.filter(|(begin, _)| *begin > 0) else { return };
        let Some(base) = self.base.take() else {
            let what =
                format!("the entries up to {begin} are missing, and none tells that they were let go of");
            return report.add(&bench.archive.log_place(), 0, what);
        };
        report.notes.push(format!("history up to entry {begin} was let go of; its hash was {}", hex(&hash)));
        for counts in self.counts.values_mut() {
            for (table, rows) in &base {
                *counts.entry(*table).or_default() += rows;
            }
        }
    }
}

/// The rows that an entry must have, less those that were found.
#[derive(Default)]
struct Shown {
    rest: Option<RecordBatch>,
    csn: u64,
    /// What rows there must be is not known.
    is_lost: bool,
}

impl Shown {
    fn of(rows: RecordBatch, csn: u64) -> Shown {
        Shown { rest: Some(rows), csn, is_lost: false }
    }

    /// Rows of a file, of the entry that is due.
    fn compare(&mut self, found: &RecordBatch, place: (&str, u64), report: &mut Report) {
        if self.is_lost || found.num_rows() == 0 {
            return;
        }
        let rest = self.rest.take().filter(|rest| rest.num_rows() >= found.num_rows());
        let Some(rest) = rest else {
            return self.differ(place, report);
        };
        let wanted = rest.slice(0, found.num_rows());
        // Names and contents; all columns but the frame, which is the other side of the comparison.
        let same = |column: &Arc<arrow::datatypes::Field>| {
            let name = column.name();
            match (found.column_by_name(name), wanted.column_by_name(name)) {
                (Some(found), Some(wanted)) => **found == **wanted,
                // A file that has no such column says nothing there.
                (None, Some(wanted)) => wanted.null_count() == wanted.len(),
                _ => false,
            }
        };
        if !wanted.schema().fields().iter().all(same) {
            return self.differ(place, report);
        }
        self.rest = Some(rest.slice(found.num_rows(), rest.num_rows() - found.num_rows()));
    }

    /// No more rows follow.
    fn end(&mut self, place: (&str, u64), report: &mut Report) {
        if self.rest.as_ref().is_some_and(|rest| rest.num_rows() > 0) {
            self.differ(place, report);
        }
    }

    fn differ(&mut self, (file, offset): (&str, u64), report: &mut Report) {
        report.add(file, offset, format!("the rows of entry {} are not what the entry says", self.csn));
        *self = Shown { is_lost: true, ..Shown::default() };
    }
}
