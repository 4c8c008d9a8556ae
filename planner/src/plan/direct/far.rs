//! What a lookup leads to: one record at most for each row, read by its key and put beside the row.
//!
//! It is the left join of the plan, by hand: the rows are few, so their keys are, and each is found in its table's key index. The view over
//! there is asked as ever; a record that is not seen is not there.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array},
    compute::take,
    datatypes::{Field, Schema},
};
use datafusion::common::{Column, DFSchema, TableReference};

use crate::{
    error::{Error, Result},
    policy::Seeing,
    run::Gone,
    view::{FEW_ROWS_MAX, ObjectView, Restriction, Wanted},
};

/// The column of a view by which its records are referred to.
const KEY: &str = "id";

/// An object that a lookup leads to.
#[derive(Clone)]
pub(crate) struct Far {
    pub(crate) view: Arc<ObjectView>,
    /// What its columns are qualified by.
    pub(crate) alias: TableReference,
    /// What refers to it: a column of the object itself, or of another one before.
    pub(crate) lookup: Column,
    /// The columns that are read; the key is one of them.
    pub(crate) read: Vec<String>,
}

/// The rows with the columns of one more object behind theirs.
pub(super) struct Beside {
    pub(super) rows: RecordBatch,
    pub(super) schema: DFSchema,
}

impl Far {
    /// Reads the records that these rows refer to; nothing where a plan should. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage; `TIMEOUT`.
    pub(super) fn beside(
        &self,
        seeing: &Seeing,
        (rows, schema): (RecordBatch, &DFSchema),
        gone: &Gone,
    ) -> Result<Option<Beside>> {
        let Some(columns) = self.view.places(&self.read) else { return Ok(None) };
        let Some(keys) = schema
            .index_of_column_by_name(self.lookup.relation.as_ref(), &self.lookup.name)
            .and_then(|place| rows.columns().get(place)?.as_string_view_opt())
        else {
            return Ok(None);
        };
        gone.check()?;
        let mut wanted: Vec<&str> = keys.iter().flatten().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let wanted: Vec<Arc<str>> = wanted.into_iter().map(Arc::from).collect();
        let found = seeing.snapshot().table(self.view.object.table())?.keys(&wanted)?;
        gone.check()?;
        let asked = Wanted { columns: &columns, filters: &[], first: None, rows_max: FEW_ROWS_MAX, gone };
        let Some(few) = self.view.few(seeing, Restriction::Rows(found), &asked)? else { return Ok(None) };
        let places = places(keys.iter(), &few.rows)?;
        let taken = few.rows.columns().iter().map(|column| match few.rows.num_rows() {
            0 => Ok(new_null_array(column.data_type(), rows.num_rows())),
            _ => Ok(take(column, &places, None)?),
        });
        let taken = taken.collect::<Result<Vec<ArrayRef>>>()?;
        // Of a row that leads nowhere there is nothing.
        let fields = few.rows.schema_ref().fields().iter();
        let fields: Vec<Field> = fields.map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let there = DFSchema::try_from_qualified_schema(self.alias.clone(), &Schema::new(fields))?;
        let schema = schema.join(&there)?;
        let columns = rows.columns().iter().cloned().chain(taken).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(schema.inner()), columns, &options)?;
        Ok(Some(Beside { rows, schema }))
    }
}

/// Where the record of each key stands among those that were read.
fn places<'a>(keys: impl Iterator<Item = Option<&'a str>>, there: &RecordBatch) -> Result<UInt32Array> {
    let ids = there.column_by_name(KEY).and_then(|ids| ids.as_string_view_opt());
    let ids = ids.ok_or_else(|| Error::internal("records without a key of text"))?;
    let known: HashMap<&str, u32> =
        ids.iter().zip(0u32..).filter_map(|(id, place)| Some((id?, place))).collect();
    Ok(keys.map(|key| known.get(key?).copied()).collect())
}
