//! `unique` rules: which records count is brought to plain requirements of their own fields, which is what a store can keep.

use crate::{
    definition::Located,
    expression::{Expression, Literal, Node, NodeKind, Operator, Root, Type},
    issue::{Issues, Place},
    limits::{NAME_BYTES_MAX, REQUIREMENTS_MAX, UNIQUE_FIELDS_MAX},
    model::{Field, FieldKind, Object},
    name::FieldName,
    rules::{Event, Is, Requirement, Unique, Validation, Weight},
};

/// What a `unique` rule keeps; nothing, with an issue, where its `when` says more than can be kept.
pub(super) fn unique(
    object: &Object,
    rule: &Located<String>,
    fields: Vec<FieldName>,
    guard: Option<(&Expression, &Place)>,
    issues: &mut Issues,
) -> Option<Unique> {
    if fields.len() > UNIQUE_FIELDS_MAX {
        issues.error(&rule.place, "too-many", format!("more than {UNIQUE_FIELDS_MAX} fields"));
        return None;
    }
    let mut when = Vec::new();
    if let Some((guard, place)) = guard {
        if !gather(object, &guard.node, &mut when) {
            let message = "which records a `unique` counts is said by plain comparisons of their own fields with `&&` between \
                 them: `active`, `!active`, `status == \"open\"`, `status in [\"open\", \"held\"]`, `ended_on == null`";
            issues.error(place, "not-in-this-place", message);
            return None;
        }
        if when.len() > REQUIREMENTS_MAX {
            issues.error(place, "too-many", format!("more than {REQUIREMENTS_MAX} comparisons"));
            return None;
        }
    }
    Some(Unique { constraint: constraint_name(object, &rule.value), fields, when })
}

/// What else a rule says that a `unique` can't keep.
pub(super) fn check(rule: &Validation, place: &Place, issues: &mut Issues) {
    if rule.severity == Weight::Warning {
        let message = "no two records have the same, or they may: a `unique` can't be a warning";
        issues.error(place, "wrong-value", message);
    }
    if rule.on.contains(&Event::Delete) {
        let message = "what is deleted is like no other; take `delete` out of `on`";
        issues.error(place, "wrong-value", message);
    } else if !(rule.on.contains(&Event::Create) && rule.on.contains(&Event::Update)) {
        let message = "what is unique is so however a record came to it; take `on` out";
        issues.error(place, "wrong-value", message);
    }
}

/// Adds what a condition asks; false where it can't be said so.
fn gather(object: &Object, node: &Node, when: &mut Vec<Requirement>) -> bool {
    if let NodeKind::Binary { operator: Operator::And, left, right } = &node.kind {
        return gather(object, left, when) && gather(object, right, when);
    }
    match requirement(object, node) {
        Some(requirement) => {
            when.push(requirement);
            true
        }
        None => false,
    }
}

fn requirement(object: &Object, node: &Node) -> Option<Requirement> {
    let of = |node: &Node, is: Is| Some(Requirement { field: own_field(object, node)?.name.clone(), is });
    match &node.kind {
        NodeKind::Field { .. } => of(node, Is::Bool(true)),
        NodeKind::IsNull(inner) => of(inner, Is::Empty),
        NodeKind::Not(inner) => opposite(requirement(object, inner)?),
        NodeKind::In { item, list } => of(item, Is::AnyOf(texts(list)?)),
        NodeKind::Binary { operator: Operator::Or, left, right } => {
            let (one, other) = (requirement(object, left)?, requirement(object, right)?);
            let (Is::AnyOf(mut texts), Is::AnyOf(more)) = (one.is, other.is) else { return None };
            texts.extend(more.into_iter().filter(|text| !texts.contains(text)).collect::<Vec<_>>());
            (one.field == other.field).then_some(Requirement { field: one.field, is: Is::AnyOf(texts) })
        }
        NodeKind::Binary { operator: operator @ (Operator::Equal | Operator::NotEqual), left, right } => {
            let (field, value) = match (&left.kind, &right.kind) {
                (NodeKind::Literal(value), _) => (right, value),
                (_, NodeKind::Literal(value)) => (left, value),
                _ => return None,
            };
            let is = match value {
                Literal::Bool(flag) => Is::Bool(*flag),
                Literal::Int(number) if is_whole(own_field(object, field)?) => Is::Int(*number),
                Literal::Text(text) => Is::AnyOf(vec![text.clone()]),
                _ => return None,
            };
            let equal = of(field, is)?;
            if *operator == Operator::Equal { Some(equal) } else { opposite(equal) }
        }
        _ => None,
    }
}

/// What is true where the other is false; where that is null, so is this.
fn opposite(Requirement { field, is }: Requirement) -> Option<Requirement> {
    let is = match is {
        Is::Empty => Is::Filled,
        Is::Filled => Is::Empty,
        Is::Bool(flag) => Is::Bool(!flag),
        Is::AnyOf(texts) => Is::NoneOf(texts),
        Is::NoneOf(texts) => Is::AnyOf(texts),
        Is::Int(_) => return None,
    };
    Some(Requirement { field, is })
}

/// A stored field of the record itself.
fn own_field<'o>(object: &'o Object, node: &Node) -> Option<&'o Field> {
    let NodeKind::Field { root: Root::Record, path } = &node.kind else { return None };
    object.field(path.field.as_str()).filter(|field| path.steps.is_empty() && !field.kind.is_computed())
}

fn is_whole(field: &Field) -> bool {
    matches!(Type::of(&field.kind), Some(Type::Int)) && matches!(field.kind, FieldKind::Number { .. })
}

fn texts(list: &Node) -> Option<Vec<String>> {
    let NodeKind::List(items) = &list.kind else { return None };
    let text = |item: &Node| match &item.kind {
        NodeKind::Literal(Literal::Text(text)) => Some(text.clone()),
        _ => None,
    };
    items.iter().map(text).collect()
}

/// `<object>_<rule>_once`; a name that would be too long is cut and told apart by a hash of the whole.
fn constraint_name(object: &Object, rule: &str) -> String {
    let name = format!("{}_{rule}_once", object.table());
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let hash: String = blake3::hash(name.as_bytes()).to_hex().chars().take(8).collect();
    let cut: String = name.chars().take(NAME_BYTES_MAX - hash.len() - "__once".len()).collect();
    format!("{}_{hash}_once", cut.trim_end_matches('_'))
}
