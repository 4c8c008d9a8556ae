//! What surrounds every handler: a request id, a deadline, a limit for the body, a catch for panics, answers for routes
//! that are not there.

use std::{
    any::Any,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::Limited;
use tokio::time::Instant;
use tower_http::timeout::TimeoutBody;

use crate::{
    Door,
    auth::RequestId,
    files::FILES,
    problem::{Problem, render},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A client's own request id may be so long.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// Gives the request an id (the client's own when it is a plain one), and the answer the same.
pub(crate) async fn identified(mut request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).filter(|id| is_plain(id)).cloned().unwrap_or_else(new_id);
    request.extensions_mut().insert(RequestId(id.to_str().unwrap_or_default().into()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span =
        tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, path = path.as_str());
    let response = tracing::Instrument::instrument(next.run(request), span).await;
    let mut response = render(response, id.to_str().unwrap_or_default(), &path);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn is_plain(id: &HeaderValue) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:".contains(b);
    (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.as_bytes().iter().all(plain)
}

fn new_id() -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static BEGAN: std::sync::LazyLock<i64> =
        std::sync::LazyLock::new(|| chrono::Utc::now().timestamp_millis());
    let id = format!("{:x}-{:x}", *BEGAN, NEXT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("0"))
}

/// When a request's handler is dropped if it has not answered. One that keeps what it did in parts ends before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub Instant);

/// Refuses a body that says it is too large, cuts off one that turns out to be, and ends a request that takes too long to
/// come in or to be answered. (How long a question may run is the engine's.)
pub(crate) async fn bounded(State(door): State<Door>, request: Request, next: Next) -> Response {
    let is_upload = request.uri().path() == FILES;
    let allowed = if is_upload { door.upload_bytes_max() } else { door.options.body_bytes_max };
    if tells_more(&request, allowed) {
        return too_large(allowed).into_response();
    }
    let stalled = Duration::from_secs(door.options.body_stalled_seconds_max);
    let request = request.map(|body| Body::new(TimeoutBody::new(stalled, Limited::new(body, allowed))));
    let upload_time = Duration::from_secs(door.options.upload_seconds_max);
    let deadline = if is_upload { Some(upload_time) } else { door.request_time() };
    let Some(deadline) = deadline else { return next.run(request).await };
    let at = Instant::now() + deadline;
    let mut request = request;
    request.extensions_mut().insert(Deadline(at));
    match tokio::time::timeout_at(at, next.run(request)).await {
        Ok(response) => response,
        Err(_) => too_slow(deadline).into_response(),
    }
}

/// As [`bounded`], for routes that need no login: who comes there sends little.
pub(crate) async fn small(State(door): State<Door>, request: Request, next: Next) -> Response {
    let allowed = door.options.open_body_bytes_max;
    if tells_more(&request, allowed) {
        return too_large(allowed).into_response();
    }
    next.run(request.map(|body| Body::new(Limited::new(body, allowed)))).await
}

fn tells_more(request: &Request, allowed: usize) -> bool {
    let told = request.headers().get(header::CONTENT_LENGTH);
    let told = told.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    told.is_some_and(|told| usize::try_from(told).map_or(true, |told| told > allowed))
}

/// The request did not come in, or was not answered, in time.
pub(crate) fn too_slow(deadline: Duration) -> Problem {
    let message = format!("the request took longer than {} s", deadline.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", message)
}

/// The body turned out to be larger than allowed.
pub(crate) fn cut_off() -> Problem {
    let message = "the body is larger than may be sent there; send less at once";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message)
}

/// The body is larger than allowed.
pub(crate) fn too_large(allowed: usize) -> Problem {
    let message = format!("the body may have at most {allowed} bytes; send less at once");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message)
}

/// No such route.
pub(crate) async fn no_route(uri: Uri) -> Problem {
    let message = format!("there is nothing at {:?}", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND", message)
}

/// The route is there, the method is not.
pub(crate) async fn no_method(method: Method, uri: Uri) -> Problem {
    let message = format!("{:?} has no {method}; the Allow header tells what it has", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
}

/// A handler panicked: a bug. The connection and the server go on.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let told =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = told.unwrap_or("of unknown kind"), "a handler panicked");
    let message = "the server failed; its log tells more under this request's id";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message).into_response()
}
