//! The guard of one scan: every row comes past it before anything else sees the row.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatch},
    compute::filter_record_batch,
};
use datafusion::{execution::memory_pool::MemoryPool, logical_expr::Expr};
use quarry_metadata::permissions::{Act, Records};
use quarry_storage::{Effort, Predicate, RowSet, TableSnapshot};

use super::{
    Policy, Seeing, ahead,
    meaning::{Meaning, Number},
    prepare::{Preparing, Reads, far_of},
    sight::{Shown, Sight},
    test::Test,
};
use crate::error::{Error, Result};

/// A policy, ready for one user on one state of a table.
pub(crate) struct Guard {
    /// Positions of the columns that are read to decide.
    reads: Vec<usize>,
    test: Test,
    /// By the position of the column.
    shown: HashMap<usize, Shown>,
    /// Only rows that are seen come past it.
    is_decided: bool,
    /// What is decided of rows is remembered under it.
    number: Option<Number>,
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
        let end = |target: &_| far_of(policies, seeing, (target, Act::Read), 1);
        let mut shown = HashMap::new();
        for (name, sight) in &policy.sights {
            let Some(field) = object.field(name.as_str()) else { continue };
            let Some(position) = table.spec().position(field.column()) else { continue };
            let ready = match sight {
                Sight::Masked(mask) => Shown::Masked(*mask),
                Sight::Reference(target) => {
                    let end = end(target)?;
                    let place = reads.positions.iter().position(|known| *known == position);
                    // Rows where it is not seen are not seen either.
                    if place.is_some_and(|place| test.requires(place, &end)) {
                        continue;
                    }
                    let is_kept = end.is_kept_by(table, position);
                    Shown::Reference(end, is_kept)
                }
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
        Ok(Guard { reads: reads.positions, test, shown, is_decided: false, number: None })
    }

    /// Positions of the columns that are read to decide.
    pub(crate) fn reads(&self) -> &[usize] {
        &self.reads
    }

    /// Whether there may be rows that are not seen.
    pub(crate) fn restricts(&self) -> bool {
        !matches!(self.test, Test::All)
    }

    /// Whether rows may be left out.
    pub(crate) fn leaves_out(&self) -> bool {
        !self.is_decided && self.restricts()
    }

    /// Those of some rows, or of all, that are seen, where that is known or takes no more than it may: then no other rows need come past the
    /// guard. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(crate) fn decide(
        &mut self,
        (seeing, table): (&Seeing, &TableSnapshot),
        rows: Option<&RowSet>,
        effort: Effort,
    ) -> Result<Option<RowSet>> {
        let meaning = || Meaning::of(&self.test, &self.reads, seeing.snapshot());
        let is_plain = matches!(self.test, Test::All | Test::None);
        if is_plain {
            return Ok(None);
        }
        self.number = seeing.viewer().number_of(meaning);
        let Some(number) = self.number.as_ref().map(|number| number.value) else { return Ok(None) };
        let test = |columns: &[ArrayRef], rows: usize| self.test.of(columns, rows);
        let predicate = Predicate { number, columns: &self.reads, test: &test };
        let seen = table.holding::<Error>(&predicate, rows, effort)?;
        self.is_decided = seen.is_some();
        Ok(seen)
    }

    /// Whether records of other tables decide too.
    pub(crate) fn looks_elsewhere(&self) -> bool {
        self.test.looks_elsewhere()
    }

    /// Notes that a question would have been quicker, had more been decided.
    pub(crate) fn note_undecided(&self, policy: &Arc<Policy>, seeing: &Seeing, table: &TableSnapshot) {
        if let Some(number) = &self.number {
            ahead::note(&number.asked, policy, seeing, table);
        }
    }

    /// Decides about all rows, and all records that they lead to. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn decide_all(&mut self, seeing: &Seeing, table: &TableSnapshot) -> Result<()> {
        self.decide((seeing, table), None, Effort::ALL)?;
        self.shown.values().try_for_each(Shown::decide_all)
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
        self.test.predicate()
    }

    /// Says where the memory is counted that deciding takes.
    pub(crate) fn account(&self, pool: &Arc<dyn MemoryPool>) {
        self.test.account(pool);
        self.shown.values().for_each(|shown| shown.account(pool));
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
