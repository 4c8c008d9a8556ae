//! Users under `/api/v1/users/{name}`, for administrators and, as far as they may, for themselves: what they were given, their sessions
//! and keys, and whether they are locked.

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{delete, get, put},
};
use quarry_engine::{PermissionGrant, Principal, Session, UserRights};
use serde_json::{Value, json};

use crate::{
    Door,
    administration::{known, off_thread},
    auth, body,
    problem::{Answered, Problem},
};

/// The routes.
pub(crate) fn routes() -> Router<Door> {
    Router::new()
        .route("/api/v1/permission-sets", get(sets))
        .route("/api/v1/users/{name}", get(rights))
        .route("/api/v1/users/{name}/permission-sets", get(rights))
        .route("/api/v1/users/{name}/permission-sets/{set}", put(grant).delete(revoke))
        .route("/api/v1/users/{name}/sessions", get(sessions).delete(end_sessions))
        .route("/api/v1/users/{name}/sessions/{id}", delete(end_session))
        .route("/api/v1/users/{name}/keys", get(keys).post(make_key))
        .route("/api/v1/users/{name}/keys/{id}", delete(revoke_key))
        .route("/api/v1/users/{name}/lock", delete(lift))
}

/// `GET /api/v1/permission-sets`: the names of those there are, for who manages users; one's own for others.
async fn sets(Extension(session): Extension<Session>) -> Answered {
    Ok(Json(json!({ "permissionSets": session.permission_sets() })).into_response())
}

/// `GET /api/v1/users/{name}`.
async fn rights(Extension(session): Extension<Session>, Path(name): Path<String>) -> Answered {
    let rights = off_thread(move || session.rights_of(&name)).await?;
    Ok(Json(rights_told(&rights)).into_response())
}

/// `PUT /api/v1/users/{name}/permission-sets/{set}`: `{"expires"}`, or nothing.
async fn grant(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((name, set)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object_or_nothing(&door, &headers, body).await?;
    known(&given, &["expires"])?;
    let expires = match given.get("expires") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(micros(text)?),
        Some(_) => return Err(no_instant()),
    };
    let grants = off_thread(move || session.grant(&name, &set, expires)).await?;
    Ok(Json(json!({ "permissionSets": grants_told(&grants) })).into_response())
}

/// `DELETE /api/v1/users/{name}/permission-sets/{set}`.
async fn revoke(
    Extension(session): Extension<Session>,
    Path((name, set)): Path<(String, String)>,
) -> Answered {
    let grants = off_thread(move || session.revoke(&name, &set)).await?;
    Ok(Json(json!({ "permissionSets": grants_told(&grants) })).into_response())
}

/// `GET /api/v1/users/{name}/sessions`.
async fn sessions(Extension(session): Extension<Session>, Path(name): Path<String>) -> Answered {
    let current = session.principal().session_id().map(str::to_owned);
    let sessions = off_thread(move || session.sessions_of(&name)).await?;
    Ok(Json(auth::sessions_told(&sessions, current.as_deref())).into_response())
}

/// `DELETE /api/v1/users/{name}/sessions/{id}`.
async fn end_session(
    Extension(session): Extension<Session>,
    Path((name, id)): Path<(String, String)>,
) -> Answered {
    off_thread(move || session.end_session(&name, &id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /api/v1/users/{name}/sessions`.
async fn end_sessions(Extension(session): Extension<Session>, Path(name): Path<String>) -> Answered {
    let ended = off_thread(move || session.end_sessions(&name)).await?;
    Ok(Json(json!({ "ended": ended })).into_response())
}

/// `GET /api/v1/users/{name}/keys`.
async fn keys(Extension(session): Extension<Session>, Path(name): Path<String>) -> Answered {
    let keys = off_thread(move || session.keys_of(&name)).await?;
    Ok(Json(auth::keys_told(&keys)).into_response())
}

/// `POST /api/v1/users/{name}/keys`.
async fn make_key(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let new = auth::new_key(&body::object(&door, &headers, body).await?)?;
    let made = off_thread(move || session.make_key(&name, &new)).await?;
    Ok(auth::made_told(&made))
}

/// `DELETE /api/v1/users/{name}/keys/{id}`.
async fn revoke_key(
    Extension(session): Extension<Session>,
    Path((name, id)): Path<(String, String)>,
) -> Answered {
    off_thread(move || session.revoke_key(&name, &id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /api/v1/users/{name}/lock`: lifts what failed logins have brought.
async fn lift(Extension(session): Extension<Session>, Path(name): Path<String>) -> Answered {
    let lifted = off_thread(move || session.lift_lock(&name)).await?;
    Ok(Json(json!({ "lifted": lifted })).into_response())
}

/// A user as JSON.
pub(crate) fn told(user: &Principal) -> Value {
    json!({ "id": user.user_id, "name": user.user_name, "admin": user.admin, "kind": user.kind.name() })
}

fn rights_told(rights: &UserRights) -> Value {
    json!({
        "id": rights.user_id,
        "name": rights.user_name,
        "kind": rights.kind.name(),
        "admin": rights.admin,
        "password": rights.has_password,
        "permissionSets": grants_told(&rights.grants),
    })
}

fn grants_told(grants: &[PermissionGrant]) -> Vec<Value> {
    let told = |grant: &PermissionGrant| {
        json!({
            "name": grant.set,
            "expires": grant.expires_micros.map(instant),
            "givenBy": grant.given_by,
            "given": instant(grant.given_at_micros),
        })
    };
    grants.iter().map(told).collect()
}

/// An instant as text.
pub(crate) fn instant(micros: i64) -> String {
    let instant = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// An instant from text.
///
/// # Errors
///
/// For what is none.
pub(crate) fn micros(text: &str) -> Result<i64, Problem> {
    chrono::DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_micros()).map_err(|_| no_instant())
}

fn no_instant() -> Problem {
    Problem::invalid("expires is an instant like 2027-01-31T18:00:00Z").at("expires")
}
