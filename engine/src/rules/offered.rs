//! Which options of a choice are offered where: one that is chosen where its condition does not hold is a finding.
//!
//! It is asked when the choice changes, or a field that the condition names: a record that another change brought there stays
//! as it is.

use quarry_metadata::{
    Field, FieldKind, FieldName, Object, SelectOption,
    expression::{Expression, Root},
    rules::Weight,
};
use quarry_storage::{Row, Value};

use super::{
    Broken,
    evaluation::{Together, first_field},
    validations::Pending,
};
use crate::{error::Result, work::Work};

/// The options of an object that are offered under conditions.
pub(super) struct Offered {
    options: Vec<Conditional>,
    /// Their conditions, in the same order.
    together: Together,
}

/// An option that is offered under a condition.
struct Conditional {
    field: FieldName,
    value: String,
    /// The fields of the record that its condition names.
    reads: Vec<FieldName>,
}

/// The options of a field.
pub(super) fn options(field: &Field) -> &[SelectOption] {
    match &field.kind {
        FieldKind::Select { options } | FieldKind::MultiSelect { options } => options,
        _ => &[],
    }
}

impl Offered {
    /// Those of an object, when it has some.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn of(object: &Object) -> Result<Option<Offered>> {
        let (mut conditional, mut expressions): (Vec<Conditional>, Vec<&Expression>) = Default::default();
        for field in object.fields.values() {
            for option in options(field) {
                let Some(clause) = &option.visible else { continue };
                let reads = reads(&clause.expression);
                conditional.push(Conditional {
                    field: field.name.clone(),
                    value: option.value.clone(),
                    reads,
                });
                expressions.push(&clause.expression);
            }
        }
        match conditional.is_empty() {
            true => Ok(None),
            false => Ok(Some(Offered { options: conditional, together: Together::new(&expressions)? })),
        }
    }
}

fn reads(expression: &Expression) -> Vec<FieldName> {
    let needs = expression.needs();
    [Root::Record, Root::Old]
        .iter()
        .flat_map(|root| needs.of(root).map(|(path, _)| first_field(path).clone()).collect::<Vec<_>>())
        .collect()
}

impl Conditional {
    /// Whether it is chosen in a record, by a change that concerns it.
    fn is_asked(&self, record: &Pending) -> bool {
        let chosen = match record.layout.column(self.field.as_str()).map(|column| record.new.get(column)) {
            Some(Value::Text(value)) => **value == *self.value,
            Some(Value::TextList(values)) => values.iter().any(|value| **value == *self.value),
            _ => false,
        };
        let changes = |field: &FieldName, old: &Row| {
            let column = record.layout.column(field.as_str());
            column.is_some_and(|column| old.get(column) != record.new.get(column))
        };
        let concerns =
            |old: &Row| changes(&self.field, old) || self.reads.iter().any(|field| changes(field, old));
        chosen && !record.faulty.contains(self.field.as_str()) && record.old.as_ref().is_none_or(concerns)
    }
}

/// Options that records of one object have chosen and are not offered.
///
/// # Errors
///
/// Those of the evaluation.
pub(crate) fn not_offered(pending: &[&Pending], work: &mut Work) -> Result<Vec<(usize, Broken)>> {
    let active = work.active.clone();
    let object = pending.first().map(|first| first.layout.object.name.as_str());
    let Some(offered) = object.and_then(|object| active.fields.offered(object)) else {
        return Ok(Vec::new());
    };
    let asked =
        |at: usize, record: &Pending| offered.options.get(at).is_some_and(|option| option.is_asked(record));
    let is_concerned = |record: &&Pending| (0..offered.options.len()).any(|at| asked(at, record));
    if !pending.iter().any(is_concerned) {
        return Ok(Vec::new());
    }
    let subjects: Vec<_> = pending.iter().map(|record| record.subject()).collect();
    let answers = offered.together.evaluate(&subjects, work)?;
    let mut found = Vec::new();
    for (row, record) in pending.iter().enumerate() {
        for (at, (option, answer)) in offered.options.iter().zip(&answers).enumerate() {
            if !asked(at, record) || (answer.fault(row).is_none() && answer.condition(row) == Some(true)) {
                continue;
            }
            let (code, message) = match answer.fault(row) {
                Some(fault) => (
                    "not_computable",
                    format!("whether {:?} is offered can't be told: {fault}", option.value),
                ),
                None => ("invalid_option", format!("{:?} is not offered as the record is", option.value)),
            };
            let (field, code) = (Some(option.field.to_string()), code.to_owned());
            found.push((row, Broken { field, code, message, weight: Weight::Error }));
        }
    }
    Ok(found)
}
