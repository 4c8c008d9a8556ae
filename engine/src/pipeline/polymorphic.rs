//! References to a record of one of several objects: of which object it is, and that it is one.
//!
//! What is written is a lookup for each object (see [`Polymorphic`]). A client may write these, or the id beside the type, or both in
//! one value (`{"object": "account", "id": "…"}`), or the id alone where only one of the objects has such a record. What
//! changes wins over what stays: who gives another record moves the reference, and the lookup that had it is emptied.

use indexmap::IndexMap;
use quarry_metadata::{Member, Object, Polymorphic};
use quarry_storage::{Key, Value};
use serde_json::Value as Json;

use super::{
    call::{Call, Right},
    coerce::text_of,
    draft::{Draft, Fault},
    permits,
};
use crate::{
    active::nearest,
    change::{Input, Record},
    error::Result,
    work::Work,
};

/// What a client means with an id and a type.
pub(super) struct Meant {
    /// Which of the object's references.
    at: usize,
    /// The lookup that gets the id; none of them where the reference is emptied.
    to: Option<(usize, Key)>,
}

/// An id and a type as they were given.
struct Given {
    id: Input,
    type_name: Option<String>,
}

/// Takes ids and types out of what is given; what can't be is a finding.
///
/// # Errors
///
/// Those of the store.
pub(super) fn take(
    draft: &mut Draft,
    data: &mut Record,
    (work, call): (&mut Work, &Call),
    seen: Option<&Object>,
) -> Result<Vec<Meant>> {
    let layout = draft.layout.clone();
    let mut all = Vec::new();
    for (at, whole) in layout.object.polymorphic.iter().enumerate() {
        let Some(field) = layout.object.fields.get(&whole.field) else { continue };
        // What is readonly is told so where all fields are.
        let field = seen.map_or(Some(field), |seen| seen.fields.get(&whole.field));
        if field.is_none_or(|field| field.readonly && call.right == Right::Client) {
            continue;
        }
        let seen = seen.and_then(|seen| seen.polymorphic.iter().find(|known| known.field == whole.field));
        let whole = seen.unwrap_or(whole);
        let id = data.shift_remove(whole.field.as_str());
        let type_name = data.shift_remove(whole.type_field.as_str());
        if id.is_none() && says_it(data, whole, type_name.as_ref()) {
            continue;
        }
        match meant(draft, (whole, at), (id, type_name), work, call)? {
            Ok(meant) => all.extend(meant),
            Err((name, fault)) => draft.find(Some(name), fault.code, fault.message, None),
        }
    }
    Ok(all)
}

/// The lookup to the object of a type is given itself.
fn says_it(data: &Record, whole: &Polymorphic, type_name: Option<&Input>) -> bool {
    let type_name = type_name.and_then(text_of);
    let lookup = whole.members.iter().find(|member| Some(member.type_name.as_str()) == type_name);
    lookup.and_then(|lookup| data.get(lookup.field.as_str())).is_some_and(|id| !is_null(id))
}

/// What is wrong, and with which field.
type Wrong<'a> = (&'a str, Fault);

fn meant<'a>(
    draft: &Draft,
    (whole, at): (&'a Polymorphic, usize),
    (id, type_name): (Option<Input>, Option<Input>),
    work: &mut Work,
    call: &Call,
) -> Result<std::result::Result<Option<Meant>, Wrong<'a>>> {
    let (field, type_field) = (whole.field.as_str(), whole.type_field.as_str());
    let type_name = match type_name.as_ref().map(type_of) {
        Some(None) => {
            return Ok(Err((
                type_field,
                Fault::new("invalid_type", "the name of an object is wanted, as text"),
            )));
        }
        Some(Some(type_name)) => type_name,
        None => None,
    };
    let Some(id) = id else {
        return Ok(type_alone(draft, whole, type_name.as_deref()).map_err(|fault| (type_field, fault)));
    };
    let given = match one_value(id, type_name) {
        Ok(given) => given,
        Err(fault) => return Ok(Err((field, fault))),
    };
    if is_null(&given.id) {
        return Ok(Ok(Some(Meant { at, to: None })));
    }
    let Some(id) = text_of(&given.id) else {
        let message = format!("the id of a record is wanted, as text or as {FORM}");
        return Ok(Err((field, Fault::new("invalid_type", message))));
    };
    let found = match &given.type_name {
        Some(type_name) => named(whole, type_name, work).map(|member| (member, id.into())),
        None => sought(draft, whole, id, work, call)?,
    };
    Ok(found.map_err(|fault| (field, fault)).map(|(member, id): (&Member, Key)| {
        let column = draft.layout.column(member.field.as_str());
        column.map(|column| Meant { at, to: Some((column, id)) })
    }))
}

/// How an id and its object are written in one value.
const FORM: &str = r#"{"object": "account", "id": "…"}"#;

/// A type as text; none where it is something else, and nothing where it is null.
fn type_of(input: &Input) -> Option<Option<String>> {
    match is_null(input) {
        true => Some(None),
        false => text_of(input).map(|text| Some(text.to_owned())),
    }
}

fn is_null(input: &Input) -> bool {
    matches!(input, Input::Json(Json::Null) | Input::Typed(Value::Null, _))
}

/// Takes an id that says itself of which object it is apart.
fn one_value(id: Input, type_name: Option<String>) -> std::result::Result<Given, Fault> {
    let Input::Json(Json::Object(mut parts)) = id else { return Ok(Given { id, type_name }) };
    let object = parts.remove("object");
    let (Some(Json::String(object)), Some(id), true) = (object, parts.remove("id"), parts.is_empty()) else {
        return Err(Fault::new("invalid_type", format!("a reference is written as {FORM}")));
    };
    if type_name.is_some_and(|type_name| type_name != object) {
        return Err(Fault::new("invalid_value", "it is said to be of two objects"));
    }
    Ok(Given { id: Input::Json(id), type_name: Some(object) })
}

/// A type without an id says nothing new, or something that can't be.
fn type_alone(
    draft: &Draft,
    whole: &Polymorphic,
    type_name: Option<&str>,
) -> std::result::Result<Option<Meant>, Fault> {
    let Some(type_name) = type_name else { return Ok(None) };
    let is_so = filled(draft, whole).any(|(member, _)| member.type_name == type_name);
    match is_so {
        true => Ok(None),
        false => Err(Fault::new("required", format!("give the id in {} too", whole.field))),
    }
}

/// The lookup to the object of that name.
fn named<'a>(whole: &'a Polymorphic, type_name: &str, work: &Work) -> std::result::Result<&'a Member, Fault> {
    let object = work.active.registry.get(type_name).map(|object| &object.name);
    let is_it = |member: &&Member| member.type_name == type_name || Some(&member.target) == object;
    whole.members.iter().find(is_it).ok_or_else(|| {
        let names = || whole.members.iter().map(|member| member.type_name.as_str());
        let told = names().collect::<Vec<_>>().join(", ");
        let message = format!("{type_name:?} is none of {told}{}", nearest(type_name, names()));
        Fault::new("invalid_option", message)
    })
}

/// The object that has a record of that id, where only one does.
fn sought<'a>(
    draft: &Draft,
    whole: &'a Polymorphic,
    id: &str,
    work: &mut Work,
    call: &Call,
) -> Result<std::result::Result<(&'a Member, Key), Fault>> {
    if id.starts_with("$ref:") {
        let Some((object, key)) = call.referred(id) else {
            let message =
                format!("{id:?} is not the one record of an earlier change; write \"$ref:<change>.id\"");
            return Ok(Err(Fault::new("invalid_value", message)));
        };
        return Ok(named(whole, object, work).map(|member| (member, key)));
    }
    let key = Key::from(id);
    // Who sends back what he read need not say what it was.
    let stays = draft.old.is_some().then(|| filled(draft, whole).find(|(_, value)| **value == key)).flatten();
    if let Some((member, _)) = stays {
        return Ok(Ok((member, key)));
    }
    let mut found = Vec::new();
    for member in &whole.members {
        let itself = member.target == draft.layout.object.name && key == draft.id;
        let lost = call.lost.contains(&(member.target.clone(), key.clone()));
        let mut is_there = || {
            Ok::<_, crate::Error>(
                work.exists(&member.target, &key)? && permits::is_seen(work, call, &member.target, &key)?,
            )
        };
        if itself || lost || is_there()? {
            found.push(member);
        }
    }
    let names = |members: &[&Member]| {
        members.iter().map(|member| member.target.as_str()).collect::<Vec<_>>().join(", ")
    };
    Ok(match found.as_slice() {
        [only] => Ok((*only, key)),
        [] => {
            let all: Vec<&Member> = whole.members.iter().collect();
            Err(Fault::new("reference_not_found", format!("there is no record {key:?} of {}", names(&all))))
        }
        several => {
            let message =
                format!("{} have a record {key:?}; say which in {}", names(several), whole.type_field);
            Err(Fault::new("reference_ambiguous", message))
        }
    })
}

/// The lookups that have a value, with it.
fn filled<'d, 'w>(draft: &'d Draft, whole: &'w Polymorphic) -> impl Iterator<Item = (&'w Member, &'d Key)> {
    whole.members.iter().filter_map(|member| match draft.value(draft.layout.column(member.field.as_str())?) {
        Value::Text(id) => Some((member, id)),
        _ => None,
    })
}

/// Writes what was meant into the lookups. One that was given another value beside is a finding.
pub(super) fn give(draft: &mut Draft, meant: Vec<Meant>) {
    let layout = draft.layout.clone();
    for Meant { at, to } in meant {
        let Some(whole) = layout.object.polymorphic.get(at) else { continue };
        let column = |member: &Member| layout.column(member.field.as_str());
        let columns: Vec<usize> = whole.members.iter().filter_map(column).collect();
        let is_other = |at: usize| {
            let wanted = to
                .as_ref()
                .is_some_and(|(column, id)| *column == at && *draft.value(at) == Value::Text(id.clone()));
            draft.is_given(at) && draft.changes(at) && !wanted && !draft.value(at).is_null()
        };
        let said_twice = columns.iter().any(|at| is_other(*at));
        match to {
            // What stays gives way to what changes.
            Some((column, id)) if said_twice => {
                let stays = draft.old.as_ref().is_some_and(|old| *old.get(column) == Value::Text(id));
                if !stays {
                    several(draft, whole);
                }
            }
            None if said_twice => {
                let was_empty =
                    columns.iter().all(|at| draft.old.as_ref().is_none_or(|old| old.get(*at).is_null()));
                if !was_empty {
                    several(draft, whole);
                }
            }
            Some((column, id)) => draft.give(column, Value::Text(id)),
            None => columns.iter().for_each(|at| draft.give(*at, Value::Null)),
        }
    }
}

fn several(draft: &mut Draft, whole: &Polymorphic) {
    let message = format!("it refers to one record: give {}, or only one of them", whole.field);
    draft.find(Some(whole.field.as_str()), "several_references", message, None);
}

/// Sees that each reference is one: where another lookup gets the value, the one that had it loses it.
pub(super) fn settle(draft: &mut Draft) {
    let layout = draft.layout.clone();
    for whole in &layout.object.polymorphic {
        let columns: IndexMap<usize, bool> = filled(draft, whole)
            .filter_map(|(member, _)| layout.column(member.field.as_str()))
            .map(|column| (column, draft.changes(column)))
            .collect();
        let changed: Vec<usize> =
            columns.iter().filter(|(_, changed)| **changed).map(|(at, _)| *at).collect();
        match (columns.len(), changed.as_slice()) {
            (0 | 1, _) => {}
            (_, [only]) => {
                let others = columns.keys().filter(|at| *at != only);
                others.for_each(|at| draft.give(*at, Value::Null));
            }
            _ if draft.is_faulty(whole.field.as_str()) => {}
            _ => several(draft, whole),
        }
        touch(draft, whole);
    }
}

/// Who writes one of the lookups has written the reference: it is looked at whether there must be one.
fn touch(draft: &mut Draft, whole: &Polymorphic) {
    let layout = draft.layout.clone();
    let columns = || whole.members.iter().filter_map(|member| layout.column(member.field.as_str()));
    let Some(column) = layout.column(whole.field.as_str()) else { return };
    if columns().any(|at| draft.is_given(at)) {
        draft.mark_given(column);
    }
}

/// A record that comes back and can't be without what is gone.
pub(super) fn missed(draft: &mut Draft) {
    let layout = draft.layout.clone();
    for whole in &layout.object.polymorphic {
        let must = layout.object.fields.get(&whole.field).is_some_and(|field| field.required);
        if must && filled(draft, whole).next().is_none() {
            let message = "the record that it refers to is not there any more".to_owned();
            draft.find(Some(whole.field.as_str()), "reference_not_found", message, None);
        }
    }
}
