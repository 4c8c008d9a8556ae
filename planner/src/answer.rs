//! What a question gives: a stream of Arrow batches.

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, SchemaRef},
};
use datafusion::execution::SendableRecordBatchStream;

pub use crate::plan::Next;

/// The answer to an ObjectQL question; `batches` is read as it comes, dropping it ends the work.
pub struct Answer {
    /// Columns in the order asked. A to-one expand is a Struct (null where there is none), a to-many expand a
    /// List<Struct>; with `count: true` in that expand a further Int64 column `<name>@count`.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: SendableRecordBatchStream,
    /// With `count: true`: the number of records that match without limit and offset, on the same snapshot.
    pub count: Option<u64>,
    /// Of a question with a limit: where the next page begins. Not of one that a search's rank or a window sorts, nor of groups.
    pub next: Option<Next>,
    /// The commit number it was read at.
    pub csn: u64,
}

/// What the rows of a batch take, bytes. Batches of one scan share their text: of that, each counts what its own rows
/// show.
pub fn bytes_of(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(bytes_of_array).sum()
}

/// The same of one column.
pub(crate) fn bytes_of_array(array: &ArrayRef) -> usize {
    match array.data_type() {
        // A view takes 16 bytes; what is longer than 12 stands in a shared buffer.
        DataType::Utf8View => array.len() * 16 + array.as_string_view().total_buffer_bytes_used(),
        DataType::Struct(_) => array.as_struct().columns().iter().map(bytes_of_array).sum(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (first, last) = (list.value_offsets().first(), list.value_offsets().last());
            let range = first.zip(last).and_then(|(first, last)| {
                Some((usize::try_from(*first).ok()?, usize::try_from(last - first).ok()?))
            });
            let values = range.map(|(first, length)| bytes_of_array(&list.values().slice(first, length)));
            array.len() * 4 + values.unwrap_or_default()
        }
        DataType::Boolean => array.len().div_ceil(8),
        fixed if fixed.primitive_width().is_some() => {
            array.len() * fixed.primitive_width().unwrap_or_default()
        }
        // What it can't be told for is counted whole.
        _ => array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()),
    }
}
