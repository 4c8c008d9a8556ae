//! Legal holds, for administrators: what must not be purged.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Query as UrlQuery, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use quarry_engine::{Held, Hold, Session};
use serde_json::{Value, json};

use crate::{
    Door,
    administration::{known, off_thread, text},
    body,
    problem::{Answered, Problem},
};

/// `GET /api/v1/audit/holds`: all of them.
pub(crate) async fn holds(Extension(session): Extension<Session>) -> Answered {
    let holds = off_thread(move || session.holds()).await?;
    Ok(Json(json!({ "holds": holds.iter().map(told).collect::<Vec<_>>() })).into_response())
}

/// `POST /api/v1/audit/holds`: `{"on", "reason"}` places one, on `*`, an object, or `object/record`.
pub(crate) async fn place(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    known(&given, &["on", "reason"])?;
    let (on, reason) = (Held::parse(&text(&given, "on")?)?, text(&given, "reason")?);
    off_thread(move || session.place_hold(&on, &reason)).await?;
    Ok((StatusCode::CREATED, Json(json!({}))).into_response())
}

/// `DELETE /api/v1/audit/holds?on=…` lifts one.
pub(crate) async fn lift(
    Extension(session): Extension<Session>,
    UrlQuery(given): UrlQuery<Vec<(String, String)>>,
) -> Answered {
    let on = match given.as_slice() {
        [(name, on)] if name == "on" => Held::parse(on)?,
        _ => return Err(Problem::invalid("tell what is held, and nothing else: ?on=account/acme").at("on")),
    };
    off_thread(move || session.lift_hold(&on)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn told(hold: &Hold) -> Value {
    let placed = chrono::DateTime::from_timestamp_micros(hold.placed_micros).unwrap_or_default();
    let placed = placed.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    json!({ "on": hold.on, "reason": hold.reason, "placedAt": placed, "placedBy": hold.placed_by })
}
