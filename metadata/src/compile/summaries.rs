//! Summaries, when all fields and relations are known: which records each sums up, and what kind of field it is.
//!
//! A summary may be over a formula or another summary, and a formula over a summary. So their kinds are found in rounds: those
//! whose field is known, then formulas, then those that are over these, until nothing is left or nothing moves. What is
//! left then stands on itself, or on what has been reported.

mod circles;
mod kinds;
mod records;

use std::sync::Arc;

use crate::{
    compile::{Drafts, book::Book, formulas},
    definition::{field::KindDefinition, summary::SummaryDefinition},
    expression::{Expression, Node, NodeKind, Objects, Path, Root, Scope, Type, Use},
    issue::Issues,
    model::{Clause, Field, FieldKind, Object, Summary},
    name::{FieldName, ObjectName},
};

/// A summary whose records are known.
#[derive(Clone)]
struct Resolved<'a> {
    object: ObjectName,
    field: FieldName,
    definition: &'a SummaryDefinition,
    /// The object that is summed up, and its lookup that leads here.
    child: ObjectName,
    lookup: FieldName,
}

/// The kind of a summary field until it is known what it sums up: one that can have an index.
pub(super) fn stand_in() -> FieldKind {
    FieldKind::number(18, 0)
}

/// Settles the summaries and formulas of all objects.
pub(super) fn settle(drafts: &mut Drafts<'_>, book: &Book<'_>, issues: &mut Issues) {
    let resolved = records::resolve(drafts, book, issues);
    hide(drafts);
    let open = kinds::settle(drafts, &resolved, issues);
    if !open.is_empty() {
        find_circles(drafts, &resolved, &open, issues);
    }
    formulas::settle(drafts, issues);
    if let (Some(left), false) = (open.first(), issues.has_errors()) {
        issues.error(&left.definition.place, "expression-type", "what it sums up has no kind");
    }
    let is_known = |summary: &&Resolved<'_>| {
        !open.iter().any(|open| open.object == summary.object && open.field == summary.field)
    };
    let known: Vec<Resolved<'_>> = resolved.iter().filter(is_known).cloned().collect();
    finish(drafts, &known, issues);
    if open.is_empty() {
        circles::check(drafts, &known, issues);
    }
}

/// Nobody sees a summary before its kind is known: as a formula that did not compile, it is passed over in silence.
fn hide(drafts: &mut Drafts<'_>) {
    for draft in drafts.values_mut() {
        for (name, definition) in &draft.definition.fields {
            if let (KindDefinition::Summary(_), Some(field)) =
                (&definition.kind, draft.object.fields.get_mut(name))
            {
                field.kind = formulas::stand_in(false);
            }
        }
    }
}

/// Supposes some kind for those that are left, and looks at what they stand on.
fn find_circles(
    drafts: &mut Drafts<'_>,
    resolved: &[Resolved<'_>],
    open: &[Resolved<'_>],
    issues: &mut Issues,
) {
    let supposed = FieldKind::number(38, 6);
    let mut unheard = Issues::default();
    open.iter().for_each(|summary| set_kind(drafts, summary, supposed.clone()));
    formulas::settle(drafts, &mut unheard);
    finish(drafts, resolved, &mut unheard);
    circles::check(drafts, resolved, issues);
    for summary in open {
        set_kind(drafts, summary, formulas::stand_in(false));
        if let Some(field) = field_mut(drafts, summary) {
            field.summary = None;
        }
    }
}

fn field_mut<'d>(drafts: &'d mut Drafts<'_>, summary: &Resolved<'_>) -> Option<&'d mut Field> {
    drafts.get_mut(&summary.object)?.object.fields.get_mut(&summary.field)
}

fn set_kind(drafts: &mut Drafts<'_>, summary: &Resolved<'_>, kind: FieldKind) {
    if let Some(field) = field_mut(drafts, summary) {
        field.kind = kind;
    }
}

/// Types what each takes of its records, and which of them count.
fn finish(drafts: &mut Drafts<'_>, summaries: &[Resolved<'_>], issues: &mut Issues) {
    let made: Vec<Option<Summary>> =
        summaries.iter().map(|summary| finished(drafts, summary, issues)).collect();
    for (summary, made) in summaries.iter().zip(made) {
        if let (Some(field), Some(made)) = (field_mut(drafts, summary), made) {
            field.summary = Some(Arc::new(made));
        }
    }
}

fn finished(drafts: &Drafts<'_>, summary: &Resolved<'_>, issues: &mut Issues) -> Option<Summary> {
    let child = &drafts.get(&summary.child)?.object;
    let taken = match &summary.definition.field {
        Some(name) => Some((name, child.field(name.value.as_str())?)),
        None => None,
    };
    let value = match taken {
        Some((name, field)) => {
            let value = value_of(field)?;
            if let Some(beyond) = value.beyond() {
                let message = format!(
                    "`{}` looks at {beyond}: it can change when nothing is written, and so can't be summed up",
                    name.value
                );
                issues.error(&name.place, "not-in-this-place", message);
            }
            Some(Arc::new(value))
        }
        None => None,
    };
    let filter = match &summary.definition.filter {
        Some(text) => {
            let known = Settled(drafts);
            let scope = Scope::new(&known, child, Use::Summary);
            let filter = Expression::condition(&text.value, &text.place, &scope, issues)?;
            if let Some(beyond) = filter.beyond() {
                let message = format!(
                    "which records count depends on {beyond}, which can change when none of them is written; name stored fields of `{}` alone",
                    child.name
                );
                issues.error(&text.place, "not-in-this-place", message);
            }
            Some(Clause { source: text.value.clone(), expression: Arc::new(filter) })
        }
        None => None,
    };
    Some(Summary {
        object: summary.child.clone(),
        lookup: summary.lookup.clone(),
        function: summary.definition.function,
        field: taken.map(|(_, field)| field.name.clone()),
        value,
        filter,
    })
}

/// A field as an expression over stored fields of its record.
pub(super) fn value_of(field: &Field) -> Option<Expression> {
    if let FieldKind::Formula { expression, .. } = &field.kind {
        return (*expression.type_() != Type::Null).then(|| Expression::clone(expression));
    }
    let kind = NodeKind::Field { root: Root::Record, path: Path::field(field.name.clone()) };
    Some(Expression { node: Node { type_: Type::of(&field.kind)?, kind } })
}

/// The objects when their formulas are known.
pub(super) struct Settled<'a, 'd>(pub(super) &'a Drafts<'d>);

impl Objects for Settled<'_, '_> {
    fn object(&self, name: &str) -> Option<&Object> {
        self.0.get(name).map(|draft| &draft.object)
    }

    fn formula(&self, _: &Object, field: &Field) -> Option<Arc<Expression>> {
        match &field.kind {
            FieldKind::Formula { expression, .. } if *expression.type_() != Type::Null => {
                Some(Arc::clone(expression))
            }
            _ => None,
        }
    }
}
