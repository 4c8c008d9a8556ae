//! From what a shape says about records to a test of rows, for one user on one state.

use std::sync::Arc;

use quarry_metadata::{
    Field, FieldName, Object, ObjectName,
    expression::{Expression, Path, Root, Step},
    permissions::{Act, Records},
};
use quarry_storage::TableSnapshot;

use super::{
    Policies, Seeing,
    condition::{Compiled, Condition, Input},
    far::{Asked, Far},
    test::Test,
};
use crate::error::{Error, Result};

/// Parents of parents that decide about a record.
const PARENTS_MAX: usize = 8;

/// The columns of a table that are read to decide about its rows.
pub(super) struct Reads {
    pub(super) table: TableSnapshot,
    pub(super) positions: Vec<usize>,
}

impl Reads {
    pub(super) fn new(table: TableSnapshot) -> Reads {
        Reads { table, positions: Vec::new() }
    }

    /// Whether the store keeps what the column at a place refers to.
    fn keeps(&self, place: usize, far: &Far) -> bool {
        self.positions.get(place).is_some_and(|position| far.is_kept_by(&self.table, *position))
    }

    /// The place of a field's column among those that are read.
    pub(super) fn place(&mut self, field: &Field) -> Result<usize> {
        let position = position(&self.table, field)?;
        let known = self.positions.iter().position(|known| *known == position);
        Ok(known.unwrap_or_else(|| {
            self.positions.push(position);
            self.positions.len() - 1
        }))
    }
}

fn position(table: &TableSnapshot, field: &Field) -> Result<usize> {
    let position = table.spec().position(field.column());
    position.ok_or_else(|| Error::internal(format!("a policy reads {:?}, which has no column", field.name)))
}

pub(super) fn own<'o>(object: &'o Object, field: &FieldName) -> Result<&'o Field> {
    let found = object.field(field.as_str());
    found.ok_or_else(|| Error::internal(format!("a policy reads {field:?}, which {:?} has not", object.name)))
}

/// Which records of an object, of those that keys lead to.
///
/// # Errors
///
/// Those of storage; `Limited`.
pub(super) fn far(
    policies: &Arc<Policies>,
    seeing: &Seeing,
    object: &Object,
    records: &Records,
    depth: usize,
) -> Result<Arc<Far>> {
    let mut reads = Reads::new(seeing.snapshot().table(object.table())?);
    let test = Preparing { policies, seeing, object, depth, followed: 0 }.test(records, &mut reads)?;
    Ok(Arc::new(Far::new(seeing, reads.table, reads.positions, test)))
}

/// Records of another object for which a condition holds that sees them at the end of so many lookups.
fn far_when(preparing: &Preparing<'_>, target: &ObjectName, expression: &Expression) -> Result<Arc<Far>> {
    let Preparing { policies, seeing, depth, followed, .. } = *preparing;
    let asked = Asked::When(target.clone(), expression.clone(), followed);
    let object = policies.registry.objects.get(target);
    let object = object.ok_or_else(|| Error::internal(format!("a policy leads to {target:?}")))?;
    let make = || {
        let mut reads = Reads::new(seeing.snapshot().table(object.table())?);
        let there = Preparing { policies, seeing, object, depth, followed: followed + 1 };
        let test = there.condition(expression, &mut reads)?;
        Ok(Arc::new(Far::new(seeing, reads.table, reads.positions, test)))
    };
    seeing.viewer().ends().of((seeing.snapshot(), policies), asked, make)
}

/// Which records of another object the user may do something with.
///
/// # Errors
///
/// As [`far`].
pub(super) fn far_of(
    policies: &Arc<Policies>,
    seeing: &Seeing,
    (target, act): (&ObjectName, Act),
    depth: usize,
) -> Result<Arc<Far>> {
    let object = policies.registry.objects.get(target);
    let object =
        object.ok_or_else(|| Error::internal(format!("a policy about {target:?}, which is not there")))?;
    let make = || far(policies, seeing, object, &policies.records(object, act), depth);
    let asked = Asked::For(target.clone(), act, depth);
    seeing.viewer().ends().of((seeing.snapshot(), policies), asked, make)
}

/// The test of the rows of an object.
pub(super) struct Preparing<'a> {
    pub(super) policies: &'a Arc<Policies>,
    pub(super) seeing: &'a Seeing,
    pub(super) object: &'a Object,
    pub(super) depth: usize,
    /// Lookups of a condition's paths that were followed already: its records are those at their end.
    pub(super) followed: usize,
}

impl Preparing<'_> {
    /// # Errors
    ///
    /// As [`far`].
    pub(super) fn test(&self, records: &Records, reads: &mut Reads) -> Result<Test> {
        let viewer = self.seeing.viewer();
        Ok(match records {
            Records::All => Test::All,
            Records::None => Test::None,
            Records::Owned(owner) => {
                let owner = own(self.object, owner)?;
                Test::Among { at: reads.place(owner)?, column: owner.column().into(), ids: viewer.owners()? }
            }
            Records::Shared(act) => {
                let ids = viewer.shared(self.object, *act)?;
                match (ids.ids().is_empty(), self.object.fields.first()) {
                    (false, Some((_, id))) => {
                        Test::Among { at: reads.place(id)?, column: id.column().into(), ids }
                    }
                    _ => Test::None,
                }
            }
            // What goes on for ever allows nothing.
            Records::Parent(..) if self.depth >= PARENTS_MAX => Test::None,
            Records::Parent(lookup, target, act) => {
                let at = reads.place(own(self.object, lookup)?)?;
                let far = far_of(self.policies, self.seeing, (target, *act), self.depth + 1)?;
                let is_kept = reads.keeps(at, &far);
                Test::Parent { at, far, is_kept }
            }
            Records::When(expression) => self.condition(expression, reads)?,
            Records::And(all) => Test::And(self.tests(all, reads)?),
            Records::Or(any) => {
                let mut tests = self.tests(any, reads)?;
                tests.retain(|test| !matches!(test, Test::None));
                if tests.is_empty() { Test::None } else { Test::Or(tests) }
            }
            Records::Not(inner) => Test::Not(Box::new(self.test(inner, reads)?)),
        })
    }

    fn tests(&self, records: &[Records], reads: &mut Reads) -> Result<Vec<Test>> {
        records.iter().map(|records| self.test(records, reads)).collect()
    }

    fn condition(&self, expression: &Expression, reads: &mut Reads) -> Result<Test> {
        let about = (&self.object.name, expression, self.followed);
        let compiled = self.seeing.viewer().compiled(about, || Compiled::new(self, expression))?;
        match self.through(expression) {
            // Records over there are asked once, however many refer to them. Who refers to none must not count for that.
            Some(step) if !compiled.holds_of_nothing => {
                let at = reads.place(own(self.object, &step.lookup)?)?;
                let far = far_when(self, &step.target, expression)?;
                let is_kept = reads.keeps(at, &far);
                Ok(Test::Parent { at, far, is_kept })
            }
            _ => {
                let inputs = compiled.paths.iter().map(|path| self.input(path, reads));
                let inputs = inputs.collect::<Result<_>>()?;
                Ok(Test::Condition(Box::new(Condition { compiled, inputs })))
            }
        }
    }

    /// Where what a path leads to comes from.
    fn input(&self, path: &Path, reads: &mut Reads) -> Result<Input> {
        let steps = path.steps.get(self.followed..).unwrap_or_default();
        let mut hops = Vec::with_capacity(steps.len());
        for (at, Step { target, .. }) in steps.iter().enumerate() {
            let object = self.policies.registry.objects.get(target);
            let object = object.ok_or_else(|| Error::internal(format!("a policy leads to {target:?}")))?;
            let next = steps.get(at + 1).map_or(&path.field, |step| &step.lookup);
            let table = self.seeing.snapshot().table(object.table())?;
            let column = position(&table, own(object, next)?)?;
            hops.push((table, column));
        }
        let first = steps.first().map_or(&path.field, |step| &step.lookup);
        Ok(Input { at: reads.place(own(self.object, first)?)?, hops })
    }

    /// The lookup that all of a condition's paths go through.
    fn through(&self, expression: &Expression) -> Option<Step> {
        let needs = expression.needs();
        let mut steps = needs.fields.keys().filter(|(root, _)| *root == Root::Record);
        let step = steps.next()?.1.steps.get(self.followed)?.clone();
        steps.all(|(_, path)| path.steps.get(self.followed) == Some(&step)).then_some(step)
    }
}
