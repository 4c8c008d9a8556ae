//! Whether the server lives and can serve. Answers without a login, and tells nothing else.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{Door, problem::Problem};

/// The process runs.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// The engine is open, with a registry that serves: this door stands in front of an open engine only.
pub(crate) async fn ready(State(door): State<Door>) -> Result<Json<Value>, Problem> {
    match door.engines.main().registry().objects.is_empty() {
        false => Ok(Json(json!({ "status": "ready" }))),
        true => {
            let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
            Err(Problem::new(status, "NOT_READY", "no object is defined"))
        }
    }
}
