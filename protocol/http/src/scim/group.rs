//! `/scim/v2/Groups`: permission sets, and who has them.

use std::collections::BTreeSet;

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
};
use quarry_engine::{Error, ErrorKind, Session};
use serde_json::{Map, Value, json};

use super::{
    Chosen, OPERATIONS_MAX, Page, answer,
    filter::Filter,
    operations,
    patch::{Act, Operation},
    problem::{immutable, no_path, not_kept, wrong},
    schema::GROUP,
};
use crate::{
    Door,
    administration::off_thread,
    body,
    problem::{Answered, Problem},
};

/// `GET /scim/v2/Groups`.
pub(super) async fn list(
    Extension(session): Extension<Session>,
    Query(query): Query<Vec<(String, String)>>,
) -> Answered {
    let page = Page::of(&query)?;
    let filter = page.filter.as_deref().map(Filter::parse).transpose()?;
    if let Some(filter) = filter.as_ref().filter(|f| !["id", "displayname"].contains(&f.path.as_str())) {
        return Err(filter.unknown("id and displayName"));
    }
    let (from, count) = page.window();
    let tells_members = page.chosen.tells("members");
    let told = move || {
        // Only administrators may see what there is to give.
        session.must_manage_users()?;
        let sets = session.permission_sets();
        let is_asked = |set: &&String| filter.as_ref().is_none_or(|filter| filter.text() == Some(set));
        let sets: Vec<&str> = sets.iter().filter(is_asked).map(String::as_str).collect();
        let page: Vec<&str> = sets.iter().skip(from).take(count).copied().collect();
        Ok((sets.len(), resources(&session, &page, tells_members)?))
    };
    let (total, told) = off_thread(told).await?;
    Ok(page.answer(total, told))
}

/// `GET /scim/v2/Groups/{id}`.
pub(super) async fn read(
    Extension(session): Extension<Session>,
    Path(set): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Answered {
    let chosen = Chosen::of_query(&query)?;
    let told = off_thread(move || resource(&session, &set)).await?;
    Ok(answer(&chosen.of(told)))
}

/// `PUT /scim/v2/Groups/{id}`.
pub(super) async fn replace(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(set): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    let mut wanted = BTreeSet::new();
    for (name, value) in &given {
        match name.to_ascii_lowercase().as_str() {
            "schemas" | "id" | "meta" => {}
            "displayname" => must_be_name(value, &set)?,
            "members" => wanted = members_of(value)?,
            "externalid" if value.is_null() => {}
            _ => return Err(not_kept(name)),
        }
    }
    settle(session, set, move |members| *members = wanted).await
}

/// `PATCH /scim/v2/Groups/{id}`.
pub(super) async fn patch(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(set): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let operations = operations(&body::object(&door, &headers, body).await?)?;
    let mut steps: Vec<(Act, Option<BTreeSet<String>>)> = Vec::new();
    for operation in &operations {
        steps.extend(steps_of(operation, &set)?);
    }
    settle(session, set, move |members| {
        for (act, named) in steps {
            match (act, named) {
                (Act::Add, Some(named)) => members.extend(named),
                (Act::Replace, Some(named)) => *members = named,
                (Act::Remove, Some(named)) => members.retain(|id| !named.contains(id)),
                (_, None) => members.clear(),
            }
        }
    })
    .await
}

/// What is done, and with which members; none: with all.
type Steps = Vec<(Act, Option<BTreeSet<String>>)>;

/// What an operation does to the members.
fn steps_of(operation: &Operation, set: &str) -> Result<Steps, Problem> {
    let mut steps = Vec::new();
    for (path, value) in operation.by_attribute()? {
        match (path.attribute.as_str(), operation.act, &path.filter) {
            ("displayname", Act::Add | Act::Replace, None) => must_be_name(&value, set)?,
            ("displayname" | "id", _, _) => return Err(immutable(&path.attribute)),
            ("members", Act::Remove, Some(filter)) if filter.path == "value" && path.sub.is_none() => {
                let id = filter.text().ok_or_else(|| wrong("members", "named by their id"))?;
                steps.push((Act::Remove, Some(BTreeSet::from([id.to_owned()]))));
            }
            ("members", Act::Remove, None) if value.is_null() => steps.push((Act::Remove, None)),
            ("members", act, None) if path.sub.is_none() => steps.push((act, Some(members_of(&value)?))),
            _ => return Err(no_path(&path.text)),
        }
    }
    Ok(steps)
}

/// The name of a permission set is its id, and stays.
fn must_be_name(value: &Value, set: &str) -> Result<(), Problem> {
    match value.as_str() == Some(set) {
        true => Ok(()),
        false => Err(immutable("displayName")),
    }
}

fn members_of(value: &Value) -> Result<BTreeSet<String>, Problem> {
    let refuse = || wrong("members", "a list of objects with the id of a user as value");
    let one = std::slice::from_ref(value);
    let members = match value {
        Value::Null => return Ok(BTreeSet::new()),
        Value::Array(members) => members.as_slice(),
        _ => one,
    };
    if members.len() > OPERATIONS_MAX {
        let message = format!("at most {OPERATIONS_MAX} members in one request");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_MANY", message));
    }
    let id = |member: &Value| {
        let member = member.as_object().ok_or_else(refuse)?;
        if member.get("type").and_then(Value::as_str).is_some_and(|kind| kind != "User") {
            return Err(wrong("members", "users: permission sets are nested by packages"));
        }
        member.get("value").and_then(Value::as_str).map(str::to_owned).ok_or_else(refuse)
    };
    members.iter().map(id).collect()
}

/// Gives and takes the set until these have it. Who is no user is found out before anything is done.
async fn settle(
    session: Session,
    set: String,
    change: impl FnOnce(&mut BTreeSet<String>) + Send + 'static,
) -> Answered {
    let settle = move || {
        let before: BTreeSet<String> =
            session.members_of(&[&set])?.into_iter().flatten().map(|(id, _)| id).collect();
        let mut wanted = before.clone();
        change(&mut wanted);
        let name = |id: &String| session.login_name_of(id).map_err(|error| no_member(error, id));
        let new: Vec<String> = wanted.difference(&before).map(name).collect::<Result<_, _>>()?;
        let gone: Vec<String> = before.difference(&wanted).map(name).collect::<Result<_, _>>()?;
        for user in new {
            session.grant(&user, &set, None)?;
        }
        for user in gone {
            session.revoke(&user, &set)?;
        }
        resource(&session, &set)
    };
    Ok(answer(&off_thread(settle).await?))
}

/// A member who is no user is a mistake in the request, not in its address.
fn no_member(error: Error, id: &str) -> Error {
    match error.kind {
        ErrorKind::Missing => {
            Error::new(ErrorKind::Invalid, "INVALID_REQUEST", format!("there is no user {id:?}"))
                .at("members")
        }
        _ => error,
    }
}

/// A permission set as SCIM tells it.
fn resource(session: &Session, set: &str) -> Result<Value, Error> {
    let told = resources(session, &[set], true)?.into_iter().next();
    told.ok_or_else(|| Error::new(ErrorKind::Internal, "INTERNAL_ERROR", "a permission set is not told"))
}

/// Permission sets as SCIM tells them, with or without who has them.
fn resources(session: &Session, sets: &[&str], tells_members: bool) -> Result<Vec<Value>, Error> {
    let members = if tells_members { session.members_of(sets)? } else { Vec::new() };
    let mut members = members.into_iter();
    let member = |(id, name): (String, String)| json!({ "value": id, "display": name, "type": "User", "$ref": format!("/scim/v2/Users/{id}") });
    let told = |set: &&str| {
        let mut told = Map::new();
        told.insert("schemas".to_owned(), json!([GROUP]));
        told.insert("id".to_owned(), json!(set));
        told.insert("displayName".to_owned(), json!(set));
        if let Some(members) = members.next() {
            told.insert("members".to_owned(), members.into_iter().map(member).collect());
        }
        let meta = json!({ "resourceType": "Group", "location": format!("/scim/v2/Groups/{set}") });
        told.insert("meta".to_owned(), meta);
        Value::Object(told)
    };
    Ok(sets.iter().map(told).collect())
}
