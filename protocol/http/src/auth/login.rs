//! Logging in, going on, and logging out.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use quarry_engine::{Means, Principal, Session, Tokens};
use serde_json::{Value, json};

use super::origin;
use crate::{
    Door,
    administration::{known, off_thread, text},
    body,
    problem::{Answered, Problem},
    users::{instant, told as user_told},
};

/// `POST /api/v1/auth/login`: `{"user", "password"}` for an access token, a refresh token and who one is.
pub(crate) async fn login(State(door): State<Door>, request: Request) -> Answered {
    let origin = origin(&request);
    let (parts, body) = request.into_parts();
    let given = body::object(&door, &parts.headers, body).await?;
    if let Some(unknown) = given.keys().find(|key| !["user", "password"].contains(&key.as_str())) {
        return Err(Problem::invalid(format!(
            "unknown key {unknown:?}; a login has \"user\" and \"password\""
        )));
    }
    let text = |name: &str| match given.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        _ => Err(Problem::invalid(format!("a login needs {name:?}, a text")).at(name)),
    };
    let (engine, principal) = door.engines.log_in(text("user")?, text("password")?, &origin).await?;
    let tokens = engine.begin_session(&principal, &origin).await?;
    Ok(never_kept(told(&tokens, &principal)))
}

/// `POST /api/v1/auth/refresh`: `{"refreshToken"}` for the next pair of tokens. Each works once.
pub(crate) async fn refresh(State(door): State<Door>, request: Request) -> Answered {
    let origin = origin(&request);
    let (parts, body) = request.into_parts();
    let given = body::object(&door, &parts.headers, body).await?;
    known(&given, &["refreshToken"])?;
    let secret = text(&given, "refreshToken")?;
    let (tokens, principal) = door.engines.refresh(&secret, &origin).await?;
    Ok(never_kept(told(&tokens, &principal)))
}

/// `POST /api/v1/auth/logout`: ends the session of the access token that was sent.
pub(crate) async fn log_out(Extension(session): Extension<Session>, _body: Body) -> Answered {
    off_thread(move || session.log_out()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /api/v1/auth/me`: who one is, by what, and what one was given.
pub(crate) async fn me(Extension(session): Extension<Session>) -> Answered {
    let principal = session.principal();
    let means = principal.means();
    let mut told = json!({
        "user": user_told(principal),
        "means": means.name(),
        "permissionSets": &*principal.permission_sets,
        "readOnly": principal.read_only,
    });
    let more = match means {
        Means::Session(id) => Some(("session", id)),
        Means::Key(id) => Some(("key", id)),
        Means::Issuer(name) => Some(("issuer", name)),
        Means::Password | Means::Console => None,
    };
    if let (Some((name, value)), Some(told)) = (more, told.as_object_mut()) {
        told.insert(name.to_owned(), json!(value));
    }
    Ok(Json(told).into_response())
}

fn told(tokens: &Tokens, principal: &Principal) -> Value {
    json!({
        "token": tokens.access.text,
        "expires": instant(tokens.access.expires_micros),
        "refreshToken": tokens.refresh.text,
        "refreshExpires": instant(tokens.refresh.expires_micros),
        "session": tokens.session,
        "user": user_told(principal),
    })
}

/// An answer that holds a secret: no cache may keep it.
pub(super) fn never_kept(told: Value) -> Response {
    let mut response = Json(told).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
