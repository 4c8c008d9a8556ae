//! Writes a segment: columns, index, and at last the meta file. Everything is synced when it is finished; nothing of
//! it counts before a manifest names it.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

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
    ColumnCache, Segment, SegmentId,
    file::CheckedWriter,
    folder,
    meta::{self, GroupMeta, SegmentMeta},
};
use crate::{
    catalog::Table,
    columns,
    error::{Error, Result},
    files::{self, failed},
    text::TextWriter,
    value::Row,
};

/// Names in a segment's folder.
pub(super) const COLUMNS: &str = "columns.parquet";
pub(super) const INDEX: &str = "index";

/// Rows of a page: a single row is read by its page.
const PAGE_ROWS: usize = 2_048;

/// A segment being written; rows come in the order of keys, each key once.
pub(crate) struct SegmentWriter {
    table: Arc<Table>,
    id: SegmentId,
    folder: PathBuf,
    schema: SchemaRef,
    parquet: ArrowWriter<CheckedWriter>,
    index: TextWriter,
    group_rows: usize,
    rows: Vec<Row>,
    csns: Vec<u64>,
    groups: Vec<GroupMeta>,
    csn_max: u64,
}

impl SegmentWriter {
    /// An empty segment; what a failed attempt left under the same number is replaced.
    pub fn create(
        store: &Path,
        table: &Arc<Table>,
        id: SegmentId,
        group_rows: usize,
    ) -> Result<SegmentWriter> {
        let folder = folder(store, table.id, id);
        files::remove_folder(&folder)?;
        files::make_folder(&folder.join(INDEX))?;
        let path = folder.join(COLUMNS);
        let file = CheckedWriter::new(File::create(&path).map_err(failed("create", &path))?);
        let csn = Arc::new(Field::new("_csn", DataType::UInt64, false));
        let fields = table.schema.fields().iter().cloned().chain([csn]);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let parquet =
            ArrowWriter::try_new(file, schema.clone(), Some(properties()?)).map_err(parquet_error)?;
        Ok(SegmentWriter {
            index: TextWriter::in_folder(table, &folder.join(INDEX))?,
            table: table.clone(),
            id,
            folder,
            schema,
            parquet,
            group_rows: group_rows.max(1),
            rows: Vec::new(),
            csns: Vec::new(),
            groups: Vec::new(),
            csn_max: 0,
        })
    }

    /// The next row, and the CSN that made it.
    pub fn add(&mut self, row: Row, csn: u64) -> Result<()> {
        self.index.add(&row)?;
        self.rows.push(row);
        self.csns.push(csn);
        self.csn_max = self.csn_max.max(csn);
        if self.rows.len() >= self.group_rows { self.close_group() } else { Ok(()) }
    }

    fn close_group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        self.groups.push(GroupMeta {
            rows: u32::try_from(rows.len()).map_err(|_| Error::Internal("a row group too large".into()))?,
            first_key: first.key()?.clone(),
            last_key: last.key()?.clone(),
        });
        let batch = columns::batch(&self.table.spec, &self.table.schema, &rows)?;
        let mut arrays = batch.columns().to_vec();
        arrays.push(Arc::new(UInt64Array::from(std::mem::take(&mut self.csns))) as ArrayRef);
        let batch = columns::record_batch(self.schema.clone(), arrays, rows.len())?;
        self.parquet.write(&batch).map_err(parquet_error)?;
        self.parquet.flush().map_err(parquet_error)
    }

    /// The finished segment, durable and open.
    pub fn finish(mut self, cache: &Arc<ColumnCache>) -> Result<Segment> {
        self.close_group()?;
        let file = self.parquet.into_inner().map_err(parquet_error)?;
        let path = self.folder.join(COLUMNS);
        let (file_bytes, block_crcs) = file.finish().map_err(failed("write", &path))?;
        drop(self.index.finish()?);
        files::sync_all_in(&self.folder.join(INDEX))?;
        let meta = SegmentMeta {
            rows: self.groups.iter().map(|group| group.rows).sum(),
            columns: u32::try_from(self.table.spec.columns.len()).unwrap_or(u32::MAX),
            csn_max: self.csn_max,
            groups: self.groups,
            file_bytes,
            block_crcs,
        };
        let crc = meta.write(&self.folder.join(meta::NAME))?;
        for folder in self.folder.ancestors().take(3) {
            files::sync_folder(folder)?;
        }
        Segment::open(&self.folder, self.id, crc, cache)
    }
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
