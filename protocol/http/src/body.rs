//! Reading a request's JSON body: strictly, and with the place of a mistake.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError};
use serde_json::{Map, Value};
use tower_http::timeout::TimeoutError;

use crate::{
    Door,
    layers::{cut_off, too_slow},
    problem::Problem,
};

/// A JSON body.
///
/// # Errors
///
/// 415 for another content type, 413 past the limit, 400 with line and column for what is no JSON.
pub(crate) async fn json(door: &Door, headers: &HeaderMap, body: Body) -> Result<Value, Problem> {
    if !is_json(headers) {
        let message = "send the body as JSON, with the header content-type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message));
    }
    let bytes = whole(door, body).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let told = error.to_string();
        let what = told.rsplit_once(" at line ").map_or(told.as_str(), |(what, _)| what);
        let message = format!("the body is not JSON: {what} at line {line}, column {column}");
        Problem::new(StatusCode::BAD_REQUEST, "INVALID_JSON", message)
    })
}

/// A JSON body that is an object.
///
/// # Errors
///
/// As [`json`].
pub(crate) async fn object(
    door: &Door,
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, Problem> {
    match json(door, headers, body).await? {
        Value::Object(object) => Ok(object),
        _ => Err(Problem::invalid("the body must be a JSON object")),
    }
}

/// As [`object`]; a request without a body gives an empty one.
///
/// # Errors
///
/// As [`json`].
pub(crate) async fn object_or_nothing(
    door: &Door,
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, Problem> {
    if headers.contains_key(header::CONTENT_TYPE) {
        return object(door, headers, body).await;
    }
    match whole(door, body).await?.is_empty() {
        true => Ok(Map::new()),
        false => object(door, headers, Body::empty()).await,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(told) = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    let essence = told.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn whole(door: &Door, body: Body) -> Result<Bytes, Problem> {
    let deadline = door.body_time();
    let collected = tokio::time::timeout(deadline, body.collect()).await.map_err(|_| too_slow(deadline))?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_large(&error) => Err(cut_off()),
        Err(error) if is_stalled(&error) => {
            Err(too_slow(Duration::from_secs(door.options.body_stalled_seconds_max)))
        }
        Err(_) => Err(Problem::invalid("the body did not come to its end")),
    }
}

/// The body is cut off there.
pub(crate) fn is_too_large(error: &axum::Error) -> bool {
    is_because::<LengthLimitError>(error)
}

/// Nothing of the body came for too long.
pub(crate) fn is_stalled(error: &axum::Error) -> bool {
    is_because::<TimeoutError>(error)
}

fn is_because<T: std::error::Error + 'static>(error: &axum::Error) -> bool {
    let mut below = std::error::Error::source(error);
    while let Some(cause) = below {
        if cause.is::<T>() {
            return true;
        }
        below = cause.source();
    }
    false
}
