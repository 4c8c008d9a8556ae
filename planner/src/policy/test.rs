//! A decision about rows, ready to be made.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray},
    buffer::BooleanBuffer,
    compute::{and, not, or},
};
use datafusion::{
    common::ScalarValue,
    execution::memory_pool::MemoryPool,
    logical_expr::{Expr, ident},
};

use super::{condition::Condition, far::Far, ids::IdSet};
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
        ids: IdSet,
    },
    /// Those for which a condition is true.
    Condition(Box<Condition>),
    /// Those whose lookup leads to a record that counts over there.
    Parent {
        at: usize,
        far: Arc<Far>,
        /// The store keeps what is referred to.
        is_kept: bool,
    },
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
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
                let is_one = |text: Option<&str>| text.is_some_and(|text| ids.ids().contains(text));
                BooleanArray::new(texts.iter().map(is_one).collect::<BooleanBuffer>(), None)
            }
            Test::Condition(condition) => condition.of(columns, rows)?,
            Test::Parent { at, far, is_kept } => far.counts(column(columns, *at)?, *is_kept)?,
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
            Test::Among { column, ids, .. } if ids.ids().len() <= LOOKED_UP_MAX => {
                let text = |id: &Arc<str>| Expr::Literal(ScalarValue::Utf8View(Some(id.to_string())), None);
                Some(ident(column.as_str()).in_list(ids.ids().iter().map(text).collect(), false))
            }
            Test::Condition(condition) if condition.inputs.iter().all(|input| input.hops.is_empty()) => {
                Some(condition.compiled.logical.clone())
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
            Test::Parent { at, far, .. } => *at == place && Arc::ptr_eq(far, end),
            Test::And(tests) => tests.iter().any(|test| test.requires(place, end)),
            Test::Or(tests) => !tests.is_empty() && tests.iter().all(|test| test.requires(place, end)),
            Test::None => true,
            Test::All | Test::Among { .. } | Test::Condition(_) | Test::Not(_) => false,
        }
    }

    /// Whether records of other tables decide too.
    pub(super) fn looks_elsewhere(&self) -> bool {
        match self {
            Test::Parent { .. } => true,
            Test::Condition(condition) => condition.inputs.iter().any(|input| !input.hops.is_empty()),
            Test::And(tests) | Test::Or(tests) => tests.iter().any(Test::looks_elsewhere),
            Test::Not(test) => test.looks_elsewhere(),
            Test::All | Test::None | Test::Among { .. } => false,
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

fn all(count: bool, rows: usize) -> BooleanArray {
    let buffer = if count { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) };
    BooleanArray::new(buffer, None)
}

pub(super) fn column(columns: &[ArrayRef], at: usize) -> Result<&ArrayRef> {
    columns.get(at).ok_or_else(|| Error::internal("a policy reads a column that is not there"))
}
