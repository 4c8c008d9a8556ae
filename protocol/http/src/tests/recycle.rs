//! The recycle bin as resources, and in requests with changes.

use super::*;

async fn stocked() -> Shop {
    let shop = Shop::open().await;
    let make = |object: &str, data: Value| json!({ "op": "create", "object": object, "data": data });
    let crate_of = |id: &str, within: Value| {
        let data = json!({ "id": id, "name": format!("Crate {id}"), "keeper_id": "acme", "within_id": within, "code": id });
        make("crate", data)
    };
    let changes = json!({ "changes": [
        make("maker", json!({ "id": "acme", "name": "Acme" })),
        crate_of("c1", Value::Null),
        crate_of("c2", json!("c1")),
        make("label", json!({ "id": "l1", "text": "up", "crate_id": "c1" })),
    ] });
    let answer = shop.post("/api/v1/changes", changes).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    shop
}

fn ids(answer: &Answer) -> Vec<String> {
    let told = answer.json();
    let records = told["records"].as_array().unwrap_or_else(|| panic!("no records: {told}"));
    records.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_deleted_is_listed_and_comes_back() {
    let shop = stocked().await;
    assert_eq!(shop.send("DELETE", "/api/v1/objects/crate/c1", &[], "").await.status, StatusCode::NO_CONTENT);
    assert!(ids(&shop.get("/api/v1/objects/crate").await).is_empty());
    let listed = shop.get("/api/v1/objects/crate/deleted?sort=id&count=true&expand=keeper,deleted_by").await;
    assert_eq!(ids(&listed), ["c1", "c2"]);
    let told = listed.json();
    assert_eq!(told["count"], 2);
    assert_eq!(told["records"][0]["keeper"]["name"], "Acme");
    assert_eq!(told["records"][0]["deleted_by"]["username"], "admin", "{told}");
    assert!(told["records"][0]["deleted_at"].is_string());
    assert!(told["records"][0].get("secret").is_none());
    let paged =
        shop.get("/api/v1/objects/crate/deleted?sort=-deleted_at,-id&limit=1&offset=1&select=id").await;
    assert_eq!(ids(&paged), ["c1"]);
    let back = shop.send("POST", "/api/v1/objects/crate/c2/undelete", &[], "").await;
    assert_eq!((back.status, back.header("etag")), (StatusCode::OK, "\"2\""));
    assert_eq!(back.json()["name"], "Crate c2");
    assert_eq!(ids(&shop.get("/api/v1/objects/crate?sort=id").await), ["c1", "c2"]);
    assert_eq!(ids(&shop.get("/api/v1/objects/label").await), ["l1"]);
    let again = shop.send("POST", "/api/v1/objects/crate/c2/undelete", &[], "").await;
    assert_eq!(again.problem(), (404, "RECORD_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn a_request_of_changes_may_undelete() {
    let shop = stocked().await;
    let op = |op: &str, id: &str| json!({ "op": op, "object": "crate", "id": id });
    shop.post("/api/v1/changes", json!({ "changes": [op("delete", "c1")] })).await;
    let dry = json!({ "changes": [op("undelete", "c1")], "dryRun": true });
    let dry = shop.post("/api/v1/changes", dry).await.json();
    assert_eq!(dry["results"][0]["done"], "undeleted", "{dry}");
    assert_eq!(dry["results"][0]["record"]["code"], "c1");
    assert!(ids(&shop.get("/api/v1/objects/crate").await).is_empty());
    let taken = json!({ "op": "create", "object": "crate", "data": { "name": "New", "keeper_id": "acme", "code": "c1" } });
    let refused = shop.post("/api/v1/changes", json!({ "changes": [taken, op("undelete", "c1")] })).await;
    assert_eq!(refused.problem(), (409, "UNIQUE_VIOLATION".to_owned()));
    assert_eq!(refused.json()["error"]["findings"][0]["change"], 1);
    let wrong = [
        json!({ "op": "undelete", "object": "crate" }),
        json!({ "op": "undelete", "object": "crate", "id": "c1", "data": {} }),
        json!({ "op": "undelete", "object": "crate", "id": "c1", "ifRevision": 1 }),
        json!({ "op": "undelete", "object": "maker", "id": "acme" }),
    ];
    for change in wrong {
        let refused = shop.post("/api/v1/changes", json!({ "changes": [change] })).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{change}");
    }
}

#[tokio::test]
async fn purging_is_for_administrators() {
    let mut shop = stocked().await;
    let none = shop.get("/api/v1/objects/maker/deleted").await;
    assert_eq!(none.problem(), (400, "NO_RECYCLE_BIN".to_owned()));
    assert_eq!(shop.get("/api/v1/objects/nothing/deleted").await.problem().0, 404);
    shop.send("DELETE", "/api/v1/objects/crate/c1", &[], "").await;
    let user = json!({ "user": "ann", "password": PASSWORD });
    assert_eq!(shop.post("/api/v1/auth/users", user.clone()).await.status, StatusCode::CREATED);
    let admin = shop.token.clone();
    shop.token = shop.post("/api/v1/auth/login", user).await.json()["token"].as_str().unwrap().to_owned();
    for path in ["/api/v1/objects/crate/deleted/c2", "/api/v1/objects/crate/deleted"] {
        assert_eq!(shop.send("DELETE", path, &[], "").await.problem(), (403, "PERMISSION_DENIED".to_owned()));
    }
    shop.token = admin;
    let purge = |path: &'static str| shop.send("DELETE", path, &[], "");
    assert_eq!(purge("/api/v1/objects/crate/deleted/c2").await.status, StatusCode::NO_CONTENT);
    assert_eq!(purge("/api/v1/objects/crate/deleted/c2").await.status, StatusCode::NOT_FOUND);
    assert_eq!(purge("/api/v1/objects/crate/deleted").await.json(), json!({ "purged": 1 }));
    assert!(ids(&shop.get("/api/v1/objects/crate/deleted").await).is_empty());
    assert_eq!(shop.get("/api/v1/meta/objects/crate").await.json()["recycleBin"], true);
}
