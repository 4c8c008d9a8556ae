//! What a question gives: a stream of Arrow batches.

use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;

/// The answer to an ObjectQL question; `batches` is read as it comes, dropping it ends the work.
pub struct Answer {
    /// Columns in the order asked. A to-one expand is a Struct (null where there is none), a to-many expand a
    /// List<Struct>; with `count: true` in that expand a further Int64 column `<name>@count`.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: SendableRecordBatchStream,
    /// With `count: true`: the number of records that match without limit and offset, on the same snapshot.
    pub count: Option<u64>,
    /// The commit number it was read at.
    pub csn: u64,
}
