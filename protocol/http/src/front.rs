//! `GET /`: a browser goes on to the GraphQL editor, a program is told where the doors are.

use axum::{
    Json,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;

/// The way on from the root.
pub(crate) async fn front(headers: HeaderMap) -> Response {
    let varies = [(header::VARY, "accept")];
    if asks_page(&headers) {
        return (varies, Redirect::temporary("/graphql")).into_response();
    }
    let doors = json!({
        "login": "/api/v1/auth/login",
        "query": "/api/v1/query",
        "sql": "/api/v1/sql",
        "changes": "/api/v1/changes",
        "objects": "/api/v1/objects/{object}",
        "model": "/api/v1/meta/objects",
        "graphql": "/graphql",
        "openapi": "/api/v1/openapi.json",
        "docs": "/api/v1/docs",
        "health": "/health/ready",
    });
    (varies, Json(json!({ "doors": doors }))).into_response()
}

/// Whether a browser asks for a page.
pub(crate) fn asks_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
