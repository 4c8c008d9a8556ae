//! `/scim/v2/Users`.

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use quarry_engine::{DirectoryUser, NewDirectoryUser, Session};
use serde_json::{Map, Value, json};

use super::{
    Chosen, Page, answer,
    filter::Filter,
    operations,
    patch::{self, Operation},
    problem::{no_path, not_kept, wrong},
    schema::USER,
};
use crate::{
    Door,
    administration::off_thread,
    body,
    problem::{Answered, Problem},
};

/// `GET /scim/v2/Users`.
pub(super) async fn list(
    Extension(session): Extension<Session>,
    Query(query): Query<Vec<(String, String)>>,
) -> Answered {
    let page = Page::of(&query)?;
    let filter = page.filter.as_deref().map(Filter::parse).transpose()?;
    let matching = matching(filter.as_ref())?;
    let window = page.window();
    let found = off_thread(move || session.directory_users(matching, window)).await?;
    let told = found.users.iter().map(|user| Value::Object(resource(user))).collect();
    Ok(page.answer(found.total, told))
}

/// Whether a user is looked for.
fn matching(filter: Option<&Filter>) -> Result<impl Fn(&DirectoryUser) -> bool + Send + use<>, Problem> {
    const KNOWN: &str = "id, userName, externalId, displayName, emails.value and active";
    let known = ["id", "username", "externalid", "displayname", "emails", "emails.value", "active"];
    if let Some(filter) = filter.filter(|filter| !known.contains(&filter.path.as_str())) {
        return Err(filter.unknown(KNOWN));
    }
    let filter = filter.cloned();
    Ok(move |user: &DirectoryUser| {
        let Some(filter) = &filter else { return true };
        let is = |has: Option<&str>| has.is_some() && has == filter.text();
        match filter.path.as_str() {
            "id" => is(Some(&user.id)),
            "username" => is(Some(&user.user_name)),
            "externalid" => is(user.external_id.as_deref()),
            "displayname" => is(user.display_name.as_deref()),
            "active" => filter.value == Value::Bool(user.active),
            _ => is(user.email.as_deref()),
        }
    })
}

/// `GET /scim/v2/Users/{id}`.
pub(super) async fn read(
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Answered {
    let chosen = Chosen::of_query(&query)?;
    let user = off_thread(move || session.directory_user(&id)).await?;
    Ok(answer(&chosen.of(Value::Object(resource(&user)))))
}

/// `POST /scim/v2/Users`.
pub(super) async fn create(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let new = user_of(&body::object(&door, &headers, body).await?)?;
    let user = off_thread(move || session.make_directory_user(&new)).await?;
    let place =
        HeaderValue::from_str(&location(&user.id)).unwrap_or(HeaderValue::from_static("/scim/v2/Users"));
    let made = (StatusCode::CREATED, [(header::LOCATION, place)]);
    Ok((made.0, made.1, answer(&Value::Object(resource(&user)))).into_response())
}

/// `PUT /scim/v2/Users/{id}`.
pub(super) async fn replace(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let new = user_of(&body::object(&door, &headers, body).await?)?;
    let user = off_thread(move || session.replace_directory_user(&id, &new)).await?;
    Ok(answer(&Value::Object(resource(&user))))
}

/// `PATCH /scim/v2/Users/{id}`.
pub(super) async fn patch(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let operations = operations(&body::object(&door, &headers, body).await?)?;
    let (asked, of) = (session.clone(), id.clone());
    let user = off_thread(move || asked.directory_user(&of)).await?;
    let mut changed = resource(&user);
    for operation in &operations {
        apply(&mut changed, operation)?;
    }
    let new = user_of(&changed)?;
    let user = off_thread(move || session.replace_directory_user(&id, &new)).await?;
    Ok(answer(&Value::Object(resource(&user))))
}

/// `DELETE /scim/v2/Users/{id}`.
pub(super) async fn delete(Extension(session): Extension<Session>, Path(id): Path<String>) -> Answered {
    off_thread(move || session.delete_directory_user(&id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn location(id: &str) -> String {
    format!("/scim/v2/Users/{id}")
}

/// A user as SCIM tells him.
fn resource(user: &DirectoryUser) -> Map<String, Value> {
    let mut told = Map::new();
    let mut tell = |name: &str, value: Value| drop(told.insert(name.to_owned(), value));
    tell("schemas", json!([USER]));
    tell("id", json!(user.id));
    if let Some(external_id) = &user.external_id {
        tell("externalId", json!(external_id));
    }
    tell("userName", json!(user.user_name));
    if let Some(name) = &user.display_name {
        tell("name", json!({ "formatted": name }));
        tell("displayName", json!(name));
    }
    if let Some(email) = &user.email {
        tell("emails", json!([{ "value": email, "type": "work", "primary": true }]));
    }
    tell("active", json!(user.active));
    let group = |set: &String| json!({ "value": set, "display": set, "type": "direct", "$ref": format!("/scim/v2/Groups/{set}") });
    tell("groups", user.permission_sets.iter().map(group).collect());
    let [created, changed] = user.changed.map(|at| at.map(crate::users::instant));
    tell(
        "meta",
        json!({
            "resourceType": "User",
            "created": created,
            "lastModified": changed,
            "location": location(&user.id),
            "version": format!("W/\"{}\"", user.revision),
        }),
    );
    told
}

/// Does an operation of a PATCH.
fn apply(resource: &mut Map<String, Value>, operation: &Operation) -> Result<(), Problem> {
    for (path, value) in operation.by_attribute()? {
        let act = operation.act;
        match path.attribute.as_str() {
            "username" => patch::on_single(resource, "userName", act, &path, value)?,
            "externalid" => patch::on_single(resource, "externalId", act, &path, value)?,
            "active" => patch::on_single(resource, "active", act, &path, value)?,
            "password" => patch::on_single(resource, "password", act, &path, value)?,
            "displayname" => {
                resource.remove("name");
                patch::on_single(resource, "displayName", act, &path, value)?;
            }
            "name" => {
                resource.remove("displayName");
                // Parts that are told anew say more than the whole that was.
                if path.sub.as_deref() != Some("formatted") && !has_formatted(&value) {
                    resource.remove("name");
                }
                patch::on_single(resource, "name", act, &path, value)?;
            }
            "emails" => patch::on_many(resource, "emails", act, &path, value)?,
            "id" | "meta" | "groups" | "schemas" => {}
            _ => return Err(no_path(&path.text)),
        }
    }
    Ok(())
}

fn has_formatted(name: &Value) -> bool {
    name.as_object().is_some_and(|parts| parts.keys().any(|part| part.eq_ignore_ascii_case("formatted")))
}

/// What a directory says of a user.
fn user_of(given: &Map<String, Value>) -> Result<NewDirectoryUser, Problem> {
    let mut new = NewDirectoryUser { active: true, ..NewDirectoryUser::default() };
    let mut formatted = None;
    for (name, value) in given {
        match name.to_ascii_lowercase().as_str() {
            // Of the server's own, to be ignored (RFC 7643, section 2.2).
            "schemas" | "id" | "meta" | "groups" => {}
            _ if is_nothing(value) => {}
            "username" => new.user_name = text(name, value)?,
            "externalid" => new.external_id = Some(text(name, value)?),
            "displayname" => new.display_name = Some(text(name, value)?),
            "name" => formatted = name_of(value)?,
            "emails" => new.email = email_of(value)?,
            "active" => new.active = truth(name, value)?,
            "password" => new.password = Some(text(name, value)?),
            _ => return Err(not_kept(name)),
        }
    }
    if new.user_name.is_empty() {
        return Err(wrong("userName", "there, a text"));
    }
    new.display_name = new.display_name.or(formatted);
    Ok(new)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        _ => false,
    }
}

fn text(name: &str, value: &Value) -> Result<String, Problem> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong(name, "a text"))
}

/// Some directories write truth as text.
fn truth(name: &str, value: &Value) -> Result<bool, Problem> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(wrong(name, "true or false")),
    }
}

/// One name of its parts.
fn name_of(value: &Value) -> Result<Option<String>, Problem> {
    let parts = value.as_object().ok_or_else(|| wrong("name", "an object"))?;
    let (mut formatted, mut given, mut family) = (None, None, None);
    for (part, value) in parts {
        match part.to_ascii_lowercase().as_str() {
            _ if is_nothing(value) => {}
            "formatted" => formatted = Some(text("name.formatted", value)?),
            "givenname" => given = Some(text("name.givenName", value)?),
            "familyname" => family = Some(text("name.familyName", value)?),
            _ => return Err(not_kept(&format!("name.{part}"))),
        }
    }
    let parts: Vec<String> = [given, family].into_iter().flatten().collect();
    Ok(formatted.or_else(|| (!parts.is_empty()).then(|| parts.join(" "))))
}

/// The one mail address that is kept.
fn email_of(value: &Value) -> Result<Option<String>, Problem> {
    let emails = value.as_array().ok_or_else(|| wrong("emails", "a list"))?;
    let [email] = emails.as_slice() else {
        return Err(wrong("emails", "one address: no more are kept"));
    };
    let parts = email.as_object().ok_or_else(|| wrong("emails", "a list of objects"))?;
    let mut address = None;
    for (part, value) in parts {
        match part.to_ascii_lowercase().as_str() {
            "value" if is_nothing(value) => {}
            "value" => address = Some(text("emails.value", value)?),
            "type" | "primary" | "display" => {}
            _ => return Err(not_kept(&format!("emails.{part}"))),
        }
    }
    Ok(address)
}
