//! The guard of one scan: every row comes past it before anything else sees the row.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatch},
    compute::filter_record_batch,
};
use datafusion::{common::ScalarValue, logical_expr::Expr};
use quarry_metadata::permissions::{Act, Records};
use quarry_storage::TableSnapshot;

use super::{
    Policy, Seeing, Targets,
    far::Far,
    prepare::{Preparing, Reads, far_of},
    sight::{Shown, Sight},
    test::Test,
};
use crate::error::Result;

/// Texts that an index is asked for instead of a test of rows.
const LOOKED_UP_MAX: usize = 1_000;

/// A policy, ready for one user on one state of a table.
pub(crate) struct Guard {
    /// Positions of the columns that are read to decide.
    reads: Vec<usize>,
    test: Test,
    /// By the position of the column.
    shown: HashMap<usize, Shown>,
}

impl Guard {
    /// Makes a policy ready. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage; `Limited` when too much would have to be known of the user.
    pub(crate) fn new(policy: &Policy, seeing: &Seeing, table: &TableSnapshot) -> Result<Guard> {
        let mut reads = Reads::new(table.clone());
        let (policies, object) = (&policy.policies, &*policy.object);
        let test = Preparing { policies, seeing, object, depth: 0, followed: 0 }
            .test(&policy.records, &mut reads)?;
        let mut ends: Targets<Arc<Far>> = HashMap::new();
        let mut end = |target: &_| -> Result<Arc<Far>> {
            Ok(match ends.get(target) {
                Some(known) => Arc::clone(known),
                None => {
                    let far = far_of(policies, seeing, (target, Act::Read), 1)?;
                    ends.insert(target.clone(), Arc::clone(&far));
                    far
                }
            })
        };
        let mut shown = HashMap::new();
        for (name, sight) in &policy.sights {
            let Some(field) = object.field(name.as_str()) else { continue };
            let Some(position) = table.spec().position(field.column()) else { continue };
            let ready = match sight {
                Sight::Masked(mask) => Shown::Masked(*mask),
                Sight::Reference(target) => Shown::Reference(end(target)?),
                Sight::References(target) => Shown::References(end(target)?),
                Sight::OneOf(members) => {
                    let mut places = Vec::with_capacity(members.len());
                    for (lookup, target) in members {
                        let Some(lookup) = object.field(lookup.as_str()) else { continue };
                        places.push((reads.place(lookup)?, end(target)?));
                    }
                    Shown::OneOf(places)
                }
            };
            shown.insert(position, ready);
        }
        Ok(Guard { reads: reads.positions, test, shown })
    }

    /// Positions of the columns that are read to decide.
    pub(crate) fn reads(&self) -> &[usize] {
        &self.reads
    }

    /// Whether rows may be left out.
    pub(crate) fn leaves_out(&self) -> bool {
        !matches!(self.test, Test::All)
    }

    /// The rows that are seen; its columns from `from` on are those that are read to decide. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(crate) fn seen(&self, batch: RecordBatch, from: usize) -> Result<RecordBatch> {
        if !self.leaves_out() {
            return Ok(batch);
        }
        let seen: BooleanArray = self.test.of(self.own(&batch, from), batch.num_rows())?;
        Ok(if seen.has_false() { filter_record_batch(&batch, &seen)? } else { batch })
    }

    fn own<'b>(&self, batch: &'b RecordBatch, from: usize) -> &'b [ArrayRef] {
        batch.columns().get(from..from + self.reads.len()).unwrap_or_default()
    }

    /// What is shown of a column of such a batch, by its position in the table. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(crate) fn shown(
        &self,
        (position, stored): (usize, &ArrayRef),
        batch: &RecordBatch,
        from: usize,
    ) -> Result<ArrayRef> {
        match self.shown.get(&position).filter(|_| !stored.is_empty()) {
            Some(shown) => shown.of(stored, self.own(batch, from)),
            None => Ok(Arc::clone(stored)),
        }
    }

    /// A predicate over stored columns that holds for every row that is seen; none where there is nothing simple to say.
    pub(crate) fn predicate(&self) -> Option<Expr> {
        predicate(&self.test)
    }
}

fn predicate(test: &Test) -> Option<Expr> {
    match test {
        Test::Among { column, ids, .. } if ids.len() <= LOOKED_UP_MAX => {
            let text = |id: &Arc<str>| Expr::Literal(ScalarValue::Utf8View(Some(id.to_string())), None);
            Some(
                datafusion::logical_expr::ident(column.as_str())
                    .in_list(ids.iter().map(text).collect(), false),
            )
        }
        Test::Condition(condition) if condition.inputs.iter().all(|input| input.hops.is_empty()) => {
            Some(condition.logical.clone())
        }
        Test::Or(tests) => {
            tests.iter().map(predicate).collect::<Option<Vec<_>>>()?.into_iter().reduce(Expr::or)
        }
        Test::And(tests) => tests.iter().filter_map(predicate).reduce(Expr::and),
        Test::All
        | Test::None
        | Test::Among { .. }
        | Test::Condition(_)
        | Test::Parent { .. }
        | Test::Not(_) => None,
    }
}

impl Policy {
    /// Whether the values of a column are not shown as they are.
    pub(crate) fn alters(&self, column: &str) -> bool {
        let columns = self.sights.iter().filter_map(|(name, _)| self.object.field(name.as_str()));
        columns.into_iter().any(|field| field.column() == column)
    }

    /// Whether records are left out.
    pub(crate) fn leaves_out(&self) -> bool {
        self.records != Records::All
    }
}
