//! The triggers of one object and event, in their order.

use std::{ops::Deref, sync::Arc};

use quarry_metadata::rules::Trigger;

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
}

/// Which triggers start, by record and trigger; none where that is to be asked when its turn comes.
pub(crate) type Decided = Vec<Vec<Option<bool>>>;

impl Programs {
    /// Puts triggers with their programs together.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn of(triggers: &[(&Trigger, Arc<Program>)]) -> Result<Programs> {
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
        let programs = triggers.iter().map(|(_, program)| program.clone()).collect();
        Ok(Programs { programs, whens: together, places })
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

impl Deref for Programs {
    type Target = [Arc<Program>];

    fn deref(&self) -> &Self::Target {
        &self.programs
    }
}
