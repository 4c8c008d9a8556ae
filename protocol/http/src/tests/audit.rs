//! What the door tells of its requests, and what may not be purged.

use super::*;

async fn asked(shop: &Shop, sql: &str) -> Vec<Value> {
    let answer = shop.post("/api/v1/sql", json!({ "sql": sql })).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.json()["records"].as_array().unwrap().clone()
}

/// The door over an engine that keeps its events.
async fn shop() -> (Shop, Arc<Engine>) {
    let (shop, engines) = Shop::open_over("shop", |options| options, HttpOptions::default()).await;
    engines.main().keep_events();
    (shop, engines.main().clone())
}

#[tokio::test]
async fn a_refusal_is_told_with_who_asked_what_and_a_change_with_its_request() {
    let (shop, engine) = shop().await;
    let made = shop.post("/api/v1/auth/users", json!({ "user": "eve", "password": "a long password" })).await;
    let eve = made.json()["user"]["id"].as_str().unwrap().to_owned();
    let login =
        shop.post("/api/v1/auth/login", json!({ "user": "eve", "password": "a long password" })).await;
    let bearer = format!("Bearer {}", login.json()["token"].as_str().unwrap());
    for path in ["/api/v1/packages/reload", "/api/v1/audit/holds"] {
        let request = Request::builder().method("POST").uri(path).header("authorization", &bearer);
        let request = request.header("content-type", "application/json").header("x-request-id", "r-1");
        let answer = shop.ask(request.body(Body::from(r#"{"on": "*", "reason": "mine"}"#)).unwrap()).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (StatusCode::FORBIDDEN, "r-1"), "{path}");
    }
    let maker = json!({ "op": "create", "object": "maker", "id": "acme", "data": { "name": "Acme" } });
    let headers = [("content-type", "application/json"), ("x-request-id", "r-2"), ("user-agent", "a probe")];
    shop.send("POST", "/api/v1/changes", &headers, json!({ "changes": [maker] }).to_string()).await;
    engine.write_events().unwrap();
    let denied = asked(
        &shop,
        "SELECT actor, subject, reason, request FROM audit.events WHERE event = 'denied' ORDER BY subject",
    )
    .await;
    assert_eq!(denied.len(), 2, "{denied:?}");
    let wanted = json!({ "actor": eve, "subject": "/api/v1/packages/reload", "reason": "PERMISSION_DENIED", "request": "r-1" });
    assert_eq!(denied[1], wanted);
    let changed = asked(&shop, "SELECT door, request, client FROM audit.changes WHERE record = 'acme'").await;
    assert_eq!(changed, [json!({ "door": "http", "request": "r-2", "client": "a probe" })]);
}

#[tokio::test]
async fn holds_are_placed_listed_and_lifted() {
    let shop = Shop::open().await;
    let hold = json!({ "on": "maker/acme", "reason": "case 7" });
    assert_eq!(shop.post("/api/v1/audit/holds", hold).await.status, StatusCode::CREATED);
    let holds = shop.get("/api/v1/audit/holds").await.json();
    assert_eq!(holds["holds"][0]["on"], "maker/acme");
    assert_eq!(holds["holds"][0]["reason"], "case 7");
    let lift = async |query: &str| {
        shop.send("DELETE", &format!("/api/v1/audit/holds{query}"), &[], Body::empty()).await.status.as_u16()
    };
    assert_eq!(lift("").await, 400);
    assert_eq!(lift("?on=maker").await, 404);
    assert_eq!(lift("?on=maker%2Facme").await, 204);
    assert_eq!(lift("?on=maker%2Facme").await, 404);
    assert_eq!(
        shop.post("/api/v1/audit/holds", json!({ "on": "maker/acme" })).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_tenant_past_its_rate_is_told_when_to_come_back_in_the_words_of_each_client() {
    let (shop, engine) = shop().await;
    let per_second = std::num::NonZeroU32::new(1);
    engine.set_request_limits(quarry_engine::RequestLimits { per_second, ..Default::default() });
    let mut refused = Vec::new();
    for path in ["/api/v1/packages", "/graphql?query={__typename}", "/api/v1/data/maker"] {
        for _ in 0..20 {
            let answer = shop.get(path).await;
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                assert_eq!(answer.header("retry-after"), "1");
                refused.push(answer.json());
                break;
            }
        }
    }
    assert_eq!(refused[0]["error"]["code"], "RATE_LIMITED");
    assert_eq!(refused[1]["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    assert_eq!(refused.len(), 3);
    assert_eq!(shop.get("/health/live").await.status, StatusCode::OK);
}
