//! A decision about rows, ready to be made.

use std::{collections::HashSet, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array},
    buffer::BooleanBuffer,
    compute::{and, not, or},
    datatypes::SchemaRef,
};
use datafusion::{logical_expr::Expr, physical_expr::PhysicalExpr};
use quarry_storage::TableSnapshot;

use super::far::{Far, followed};
use crate::error::{Error, Result};

/// Which rows count. Columns stand at places among those that are read for it.
pub(super) enum Test {
    All,
    None,
    /// Those whose text is one of these.
    Among {
        at: usize,
        column: String,
        ids: Arc<HashSet<Arc<str>>>,
    },
    /// Those for which a condition is true.
    Condition(Box<Condition>),
    /// Those whose lookup leads to a record that counts over there.
    Parent {
        at: usize,
        far: Arc<Far>,
    },
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
}

/// A condition over columns of the row and of records that it leads to.
pub(super) struct Condition {
    /// By the names of stored columns; those of other records have names that no column has.
    pub(super) logical: Expr,
    pub(super) physical: Arc<dyn PhysicalExpr>,
    pub(super) schema: SchemaRef,
    pub(super) inputs: Vec<Input>,
}

/// Where a column of a condition comes from.
pub(super) struct Input {
    /// The row's own column.
    pub(super) at: usize,
    /// Tables to go to by its key, with the column there.
    pub(super) hops: Vec<(TableSnapshot, usize)>,
}

impl Test {
    /// Whether each row counts; never null. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn of(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanArray> {
        Ok(match self {
            Test::All => all(true, rows),
            Test::None => all(false, rows),
            Test::Among { at, ids, .. } => {
                let texts = column(columns, *at)?.as_string_view_opt();
                let texts = texts.ok_or_else(|| Error::internal("a policy's column is no text"))?;
                let is_one = |text: Option<&str>| text.is_some_and(|text| ids.contains(text));
                BooleanArray::new(texts.iter().map(is_one).collect::<BooleanBuffer>(), None)
            }
            Test::Condition(condition) => condition.of(columns, rows)?,
            Test::Parent { at, far } => BooleanArray::from(far.counts(column(columns, *at)?)?),
            Test::And(tests) => {
                let mut counts = all(true, rows);
                for test in tests {
                    if counts.has_true() {
                        counts = and(&counts, &test.of(columns, rows)?)?;
                    }
                }
                counts
            }
            Test::Or(tests) => {
                let mut counts = all(false, rows);
                for test in tests {
                    if counts.has_false() {
                        counts = or(&counts, &test.of(columns, rows)?)?;
                    }
                }
                counts
            }
            Test::Not(test) => not(&test.of(columns, rows)?)?,
        })
    }
}

impl Condition {
    /// Whether it is true of a record that has no values.
    pub(super) fn holds_of_nothing(&self) -> Result<bool> {
        let arrays = self.schema.fields().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        let value = self.physical.evaluate(&batch)?.into_array(1)?;
        Ok(value.as_boolean_opt().is_none_or(|value| value.is_valid(0) && value.value(0)))
    }

    fn of(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanArray> {
        let mut arrays = Vec::with_capacity(self.inputs.len());
        for Input { at, hops } in &self.inputs {
            let mut array = Arc::clone(column(columns, *at)?);
            for (table, column) in hops {
                array = followed(table, &array, *column)?;
            }
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        let values = self.physical.evaluate(&batch)?.into_array(rows)?;
        let values =
            values.as_boolean_opt().ok_or_else(|| Error::internal("a policy that is no condition"))?;
        // Null is false.
        Ok(match values.nulls() {
            Some(nulls) => BooleanArray::new(values.values() & nulls.inner(), None),
            None => values.clone(),
        })
    }
}

fn all(count: bool, rows: usize) -> BooleanArray {
    let buffer = if count { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) };
    BooleanArray::new(buffer, None)
}

fn column(columns: &[ArrayRef], at: usize) -> Result<&ArrayRef> {
    columns.get(at).ok_or_else(|| Error::internal("a policy reads a column that is not there"))
}
