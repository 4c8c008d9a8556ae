//! What changed, as Arrow batches, in the order of commits: of the files of history, and of the log behind them.

use std::{collections::VecDeque, ops::RangeInclusive, sync::Arc};

use arrow::{array::new_null_array, datatypes::SchemaRef, record_batch::RecordBatch};

use super::{
    Archive, HistoryFile, Part,
    file::Batches,
    frames::missing,
    history_schema,
    readers::Reading,
    rows::{Rows, Wanted},
};
use crate::{
    Csn,
    catalog::Catalog,
    columns::record_batch,
    error::{Error, Result},
    log::{Entry, FrameReader},
    schema::TableName,
    value::Key,
};

/// Which changes to read; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryRequest {
    /// The first commit.
    pub from_csn: Option<Csn>,
    /// The last commit.
    pub to_csn: Option<Csn>,
    /// From this instant on, microseconds UTC.
    pub from_micros: Option<i64>,
    /// Before this instant.
    pub before_micros: Option<i64>,
    /// Only changes of these tables. Without it changes of the catalog come, too.
    pub tables: Option<Vec<TableName>>,
    /// Only changes of rows of this key.
    pub key: Option<Key>,
    /// Only what this actor did.
    pub actor: Option<String>,
    /// Positions of columns of [`history_schema`], in the order wanted; `None`: all.
    pub projection: Option<Vec<usize>>,
}

/// Changes in the order of commits, as batches; within a commit by table and key.
pub struct History {
    archive: Arc<Archive>,
    catalog: Arc<Catalog>,
    parts: VecDeque<Part>,
    open: Option<Batches>,
    /// The next entry that is due, and the last one wanted.
    next: u64,
    last: u64,
    wanted: Wanted,
    projection: Vec<usize>,
    schema: SchemaRef,
    _reading: Reading,
}

impl Archive {
    /// The changes up to a CSN. Nothing is read yet.
    ///
    /// # Errors
    ///
    /// `Invalid` for a column that is not there; `Io`.
    pub fn rows(
        self: &Arc<Self>,
        catalog: &Arc<Catalog>,
        csn: u64,
        request: &HistoryRequest,
    ) -> Result<History> {
        let all = history_schema();
        let projection = request.projection.clone().unwrap_or_else(|| (0..all.fields().len()).collect());
        let schema = all.project(&projection).map_err(|error| Error::Invalid(error.to_string()))?;
        let from = request.from_csn.map_or(1, |from| from.0.max(1));
        let reading = self.readers.read_from(from);
        let first = self.kept_from(from, csn)?;
        let last = request.to_csn.map_or(csn, |to| to.0.min(csn));
        let parts = if first <= last { self.parts(&(first..=last))? } else { Vec::new() };
        Ok(History {
            archive: self.clone(),
            catalog: catalog.clone(),
            parts: parts.into(),
            open: None,
            next: first,
            last,
            wanted: Wanted {
                tables: request.tables.as_ref().map(|tables| tables.iter().cloned().collect()),
                key: request.key.clone(),
                actor: request.actor.clone(),
                times: (request.from_micros, request.before_micros),
            },
            projection,
            schema: Arc::new(schema),
            _reading: reading.only_from(first),
        })
    }
}

impl History {
    /// The schema of its batches.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(open) = &mut self.open {
                match open.next().transpose()? {
                    Some(batch) if batch.num_rows() == 0 => continue,
                    Some(batch) => return self.projected(&batch).map(Some),
                    None => self.open = None,
                }
            }
            if self.next > self.last {
                return Ok(None);
            }
            let Some(part) = self.parts.pop_front() else { return Err(self.missing()) };
            self.open = self.batches_of(part)?;
        }
    }

    /// The batches of a part; `None` when all of it was in the part before.
    fn batches_of(&mut self, part: Part) -> Result<Option<Batches>> {
        match part {
            Part::File { csns, .. } if *csns.end() < self.next => Ok(None),
            Part::File { csns, .. } if *csns.start() > self.next => Err(self.missing()),
            Part::File { csns, .. } => {
                let range = self.next..=self.last.min(*csns.end());
                self.next = csns.end() + 1;
                let mut columns = self.projection.clone();
                columns.sort_unstable();
                let file = HistoryFile::open(self.archive.objects(), &csns)?;
                file.rows(&range, &self.wanted, &columns).map(Some)
            }
            Part::Log { reader, place, .. } => {
                let (_, frames) = FrameReader::open(reader, place, self.archive.objects().keys())?;
                let end = self.parts.front().map_or(u64::MAX, |next| next.first().saturating_sub(1));
                let csns = self.next..=self.last.min(end);
                self.next = csns.end() + 1;
                let (catalog, wanted) = (self.catalog.clone(), self.wanted.clone());
                let rows = LogRows { frames, catalog, wanted, csns, rows: Rows::new(false) };
                Ok(Some(Box::new(rows)))
            }
        }
    }

    /// The columns in the order wanted: those of files come in theirs, and older files lack some.
    fn projected(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let column = |field: &Arc<arrow::datatypes::Field>| match batch.column_by_name(field.name()) {
            Some(column) => column.clone(),
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        let columns = self.schema.fields().iter().map(column).collect();
        record_batch(self.schema.clone(), columns, batch.num_rows())
    }

    fn missing(&self) -> Error {
        missing(&self.archive.log_place(), self.next)
    }
}

impl Iterator for History {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if next.is_err() {
            // Nothing is read behind an error.
            (self.open, self.last) = (None, 0);
        }
        next.transpose()
    }
}

/// Rows made of the frames of a log file.
struct LogRows {
    frames: FrameReader,
    catalog: Arc<Catalog>,
    wanted: Wanted,
    /// Those still due.
    csns: RangeInclusive<u64>,
    rows: Rows,
}

impl LogRows {
    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        while !self.csns.is_empty() && !self.rows.is_full() {
            let Some(frame) = self.frames.next()? else {
                let what = format!("entry {} is missing or broken", self.csns.start());
                return Err(self.frames.damaged(self.frames.offset(), what));
            };
            if frame.csn < *self.csns.start() {
                continue;
            }
            let entry = Entry::decode(frame.payload()).map_err(|error| {
                let what = format!("entry {} can't be read: {error}", frame.csn);
                self.frames.damaged(frame.offset, what)
            })?;
            self.rows.add(&self.catalog, frame.csn, &entry, &self.wanted)?;
            self.csns = frame.csn + 1..=*self.csns.end();
        }
        if self.rows.is_empty() { Ok(None) } else { self.rows.take().map(Some) }
    }
}

impl Iterator for LogRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
