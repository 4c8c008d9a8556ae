//! `/api/v1/objects/:object/:id/shares`: a record given to users and teams.

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{delete, get},
};
use quarry_engine::{Access, Grantee, Session, Share};
use serde_json::{Map, Value, json};

use crate::{
    Door,
    administration::{known, off_thread},
    body,
    problem::{Answered, Problem},
    users::{instant, micros},
};

/// The routes.
pub(crate) fn routes() -> Router<Door> {
    Router::new()
        .route("/api/v1/objects/{object}/{id}/shares", get(list).post(share))
        .route("/api/v1/objects/{object}/{id}/shares/{share}", delete(unshare))
}

/// `GET …/shares`.
async fn list(
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
) -> Answered {
    let shares = off_thread(move || session.shares_of(&object, &id)).await?;
    Ok(Json(json!({ "shares": shares.iter().map(told).collect::<Vec<_>>() })).into_response())
}

/// `POST …/shares`: `{"user" | "team", "access", "expires"}`.
async fn share(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["user", "team", "access", "expires"])?;
    let to = match (text(&given, "user")?, text(&given, "team")?) {
        (Some(user), None) => Grantee::User(user),
        (None, Some(team)) => Grantee::Team(team),
        _ => return Err(Problem::invalid("name one \"user\" or one \"team\" by its id")),
    };
    let access = match text(&given, "access")?.as_deref() {
        None | Some("read") => Access::Read,
        Some("update") => Access::Update,
        Some(_) => return Err(Problem::invalid("\"access\" is \"read\" or \"update\"")),
    };
    let expires = text(&given, "expires")?.map(|text| micros(&text)).transpose()?;
    let made = off_thread(move || session.share(&object, &id, &to, (access, expires))).await?;
    Ok((StatusCode::CREATED, Json(told(&made))).into_response())
}

/// `DELETE …/shares/{share}`.
async fn unshare(
    Extension(session): Extension<Session>,
    Path((object, id, share)): Path<(String, String, String)>,
) -> Answered {
    off_thread(move || session.unshare(&object, &id, &share)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn text(given: &Map<String, Value>, name: &str) -> Result<Option<String>, Problem> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Problem::invalid(format!("{name:?} is a text"))),
    }
}

fn told(share: &Share) -> Value {
    json!({
        "id": share.id,
        "grantee": share.grantee,
        "access": share.access.name(),
        "expires": share.expires_micros.map(instant),
        "givenBy": share.given_by,
        "givenAt": instant(share.given_at_micros),
    })
}
