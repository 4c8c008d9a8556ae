//! A server in a temporary folder, and a client of it.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use quarry_engine::{Engine, EngineOptions, Principal, Session, SessionOptions, World};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::seed;
use crate::GraphqlOptions;

/// 2024-05-31T12:00:00Z.
const START_MICROS: i64 = 1_717_156_800_000_000;

pub(super) struct Server {
    pub router: Router,
    pub session: Session,
    _folder: TempDir,
}

pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or("").to_owned()
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::with(GraphqlOptions::default()).await
    }

    pub async fn with(options: GraphqlOptions) -> Self {
        let folder = TempDir::new().unwrap();
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let engine_options = EngineOptions {
            data: folder.path().to_owned(),
            packages: vec![root.join("../../packages/core"), root.join("tests/packages")],
            admin_password: Some("admin password".into()),
            token_seconds: 60,
            tenants: Default::default(),
            resources: Default::default(),
            planner: Default::default(),
            contents: Default::default(),
        };
        let opened = Engine::open(engine_options, World::seeded(1, START_MICROS)).unwrap();
        let engine: Arc<Engine> = opened.engine;
        let principal = admin(&engine).await;
        let session = engine.session(principal, SessionOptions::default());
        seed::fill(&session).await;
        let router = crate::router(Arc::clone(&engine), options);
        Self { router, session, _folder: folder }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let router = self.router.clone().layer(Extension(self.session.clone()));
        answer(router, request).await
    }

    pub async fn anonymous(&self, request: Request<Body>) -> Answer {
        answer(self.router.clone(), request).await
    }

    /// A POST as GraphQL clients send it.
    pub async fn post(&self, body: &Value) -> Answer {
        self.send(post("application/graphql-response+json", body.to_string())).await
    }

    /// `data` of a query that has no errors.
    pub async fn data(&self, query: &str) -> Value {
        let answer = self.post(&json!({ "query": query })).await.json();
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].clone()
    }
}

pub(super) fn post(accept: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, accept)
        .body(body.into())
        .unwrap()
}

async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn admin(engine: &Arc<Engine>) -> Principal {
    engine.login("admin", "admin password").await.unwrap()
}
