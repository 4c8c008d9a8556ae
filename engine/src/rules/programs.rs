//! The triggers of one object and event, in their order.

use std::{collections::HashSet, ops::Deref, sync::Arc};

use quarry_metadata::{FieldName, ObjectName, rules::Trigger};

use super::{Subject, evaluation::Together, program::Program};
use crate::{error::Result, work::Work};

/// Triggers that run at one time, in order. Most do not start: the conditions that look at nothing but the record itself
/// are asked all at once, of one record or of many.
#[derive(Default)]
pub(crate) struct Programs {
    programs: Vec<Arc<Program>>,
    whens: Option<Together>,
    /// By trigger: which of the conditions is its own.
    places: Vec<Option<usize>>,
    /// By trigger: those behind it whose condition looks at what it sets.
    unsettled: Vec<Vec<usize>>,
    sets: HashSet<FieldName>,
    take_one: bool,
}

/// Which triggers start, by record and trigger; none where that is to be asked when its turn comes.
pub(crate) type Decided = Vec<Vec<Option<bool>>>;

impl Programs {
    /// Puts triggers of an object with their programs together.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn of(object: &ObjectName, triggers: &[(&Trigger, Arc<Program>)]) -> Result<Programs> {
        let mut whens = Vec::new();
        let mut places = Vec::with_capacity(triggers.len());
        for (trigger, program) in triggers {
            let is_own = program.when.as_ref().is_some_and(Together::is_own);
            let own = trigger.when.as_ref().filter(|_| is_own);
            places.push(own.map(|when| {
                whens.push(when);
                whens.len() - 1
            }));
        }
        let together = if whens.is_empty() { None } else { Some(Together::new(&whens)?) };
        let programs: Vec<Arc<Program>> = triggers.iter().map(|(_, program)| program.clone()).collect();
        Ok(Programs {
            whens: together,
            places,
            unsettled: (0..programs.len()).map(|at| unsettled(&programs, at)).collect(),
            sets: programs.iter().flat_map(|program| program.sets()).collect(),
            take_one: !programs.iter().all(|program| program.takes_many(object)),
            programs,
        })
    }

    /// What they do with one record can't matter to what they do with another: many can go through them at once.
    pub fn take_many(&self) -> bool {
        !self.take_one
    }

    /// One of them sets this field.
    pub fn set(&self, field: &str) -> bool {
        self.sets.contains(field)
    }

    /// Those whose condition is to be asked again after this one.
    pub fn unsettled(&self, by: usize) -> &[usize] {
        self.unsettled.get(by).map_or(&[], Vec::as_slice)
    }

    /// Which of them start for these records, as far as the records alone decide.
    ///
    /// # Errors
    ///
    /// Those of the evaluation.
    pub fn decided(&self, subjects: &[Subject<'_>], work: &mut Work) -> Result<Decided> {
        let Some(whens) = &self.whens else {
            let open = |program: &Arc<Program>| program.when.is_none().then_some(true);
            return Ok(vec![self.programs.iter().map(open).collect(); subjects.len()]);
        };
        let answers = whens.evaluate(subjects, work)?;
        let of_program =
            |row: usize, at: usize, program: &Arc<Program>| match self.places.get(at).copied().flatten() {
                Some(place) => {
                    Some(answers.get(place).and_then(|answer| answer.condition(row)) == Some(true))
                }
                None => program.when.is_none().then_some(true),
            };
        let of_row = |row: usize| {
            self.programs.iter().enumerate().map(|(at, program)| of_program(row, at, program)).collect()
        };
        Ok((0..subjects.len()).map(of_row).collect())
    }
}

fn unsettled(programs: &[Arc<Program>], by: usize) -> Vec<usize> {
    let sets = programs.get(by).map(|program| program.sets()).unwrap_or_default();
    let looks = |program: &Program| {
        program.when.as_ref().is_some_and(|when| when.reads().any(|field| sets.contains(field)))
    };
    let behind = programs.iter().enumerate().skip(by + 1);
    behind.filter(|(_, program)| looks(program)).map(|(at, _)| at).collect()
}

impl Deref for Programs {
    type Target = [Arc<Program>];

    fn deref(&self) -> &Self::Target {
        &self.programs
    }
}
