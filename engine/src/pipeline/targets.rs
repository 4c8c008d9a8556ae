//! Which records a change is about: by id, by unique fields.

use std::sync::Arc;

use quarry_metadata::{FieldName, Object};
use quarry_storage::{Key, Row, Value};

use super::{
    calculate,
    call::{Call, Step},
    coerce,
    draft::Draft,
    permits,
};
use crate::{
    active::nearest,
    change::{Finding, Input, Record},
    error::{Error, Result},
    layout::{Layout, Once},
    work::Work,
};

/// The record of an id as a draft; none, with a finding, when it is not there or has another revision.
///
/// # Errors
///
/// Those of the store.
pub(super) fn existing(
    work: &mut Work,
    call: &mut Call,
    step: &Step,
    layout: &Arc<Layout>,
    id: &Key,
) -> Result<Option<Draft>> {
    Ok(row(work, call, step, layout, id)?.map(|row| Draft::update(step.change, layout.clone(), row)))
}

/// The row of an id; none, with a finding, when it is not there or has another revision.
///
/// # Errors
///
/// Those of the store.
pub(super) fn row(
    work: &mut Work,
    call: &mut Call,
    step: &Step,
    layout: &Layout,
    id: &Key,
) -> Result<Option<Row>> {
    let object = &layout.object.name;
    let id = call.reference(id).unwrap_or_else(|| id.clone());
    let found = work.row(&layout.table, &id)?;
    let found = match found {
        Some(row) => match permits::target(work, call, step, (layout, &id))? {
            permits::Permit::Yes => Some(row),
            permits::Permit::Unseen => None,
            permits::Permit::No(message) => {
                call.find([about(step, &id, "permission_denied", message)]);
                return Ok(None);
            }
        },
        None => None,
    };
    let Some(row) = found else {
        if !call.lost.contains(&(object.clone(), id.clone())) {
            call.find([about(step, &id, "record_not_found", format!("there is no {object} {id:?}"))]);
        }
        return Ok(None);
    };
    let (asked, found) = (step.if_revision, calculate::revision(layout, &row));
    if asked.is_some() && asked != found {
        let found = found.map_or_else(|| "none".to_owned(), |revision| revision.to_string());
        let message = format!("the record was changed meanwhile: its revision is {found}; read it again");
        call.find([about(step, &id, "concurrent_update", message)]);
        return Ok(None);
    }
    Ok(Some(row))
}

fn about(step: &Step, id: &Key, code: &'static str, message: String) -> Finding {
    Finding {
        change: step.change,
        object: step.object.clone(),
        id: Some(id.to_string()),
        field: None,
        code: code.into(),
        message,
        constraint: None,
    }
}

/// By what an upsert seeks its record.
pub(super) enum Sought<'l> {
    /// By an id that is not given: there is none.
    New,
    Id(Key),
    Values(&'l Once, Vec<Value>),
}

/// By what an upsert seeks its record: the data's values in the `on` fields. None, with findings, when they can't be read.
///
/// # Errors
///
/// `Invalid` when the fields are not unique together.
pub(super) fn sought<'l>(
    work: &Work,
    call: &mut Call,
    step: &Step,
    layout: &'l Layout,
    (on, data): (&[String], &Record),
) -> Result<Option<Sought<'l>>> {
    if let [id] = on
        && id == "id"
    {
        return Ok(Some(match data.get("id") {
            Some(Input::Json(serde_json::Value::String(id))) => Sought::Id(Key::from(id.as_str())),
            Some(Input::Typed(Value::Text(id), _)) => Sought::Id(id.clone()),
            _ => Sought::New,
        }));
    }
    let rights = call.limits(work);
    let seen = rights.as_ref().and_then(|rights| rights.view(layout.object.name.as_str()));
    let seen = seen.map(|view| &*view.object);
    let once =
        unique_index(layout, on, seen).map_err(|error| error.at(format!("changes[{}].on", step.change)))?;
    let values = key_values(work, call, (step, layout), once, data);
    Ok(values.map(|values| Sought::Values(once, values)))
}

/// The record that an upsert seeks, as a draft with the data still to be written; a new one when there is none. None, with
/// findings, when it has another revision.
///
/// # Errors
///
/// Those of the store.
pub(super) fn upsert(
    work: &mut Work,
    call: &mut Call,
    step: &Step,
    layout: &Arc<Layout>,
    (sought, data): (&Sought<'_>, &Record),
) -> Result<Option<Draft>> {
    let found = match sought {
        Sought::New => None,
        Sought::Id(id) => work.row(&layout.table, id)?.map(|_| id.clone()),
        Sought::Values(once, values) => work.holders(layout, once, values)?.into_iter().next(),
    };
    match found {
        Some(id) if !permits::is_seen(work, call, &layout.object.name, &id)? => {
            let message = format!("another {} has the same values", layout.object.name);
            call.find([Finding { id: None, ..about(step, &id, "unique", message) }]);
            Ok(None)
        }
        Some(id) => existing(work, call, step, layout, &id),
        None => Ok(Some(Draft::create(step.change, layout.clone(), data.get("id"), work, call))),
    }
}

/// A rule that counts some records only does not tell which record is meant.
fn unique_index<'a>(layout: &'a Layout, on: &[String], seen: Option<&Object>) -> Result<&'a Once> {
    let object = seen.unwrap_or(&layout.object);
    if let Some(unknown) = on.iter().find(|name| object.field(name).is_none()) {
        let near = nearest(unknown, object.fields.keys().map(|name| name.as_str()));
        return Err(Error::new(
            crate::ErrorKind::Invalid,
            "INVALID_FIELD",
            format!("{} has no field {unknown:?}{near}", object.name),
        ));
    }
    // By what is masked, or not for the client to write, nobody is sought.
    let is_free = |name: &FieldName| {
        let field = object.fields.get(name);
        field.is_some_and(|field| seen.is_none() || field.mask.is_none() && !field.readonly)
    };
    let is_seen = |once: &&Once| once.fields.iter().all(is_free);
    let sets = || layout.onces.iter().filter(|once| once.rule().is_none()).filter(is_seen);
    let same = |once: &&Once| {
        let named = |name: &String| once.fields.iter().any(|field| field.as_str() == name);
        once.fields.len() == on.len() && on.iter().all(named)
    };
    sets().find(same).ok_or_else(|| {
        let told: Vec<String> =
            sets().map(|once| format!("{:?}", once.fields)).chain(["[\"id\"]".to_owned()]).collect();
        Error::invalid(format!(
            "the fields {on:?} of {} are not unique together; these are: {}",
            object.name,
            told.join(", ")
        ))
    })
}

/// The values of the index's fields; none, with findings, when one is missing or can't be read.
fn key_values(
    work: &Work,
    call: &mut Call,
    (step, layout): (&Step, &Layout),
    once: &Once,
    data: &Record,
) -> Option<Vec<Value>> {
    let mut values = Vec::with_capacity(once.fields.len());
    let mut findings = Vec::new();
    for name in &once.fields {
        let field = layout.object.field(name.as_str())?;
        let (code, message) =
            match data.get(name.as_str()).map(|input| coerce::value(field, input, work.actor.time_zone)) {
                Some(Ok(value)) if value != Value::Null => {
                    values.push(value);
                    continue;
                }
                Some(Err(fault)) => (fault.code, fault.message),
                _ => ("required", "an upsert needs a value in each of its \"on\" fields".to_owned()),
            };
        let about = about(step, &Key::from(""), code, message);
        findings.push(Finding { id: None, field: Some(name.to_string()), ..about });
    }
    let all_read = findings.is_empty();
    call.find(findings);
    all_read.then_some(values)
}
