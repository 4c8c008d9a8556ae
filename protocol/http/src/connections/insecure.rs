//! What is answered without encryption where it is required: a page is sent to the encrypted address, everything else is refused.
//!
//! A request that brings a secret is never sent on: it has been told to the network already, and who sent it had better know.

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header, uri::Authority},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Answers everything.
pub(super) fn router() -> Router {
    Router::new().fallback(answer)
}

async fn answer(request: Request) -> Response {
    let mut response = match elsewhere(&request) {
        Some(location) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response(),
        None => {
            let message = "this server is spoken with over TLS only: use https://";
            let error = json!({ "error": { "code": "TLS_REQUIRED", "message": message } });
            (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The same address with `https`, for who only reads and brings no secret.
fn elsewhere(request: &Request) -> Option<HeaderValue> {
    let headers = request.headers();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let brings = |name: &str| headers.contains_key(name);
    if !reads || brings("authorization") || brings("cookie") || brings("x-api-key") {
        return None;
    }
    let host: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
    let path = request.uri().path_and_query()?;
    HeaderValue::try_from(format!("https://{host}{path}")).ok()
}
