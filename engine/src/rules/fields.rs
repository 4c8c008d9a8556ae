//! What fields say in expressions: what a new record gets, where a value is required, where it may not be written, what stands in
//! a number.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use quarry_metadata::{
    Default_, Field, FieldKind, FieldName, Object, ObjectName, Registry,
    expression::{Expression, Root},
    rules::Weight,
};
use quarry_storage::Value;

use super::{Broken, Subject, evaluation::Together, validations::Pending};
use crate::{
    error::{Error, Result},
    work::Work,
};

/// What the fields of all objects say, compiled.
#[derive(Default)]
pub(crate) struct FieldRules {
    objects: HashMap<ObjectName, Arc<OfObject>>,
}

#[derive(Default)]
struct OfObject {
    /// Each behind those that it stands on.
    defaults: Vec<(FieldName, Together)>,
    required: Option<Required>,
    readonly: Option<(Vec<FieldName>, Together)>,
    numbers: HashMap<FieldName, (Vec<FieldName>, Together)>,
}

/// The fields that are required under conditions.
struct Required {
    fields: Vec<Wanted>,
    together: Together,
}

/// One of them; the conditions by their place among those that are evaluated together.
struct Wanted {
    field: FieldName,
    when: Option<usize>,
    visible: Option<usize>,
}

impl FieldRules {
    /// Compiles what the fields of a registry say; those of objects that are the very same in what is `known` are there already.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn beside(registry: &Registry, known: Option<(&Registry, &FieldRules)>) -> Result<FieldRules> {
        let mut objects = HashMap::new();
        for (name, object) in &registry.objects {
            let says = |field: &Field| {
                let numbered =
                    matches!(&field.kind, FieldKind::AutoNumber { fields, .. } if !fields.is_empty());
                numbered || field.conditions.is_some() || matches!(field.default, Some(Default_::Computed(_)))
            };
            if object.fields.values().any(says) {
                let known = known.and_then(|(was, rules)| {
                    let same = was.objects.get(name).is_some_and(|was| Arc::ptr_eq(was, object));
                    rules.objects.get(name).filter(|_| same).cloned()
                });
                let made = match known {
                    Some(known) => known,
                    None => Arc::new(OfObject::of(object)?),
                };
                objects.insert(name.clone(), made);
            }
        }
        Ok(FieldRules { objects })
    }
}

impl OfObject {
    fn of(object: &Object) -> Result<OfObject> {
        let mut readonly: (Vec<FieldName>, Vec<&Expression>) = Default::default();
        let mut numbers = HashMap::new();
        for field in object.fields.values() {
            if let Some(clause) =
                field.conditions.as_ref().and_then(|conditions| conditions.readonly.as_ref())
            {
                readonly.0.push(field.name.clone());
                readonly.1.push(&clause.expression);
            }
            if let FieldKind::AutoNumber { fields, .. } = &field.kind
                && !fields.is_empty()
            {
                let names = fields.iter().map(|(name, _)| name.clone()).collect();
                let parts: Vec<&Expression> = fields.iter().map(|(_, part)| &**part).collect();
                numbers.insert(field.name.clone(), (names, Together::new(&parts)?));
            }
        }
        let readonly = match readonly.0.is_empty() {
            true => None,
            false => Some((readonly.0, Together::new(&readonly.1)?)),
        };
        Ok(OfObject { defaults: defaults(object)?, required: Required::of(object)?, readonly, numbers })
    }
}

/// The computed defaults, each behind those that it stands on.
fn defaults(object: &Object) -> Result<Vec<(FieldName, Together)>> {
    let computed = |field: &Field| match &field.default {
        Some(Default_::Computed(clause)) => Some((field.name.clone(), clause.expression.clone())),
        _ => None,
    };
    let mut open: Vec<_> = object.fields.values().filter_map(computed).collect();
    let mut found = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let waiting: HashSet<FieldName> = open.iter().map(|(field, _)| field.clone()).collect();
        let before = open.len();
        for (field, expression) in std::mem::take(&mut open) {
            let needs = expression.needs();
            let waits = needs.of(&Root::Record).any(|(path, _)| {
                let first = path.steps.first().map_or(&path.field, |step| &step.lookup);
                waiting.contains(first)
            });
            match waits {
                true => open.push((field, expression)),
                false => found.push((field, Together::new(&[&expression])?)),
            }
        }
        if open.len() == before {
            return Err(Error::internal("defaults that stand on themselves"));
        }
    }
    Ok(found)
}

impl Required {
    fn of(object: &Object) -> Result<Option<Required>> {
        let mut fields = Vec::new();
        let mut expressions: Vec<&Expression> = Vec::new();
        for field in object.fields.values() {
            let Some(conditions) = &field.conditions else { continue };
            if !field.required && conditions.required.is_none() || field.is_always_required() {
                continue;
            }
            let when = conditions.required.as_ref().map(|_| expressions.len());
            expressions.extend(conditions.required.iter().map(|clause| &*clause.expression));
            let visible = conditions.visible.as_ref().map(|_| expressions.len());
            expressions.extend(conditions.visible.iter().map(|clause| &*clause.expression));
            fields.push(Wanted { field: field.name.clone(), when, visible });
        }
        match fields.is_empty() {
            true => Ok(None),
            false => Ok(Some(Required { fields, together: Together::new(&expressions)? })),
        }
    }
}

/// Whether something is asked of all written records of an object.
pub(crate) fn asks(object: &str, work: &Work) -> bool {
    work.active.fields.objects.get(object).is_some_and(|rules| rules.required.is_some())
}

/// Where a value is missing in records of one object; `is_blank` says what no value is.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn missing(
    pending: &[&Pending],
    is_blank: impl Fn(&Field, &Value) -> bool,
    work: &mut Work,
) -> Result<Vec<(usize, Broken)>> {
    let active = work.active.clone();
    let Some(first) = pending.first() else { return Ok(Vec::new()) };
    let Some(Some(required)) =
        active.fields.objects.get(first.layout.object.name.as_str()).map(|rules| &rules.required)
    else {
        return Ok(Vec::new());
    };
    let subjects: Vec<Subject<'_>> =
        pending.iter().map(|record| Subject::new(&record.layout, record.old.as_ref(), &record.new)).collect();
    let answers = required.together.evaluate(&subjects, work)?;
    let holds = |at: Option<usize>, row: usize| {
        at.is_none_or(|at| answers.get(at).and_then(|answer| answer.condition(row)) == Some(true))
    };
    let mut found = Vec::new();
    for wanted in &required.fields {
        let Some(field) = first.layout.object.field(wanted.field.as_str()) else { continue };
        let Some(column) = first.layout.column(wanted.field.as_str()) else { continue };
        for (row, record) in pending.iter().enumerate() {
            let value = record.new.get(column).unwrap_or(&Value::Null);
            if record.faulty.contains(wanted.field.as_str()) || !is_blank(field, value) {
                continue;
            }
            let asked = [wanted.when, wanted.visible].into_iter().flatten();
            let fault = asked
                .filter_map(|at| answers.get(at))
                .find_map(|answer| answer.faults.iter().find(|(faulty, _)| *faulty == row));
            let (code, message) = match fault {
                Some((_, fault)) => {
                    ("not_computable", format!("whether it is required can't be told: {fault}"))
                }
                None if holds(wanted.when, row) && holds(wanted.visible, row) => {
                    ("required", "a value is required".to_owned())
                }
                None => continue,
            };
            let (field, code) = (Some(wanted.field.to_string()), code.to_owned());
            found.push((row, Broken { field, code, message, weight: Weight::Error }));
        }
    }
    Ok(found)
}

/// The fields of a record that a client may not write, as the record is.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn locked(subject: &Subject<'_>, work: &mut Work) -> Result<Vec<FieldName>> {
    let active = work.active.clone();
    let rules = active.fields.objects.get(subject.layout.object.name.as_str());
    let Some((fields, together)) = rules.and_then(|rules| rules.readonly.as_ref()) else {
        return Ok(Vec::new());
    };
    let answers = together.evaluate(std::slice::from_ref(subject), work)?;
    // What can't be told is no reason to let it be written.
    let is_locked = |(_, answer): &(&FieldName, &quarry_planner::expression::Evaluated)| {
        answer.condition(0) == Some(true) || !answer.faults.is_empty()
    };
    Ok(fields.iter().zip(&answers).filter(is_locked).map(|(field, _)| field.clone()).collect())
}

/// Whether an object has fields that are sometimes readonly.
pub(crate) fn locks(object: &str, work: &Work) -> bool {
    work.active.fields.objects.get(object).is_some_and(|rules| rules.readonly.is_some())
}

/// What a computed default gives, or why it gives nothing; null where it is null.
pub(crate) type Given = std::result::Result<Value, String>;

/// Fills computed defaults in, each seeing those before it: `apply` is told what each gives.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn computed_defaults<D>(
    draft: &mut D,
    work: &mut Work,
    subject: impl for<'d> Fn(&'d D) -> Subject<'d>,
    wants: impl Fn(&D, &FieldName) -> bool,
    mut apply: impl FnMut(&mut D, &FieldName, Given),
) -> Result<()> {
    let active = work.active.clone();
    let Some(rules) = active.fields.objects.get(subject(draft).layout.object.name.as_str()) else {
        return Ok(());
    };
    for (field, default) in &rules.defaults {
        if wants(draft, field) {
            let given = given(default, &[subject(draft)], work)?.pop();
            apply(draft, field, given.unwrap_or(Ok(Value::Null)));
        }
    }
    Ok(())
}

/// What the computed default of one field gives for records that are there; none when it has no such default.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn computed_default(
    field: &FieldName,
    subjects: &[Subject<'_>],
    work: &mut Work,
) -> Result<Option<Vec<Given>>> {
    let active = work.active.clone();
    let Some(object) = subjects.first().map(|subject| &subject.layout.object.name) else { return Ok(None) };
    let rules = active.fields.objects.get(object.as_str());
    let default = rules.and_then(|rules| rules.defaults.iter().find(|(known, _)| known == field));
    default.map(|(_, default)| given(default, subjects, work)).transpose()
}

fn given(default: &Together, subjects: &[Subject<'_>], work: &mut Work) -> Result<Vec<Given>> {
    let evaluated = default.evaluate(subjects, work)?;
    let Some(evaluated) = evaluated.first() else { return Ok(Vec::new()) };
    let of = |row: usize| match evaluated.faults.iter().find(|(faulty, _)| *faulty == row) {
        Some((_, fault)) => Ok(Err(fault.to_string())),
        None => evaluated.value(row).map(Ok),
    };
    Ok((0..subjects.len()).map(of).collect::<std::result::Result<Vec<_>, _>>()?)
}

/// The texts that fields put into a number of a record, by their first names; those without a value have none.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn number_parts(
    field: &FieldName,
    subject: &Subject<'_>,
    work: &mut Work,
) -> Result<Vec<(FieldName, Option<String>)>> {
    let active = work.active.clone();
    let rules = active.fields.objects.get(subject.layout.object.name.as_str());
    let Some((names, together)) = rules.and_then(|rules| rules.numbers.get(field)) else {
        return Ok(Vec::new());
    };
    let evaluated = together.evaluate(std::slice::from_ref(subject), work)?;
    let mut parts = Vec::with_capacity(names.len());
    for (name, evaluated) in names.iter().zip(&evaluated) {
        let text = match evaluated.value(0)? {
            Value::Text(text) if !text.trim().is_empty() => Some(text.to_string()),
            Value::Int(number) => Some(number.to_string()),
            _ => None,
        };
        parts.push((name.clone(), text));
    }
    Ok(parts)
}
