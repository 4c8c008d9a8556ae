//! Between rows and Arrow: a batch of rows, a cell of an array.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder,
        Float64Builder, Int64Builder, ListBuilder, StringBuilder, StringViewBuilder,
        Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt32Array, new_null_array,
    },
    compute::take,
    datatypes::{
        Date32Type, Decimal128Type, Float64Type, Int64Type, SchemaRef, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
    record_batch::{RecordBatch, RecordBatchOptions},
};

use crate::{
    error::{Error, Result},
    schema::{ColumnType, TableSpec},
    value::{Row, Value},
};

/// A text of so many bytes stands in its view (Arrow's format).
const VIEW_BYTES: usize = 12;
/// What longer texts of an array stand in, at most so large.
const TEXT_BLOCK_BYTES: u32 = 1 << 20;

/// These columns of the rows; all where `projection` is `None`.
pub(crate) fn batch(spec: &TableSpec, schema: &SchemaRef, rows: &[Row]) -> Result<RecordBatch> {
    let arrays = (0..spec.columns.len()).map(|at| column(spec, at, rows)).collect::<Result<Vec<_>>>()?;
    record_batch(schema.clone(), arrays, rows.len())
}

/// A batch that may have no column and yet has rows.
pub(crate) fn record_batch(schema: SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, arrays, &options).map_err(arrow_error)
}

/// One column of the rows as an array.
pub(crate) fn column(spec: &TableSpec, at: usize, rows: &[Row]) -> Result<ArrayRef> {
    let Some(column) = spec.columns.get(at) else {
        return Err(Error::UnknownColumn { table: spec.name.to_string(), column: format!("#{at}") });
    };
    let values = rows.iter().map(|row| row.get(at));
    array(column.column_type, rows.len(), values).map_err(|found| {
        Error::Invalid(format!(
            "column {:?} of {:?} is {:?} and can't hold {found:?}",
            column.name, spec.name, column.column_type
        ))
    })
}

/// Values of one type as an array; the value that does not fit is the error.
fn array<'a>(
    kind: ColumnType,
    rows: usize,
    values: impl Iterator<Item = &'a Value> + Clone,
) -> Result<ArrayRef, Value> {
    macro_rules! build {
        ($builder:expr, $variant:path, |$value:ident| $take:expr) => {{
            let mut builder = $builder;
            for value in values {
                match value {
                    $variant($value) => builder.append_value($take),
                    Value::Null => builder.append_null(),
                    other => return Err(other.clone()),
                }
            }
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    Ok(match kind {
        ColumnType::Bool => build!(BooleanBuilder::with_capacity(rows), Value::Bool, |v| *v),
        ColumnType::Int => build!(Int64Builder::with_capacity(rows), Value::Int, |v| *v),
        ColumnType::Float => build!(Float64Builder::with_capacity(rows), Value::Float, |v| *v),
        ColumnType::Decimal { .. } => {
            let builder = Decimal128Builder::with_capacity(rows).with_data_type(kind.arrow());
            build!(builder, Value::Decimal, |v| *v)
        }
        ColumnType::Text => {
            let block = text_bytes(values.clone());
            build!(StringViewBuilder::with_capacity(rows).with_fixed_block_size(block), Value::Text, |v| v)
        }
        ColumnType::Date => build!(Date32Builder::with_capacity(rows), Value::Date, |v| *v),
        ColumnType::Time => build!(Time64MicrosecondBuilder::with_capacity(rows), Value::Time, |v| *v),
        ColumnType::Timestamp => {
            let builder = TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(kind.arrow());
            build!(builder, Value::Timestamp, |v| *v)
        }
        ColumnType::Bytes => build!(BinaryBuilder::new(), Value::Bytes, |v| v),
        ColumnType::TextList => text_lists(values)?,
    })
}

/// What the texts take that do not stand in their views: as much as is needed, where few rows are wanted.
fn text_bytes<'a>(values: impl Iterator<Item = &'a Value>) -> u32 {
    let bytes = values.map(|value| match value {
        Value::Text(text) if text.len() > VIEW_BYTES => text.len(),
        _ => 0,
    });
    u32::try_from(bytes.sum::<usize>()).unwrap_or(u32::MAX).clamp(1, TEXT_BLOCK_BYTES)
}

fn text_lists<'a>(values: impl Iterator<Item = &'a Value>) -> Result<ArrayRef, Value> {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for value in values {
        match value {
            Value::TextList(items) => {
                for item in items.iter() {
                    builder.values().append_value(item);
                }
                builder.append(true);
            }
            Value::Null => builder.append(false),
            other => return Err(other.clone()),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Nulls, for a column that a segment does not have yet.
pub(crate) fn nulls(kind: ColumnType, rows: usize) -> ArrayRef {
    new_null_array(&kind.arrow(), rows)
}

/// The rows of a batch that has all columns.
pub(crate) fn rows(spec: &TableSpec, batch: &RecordBatch) -> Result<Vec<Row>> {
    let columns: Vec<_> = spec.columns.iter().zip(batch.columns()).collect();
    let row =
        |at| columns.iter().map(|(column, array)| cell(column.column_type, array, at)).collect::<Result<_>>();
    (0..batch.num_rows()).map(|at| row(at).map(Row)).collect()
}

/// The rows of whole columns that are at these places, in order: where they are one run, nothing is copied.
pub(crate) fn chosen(whole: Vec<ArrayRef>, places: &[u32]) -> Result<Vec<ArrayRef>> {
    if let Some(run) = run_of(places) {
        return Ok(whole.into_iter().map(|array| array.slice(run.start, run.len())).collect());
    }
    let places = UInt32Array::from(places.to_vec());
    whole.iter().map(|array| take(array, &places, None).map_err(arrow_error)).collect()
}

/// The places as one run, where nothing is left out between them.
fn run_of(offsets: &[u32]) -> Option<Range<usize>> {
    let (first, last) = (usize::try_from(*offsets.first()?).ok()?, usize::try_from(*offsets.last()?).ok()?);
    (last - first + 1 == offsets.len()).then(|| first..last + 1)
}

/// The value in one cell.
///
/// # Errors
///
/// `Internal` when the array is not of the column's type or too short.
pub(crate) fn cell(kind: ColumnType, array: &ArrayRef, row: usize) -> Result<Value> {
    if row >= array.len() {
        return Err(Error::Internal(format!("row {row} of an array of {}", array.len())));
    }
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let found = match kind {
        ColumnType::Bool => array.as_boolean_opt().map(|a| Value::Bool(a.value(row))),
        ColumnType::Int => array.as_primitive_opt::<Int64Type>().map(|a| Value::Int(a.value(row))),
        ColumnType::Float => array.as_primitive_opt::<Float64Type>().map(|a| Value::Float(a.value(row))),
        ColumnType::Decimal { .. } => {
            array.as_primitive_opt::<Decimal128Type>().map(|a| Value::Decimal(a.value(row)))
        }
        ColumnType::Text => array.as_string_view_opt().map(|a| Value::text(a.value(row))),
        ColumnType::Date => array.as_primitive_opt::<Date32Type>().map(|a| Value::Date(a.value(row))),
        ColumnType::Time => {
            array.as_primitive_opt::<Time64MicrosecondType>().map(|a| Value::Time(a.value(row)))
        }
        ColumnType::Timestamp => {
            array.as_primitive_opt::<TimestampMicrosecondType>().map(|a| Value::Timestamp(a.value(row)))
        }
        ColumnType::Bytes => array.as_binary_opt::<i32>().map(|a| Value::Bytes(a.value(row).into())),
        ColumnType::TextList => return text_list(array, row),
    };
    found
        .ok_or_else(|| Error::Internal(format!("an array of {} for a column of {kind:?}", array.data_type())))
}

fn text_list(array: &ArrayRef, row: usize) -> Result<Value> {
    let items = array.as_list_opt::<i32>().map(|lists| lists.value(row));
    let Some(texts) = items.as_ref().and_then(|items| items.as_string_opt::<i32>()) else {
        return Err(Error::Internal(format!("an array of {} for a list of texts", array.data_type())));
    };
    Ok(Value::TextList(texts.iter().map(|text| Arc::from(text.unwrap_or_default())).collect()))
}

/// An Arrow failure: never the data's fault here.
pub(crate) fn arrow_error(error: arrow::error::ArrowError) -> Error {
    Error::Internal(format!("arrow: {error}"))
}

#[cfg(test)]
mod tests;
