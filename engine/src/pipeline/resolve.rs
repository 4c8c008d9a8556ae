//! Which field each name means, and whether a client may write it.

use quarry_metadata::{Field, FieldKind, FieldName, Object, RelationKind};

use super::{
    call::{Action, Right, Step},
    draft::{Draft, Fault},
};
use crate::{
    active::nearest,
    change::{Input, Record},
    layout::Layout,
    rights::Rights,
};

/// The inputs by field, in the order given. Unknown names and fields that the engine keeps are findings. The id, which
/// [`Draft::create`] has read, is left out.
/// What `seen` does not have, where it is given, is not there.
pub(super) fn fields(
    draft: &mut Draft,
    data: Record,
    right: Right,
    seen: Option<(&Object, &Rights)>,
) -> Vec<(FieldName, Input)> {
    let layout = draft.layout.clone();
    let object = seen.map_or(&*layout.object, |(object, _)| object);
    let is_new = draft.old.is_none();
    let may_give = |field: &Field| seen.is_none_or(|(object, rights)| rights.may_give(object, field, is_new));
    let mut inputs = Vec::with_capacity(data.len());
    for (name, input) in data {
        match object.field(&name) {
            None => {
                let message = unknown(object, &name);
                draft.find(Some(&name), "unknown_field", message, None);
            }
            Some(field) if matches!(field.kind, FieldKind::Id) => {
                if draft.old.is_some() && !same_id(draft, &input) {
                    draft.fault(field, Fault::new("readonly", "an id never changes"));
                }
            }
            Some(field) if is_kept(field, right) || !may_give(field) => {
                draft.fault(field, Fault::new("readonly", "the field is read-only; leave it out"));
            }
            Some(field) if field.has_alias(&name) => {
                let message = format!("{name} is the former name of {}; give it once", field.name);
                draft.find(Some(&name), "duplicate_field", message, None);
            }
            Some(field) => inputs.push((field.name.clone(), input)),
        }
    }
    inputs
}

/// Puts today's names in place of former ones. Where both are given the former one stays, to be found as given twice.
pub(super) fn former_names(layout: &Layout, step: &mut Step) {
    let object = &layout.object;
    let now = |name: &str| object.field(name).map_or_else(|| name.to_owned(), |field| field.name.to_string());
    let data = match &mut step.action {
        Action::Create(data) | Action::Update { data, .. } => data,
        Action::Upsert { on, data } => {
            on.iter_mut().for_each(|name| *name = now(name));
            data
        }
        Action::Delete { .. } | Action::Undelete { .. } | Action::Act { .. } => return,
    };
    let is_former =
        |name: &String| !object.fields.contains_key(name.as_str()) && object.field(name).is_some();
    if !data.keys().any(is_former) {
        return;
    }
    let given = std::mem::take(data);
    let current: Vec<String> = given.keys().filter(|name| !is_former(name)).cloned().collect();
    for (name, input) in given {
        let today = now(&name);
        let key = if current.contains(&today) && is_former(&name) { name } else { today };
        data.insert(key, input);
    }
}

/// The engine writes it, or nobody.
fn is_kept(field: &Field, right: Right) -> bool {
    let numbered = matches!(field.kind, FieldKind::AutoNumber { .. });
    (field.readonly && right == Right::Client)
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

fn unknown(object: &Object, name: &str) -> String {
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
