//! Writes a segment: columns, index, and at last the meta file. Everything is durable when it is finished; nothing of
//! it counts before a manifest names it, and what is not finished, or never named, goes.

use std::{sync::Arc, thread};

use arrow::{
    array::{ArrayRef, UInt64Array},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::{EnabledStatistics, WriterProperties},
};

use super::{
    Ground, Segment, SegmentId, folder,
    meta::{self, GroupMeta, SegmentMeta},
};
use crate::{
    catalog::Table,
    columns,
    error::{Error, Result},
    objects::{CheckedWriter, ObjectName},
    text::TextWriter,
    value::Row,
};

/// Names in a segment's folder.
pub(super) const COLUMNS: &str = "columns.parquet";
pub(super) const INDEX: &str = "index";

/// Rows of a page: a single row is read by its page.
const PAGE_ROWS: usize = 2_048;
/// A row group is closed past this many bytes of rows, however few those are: it is held in memory as a whole, by who
/// writes it and by who decodes it.
const GROUP_BYTES_TARGET: u64 = 64 << 20;

/// A segment being written; rows come in the order of keys, each key once.
pub(crate) struct SegmentWriter {
    ground: Arc<Ground>,
    table: Arc<Table>,
    id: SegmentId,
    folder: ObjectName,
    schema: SchemaRef,
    parquet: ArrowWriter<CheckedWriter>,
    index: TextWriter,
    group_rows: usize,
    rows: Vec<Row>,
    /// Of these rows, roughly.
    bytes: u64,
    csns: Vec<u64>,
    groups: Vec<GroupMeta>,
    csn_max: u64,
    /// Columns and index are written on a thread each.
    is_urgent: bool,
    /// The last field: what is written goes when its writers have gone.
    unfinished: Unfinished,
}

/// Removes what was written of a segment, unless it is finished.
struct Unfinished {
    ground: Arc<Ground>,
    folder: ObjectName,
    is_finished: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            self.ground.remove(self.folder.clone());
        }
    }
}

impl SegmentWriter {
    /// An empty segment; what a failed attempt left under the same number is replaced.
    pub fn create(
        ground: &Arc<Ground>,
        table: &Arc<Table>,
        id: SegmentId,
        group_rows: usize,
    ) -> Result<SegmentWriter> {
        let folder = folder(table.id, id);
        ground.objects.delete_folder(&folder)?;
        let unfinished = Unfinished { ground: ground.clone(), folder: folder.clone(), is_finished: false };
        let upload = ground.objects.upload(&folder.clone().join(COLUMNS));
        let file = CheckedWriter::new(upload);
        let csn = Arc::new(Field::new("_csn", DataType::UInt64, false));
        let fields = table.schema.fields().iter().cloned().chain([csn]);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let parquet =
            ArrowWriter::try_new(file, schema.clone(), Some(properties()?)).map_err(parquet_error)?;
        Ok(SegmentWriter {
            index: TextWriter::create(&ground.objects, &folder.clone().join(INDEX), table)?,
            ground: ground.clone(),
            table: table.clone(),
            id,
            folder,
            schema,
            parquet,
            group_rows: group_rows.max(1),
            rows: Vec::new(),
            bytes: 0,
            csns: Vec::new(),
            groups: Vec::new(),
            csn_max: 0,
            is_urgent: false,
            unfinished,
        })
    }

    /// Someone waits for it: columns and index are written side by side, where that is a folder of this machine.
    pub fn urgent(self) -> SegmentWriter {
        let is_urgent = self.ground.objects.mappable_folder(&self.folder).is_some();
        SegmentWriter { is_urgent, ..self }
    }

    /// How many rows there are by now.
    pub fn rows(&self) -> usize {
        let closed: u32 = self.groups.iter().map(|group| group.rows).sum();
        usize::try_from(closed).unwrap_or(usize::MAX).saturating_add(self.rows.len())
    }

    /// What its index holds in memory until it is finished.
    pub fn index_bytes(&self) -> usize {
        self.index.bytes()
    }

    /// The next row, and the CSN that made it.
    pub fn add(&mut self, row: Row, csn: u64) -> Result<()> {
        self.bytes = self.bytes.saturating_add(row.bytes());
        self.rows.push(row);
        self.csns.push(csn);
        self.csn_max = self.csn_max.max(csn);
        let is_full = self.rows.len() >= self.group_rows || self.bytes >= GROUP_BYTES_TARGET;
        if is_full { self.close_group() } else { Ok(()) }
    }

    fn close_group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        self.groups.push(GroupMeta {
            rows: u32::try_from(rows.len()).map_err(|_| Error::Internal("a row group too large".into()))?,
            first_key: first.key()?.clone(),
            last_key: last.key()?.clone(),
        });
        let csns: ArrayRef = Arc::new(UInt64Array::from(std::mem::take(&mut self.csns)));
        let SegmentWriter { parquet, index, table, schema, .. } = self;
        let columns = || {
            let batch = columns::batch(&table.spec, &table.schema, &rows)?;
            let arrays = batch.columns().iter().cloned().chain([csns]).collect();
            let batch = columns::record_batch(schema.clone(), arrays, rows.len())?;
            parquet.write(&batch).and_then(|()| parquet.flush()).map_err(parquet_error)
        };
        both(self.is_urgent, columns, || rows.iter().try_for_each(|row| index.add(row)))
    }

    /// The finished segment, durable and open. It goes with its last reader unless it is kept ([`Segment::keep`]).
    pub fn finish(mut self) -> Result<Segment> {
        self.close_group()?;
        let objects = &self.ground.objects;
        let (parquet, index) = (self.parquet, self.index);
        let columns = || {
            let (sums, upload) = parquet.into_inner().map_err(parquet_error)?.close();
            let name = self.folder.clone().join(COLUMNS);
            upload.finish().map_err(|source| objects.io("write", &name, source))?;
            Ok(sums)
        };
        let sums = both(self.is_urgent, columns, || index.publish())?;
        let meta = SegmentMeta {
            rows: self.groups.iter().map(|group| group.rows).sum(),
            columns: u32::try_from(self.table.spec.columns.len()).unwrap_or(u32::MAX),
            csn_max: self.csn_max,
            groups: self.groups,
            sums,
        };
        let crc = meta.write(objects, &self.folder.join(meta::NAME))?;
        let segment = Segment::open(&self.ground, self.table.id, self.id, crc)?;
        segment.retire();
        self.unfinished.is_finished = true;
        Ok(segment)
    }
}

/// Does both: one after the other, or on a thread each.
fn both<T: Send>(
    side_by_side: bool,
    first: impl FnOnce() -> Result<T> + Send,
    second: impl FnOnce() -> Result<()>,
) -> Result<T> {
    if !side_by_side {
        let done = first()?;
        return second().map(|()| done);
    }
    thread::scope(|scope| {
        let started = thread::Builder::new().name("quarry-columns".into()).spawn_scoped(scope, first);
        let started = started.map_err(|source| Error::Io { context: "start a thread".into(), source })?;
        let second = second();
        let first = started.join();
        let first = first.map_err(|_| Error::Internal("a thread that writes columns panicked".into()))?;
        second.and(first)
    })
}

fn properties() -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(1).map_err(parquet_error)?;
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(None)
        .build())
}

fn parquet_error(error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => Error::Io { context: "write a segment".into(), source: *source },
            Err(other) => Error::Internal(format!("parquet: {other}")),
        },
        other => Error::Internal(format!("parquet: {other}")),
    }
}
