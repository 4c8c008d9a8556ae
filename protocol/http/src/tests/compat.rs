//! Endpoints of the published clients: what they send, and the whole of what they get.

use super::*;

mod analytics;
mod batch;
mod clone;
mod company;
mod data;
mod export;
mod import;
mod meta;
mod older;

const JSON: (&str, &str) = ("content-type", "application/json");

impl Shop {
    async fn patch(&self, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([JSON]).collect();
        self.send("PATCH", path, &headers, body.to_string()).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, &[JSON], body.to_string()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "").await
    }
}

impl Answer {
    /// Status and whole body.
    fn whole(&self) -> (u16, Value) {
        (self.status.as_u16(), self.json())
    }

    /// Status and code of an error of the data endpoints.
    fn bare(&self) -> (u16, String) {
        let told = self.json();
        assert!(told["error"].is_string(), "{told}");
        (self.status.as_u16(), told["code"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn errors_come_in_the_manner_of_the_endpoint() {
    let mut shop = Shop::open().await;
    shop.stock().await;
    let lamp = json!({ "name": "Lamp", "price": -1, "code": "L" });
    let refused = shop.post("/api/v1/data/product", lamp.clone()).await;
    let told = json!({
        "error": "product.price: the value must be at least 0", "code": "VALIDATION_FAILED", "object": "product",
        "fields": [{ "field": "price", "code": "min_value", "message": "the value must be at least 0" }],
    });
    assert_eq!(refused.whole(), (400, told));
    assert!(!refused.header("x-request-id").is_empty());
    let refused =
        shop.post("/api/objectql", json!({ "op": "create", "object": "product", "args": lamp })).await;
    let finding = json!({
        "change": 0, "object": "product", "field": "price", "code": "min_value", "message": "the value must be at least 0",
    });
    let told = json!({ "error": {
        "code": "VALIDATION_ERROR", "message": "product.price: the value must be at least 0",
        "details": { "code": "VALIDATION_FAILED", "findings": [finding] },
    } });
    assert_eq!(refused.whole(), (400, told));
    let absent = shop.post("/api/v1/automation/trigger/x", json!({})).await;
    let message =
        "POST /api/v1/automation/trigger/x is not implemented; rules and actions are written in packages";
    let told = json!({ "success": false, "error": { "code": "NOT_IMPLEMENTED", "message": message, "details": {} } });
    assert_eq!(absent.whole(), (501, told));
    let none = shop.delete("/api/v1/data/product").await;
    assert_eq!((none.bare(), none.header("allow")), ((405, "METHOD_NOT_ALLOWED".into()), "GET,HEAD,POST"));
    assert_eq!(shop.get("/api/v1/data/product/x/y/z").await.bare(), (404, "ENDPOINT_NOT_FOUND".into()));
    assert_eq!(shop.get("/api/v1/meta/nonsense").await.bare(), (404, "ENDPOINT_NOT_FOUND".into()));
    shop.token.clear();
    assert_eq!(shop.get("/api/v1/data/product").await.bare(), (401, "UNAUTHENTICATED".into()));
    let older = shop.get("/api/data/product").await;
    assert_eq!((older.status.as_u16(), older.json()["error"]["code"].as_str()), (401, Some("UNAUTHORIZED")));
}

#[tokio::test]
async fn what_is_not_built_says_so_and_where_to_go() {
    let shop = Shop::open().await;
    for (method, path) in [
        ("POST", "/api/v1/data/product/import/jobs"),
        ("GET", "/api/v1/data/product/import/jobs/1"),
        ("GET", "/api/v1/data/product/x/shares"),
        ("DELETE", "/api/v1/data/product/x/shares/y"),
        ("GET", "/api/v1/search?q=x"),
        ("GET", "/api/v1/sharing/rules"),
        ("GET", "/api/v1/approvals/requests"),
        ("GET", "/api/v1/i18n/locales"),
        ("GET", "/api/v1/ui/view/product/list"),
        ("GET", "/api/v1/meta/view"),
        ("PUT", "/api/v1/meta/dashboard/sales"),
        ("GET", "/api/v1/meta/object/product/history"),
        ("DELETE", "/api/v1/meta/object/product"),
    ] {
        let answer = shop.send(method, path, &[], "").await;
        assert_eq!(answer.bare(), (501, "NOT_IMPLEMENTED".into()), "{method} {path}");
        let path = path.split('?').next().unwrap();
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(&format!("{method} {path} is not implemented; ")), "{error}");
    }
    for path in ["/rpc", "/odata/product", "/api/sync"] {
        assert_eq!(shop.post(path, json!({})).await.problem(), (501, "NOT_IMPLEMENTED".into()), "{path}");
    }
    for (method, path) in [
        ("POST", "/api/v1/automation/trigger/x"),
        ("POST", "/api/v1/actions/global/x"),
        ("POST", "/api/v1/analytics/sql"),
        ("POST", "/api/v1/analytics/dataset/query"),
    ] {
        let answer = shop.send(method, path, &[], "").await;
        assert_eq!(answer.problem(), (501, "NOT_IMPLEMENTED".into()), "{path}");
        assert_eq!(answer.json()["success"], false);
    }
}

#[tokio::test]
async fn an_action_takes_its_record_from_the_path_or_the_body() {
    let shop = Shop::open_on("desk", Default::default(), HttpOptions::default()).await;
    let client = json!({ "id": "ann", "name": "Ann" });
    let made = shop.post("/api/v1/data/client", client).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let open = json!({ "subject": "Chair" });
    let path = "/api/v1/actions/Client/open_ticket";
    for (path, body) in [
        (format!("{path}/ann"), open.clone()),
        (format!("{path}/ann"), json!({ "params": open })),
        (path.to_owned(), json!({ "recordId": "ann", "params": open })),
    ] {
        let done = shop.post(&path, body).await.json();
        assert_eq!(
            (&done["success"], &done["data"]["object"], &done["data"]["id"]),
            (&json!(true), &json!("client"), &json!("ann")),
            "{done}"
        );
        assert!(done["data"]["returned"].is_object());
    }
    assert_eq!(shop.get("/api/v1/data/ticket?top=0&count=true").await.json()["total"], 3);
    for (path, body, status, code) in [
        (path.to_owned(), json!({ "params": open }), 400, "INVALID_REQUEST"),
        (format!("{path}/ann"), json!({ "recordId": "bob" }), 400, "INVALID_REQUEST"),
        (format!("{path}/bob"), json!({ "params": open }), 404, "RECORD_NOT_FOUND"),
        ("/api/v1/actions/client/nothing/ann".to_owned(), json!({}), 404, "ACTION_NOT_FOUND"),
    ] {
        let refused = shop.post(&path, body.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json()["success"].clone()),
            (status, json!(false)),
            "{path} {body}"
        );
        assert_eq!(refused.json()["error"]["code"], code, "{path} {body}");
    }
}

#[tokio::test]
async fn discovery_asks_for_no_login_and_its_routes_are_there() {
    let mut shop = Shop::open().await;
    let found = shop.get("/.well-known/objectstack").await.json();
    assert_eq!(found["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(found["capabilities"]["transactionalBatch"], true);
    assert_eq!(shop.get("/api/v1/discovery").await.json(), found);
    let data = found["routes"]["data"].as_str().unwrap();
    assert_eq!(shop.get(&format!("{data}/product")).await.status, StatusCode::OK);
    for route in ["metadata", "openapi", "packages", "graphql"] {
        let path = found["routes"][route].as_str().unwrap();
        assert_ne!(shop.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    shop.token.clear();
    assert_eq!(shop.get("/api/v1/discovery").await.status, StatusCode::OK);
}
