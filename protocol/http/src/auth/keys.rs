//! One's own API keys: made, listed, revoked.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use quarry_engine::{KeyInfo, MadeKey, NewKey, Session};
use serde_json::{Map, Value, json};

use super::login::never_kept;
use crate::{
    Door,
    administration::{known, off_thread, text, truth},
    body,
    problem::{Answered, Problem},
    users::instant,
};

/// `GET /api/v1/auth/keys`.
pub(crate) async fn list(Extension(session): Extension<Session>) -> Answered {
    let keys = off_thread(move || session.keys_of(&session.principal().user_name)).await?;
    Ok(Json(keys_told(&keys)).into_response())
}

/// `POST /api/v1/auth/keys`: `{"name", "permissionSets", "readOnly", "days"}`. The key is told this once.
pub(crate) async fn make(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let new = new_key(&body::object(&door, &headers, body).await?)?;
    let made = off_thread(move || session.make_key(&session.principal().user_name, &new)).await?;
    Ok(made_told(&made))
}

/// `DELETE /api/v1/auth/keys/{id}`.
pub(crate) async fn revoke(Extension(session): Extension<Session>, Path(id): Path<String>) -> Answered {
    off_thread(move || session.revoke_key(&session.principal().user_name, &id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A key to be made, from a body.
pub(crate) fn new_key(given: &Map<String, Value>) -> Result<NewKey, Problem> {
    known(given, &["name", "permissionSets", "readOnly", "days"])?;
    let wrong = || Problem::invalid("permissionSets is a list of names").at("permissionSets");
    let permission_sets = match given.get("permissionSets") {
        None | Some(Value::Null) => None,
        Some(Value::Array(names)) => {
            let names = names.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong));
            Some(names.collect::<Result<Vec<_>, _>>()?)
        }
        Some(_) => return Err(wrong()),
    };
    let days = match given.get("days") {
        None | Some(Value::Null) => None,
        Some(days) => {
            let days = days.as_u64().and_then(|days| u32::try_from(days).ok());
            Some(days.ok_or_else(|| Problem::invalid("days is a whole number").at("days"))?)
        }
    };
    Ok(NewKey { name: text(given, "name")?, permission_sets, read_only: truth(given, "readOnly")?, days })
}

/// A key that was made, with its secret.
pub(crate) fn made_told(made: &MadeKey) -> Response {
    let mut told = key_told(&made.info);
    if let Some(told) = told.as_object_mut() {
        told.insert("key".to_owned(), json!(made.text));
    }
    (StatusCode::CREATED, never_kept(told)).into_response()
}

/// Keys as JSON.
pub(crate) fn keys_told(keys: &[KeyInfo]) -> Value {
    json!({ "keys": keys.iter().map(key_told).collect::<Vec<_>>() })
}

fn key_told(key: &KeyInfo) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "permissionSets": key.permission_sets,
        "readOnly": key.read_only,
        "made": instant(key.made_micros),
        "madeBy": key.made_by,
        "expires": instant(key.expires_micros),
        "lastUsed": key.last_used_micros.map(instant),
    })
}
