//! Tenants at this door: made by the operator, told apart by who one is, ended by suspension.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Answer, Engine, PASSWORD, Shop, TempDir, World, engine_options};
use crate::{HttpOptions, connections::Peer};

const OTHER_PASSWORD: &str = "another horse battery";

impl Shop {
    /// The same door, as someone else.
    async fn as_who(&self, user: &str, password: &str) -> Shop {
        let mut other =
            Shop { router: self.router.clone(), token: String::new(), _folder: tempfile::tempdir().unwrap() };
        let login = json!({ "user": user, "password": password });
        let answer = other.post("/api/v1/auth/login", login).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        other.token = answer.json()["token"].as_str().unwrap().to_owned();
        other
    }

    async fn make_tenant(&self, name: &str) -> Answer {
        self.post("/api/v1/tenants", json!({ "name": name, "adminPassword": OTHER_PASSWORD })).await
    }

    async fn makers(&self) -> Value {
        self.post("/api/v1/query", json!({ "object": "maker", "fields": ["name"] })).await.json()["records"]
            .take()
    }
}

#[tokio::test]
async fn each_sees_its_own_records_whatever_else_a_request_says() {
    let shop = Shop::open().await;
    assert_eq!(shop.make_tenant("acme").await.status, StatusCode::CREATED);
    shop.stock().await;
    let acme = shop.as_who("admin@acme", OTHER_PASSWORD).await;
    let create = json!({ "changes": [
        { "op": "create", "object": "maker", "data": { "name": "Of acme" } },
    ] });
    assert_eq!(acme.post("/api/v1/changes", create).await.status, StatusCode::OK);
    assert_eq!(acme.makers().await, json!([{ "name": "Of acme" }]));
    assert_eq!(shop.makers().await, json!([{ "name": "Acme" }]));

    // No header, no host and no body names another tenant.
    let question = json!({ "object": "maker", "fields": ["name"] }).to_string();
    for (name, value) in
        [("x-tenant", "acme"), ("x-quarry-tenant", "acme"), ("host", "acme"), ("x-tenant-id", "acme")]
    {
        let headers = [("content-type", "application/json"), (name, value)];
        let answer = shop.send("POST", "/api/v1/query", &headers, question.clone()).await;
        assert_eq!(answer.json()["records"], json!([{ "name": "Acme" }]), "{name}");
    }
    let body = json!({ "object": "maker", "fields": ["name"], "tenant": "acme" });
    assert_eq!(shop.post("/api/v1/query", body).await.status, StatusCode::BAD_REQUEST);
    let login = json!({ "user": "admin", "password": PASSWORD, "tenant": "acme" });
    assert_eq!(shop.post("/api/v1/auth/login", login).await.status, StatusCode::BAD_REQUEST);

    // A token that is said to be another tenant's is nobody's.
    let bare = acme.token.strip_prefix("acme~").unwrap();
    for forged in [bare.to_owned(), format!("main~{bare}"), format!("acme~{}", shop.token)] {
        let (router, token) = (shop.router.clone(), forged.clone());
        let other = Shop { router, token, _folder: tempfile::tempdir().unwrap() };
        let answer = other.get("/api/v1/auth/me").await;
        assert_eq!(answer.problem(), (401, "UNAUTHENTICATED".into()), "{forged}");
    }
    let basic = format!("Basic {}", STANDARD.encode(format!("admin@acme:{OTHER_PASSWORD}")));
    let open =
        Shop { router: shop.router.clone(), token: String::new(), _folder: tempfile::tempdir().unwrap() };
    let headers = [("content-type", "application/json"), ("authorization", basic.as_str())];
    let answer = open.send("POST", "/api/v1/query", &headers, question).await;
    assert_eq!(answer.json()["records"], json!([{ "name": "Of acme" }]));
}

#[tokio::test]
async fn tenants_are_the_operators_alone() {
    let shop = Shop::open().await;
    assert_eq!(shop.make_tenant("acme").await.status, StatusCode::CREATED);
    assert_eq!(shop.make_tenant("acme").await.problem(), (409, "TENANT_EXISTS".into()));
    assert_eq!(shop.make_tenant("main").await.problem(), (409, "TENANT_EXISTS".into()));
    assert_eq!(shop.make_tenant("../x").await.problem().0, 400);
    let user = json!({ "user": "erin", "password": "correct horse staple" });
    assert_eq!(shop.post("/api/v1/auth/users", user).await.status, StatusCode::CREATED);
    let erin = shop.as_who("erin", "correct horse staple").await;
    let acme = shop.as_who("admin@acme", OTHER_PASSWORD).await;
    for other in [&erin, &acme] {
        assert_eq!(other.get("/api/v1/tenants").await.problem(), (403, "PERMISSION_DENIED".into()));
        assert_eq!(other.make_tenant("mine").await.problem().0, 403);
        assert_eq!(other.post("/api/v1/tenants/acme/suspend", json!({})).await.problem().0, 403);
        let answer = other.send("DELETE", "/api/v1/tenants/acme", &[], "").await;
        assert_eq!(answer.problem().0, 403);
    }
    let listed = shop.get("/api/v1/tenants").await.json();
    let names: Vec<_> = listed["tenants"].as_array().unwrap().iter().map(|tenant| &tenant["name"]).collect();
    assert_eq!(names, ["main", "acme"]);
    let random = shop.post("/api/v1/tenants", json!({ "name": "other" })).await;
    assert_eq!(random.header("cache-control"), "no-store");
    let password = random.json()["password"].as_str().unwrap().to_owned();
    shop.as_who("admin@other", &password).await;
}

#[tokio::test]
async fn a_suspended_tenant_is_told_so_and_a_deleted_one_is_nobody() {
    let shop = Shop::open().await;
    shop.make_tenant("acme").await;
    let acme = shop.as_who("admin@acme", OTHER_PASSWORD).await;
    let suspended = shop.post("/api/v1/tenants/acme/suspend", json!({})).await;
    assert_eq!(suspended.status, StatusCode::NO_CONTENT);
    assert_eq!(acme.get("/api/v1/auth/me").await.problem(), (403, "TENANT_SUSPENDED".into()));
    let login = json!({ "user": "admin@acme", "password": OTHER_PASSWORD });
    let open =
        Shop { router: shop.router.clone(), token: String::new(), _folder: tempfile::tempdir().unwrap() };
    assert_eq!(
        open.post("/api/v1/auth/login", login.clone()).await.problem(),
        (403, "TENANT_SUSPENDED".into())
    );
    assert_eq!(shop.get("/api/v1/auth/me").await.status, StatusCode::OK, "others are served");
    shop.post("/api/v1/tenants/acme/resume", json!({})).await;
    assert_eq!(acme.get("/api/v1/auth/me").await.status, StatusCode::OK, "its sessions were kept");
    let deleted = shop.send("DELETE", "/api/v1/tenants/acme", &[], "").await;
    assert_eq!(deleted.json(), json!({ "deleted": "acme", "erased": false }));
    assert_eq!(acme.get("/api/v1/auth/me").await.problem(), (401, "UNAUTHENTICATED".into()));
    assert_eq!(open.post("/api/v1/auth/login", login).await.problem(), (401, "UNAUTHENTICATED".into()));
    assert_eq!(
        shop.send("DELETE", "/api/v1/tenants/acme", &[], "").await.problem(),
        (404, "TENANT_NOT_FOUND".into())
    );
}

/// A login at the door of logins, and by HTTP Basic: what either tells.
async fn told(shop: &Shop, user: &str, password: &str) -> Vec<(u16, String, String)> {
    let peer = Peer { client: [192, 0, 2, 7].into(), is_tls: false };
    let ask = |method: &str, path: &str| Request::builder().method(method).uri(path).extension(peer);
    let login = json!({ "user": user, "password": password }).to_string();
    let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let requests = [
        ask("POST", "/api/v1/auth/login").header("content-type", "application/json").body(Body::from(login)),
        ask("GET", "/api/v1/auth/me").header("authorization", basic).body(Body::empty()),
    ];
    let mut all = Vec::new();
    for request in requests {
        let answer = shop.ask(request.unwrap()).await;
        let text = |name: &str| answer.json()["error"][name].as_str().unwrap_or_default().to_owned();
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(answer.header("retry-after"), "1");
        }
        all.push((answer.status.as_u16(), text("code"), text("message")));
    }
    all
}

/// What keeps a tenant from being opened is not told as a wrong password, nor is it told whether there is such a tenant.
#[tokio::test]
async fn a_login_is_told_the_same_of_a_tenant_that_can_not_be_opened_and_of_none() {
    // Time goes by as it is looked at: who has to wait a second does so until all have been asked.
    let engine = |folder: &TempDir, day: i64| {
        let world = World::seeded(day.unsigned_abs(), day * 86_400_000_000);
        Engine::open(engine_options(folder, "shop"), world).unwrap().engine
    };
    let folder = tempfile::tempdir().unwrap();
    let (shop, engines) = Shop::before(engine(&folder, 20_000), folder, HttpOptions::default()).await;
    for name in ["well", "broken"] {
        assert_eq!(shop.make_tenant(name).await.status, StatusCode::CREATED);
    }
    let Shop { router, _folder: folder, .. } = shop;
    drop(router);
    engines.close().unwrap();
    drop(engines);
    std::fs::remove_dir_all(folder.path().join("data/tenant/broken")).unwrap();
    let (mut shop, _engines) = Shop::before(engine(&folder, 20_001), folder, HttpOptions::default()).await;
    let admins = std::mem::take(&mut shop.token);
    let none = told(&shop, "admin@none", OTHER_PASSWORD).await;
    for (status, code, message) in &none {
        assert_eq!((*status, code.as_str()), (401, "UNAUTHENTICATED"));
        assert!(message.contains("try again later"), "{message}");
    }
    assert_eq!(told(&shop, "admin@broken", OTHER_PASSWORD).await, none);
    assert_eq!(told(&shop, "admin@well", "wrong").await, none);
    let statuses = |told: Vec<(u16, String, String)>| told.into_iter().map(|told| told.0).collect::<Vec<_>>();
    assert_eq!(statuses(told(&shop, "admin@well", OTHER_PASSWORD).await), [200, 200]);
    // From where no more is opened everybody is told to wait, but for who is right.
    for number in 0..25 {
        let bearer = format!("Bearer none{number}~qa_x_y");
        let peer = Peer { client: [192, 0, 2, 7].into(), is_tls: false };
        let request =
            Request::builder().uri("/api/v1/auth/me").extension(peer).header("authorization", bearer);
        shop.ask(request.body(Body::empty()).unwrap()).await;
    }
    for login in ["eve@broken", "eve@none", "eve@well"] {
        let told = told(&shop, login, OTHER_PASSWORD).await;
        assert!(
            told.iter().all(|(status, code, _)| (*status, code.as_str()) == (429, "LOGIN_THROTTLED")),
            "{told:?}"
        );
    }
    assert_eq!(statuses(told(&shop, "admin@well", OTHER_PASSWORD).await), [200, 200]);
    assert_eq!(statuses(told(&shop, "admin", PASSWORD).await), [200, 200]);
    shop.token = admins;
    assert_eq!(shop.get("/api/v1/auth/me").await.status, StatusCode::OK);
}
