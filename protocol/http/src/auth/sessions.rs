//! One's own sessions: listed and ended.

use axum::{Extension, Json, extract::Path, http::StatusCode, response::IntoResponse};
use quarry_engine::{Session, SessionInfo};
use serde_json::{Value, json};

use crate::{administration::off_thread, problem::Answered, users::instant};

/// `GET /api/v1/auth/sessions`.
pub(crate) async fn list(Extension(session): Extension<Session>) -> Answered {
    let current = session.principal().session_id().map(str::to_owned);
    let sessions = off_thread(move || session.sessions_of(&session.principal().user_name)).await?;
    Ok(Json(sessions_told(&sessions, current.as_deref())).into_response())
}

/// `DELETE /api/v1/auth/sessions/{id}`.
pub(crate) async fn end(Extension(session): Extension<Session>, Path(id): Path<String>) -> Answered {
    off_thread(move || session.end_session(&session.principal().user_name, &id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /api/v1/auth/sessions`: all of them, this one too.
pub(crate) async fn end_all(Extension(session): Extension<Session>) -> Answered {
    let ended = off_thread(move || session.end_sessions(&session.principal().user_name)).await?;
    Ok(Json(json!({ "ended": ended })).into_response())
}

/// Sessions as JSON; `current` is the one that asks.
pub(crate) fn sessions_told(sessions: &[SessionInfo], current: Option<&str>) -> Value {
    let told = |session: &SessionInfo| {
        json!({
            "id": session.id,
            "began": instant(session.began_micros),
            "refreshed": instant(session.renewed_micros),
            "expires": instant(session.expires_micros),
            "address": session.address,
            "current": current == Some(session.id.as_str()),
        })
    };
    json!({ "sessions": sessions.iter().map(told).collect::<Vec<_>>() })
}
