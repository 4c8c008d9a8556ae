//! `GET /api/v1/discovery` and `/.well-known/objectstack`: where the endpoints are, and what there is.

use axum::Json;
use serde_json::{Value, json};

/// What a client needs to find the rest. It tells nothing of the objects, and so asks for no login.
pub(super) async fn discovery() -> Json<Value> {
    let service =
        |route: &str| json!({ "enabled": true, "status": "available", "handlerReady": true, "route": route });
    let absent = |message: &str| json!({ "enabled": false, "status": "unavailable", "handlerReady": false, "message": message });
    Json(json!({
        "name": "quarry",
        "version": env!("CARGO_PKG_VERSION"),
        "apiName": "Quarry",
        "routes": {
            "data": "/api/v1/data",
            "metadata": "/api/v1/meta",
            "discovery": "/api/v1/discovery",
            "auth": "/api/v1/auth",
            "packages": "/api/v1/packages",
            "actions": "/api/v1/actions",
            "analytics": "/api/v1/analytics",
            "storage": "/api/v1/files",
            "graphql": "/graphql",
            "openapi": "/api/v1/openapi.json",
        },
        "services": {
            "data": service("/api/v1/data"),
            "metadata": service("/api/v1/meta"),
            "auth": service("/api/v1/auth"),
            "file-storage": service("/api/v1/files"),
            "graphql": service("/graphql"),
            "search": absent("search each object: POST /api/v1/data/:object/query with search"),
            "analytics": service("/api/v1/analytics"),
            "automation": absent("rules and actions are written in packages"),
            "realtime": absent("there is no channel yet"),
        },
        "capabilities": {
            "search": true,
            "transactionalBatch": true,
            "websockets": false,
            "files": true,
            "analytics": true,
            "graphql": true,
        },
    }))
}
