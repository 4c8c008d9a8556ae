//! Validations: all records of a call that one object has are asked together, when all of them are written.

use std::{collections::HashSet, sync::Arc};

use quarry_metadata::{FieldName, rules::Event};
use quarry_storage::Row;

use super::{Broken, Subject, book::Condition, message};
use crate::{error::Result, layout::Layout, work::Work};

/// A record that is to be validated.
pub(crate) struct Pending {
    /// Which change of the call.
    pub change: usize,
    pub layout: Arc<Layout>,
    /// What is done to it.
    pub event: Event,
    /// Its id, where findings may tell it.
    pub id: Option<String>,
    pub old: Option<Row>,
    pub new: Row,
    /// Fields that are wrong already: nothing more is said about them, nor about what looks at them.
    pub faulty: HashSet<String>,
}

impl Pending {
    /// As rules look at it.
    pub fn subject(&self) -> Subject<'_> {
        Subject::new(&self.layout, self.old.as_ref(), &self.new.0)
    }
}

/// What is broken in records of one object, to all of which the same is done.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn validate(pending: &[&Pending], work: &mut Work) -> Result<Vec<(usize, Broken)>> {
    let active = work.active.clone();
    let Some(first) = pending.first() else { return Ok(Vec::new()) };
    let Some(rules) = active.rules.get(first.layout.object.name.as_str()) else { return Ok(Vec::new()) };
    let Some(conditions) = rules.conditions(first.event) else { return Ok(Vec::new()) };
    let Some(together) = &conditions.together else { return Ok(Vec::new()) };
    let subjects: Vec<Subject<'_>> = pending.iter().map(|record| record.subject()).collect();
    let answers = together.evaluate(&subjects, work)?;
    let mut found = Vec::new();
    for (rule, answer) in conditions.rules.iter().zip(&answers) {
        for (row, (record, subject)) in pending.iter().zip(&subjects).enumerate() {
            let is_told = |field: &FieldName| record.faulty.contains(field.as_str());
            if rule.reads.iter().any(is_told) || rule.fields.iter().any(is_told) {
                continue;
            }
            if answer.condition(row) == Some(true) {
                found.push((row, broken(rule, message::told(&rule.message, subject, &work.actor))));
            }
            if let Some(fault) = answer.fault(row) {
                found.push((row, broken(rule, format!("{} can't be decided: {fault}", rule.name))));
            }
        }
    }
    Ok(found)
}

fn broken(rule: &Condition, message: String) -> Broken {
    let field = rule.fields.first().map(ToString::to_string);
    Broken { field, code: rule.error_code.clone(), message, weight: rule.weight }
}

/// Whether an object has something to be asked of records to which this is done.
pub(crate) fn has_validations(object: &str, event: Event, work: &Work) -> bool {
    let conditions = work.active.rules.get(object).and_then(|rules| rules.conditions(event));
    conditions.is_some_and(|conditions| conditions.together.is_some())
}
