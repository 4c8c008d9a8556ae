//! Contents in fields of records. Whoever writes gives ids; what is told of each content is written beside its id here.
//!
//! A content that the record had already may stay, whoever writes. Another one must have been sent by the user who writes, and
//! no other record may have had it: else anybody who learns an id could read what it stands for, through a record of his own.
//! For who may not have it, it is not there.

use quarry_metadata::{ContentKind, Field};
use quarry_storage::{Key, Value};
use serde_json::{Map, Value as Json};

use super::draft::{Draft, Fault};
use crate::{content::UploadRow, error::Result, system::UPLOAD, work::Work};

type Item = Map<String, Json>;

/// Finds the contents of the fields that were changed, and writes what is told of them.
///
/// # Errors
///
/// Those of the store.
pub(super) fn complete(draft: &mut Draft, work: &Work) -> Result<()> {
    for (column, field) in changed(draft) {
        if draft.is_faulty(field.name.as_str()) {
            continue;
        }
        match whole(draft, column, work)? {
            Ok(value) => draft.set(column, value),
            Err(fault) => draft.fault(&field, fault),
        }
    }
    Ok(())
}

/// From now on the record has the contents that are new in it.
///
/// # Errors
///
/// Those of the store.
pub(super) fn take(draft: &Draft, work: &mut Work) -> Result<()> {
    for (column, _) in changed(draft) {
        let had = had(draft, column);
        for item in items(draft.value(column)).iter().filter(|item| known(&had, item).is_none()) {
            let Some(row) = work.row(UPLOAD, &Key::from(id_of(item)))? else { continue };
            let holder = Some((draft.layout.table.clone(), draft.id.clone()));
            let row = UploadRow { expires_micros: None, holder, ..UploadRow::of(&row)? };
            work.put_system(UPLOAD, row.to_row())?;
        }
    }
    Ok(())
}

/// What is wrong with the contents of a field that are there, by what the field takes.
pub(super) fn fault(kind: &ContentKind, value: &Value) -> Option<Fault> {
    items(value).iter().find_map(|item| {
        let text = |part: &str| item.get(part).and_then(Json::as_str).unwrap_or_default();
        let (name, media_type) = (text("name"), text("type"));
        let bytes = item.get("size").and_then(Json::as_u64).unwrap_or_default();
        if !kind.accepts(media_type, name) {
            let accepted = kind.told();
            let message = format!("{name:?} of type {media_type:?} is not taken; {accepted} is");
            return Some(Fault::new("invalid_content_type", message));
        }
        let max = kind.max_bytes.filter(|max| bytes > u64::from(*max))?;
        Some(Fault::new("max_size", format!("{name:?} has {bytes} bytes; at most {max} are allowed")))
    })
}

/// The fields of contents with another value than before, by their columns.
fn changed(draft: &Draft) -> Vec<(usize, Field)> {
    let layout = draft.layout.clone();
    let is_changed =
        |(column, field): &(usize, &Field)| field.kind.content().is_some() && draft.changes(*column);
    layout.fields().filter(is_changed).map(|(column, field)| (column, field.clone())).collect()
}

/// The value with all that is told of each content.
fn whole(draft: &Draft, column: usize, work: &Work) -> Result<Result<Value, Fault>> {
    let Value::Text(text) = draft.value(column) else { return Ok(Ok(Value::Null)) };
    let had = had(draft, column);
    let mut told = Vec::new();
    for given in items(draft.value(column)) {
        let item = match known(&had, &given) {
            Some(item) => Ok(item.clone()),
            None => sent(draft, id_of(&given), work)?,
        };
        match item.and_then(|item| same(&given, &item).map(|()| Json::Object(item))) {
            Ok(item) => told.push(item),
            Err(fault) => return Ok(Err(fault)),
        }
    }
    let is_list = text.starts_with('[');
    let json = if is_list { Json::Array(told) } else { told.into_iter().next().unwrap_or(Json::Null) };
    Ok(Ok(Value::Text(json.to_string().into())))
}

/// A content that is new in the record.
fn sent(draft: &Draft, id: &str, work: &Work) -> Result<Result<Item, Fault>> {
    let none = || {
        let message = format!("there is no content {id:?} that is yours to give; send it first");
        Ok(Err(Fault::new("content_not_found", message)))
    };
    let Some(row) = work.row(UPLOAD, &Key::from(id))? else { return none() };
    let row = UploadRow::of(&row)?;
    let is_over = row.expires_micros.is_some_and(|at| at < work.actor.now_micros);
    let Some(about) = row.uploaded().filter(|_| row.by == work.actor.user_id && !is_over) else {
        return none();
    };
    let own = (draft.layout.table.clone(), draft.id.clone());
    if row.holder.is_some_and(|holder| holder != own) {
        let message = format!("another record has the content {id:?}; send it once more for this one");
        return Ok(Err(Fault::new("content_taken", message)));
    }
    Ok(Ok(about.to_json()))
}

/// Whoever writes back what he read says nothing new of it.
fn same(given: &Item, item: &Item) -> Result<(), Fault> {
    let says = |(part, value): &(&String, &Json)| !value.is_null() && item.get(*part) != Some(*value);
    let other = given.iter().find(says);
    match other {
        Some((part, _)) => {
            let message =
                format!("the {part} of a content does not change; send another, and give only its id");
            Err(Fault::new("invalid_content", message))
        }
        None => Ok(()),
    }
}

/// The contents that the record had in this field.
fn had(draft: &Draft, column: usize) -> Vec<Item> {
    draft.old.as_ref().map(|old| items(old.get(column))).unwrap_or_default()
}

fn known<'a>(had: &'a [Item], item: &Item) -> Option<&'a Item> {
    had.iter().find(|known| id_of(known) == id_of(item))
}

fn items(value: &Value) -> Vec<Item> {
    let Value::Text(text) = value else { return Vec::new() };
    match serde_json::from_str(text) {
        Ok(Json::Object(item)) => vec![item],
        Ok(Json::Array(items)) => items.into_iter().filter_map(object).collect(),
        _ => Vec::new(),
    }
}

fn object(json: Json) -> Option<Item> {
    match json {
        Json::Object(item) => Some(item),
        _ => None,
    }
}

fn id_of(item: &Item) -> &str {
    item.get("id").and_then(Json::as_str).unwrap_or_default()
}
