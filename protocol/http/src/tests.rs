//! The door as a client meets it: requests in, answers out, over a real engine with a small shop of packages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod actions;
mod answers;
mod audit;
mod beside;
mod browsers;
mod compat;
mod files;
mod identity;
mod openapi;
mod packages;
mod recycle;
mod refusals;
mod scim;
mod sockets;
mod tenants;
mod tls;
mod turns;

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use quarry_engine::{ContentOptions, Engine, EngineOptions, Engines, PlannerOptions, World};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::HttpOptions;

const PASSWORD: &str = "correct horse battery";

/// A door in front of an engine in a folder that goes with it.
struct Shop {
    router: Router,
    token: String,
    _folder: TempDir,
}

/// Of an engine over a package of its fixtures.
fn engine_options(folder: &TempDir, package: &str) -> EngineOptions {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    EngineOptions {
        data: folder.path().join("data"),
        packages: vec![here.join("../../packages/core"), here.join("../../engine/fixtures").join(package)],
        admin_password: Some(PASSWORD.to_owned()),
        token_seconds: 3600,
        tenants: Default::default(),
        resources: Default::default(),
        planner: PlannerOptions::default(),
        contents: ContentOptions::default(),
    }
}

/// An answer, read whole.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    /// Status and code of a problem.
    fn problem(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["error"]["code"].as_str().unwrap().to_owned())
    }
}

impl Shop {
    async fn open() -> Shop {
        Shop::open_with(HttpOptions::default()).await
    }

    async fn open_with(options: HttpOptions) -> Shop {
        Shop::open_on("shop", ContentOptions::default(), options).await
    }

    /// Over a package of the engine's fixtures.
    async fn open_on(package: &str, contents: ContentOptions, options: HttpOptions) -> Shop {
        Shop::open_over(package, |engine| EngineOptions { contents, ..engine }, options).await.0
    }

    /// The same over an engine with other options, and the engines behind it.
    async fn open_over(
        package: &str,
        change: impl FnOnce(EngineOptions) -> EngineOptions,
        options: HttpOptions,
    ) -> (Shop, Engines) {
        let folder = tempfile::tempdir().unwrap();
        let opened = Engine::open(change(engine_options(&folder, package)), World::real()).unwrap();
        Shop::before(opened.engine, folder, options).await
    }

    /// The door before an engine in a folder.
    async fn before(engine: Arc<Engine>, folder: TempDir, options: HttpOptions) -> (Shop, Engines) {
        let engines = Engines::open(engine).unwrap();
        let router = crate::router(engines.clone(), options);
        let mut shop = Shop { router, token: String::new(), _folder: folder };
        let login = json!({ "user": "admin", "password": PASSWORD });
        let answer = shop.post("/api/v1/auth/login", login).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        shop.token = answer.json()["token"].as_str().unwrap().to_owned();
        (shop, engines)
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request with the token and these headers.
    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(body.into()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// Three makers' products, made in one request.
    async fn stock(&self) {
        let maker = json!({ "op": "create", "object": "maker", "id": "acme", "data": { "name": "Acme" } });
        let product = |name: &str, price: &str| {
            let data = json!({ "name": name, "price": price, "maker_id": "acme", "code": name });
            json!({ "op": "create", "object": "product", "data": data })
        };
        let changes = [maker, product("Chair", "20.50"), product("Desk", "99.00"), product("Lamp", "5.25")];
        let answer = self.post("/api/v1/changes", json!({ "changes": changes })).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
}
