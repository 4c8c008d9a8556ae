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
use quarry_planner::expression::Evaluated;
use quarry_storage::Value;

use super::{
    Broken, Subject,
    evaluation::Together,
    offered::{self, Offered},
    validations::Pending,
};
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
    offered: Option<Offered>,
    readonly: Option<(Vec<FieldName>, Together)>,
    numbers: HashMap<FieldName, (Vec<FieldName>, Together)>,
    take_one: bool,
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
                let offers = offered::options(field).iter().any(|option| option.visible.is_some());
                let says_when = field.conditions.is_some() || offers;
                numbered || says_when || matches!(field.default, Some(Default_::Computed(_)))
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

impl FieldRules {
    /// The options of an object that are offered under conditions.
    pub(super) fn offered(&self, object: &str) -> Option<&Offered> {
        self.objects.get(object)?.offered.as_ref()
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
        let defaults = defaults(object)?;
        let locks = readonly.iter().map(|(_, together)| together);
        let mut asked = defaults.iter().map(|(_, together)| together).chain(locks);
        let take_one = asked.any(|asked| asked.looks_at(&object.name));
        let (required, offered) = (Required::of(object)?, Offered::of(object)?);
        Ok(OfObject { defaults, required, offered, readonly, numbers, take_one })
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
    let rules = work.active.fields.objects.get(object);
    rules.is_some_and(|rules| rules.required.is_some() || rules.offered.is_some())
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
    let subjects: Vec<Subject<'_>> = pending.iter().map(|record| record.subject()).collect();
    let answers = required.together.evaluate(&subjects, work)?;
    let holds = |at: Option<usize>, row: usize| {
        at.is_none_or(|at| answers.get(at).and_then(|answer| answer.condition(row)) == Some(true))
    };
    let mut found = Vec::new();
    for wanted in &required.fields {
        let Some(field) = first.layout.object.field(wanted.field.as_str()) else { continue };
        let Some(column) = first.layout.column(wanted.field.as_str()) else { continue };
        for (row, record) in pending.iter().enumerate() {
            let value = record.new.get(column);
            if record.faulty.contains(wanted.field.as_str()) || !is_blank(field, value) {
                continue;
            }
            let asked = [wanted.when, wanted.visible].into_iter().flatten();
            let fault = asked.filter_map(|at| answers.get(at)).find_map(|answer| answer.fault(row));
            let (code, message) = match fault {
                Some(fault) => ("not_computable", format!("whether it is required can't be told: {fault}")),
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

/// The fields of each of these records that a client may not write, as the records are.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn locked(subjects: &[Subject<'_>], work: &mut Work) -> Result<Vec<Vec<FieldName>>> {
    let active = work.active.clone();
    let Some(Some((fields, together))) = of_first(&active.fields, subjects).map(|rules| &rules.readonly)
    else {
        return Ok(vec![Vec::new(); subjects.len()]);
    };
    let answers = together.evaluate(subjects, work)?;
    let of_row = |row: usize| {
        // What can't be told is no reason to let it be written.
        let is_locked =
            |answer: &Evaluated| answer.condition(row) == Some(true) || answer.fault(row).is_some();
        let locked = fields.iter().zip(&answers).filter(|(_, answer)| is_locked(answer));
        locked.map(|(field, _)| field.clone()).collect()
    };
    Ok((0..subjects.len()).map(of_row).collect())
}

fn of_first<'r>(rules: &'r FieldRules, subjects: &[Subject<'_>]) -> Option<&'r OfObject> {
    let object = &subjects.first()?.layout.object.name;
    rules.objects.get(object.as_str()).map(Arc::as_ref)
}

/// What the fields of one record of an object say can't matter to another: many can be asked at once.
pub(crate) fn take_many(object: &str, work: &Work) -> bool {
    work.active.fields.objects.get(object).is_none_or(|rules| !rules.take_one)
}

/// Whether an object has fields that are sometimes readonly.
pub(crate) fn locks(object: &str, work: &Work) -> bool {
    work.active.fields.objects.get(object).is_some_and(|rules| rules.readonly.is_some())
}

/// What a computed default gives, or why it gives nothing; null where it is null.
pub(crate) type Given = std::result::Result<Value, String>;

/// Fills computed defaults in, in records of one object, each default seeing those before it: `apply` is told what each gives.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn computed_defaults<D>(
    drafts: &mut [D],
    work: &mut Work,
    subject: impl for<'d> Fn(&'d D) -> Subject<'d>,
    wants: impl Fn(&D, &FieldName) -> bool,
    mut apply: impl FnMut(&mut D, &FieldName, Given),
) -> Result<()> {
    let active = work.active.clone();
    let Some(object) = drafts.first().map(|first| subject(first).layout.object.name.clone()) else {
        return Ok(());
    };
    let Some(rules) = active.fields.objects.get(&object) else { return Ok(()) };
    for (field, default) in &rules.defaults {
        let mut wanting: Vec<&mut D> = drafts.iter_mut().filter(|draft| wants(draft, field)).collect();
        if wanting.is_empty() {
            continue;
        }
        let subjects: Vec<Subject<'_>> = wanting.iter().map(|draft| subject(draft)).collect();
        let given = given(default, &subjects, work)?;
        for (draft, given) in wanting.iter_mut().zip(given) {
            apply(draft, field, given);
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
    let of = |row: usize| match evaluated.fault(row) {
        Some(fault) => Ok(Err(fault.to_string())),
        None => evaluated.value(row).map(Ok),
    };
    Ok((0..subjects.len()).map(of).collect::<std::result::Result<Vec<_>, _>>()?)
}

/// What a field puts into a number, by its first name; nothing where it has no value.
pub(crate) type Part = (FieldName, Option<String>);

/// The texts that fields put into a number of each of these records.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn number_parts(
    field: &FieldName,
    subjects: &[Subject<'_>],
    work: &mut Work,
) -> Result<Vec<Vec<Part>>> {
    let active = work.active.clone();
    let numbers = of_first(&active.fields, subjects).map(|rules| &rules.numbers);
    let Some((names, together)) = numbers.and_then(|numbers| numbers.get(field)) else {
        return Ok(vec![Vec::new(); subjects.len()]);
    };
    let evaluated = together.evaluate(subjects, work)?;
    let part = |row: usize, (name, evaluated): (&FieldName, &Evaluated)| -> Result<Part> {
        let text = match evaluated.value(row)? {
            Value::Text(text) if !text.trim().is_empty() => Some(text.to_string()),
            Value::Int(number) => Some(number.to_string()),
            _ => None,
        };
        Ok((name.clone(), text))
    };
    let of_row = |row: usize| names.iter().zip(&evaluated).map(|of_part| part(row, of_part)).collect();
    (0..subjects.len()).map(of_row).collect()
}
