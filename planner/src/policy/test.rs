//! A decision about rows, ready to be made.

use std::{collections::HashSet, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array},
    buffer::BooleanBuffer,
    compute::{and, not, or},
    datatypes::SchemaRef,
};
use datafusion::{
    common::ScalarValue,
    execution::memory_pool::MemoryPool,
    logical_expr::{Expr, ident},
    physical_expr::PhysicalExpr,
};
use quarry_storage::TableSnapshot;

use super::far::{Far, followed};
use crate::error::{Error, Result};

/// Texts that an index is asked for instead of a test of rows.
const LOOKED_UP_MAX: usize = 1_000;

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
            Test::Parent { at, far } => far.counts(column(columns, *at)?)?,
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

    /// A predicate over stored columns that holds for every row that counts; none where there is nothing simple to say.
    pub(super) fn predicate(&self) -> Option<Expr> {
        match self {
            Test::Among { column, ids, .. } if ids.len() <= LOOKED_UP_MAX => {
                let text = |id: &Arc<str>| Expr::Literal(ScalarValue::Utf8View(Some(id.to_string())), None);
                Some(ident(column.as_str()).in_list(ids.iter().map(text).collect(), false))
            }
            Test::Condition(condition) if condition.inputs.iter().all(|input| input.hops.is_empty()) => {
                Some(condition.logical.clone())
            }
            Test::Or(tests) => {
                tests.iter().map(Test::predicate).collect::<Option<Vec<_>>>()?.into_iter().reduce(Expr::or)
            }
            Test::And(tests) => tests.iter().filter_map(Test::predicate).reduce(Expr::and),
            Test::All
            | Test::None
            | Test::Among { .. }
            | Test::Condition(_)
            | Test::Parent { .. }
            | Test::Not(_) => None,
        }
    }

    /// Whether what counts has a record at the end of the lookup at a place that counts over there.
    pub(super) fn requires(&self, place: usize, end: &Arc<Far>) -> bool {
        match self {
            Test::Parent { at, far } => *at == place && Arc::ptr_eq(far, end),
            Test::And(tests) => tests.iter().any(|test| test.requires(place, end)),
            Test::Or(tests) => !tests.is_empty() && tests.iter().all(|test| test.requires(place, end)),
            Test::None => true,
            Test::All | Test::Among { .. } | Test::Condition(_) | Test::Not(_) => false,
        }
    }

    /// As [`Far::account`], of all records that are looked at.
    pub(super) fn account(&self, pool: &Arc<dyn MemoryPool>) {
        match self {
            Test::Parent { far, .. } => far.account(pool),
            Test::And(tests) | Test::Or(tests) => tests.iter().for_each(|test| test.account(pool)),
            Test::Not(test) => test.account(pool),
            Test::All | Test::None | Test::Among { .. } | Test::Condition(_) => {}
        }
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
