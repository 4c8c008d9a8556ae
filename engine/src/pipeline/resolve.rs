//! Which field each name means, and whether a client may write it.

use quarry_metadata::{Field, FieldKind, FieldName, RelationKind};

use super::draft::{Draft, Fault};
use crate::{
    active::nearest,
    change::{Input, Record},
};

/// The inputs by field, in the order given. Unknown names and fields that the engine keeps are findings. The id, which
/// [`Draft::create`] has read, is left out.
pub(super) fn fields(draft: &mut Draft, data: Record) -> Vec<(FieldName, Input)> {
    let layout = draft.layout.clone();
    let mut inputs = Vec::with_capacity(data.len());
    for (name, input) in data {
        match layout.object.field(&name) {
            None => {
                let message = unknown(draft, &name);
                draft.find(Some(&name), "unknown_field", message, None);
            }
            Some(field) if matches!(field.kind, FieldKind::Id) => {
                if draft.old.is_some() && !same_id(draft, &input) {
                    draft.fault(field, Fault::new("readonly", "an id never changes"));
                }
            }
            Some(field) if is_kept(field) => {
                draft.fault(field, Fault::new("readonly", "the field is read-only; leave it out"));
            }
            Some(field) => inputs.push((field.name.clone(), input)),
        }
    }
    inputs
}

/// The engine writes it, or nobody.
fn is_kept(field: &Field) -> bool {
    let numbered = matches!(field.kind, FieldKind::AutoNumber { .. });
    field.readonly
        || numbered
        || field.kind.is_computed()
        || (field.system && field.name.as_str() != super::calculate::OWNER)
}

fn same_id(draft: &Draft, input: &Input) -> bool {
    match input {
        Input::Json(serde_json::Value::String(text)) => **text == *draft.id,
        Input::Typed(quarry_storage::Value::Text(text), _) => **text == *draft.id,
        _ => false,
    }
}

fn unknown(draft: &Draft, name: &str) -> String {
    let object = &draft.layout.object;
    if let Some(relation) = object.relation(name) {
        return match &relation.kind {
            RelationKind::ToOne { field } => format!("{name} is a relation; give the id in {field}"),
            RelationKind::ToSeveral { field } => format!("{name} is a relation; give the ids in {field}"),
            RelationKind::ToMany { field } => {
                format!("{name} is a list of {} records; change those, by their {field}", relation.target)
            }
        };
    }
    format!(
        "{} has no field {name:?}{}",
        object.name,
        nearest(name, object.fields.keys().map(FieldName::as_str))
    )
}
