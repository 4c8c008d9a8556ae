//! Triggers that do nothing but set fields of their own record, or refuse it: each step is done for many records at once.

use std::borrow::Cow;

use chrono_tz::Tz;
use quarry_metadata::rules::{Refusal, Weight};
use quarry_planner::expression::Evaluated;

use super::typed;
use crate::{
    error::{Error, Result},
    pipeline::{
        call::{Call, Chain},
        coerce,
        draft::Draft,
    },
    rules::{self, Do, Given, Program, Subject, Together},
    work::Work,
};

/// Runs such a trigger for records of one object.
///
/// # Errors
///
/// Those of the evaluation.
pub(in crate::pipeline) fn set_own(
    work: &mut Work,
    call: &Call,
    drafts: &mut [&mut Draft],
    program: &Program,
) -> Result<()> {
    if drafts.is_empty() {
        return Ok(());
    }
    let chain = Chain::beneath(call.chain.as_ref(), &program.name);
    for step in &program.steps {
        match step {
            Do::Set(given) => {
                let values = given.values.evaluate(&subjects(drafts), work)?;
                put(drafts, (given, &values), &chain, work.actor.time_zone)?;
            }
            Do::Find { when, refusal } => refuse(work, drafts, when.as_ref(), refusal)?,
            _ => return Err(Error::internal(format!("{chain} is about other records too"))),
        }
    }
    Ok(())
}

fn subjects<'d>(drafts: &'d [&mut Draft]) -> Vec<Subject<'d>> {
    drafts.iter().map(|draft| draft.subject()).collect()
}

/// Puts computed values into records of one object, by their place among them.
///
/// # Errors
///
/// `Internal`.
pub(super) fn put(
    drafts: &mut [&mut Draft],
    (given, values): (&Given, &[Evaluated]),
    chain: &Chain,
    time_zone: Tz,
) -> Result<()> {
    let Some(layout) = drafts.first().map(|first| first.layout.clone()) else { return Ok(()) };
    for (name, evaluated) in given.fields.iter().zip(values) {
        let found = layout.object.field(name.as_str()).zip(layout.column(name.as_str()));
        let no_column = || Error::internal(format!("{chain} sets {name}, which has no column"));
        let (field, column) = found.ok_or_else(no_column)?;
        for (row, draft) in drafts.iter_mut().enumerate() {
            if let Some(fault) = evaluated.fault(row) {
                let message = format!("{chain} can't set it: {fault}");
                draft.find(Some(name.as_str()), "not_computable", message, None);
                continue;
            }
            match coerce::value(field, &typed(&layout, name, evaluated.value(row)?), time_zone) {
                Ok(value) if *draft.value(column) != value => draft.give(column, value),
                Ok(_) => {}
                Err(fault) => draft.fault(field, fault),
            }
        }
    }
    Ok(())
}

fn refuse(
    work: &mut Work,
    drafts: &mut [&mut Draft],
    when: Option<&Together>,
    refusal: &Refusal,
) -> Result<()> {
    let refused = match when {
        Some(when) => when.are_true(&subjects(drafts), work)?,
        None => vec![true; drafts.len()],
    };
    for (draft, _) in drafts.iter_mut().zip(refused).filter(|(_, refused)| *refused) {
        let message = rules::told(&refusal.message, &draft.subject(), &work.actor);
        find(draft, refusal.error_code.clone().into(), message, refusal.severity);
    }
    Ok(())
}

/// Notes a finding about a record.
pub(super) fn find(draft: &mut Draft, code: Cow<'static, str>, message: String, weight: Weight) {
    match weight {
        Weight::Error => draft.find(None, code, message, None),
        Weight::Warning => draft.warn(None, code, message),
    }
}
