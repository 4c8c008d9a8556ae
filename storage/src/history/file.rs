//! A file of history being read. Every block is checked against the file's sums; row groups that can't hold what is wanted
//! are left out by their statistics, and only the columns that are asked for are decoded.

use std::{ops::RangeInclusive, sync::Arc};

use arrow::{
    array::{AsArray, BooleanArray},
    datatypes::{Int64Type, TimestampMicrosecondType},
    error::ArrowError,
    record_batch::RecordBatch,
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
            RowFilter,
        },
    },
    file::{metadata::RowGroupMetaData, statistics::Statistics},
};

use super::{
    PARQUET, SUMS, name,
    rows::{ACTOR, AT, CSN, DOOR, FRAME, KEY, TABLE, Wanted},
};
use crate::{
    error::{Error, Result},
    log::FoundFrame,
    objects::{CheckedFile, CheckedReader, Failure, Objects, Seal, Sums},
};

/// The file's own word on its format, among the footer's keys.
pub(super) const FORMAT_KEY: &str = "quarry.history";
pub(super) const FORMAT: &str = "2";
/// Without the columns that tell from where a transaction was sent.
const FORMAT_1: &str = "1";

/// The sums of a file of history.
pub(crate) const SUMS_SEAL: Seal = Seal { magic: b"QUARRYHS", version: 1 };

/// Rows decoded at a time; fewer where they carry frames.
const BATCH_ROWS: usize = 8_192;
const FRAME_BATCH_ROWS: usize = 1_024;

/// Batches as they are decoded.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// An open file of history.
pub(crate) struct HistoryFile {
    file: Arc<CheckedFile>,
    footer: ArrowReaderMetadata,
    /// Where the column of frames is: behind all others.
    frame: usize,
}

impl HistoryFile {
    /// The file of these entries.
    ///
    /// # Errors
    ///
    /// `Damaged`; `Invalid` for a newer format.
    pub fn open(objects: &Objects, csns: &RangeInclusive<u64>) -> Result<HistoryFile> {
        let file = HistoryFile::checked(objects, csns)?;
        let options = ArrowReaderOptions::new();
        let reader = CheckedReader::new(&file);
        let footer = ArrowReaderMetadata::load(&reader, options);
        let footer = footer.map_err(|error| reader.failure().or(error))?;
        let keys = footer.metadata().file_metadata().key_value_metadata();
        let format = keys.into_iter().flatten().find(|pair| pair.key == FORMAT_KEY);
        let frame = match format.and_then(|pair| pair.value.as_deref()) {
            Some(FORMAT) => FRAME,
            Some(FORMAT_1) => DOOR,
            _ => {
                let place = file.place();
                let what = format!("{place} has a format this program does not read; use a newer program");
                return Err(Error::Invalid(what));
            }
        };
        Ok(HistoryFile { file, footer, frame })
    }

    /// Its bytes, with their sums.
    pub fn checked(objects: &Objects, csns: &RangeInclusive<u64>) -> Result<Arc<CheckedFile>> {
        let sums: Sums = SUMS_SEAL.read(objects, &name(csns, SUMS))?;
        CheckedFile::open(objects, &name(csns, PARQUET), sums).map(Arc::new)
    }

    /// Where it is, for messages.
    pub fn place(&self) -> &str {
        self.file.place()
    }

    pub fn damaged(&self, what: String) -> Error {
        Error::Damaged { file: self.place().to_string(), offset: 0, what }
    }

    /// How many row groups there are, and where each begins.
    pub fn groups(&self) -> Vec<u64> {
        let groups = self.footer.metadata().row_groups().iter();
        groups.map(|group| group.file_offset().and_then(|at| u64::try_from(at).ok()).unwrap_or(0)).collect()
    }

    /// All columns of one row group, frames too.
    pub fn group(&self, group: usize) -> Result<Batches> {
        let (builder, failure) = self.builder();
        finish(builder.with_row_groups(vec![group]).with_batch_size(FRAME_BATCH_ROWS), failure)
    }

    /// The frames of these entries, in order.
    pub fn frames(
        &self,
        csns: &RangeInclusive<u64>,
    ) -> Result<Box<dyn Iterator<Item = Result<FoundFrame>> + Send>> {
        let groups = self.groups_with(csns, &Wanted::default());
        let (builder, failure) = self.builder();
        let builder = builder
            .with_row_groups(groups)
            .with_projection(self.mask(&[CSN, self.frame]))
            .with_row_filter(RowFilter::new(vec![self.predicate(csns, &Wanted::default())]))
            .with_batch_size(FRAME_BATCH_ROWS);
        let place = self.place().to_string();
        let frames = finish(builder, failure)?.flat_map(move |batch| frames_of(batch, &place));
        Ok(Box::new(frames))
    }

    /// These columns, in their order, of the rows that are wanted; without those that the file has not.
    pub(super) fn rows(
        &self,
        csns: &RangeInclusive<u64>,
        wanted: &Wanted,
        columns: &[usize],
    ) -> Result<Batches> {
        let (builder, failure) = self.builder();
        let builder = builder
            .with_row_groups(self.groups_with(csns, wanted))
            .with_projection(self.mask(&self.there(columns)))
            .with_row_filter(RowFilter::new(vec![self.predicate(csns, wanted)]))
            .with_batch_size(BATCH_ROWS);
        finish(builder, failure)
    }

    fn builder(&self) -> (ParquetRecordBatchReaderBuilder<CheckedReader>, Failure) {
        let reader = CheckedReader::new(&self.file);
        let failure = reader.failure();
        (ParquetRecordBatchReaderBuilder::new_with_metadata(reader, self.footer.clone()), failure)
    }

    fn there(&self, columns: &[usize]) -> Vec<usize> {
        columns.iter().copied().filter(|column| *column < self.frame).collect()
    }

    fn mask(&self, columns: &[usize]) -> ProjectionMask {
        ProjectionMask::roots(self.footer.parquet_schema(), columns.iter().copied())
    }

    /// Row groups that may hold what is wanted.
    fn groups_with(&self, csns: &RangeInclusive<u64>, wanted: &Wanted) -> Vec<usize> {
        let groups = self.footer.metadata().row_groups().iter().enumerate();
        groups.filter(|(_, group)| may_hold(group, csns, wanted)).map(|(number, _)| number).collect()
    }

    fn predicate(
        &self,
        csns: &RangeInclusive<u64>,
        wanted: &Wanted,
    ) -> Box<ArrowPredicateFn<impl FnMut(RecordBatch) -> Result<BooleanArray, ArrowError> + Send + use<>>>
    {
        let mut columns = vec![CSN];
        columns.extend((wanted.times != (None, None)).then_some(AT));
        columns.extend(wanted.actor.is_some().then_some(ACTOR));
        columns.extend(wanted.tables.is_some().then_some(TABLE));
        columns.extend(wanted.key.is_some().then_some(KEY));
        let (csns, wanted) = (csns.clone(), wanted.clone());
        Box::new(ArrowPredicateFn::new(self.mask(&columns), move |batch| chosen(&batch, &csns, &wanted)))
    }
}

fn finish(builder: ParquetRecordBatchReaderBuilder<CheckedReader>, failure: Failure) -> Result<Batches> {
    let batches = builder.build().map_err(|error| failure.or(error))?;
    Ok(Box::new(batches.map(move |batch| batch.map_err(|error| failure.or(error)))))
}

/// The frames in a batch of `csn` and `frame`.
fn frames_of(batch: Result<RecordBatch>, place: &str) -> Vec<Result<FoundFrame>> {
    let batch = match batch {
        Ok(batch) => batch,
        Err(error) => return vec![Err(error)],
    };
    let damaged = |what: String| Error::Damaged { file: place.to_string(), offset: 0, what };
    let (Some(csns), Some(frames)) = (
        batch.column_by_name("csn").and_then(|array| array.as_primitive_opt::<Int64Type>()),
        batch.column_by_name("frame").and_then(|array| array.as_binary_opt::<i32>()),
    ) else {
        return vec![Err(damaged("it has not the columns of history".into()))];
    };
    let mut found = Vec::new();
    for (csn, bytes) in csns.values().iter().zip(frames) {
        let Some(bytes) = bytes else { continue };
        let frame = FoundFrame::of(bytes.to_vec(), 0).filter(|frame| i64::try_from(frame.csn) == Ok(*csn));
        found.push(frame.ok_or_else(|| damaged(format!("the frame of entry {csn} is broken"))));
    }
    found
}

/// May a row group hold what is wanted, by its statistics?
fn may_hold(group: &RowGroupMetaData, csns: &RangeInclusive<u64>, wanted: &Wanted) -> bool {
    let range = |column: usize| match group.columns().get(column).and_then(|column| column.statistics()) {
        Some(Statistics::Int64(known)) => known.min_opt().copied().zip(known.max_opt().copied()),
        _ => None,
    };
    let signed = |csn: &u64| i64::try_from(*csn).unwrap_or(i64::MAX);
    let csns_meet =
        range(CSN).is_none_or(|(min, max)| min <= signed(csns.end()) && max >= signed(csns.start()));
    let (from, to) = wanted.times;
    let times_meet = range(AT)
        .is_none_or(|(min, max)| from.is_none_or(|from| max >= from) && to.is_none_or(|to| min < to));
    let between = |column: usize, text: &str| {
        let known = group.columns().get(column).and_then(|column| column.statistics());
        let known = known.and_then(|known| known.min_bytes_opt().zip(known.max_bytes_opt()));
        known.is_none_or(|(min, max)| min <= text.as_bytes() && text.as_bytes() <= max)
    };
    csns_meet
        && times_meet
        && wanted.actor.as_ref().is_none_or(|actor| between(ACTOR, actor))
        && wanted.key.as_ref().is_none_or(|key| between(KEY, key))
        && wanted.tables.as_ref().is_none_or(|tables| tables.iter().any(|table| between(TABLE, table)))
}

/// Which rows of a batch are wanted.
fn chosen(
    batch: &RecordBatch,
    csns: &RangeInclusive<u64>,
    wanted: &Wanted,
) -> Result<BooleanArray, ArrowError> {
    let odd = |column: &str| ArrowError::SchemaError(format!("history has no column {column:?}"));
    let column = |name: &'static str| batch.column_by_name(name).ok_or_else(|| odd(name));
    let text = |name: &'static str| column(name)?.as_string_view_opt().ok_or_else(|| odd(name));
    let mut keep = vec![true; batch.num_rows()];
    let numbers = column("csn")?.as_primitive_opt::<Int64Type>().ok_or_else(|| odd("csn"))?;
    for (keep, csn) in keep.iter_mut().zip(numbers.values()) {
        *keep = u64::try_from(*csn).is_ok_and(|csn| csns.contains(&csn));
    }
    if wanted.times != (None, None) {
        let times = column("at")?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| odd("at"))?;
        let (from, to) = wanted.times;
        for (keep, at) in keep.iter_mut().zip(times) {
            let fits = |at: i64| from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to);
            *keep &= at.is_some_and(fits);
        }
    }
    if let Some(actor) = &wanted.actor {
        keep.iter_mut().zip(text("actor")?).for_each(|(keep, found)| *keep &= found == Some(actor.as_str()));
    }
    if let Some(tables) = &wanted.tables {
        let is_one = |found: &str| tables.contains(found);
        keep.iter_mut().zip(text("table")?).for_each(|(keep, found)| *keep &= found.is_some_and(is_one));
    }
    if let Some(key) = &wanted.key {
        keep.iter_mut().zip(text("key")?).for_each(|(keep, found)| *keep &= found == Some(&**key));
    }
    Ok(BooleanArray::from(keep))
}
