//! Triggers that run before a record is written: what they set is seen by what comes behind, and checked as if a client had
//! given it.

use quarry_metadata::FieldName;
use quarry_storage::Value;

use super::{
    Broken, Subject,
    book::{Before, BeforeStep},
    evaluation::Together,
    message,
};
use crate::{error::Result, work::Work};

/// What a trigger did.
pub(crate) enum Effect {
    Set(usize, Value),
    Broken(Broken),
}

/// Runs the triggers of a record that is new or changed; `apply` is told each effect before the next step is asked.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn run<D>(
    draft: &mut D,
    work: &mut Work,
    subject: impl for<'d> Fn(&'d D) -> Subject<'d>,
    mut apply: impl FnMut(&mut D, Effect),
) -> Result<()> {
    let active = work.active.clone();
    let triggers: &[Before] = {
        let subject = subject(draft);
        match active.rules.get(subject.layout.object.name.as_str()) {
            Some(rules) if subject.old.is_none() => &rules.before_create,
            Some(rules) => &rules.before_update,
            None => return Ok(()),
        }
    };
    for trigger in triggers {
        if let Some(when) = &trigger.when
            && !is_true(when, &subject(draft), work)?
        {
            continue;
        }
        for step in &trigger.steps {
            if let Some(effect) = effect(trigger, step, &subject(draft), work)? {
                apply(draft, effect);
            }
        }
    }
    Ok(())
}

fn effect(
    trigger: &Before,
    step: &BeforeStep,
    subject: &Subject<'_>,
    work: &mut Work,
) -> Result<Option<Effect>> {
    match step {
        BeforeStep::Find(when, refusal) => {
            if let Some(when) = when
                && !is_true(when, subject, work)?
            {
                return Ok(None);
            }
            let message = message::told(&refusal.message, subject, &work.actor);
            let (code, weight) = (refusal.error_code.clone(), refusal.severity);
            Ok(Some(Effect::Broken(Broken { field: None, code, message, weight })))
        }
        BeforeStep::Set(field, value) => set(trigger, field, value, subject, work).map(Some),
    }
}

fn set(
    trigger: &Before,
    field: &FieldName,
    value: &Together,
    subject: &Subject<'_>,
    work: &mut Work,
) -> Result<Effect> {
    let evaluated = value.evaluate(std::slice::from_ref(subject), work)?;
    let broken = |message: String| {
        let (field, code) = (Some(field.to_string()), "not_computable".to_owned());
        Effect::Broken(Broken { field, code, message, weight: quarry_metadata::rules::Weight::Error })
    };
    let Some(evaluated) = evaluated.first() else { return Ok(broken("there is no value".to_owned())) };
    if let Some((_, fault)) = evaluated.faults.first() {
        return Ok(broken(format!("{} can't set it: {fault}", trigger.name)));
    }
    let Some(column) = subject.layout.column(field.as_str()) else {
        return Ok(broken("there is no such column".to_owned()));
    };
    Ok(Effect::Set(column, evaluated.value(0)?))
}

fn is_true(condition: &Together, subject: &Subject<'_>, work: &mut Work) -> Result<bool> {
    let answers = condition.evaluate(std::slice::from_ref(subject), work)?;
    Ok(answers.first().and_then(|answer| answer.condition(0)) == Some(true))
}
