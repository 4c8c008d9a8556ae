//! Writes a file of history. Its sums are put before it: where the file is, they are.

use std::ops::RangeInclusive;

use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};

use super::{
    PARQUET, SUMS,
    file::{self, FORMAT, FORMAT_KEY},
    name,
    rows::{Rows, file_schema},
};
use crate::{
    catalog::Catalog,
    error::{Error, Result},
    log::{Entry, FrameReader, Hash},
    objects::{CheckedWriter, Objects},
};

/// A row group is closed past so many rows or bytes.
const GROUP_ROWS: usize = 64 << 10;
const GROUP_BYTES: usize = 32 << 20;

/// Writes these entries, which are all that the log file has; the hash of the last one.
///
/// # Errors
///
/// `Damaged` when the log file has others; `Io`.
pub(super) fn write(
    objects: &Objects,
    catalog: &Catalog,
    frames: &mut FrameReader,
    csns: &RangeInclusive<u64>,
) -> Result<Hash> {
    let object = name(csns, PARQUET);
    let file = CheckedWriter::new(objects.upload(&object));
    let mut parquet =
        ArrowWriter::try_new(file, file_schema(), Some(properties()?)).map_err(parquet_error)?;
    let mut rows = Rows::new(true);
    let mut last = (csns.start().saturating_sub(1), [0; 32]);
    while let Some(frame) = frames.next()? {
        if frame.csn != last.0 + 1 {
            let what = format!("entry {} where {} was due", frame.csn, last.0 + 1);
            return Err(frames.damaged(frame.offset, what));
        }
        let entry = Entry::decode(frame.payload()).map_err(|error| {
            frames.damaged(frame.offset, format!("entry {} can't be read: {error}", frame.csn))
        })?;
        last = (frame.csn, frame.hash);
        rows.add_framed(catalog, frame.csn, &entry, frame.bytes)?;
        if rows.is_full() {
            parquet.write(&rows.take()?).map_err(parquet_error)?;
        }
        if parquet.in_progress_rows() >= GROUP_ROWS || parquet.in_progress_size() >= GROUP_BYTES {
            parquet.flush().map_err(parquet_error)?;
        }
    }
    if last.0 != *csns.end() {
        let what = format!("it ends at entry {}, the next file begins behind {}", last.0, csns.end());
        return Err(frames.damaged(frames.offset(), what));
    }
    if !rows.is_empty() {
        parquet.write(&rows.take()?).map_err(parquet_error)?;
    }
    let (sums, upload) = parquet.into_inner().map_err(parquet_error)?.close();
    objects.put(&name(csns, SUMS), file::SUMS_SEAL.encode(&sums)?)?;
    upload.finish().map_err(|source| objects.io("write", &object, source))?;
    Ok(last.1)
}

fn properties() -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(3).map_err(parquet_error)?;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(vec![KeyValue::new(FORMAT_KEY.to_string(), FORMAT.to_string())]))
        .set_max_row_group_row_count(None);
    for column in ["old", "new", "frame"] {
        let column = ColumnPath::from(column);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_statistics_enabled(column, EnabledStatistics::None);
    }
    Ok(properties.build())
}

fn parquet_error(error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => Error::Io { context: "write history".into(), source: *source },
            Err(other) => Error::Internal(format!("parquet: {other}")),
        },
        other => Error::Internal(format!("parquet: {other}")),
    }
}
