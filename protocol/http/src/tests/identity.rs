//! Logging in, going on and out; keys; what users are given; locks. By requests, as a client makes them.

use super::*;

const OTHER: &str = "another fine password";

async fn log_in(shop: &Shop, user: &str) -> Value {
    let answer = shop.post("/api/v1/auth/login", json!({ "user": user, "password": OTHER })).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

/// A shop with a user who is no administrator, and what the login gave.
async fn with_li() -> (Shop, Value) {
    let shop = Shop::open().await;
    let made = shop.post("/api/v1/auth/users", json!({ "user": "li", "password": OTHER })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let login = log_in(&shop, "li").await;
    (shop, login)
}

impl Shop {
    /// A request with another credential.
    async fn by(&self, header: (&str, &str), method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header.0, header.1);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        self.ask(request.body(body.map_or(Body::empty(), |body| body.to_string().into())).unwrap()).await
    }

    async fn bearing(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.by(("authorization", &format!("Bearer {token}")), method, path, body).await
    }
}

fn text<'a>(told: &'a Value, name: &str) -> &'a str {
    told[name].as_str().unwrap_or_else(|| panic!("no {name} in {told}"))
}

#[tokio::test]
async fn a_login_is_refreshed_replayed_and_ended() {
    let (shop, login) = with_li().await;
    let me = shop.bearing(text(&login, "token"), "GET", "/api/v1/auth/me", None).await.json();
    assert_eq!((text(&me["user"], "name"), text(&me, "means")), ("li", "session"));
    assert_eq!(text(&me, "session"), text(&login, "session"));
    let refresh = async |token: String| {
        shop.bearing("", "POST", "/api/v1/auth/refresh", Some(json!({ "refreshToken": token }))).await
    };
    let next = refresh(text(&login, "refreshToken").to_owned()).await;
    assert_eq!(next.status, StatusCode::OK, "{:?}", next.body);
    let next = next.json();
    let old = shop.bearing(text(&login, "token"), "GET", "/api/v1/auth/me", None).await;
    assert_eq!(old.problem(), (401, "UNAUTHENTICATED".to_owned()));
    // A refresh token is for refreshing only.
    let wrong = shop.bearing(text(&next, "refreshToken"), "GET", "/api/v1/auth/me", None).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let sessions = shop.bearing(text(&next, "token"), "GET", "/api/v1/auth/sessions", None).await.json();
    assert_eq!(sessions["sessions"][0]["current"], true);
    assert_eq!(refresh(text(&login, "refreshToken").to_owned()).await.status, StatusCode::UNAUTHORIZED);
    let ended = shop.bearing(text(&next, "token"), "GET", "/api/v1/auth/me", None).await;
    assert_eq!(ended.status, StatusCode::UNAUTHORIZED);
    let login = log_in(&shop, "li").await;
    let out = shop.bearing(text(&login, "token"), "POST", "/api/v1/auth/logout", None).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(refresh(text(&login, "refreshToken").to_owned()).await.status, StatusCode::UNAUTHORIZED);
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("li:{OTHER}"));
    let out =
        shop.by(("authorization", &format!("Basic {basic}")), "POST", "/api/v1/auth/logout", None).await;
    assert_eq!(out.problem(), (400, "INVALID_REQUEST".to_owned()));
}

#[tokio::test]
async fn sessions_are_ended_by_their_user_and_by_administrators() {
    let (shop, first) = with_li().await;
    let second = log_in(&shop, "li").await;
    let path = format!("/api/v1/auth/sessions/{}", text(&first, "session"));
    let token = text(&second, "token");
    assert_eq!(shop.bearing(token, "DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(shop.bearing(token, "DELETE", &path, None).await.problem().1, "SESSION_NOT_FOUND");
    let listed = shop.bearing(token, "GET", "/api/v1/users/admin/sessions", None).await;
    assert_eq!(listed.problem(), (403, "PERMISSION_DENIED".to_owned()));
    assert_eq!(shop.get("/api/v1/users/li/sessions").await.json()["sessions"].as_array().unwrap().len(), 1);
    let ended = shop.send("DELETE", "/api/v1/users/li/sessions", &[], "").await;
    assert_eq!(ended.json(), json!({ "ended": 1 }));
    assert_eq!(shop.bearing(token, "GET", "/api/v1/auth/me", None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn keys_are_made_used_and_revoked() {
    let (shop, login) = with_li().await;
    let token = text(&login, "token");
    shop.send("PUT", "/api/v1/users/li/permission-sets/read_all_data", &[], "").await;
    let body = json!({ "name": "reports", "permissionSets": ["read_all_data"], "readOnly": true, "days": 7 });
    let made = shop.bearing(token, "POST", "/api/v1/auth/keys", Some(body)).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let made = made.json();
    let key = text(&made, "key").to_owned();
    for header in [("x-api-key", key.clone()), ("authorization", format!("Bearer {key}"))] {
        let me = shop.by((header.0, &header.1), "GET", "/api/v1/auth/me", None).await.json();
        assert_eq!((text(&me, "means"), text(&me, "key")), ("key", text(&made, "id")));
        assert_eq!((&me["readOnly"], &me["permissionSets"]), (&json!(true), &json!(["read_all_data"])));
    }
    let both = shop.send("GET", "/api/v1/auth/me", &[("x-api-key", &key)], "").await;
    assert_eq!(both.status, StatusCode::UNAUTHORIZED);
    let write = json!({ "changes": [{ "op": "create", "object": "maker", "data": { "name": "Acme" } }] });
    let refused = shop.bearing(&key, "POST", "/api/v1/changes", Some(write)).await;
    assert_eq!(refused.problem(), (403, "PERMISSION_DENIED".to_owned()));
    let another = shop.bearing(&key, "POST", "/api/v1/auth/keys", Some(json!({ "name": "more" }))).await;
    assert_eq!(another.problem(), (403, "PERMISSION_DENIED".to_owned()));
    let listed = shop.get("/api/v1/users/li/keys").await.json();
    assert_eq!(text(&listed["keys"][0], "name"), "reports");
    assert!(!listed.to_string().contains(&key[30..]));
    for wrong in [
        json!({}),
        json!({ "name": "x", "days": 1.5 }),
        json!({ "name": "x", "scope": [] }),
        json!({ "name": "x", "permissionSets": "all" }),
    ] {
        let answer = shop.bearing(token, "POST", "/api/v1/auth/keys", Some(wrong)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
    }
    let path = format!("/api/v1/auth/keys/{}", text(&made, "id"));
    assert_eq!(shop.bearing(token, "DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(shop.bearing(&key, "GET", "/api/v1/auth/me", None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_service_account_works_by_its_keys() {
    let shop = Shop::open().await;
    let both = json!({ "user": "robot", "service": true, "password": OTHER });
    assert_eq!(shop.post("/api/v1/auth/users", both).await.status, StatusCode::BAD_REQUEST);
    let made = shop.post("/api/v1/auth/users", json!({ "user": "robot", "service": true })).await;
    assert_eq!(text(&made.json()["user"], "kind"), "service");
    let key = shop.post("/api/v1/users/robot/keys", json!({ "name": "nightly" })).await.json();
    let me = shop.bearing(text(&key, "key"), "GET", "/api/v1/auth/me", None).await.json();
    assert_eq!(text(&me["user"], "name"), "robot");
    let login = shop.post("/api/v1/auth/login", json!({ "user": "robot", "password": "" })).await;
    assert_eq!(login.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn permission_sets_are_given_and_taken() {
    let (shop, login) = with_li().await;
    let path = "/api/v1/users/li/permission-sets/write_all_data";
    let token = text(&login, "token");
    assert_eq!(shop.bearing(token, "PUT", path, None).await.problem(), (403, "PERMISSION_DENIED".to_owned()));
    let given = shop
        .send("PUT", path, &[("content-type", "application/json")], r#"{"expires": "2100-01-01T00:00:00Z"}"#)
        .await;
    assert_eq!(text(&given.json()["permissionSets"][0], "expires"), "2100-01-01T00:00:00Z");
    // Without another login.
    let me = shop.bearing(token, "GET", "/api/v1/auth/me", None).await.json();
    assert_eq!(me["permissionSets"], json!(["write_all_data"]));
    assert_eq!(shop.bearing(token, "GET", "/api/v1/users/li", None).await.json()["admin"], false);
    assert_eq!(shop.send("DELETE", path, &[], "").await.json(), json!({ "permissionSets": [] }));
    assert_eq!(shop.send("DELETE", path, &[], "").await.problem(), (404, "GRANT_NOT_FOUND".to_owned()));
    let me = shop.bearing(token, "GET", "/api/v1/auth/me", None).await.json();
    assert_eq!(me["permissionSets"], json!([]));
    let wrong = [
        ("/api/v1/users/li/permission-sets/nothing", "{}", 404),
        ("/api/v1/users/nobody/permission-sets/write_all_data", "{}", 404),
        (path, r#"{"expires": "tomorrow"}"#, 400),
        (path, r#"{"expires": "1999-01-01T00:00:00Z"}"#, 400),
        (path, r#"{"until": null}"#, 400),
    ];
    for (path, body, status) in wrong {
        let answer = shop.send("PUT", path, &[("content-type", "application/json")], body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body} {:?}", answer.body);
    }
}

#[tokio::test]
async fn guessing_locks_a_name_and_an_administrator_lifts_it() {
    let (shop, _) = with_li().await;
    for _ in 0..4 {
        let answer = shop.post("/api/v1/auth/login", json!({ "user": "li", "password": "not that" })).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let login = json!({ "user": "li", "password": OTHER });
    let answer = shop.post("/api/v1/auth/login", login.clone()).await;
    assert_eq!(answer.problem(), (429, "LOGIN_THROTTLED".to_owned()));
    assert_eq!(shop.send("DELETE", "/api/v1/users/li/lock", &[], "").await.json(), json!({ "lifted": true }));
    assert_eq!(shop.post("/api/v1/auth/login", login).await.status, StatusCode::OK);
}
