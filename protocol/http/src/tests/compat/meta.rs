//! `/api/v1/meta`: the objects in the form of this family, and objects of the tenant's own.

use super::*;

#[tokio::test]
async fn objects_are_told_with_their_fields_by_name() {
    let shop = Shop::open().await;
    assert_eq!(shop.get("/api/v1/meta").await.whole(), (200, json!({ "types": ["object"] })));
    let all = shop.get("/api/v1/meta/object").await.json();
    let one = shop.get("/api/v1/meta/object/Parcel").await.json();
    assert_eq!((&one["type"], &one["name"]), (&json!("object"), &json!("parcel")));
    assert!(all["items"].as_array().unwrap().contains(&one["item"]));
    let field = json!({ "name": "within_id", "label": "Within", "type": "lookup", "reference": "parcel", "deleteBehavior": "set_null" });
    assert_eq!(one["item"]["fields"]["within_id"], field);
    assert_eq!(shop.get("/api/v1/meta/object/nothing").await.bare(), (404, "OBJECT_NOT_FOUND".into()));
    let ours = shop.get("/api/v1/meta/objects/parcel").await.json();
    assert!(ours["fields"].is_array());
    let core = shop.get("/api/v1/meta/object?package=core").await.json();
    assert!(core["items"].as_array().unwrap().iter().all(|object| object["package"] == "core"));
    assert_eq!(shop.get("/api/v1/meta/object/parcel?package=shop").await.json(), one);
    assert_eq!(shop.get("/api/v1/meta/object/parcel?package=core").await.bare().0, 404);
    assert_eq!(
        shop.get("/api/v1/meta/object?draft=true").await.bare(),
        (400, "UNSUPPORTED_QUERY_PARAM".into())
    );
}

#[tokio::test]
async fn states_tell_what_may_follow() {
    let shop = Shop::open().await;
    let state =
        async |query: &str| shop.get(&format!("/api/v1/meta/object/parcel/state/{query}")).await.whole();
    let told = |from: Option<&str>, next: Value| {
        let mut told = json!({ "object": "parcel", "field": "status", "next": next });
        if let Some(from) = from {
            told["from"] = json!(from);
        }
        (200, told)
    };
    assert_eq!(state("status").await, told(None, json!(["packed"])));
    assert_eq!(state("status?from=sent").await, told(Some("sent"), json!(["received", "lost"])));
    assert_eq!(state("status?from=received").await, told(Some("received"), json!([])));
    assert_eq!(state("name").await, (200, json!({ "object": "parcel", "field": "name", "next": null })));
    assert_eq!(state("status?from=snet").await.0, 400);
    assert_eq!(state("status?form=sent").await.1["code"], "UNSUPPORTED_QUERY_PARAM");
    assert_eq!(state("nothing").await.0, 404);
}

fn shelf(fields: Value) -> Value {
    json!({ "name": "shelf", "label": "Shelf", "fields": fields })
}

#[tokio::test]
async fn objects_are_put_into_a_package_of_the_tenants_own() {
    let shop = Shop::open().await;
    let path = "/api/v1/meta/object/shelf";
    let fields = json!({ "title": { "type": "text", "required": true, "maxLength": 20 }, "width": { "type": "number", "scale": 0 } });
    let put = shop.put(path, shelf(fields)).await;
    let told = put.json();
    assert_eq!(
        (put.status, &told["success"], &told["package"]),
        (StatusCode::OK, &json!(true), &json!("custom@1.0.0")),
        "{told}"
    );
    assert_eq!(
        (&told["item"]["name"], &told["item"]["fields"]["title"]["required"]),
        (&json!("shelf"), &json!(true))
    );
    let made = shop.post("/api/v1/data/shelf", json!({ "id": "s", "title": "Left", "width": 3 })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    // Another object that refers to the first, and the first with one field more.
    let book = json!({ "name": "book", "fields": { "title": { "type": "text" }, "shelf_id": { "type": "lookup", "reference": "shelf" }, "maker_id": { "type": "lookup", "reference": "maker" } } });
    let book = shop.put("/api/v1/meta/object/book", book).await;
    assert_eq!(
        (book.status, &book.json()["package"]),
        (StatusCode::OK, &json!("custom@1.1.0")),
        "{:?}",
        book.body
    );
    let more = json!({ "title": { "type": "text", "required": true, "maxLength": 20 }, "width": { "type": "number", "scale": 0 }, "room": { "type": "text" } });
    let more = shop.put(path, shelf(more)).await;
    assert_eq!(
        (more.status, &more.json()["package"]),
        (StatusCode::OK, &json!("custom@1.2.0")),
        "{:?}",
        more.body
    );
    let read = shop.get("/api/v1/data/shelf/s?select=title,width,room").await.json()["record"].clone();
    assert_eq!(read, json!({ "title": "Left", "width": 3, "room": null }));
    assert_eq!(
        shop.post("/api/v1/data/book", json!({ "title": "B", "ShelfId": "s" })).await.status,
        StatusCode::CREATED
    );
    // What would break clients is refused with every finding, and what was there serves on.
    let less =
        shop.put(path, shelf(json!({ "title": { "type": "text", "required": true, "maxLength": 5 } }))).await;
    assert_eq!(less.bare(), (409, "BREAKING_CHANGE".into()));
    let codes: Vec<String> = less.json()["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["code"].as_str().unwrap().to_owned())
        .collect();
    assert!(codes.contains(&"field-removed".to_owned()), "{codes:?}");
    assert_eq!(shop.get("/api/v1/data/shelf/s?select=room").await.json()["record"], json!({ "room": null }));
}

#[tokio::test]
async fn objects_that_are_put_at_once_are_all_there() {
    let shop = Shop::open().await;
    let put = |name: &'static str| {
        let object = json!({ "fields": { "title": { "type": "text" } } });
        let shop = &shop;
        async move { shop.put(&format!("/api/v1/meta/object/{name}"), object).await }
    };
    let answers = futures::future::join_all(["shelf", "rack", "bin", "box"].map(put)).await;
    let mut versions: Vec<String> = answers
        .iter()
        .map(|answer| {
            answer.json()["package"].as_str().unwrap_or_else(|| panic!("{:?}", answer.body)).to_owned()
        })
        .collect();
    versions.sort();
    assert_eq!(versions, ["custom@1.0.0", "custom@1.1.0", "custom@1.2.0", "custom@1.3.0"]);
    for name in ["shelf", "rack", "bin", "box"] {
        assert_eq!(shop.get(&format!("/api/v1/data/{name}")).await.status, StatusCode::OK, "{name}");
    }
}

#[tokio::test]
async fn what_is_not_ones_own_or_not_understood_is_not_put() {
    let mut shop = Shop::open().await;
    let other =
        shop.put("/api/v1/meta/object/product", json!({ "fields": { "name": { "type": "text" } } })).await;
    assert_eq!(other.bare(), (409, "OBJECT_OF_PACKAGE".into()));
    let path = "/api/v1/meta/object/shelf";
    let strange =
        shop.put(path, shelf(json!({ "title": { "type": "text" }, "glow": { "type": "aura" } }))).await;
    assert_eq!(strange.bare(), (400, "VALIDATION_FAILED".into()));
    assert_eq!(strange.json()["fields"][0]["field"], "glow");
    let cased = shop.put("/api/v1/meta/object/Shelf", json!({ "fields": {} })).await;
    assert_eq!(cased.bare(), (400, "INVALID_NAME".into()));
    let forced = shop.put(&format!("{path}?force=true"), shelf(json!({ "title": { "type": "text" } }))).await;
    assert_eq!(forced.bare(), (400, "UNSUPPORTED_QUERY_PARAM".into()));
    let matched = shop.send("PUT", path, &[JSON, ("if-match", "\"1\"")], "{}").await;
    assert_eq!(matched.bare(), (400, "NOT_SUPPORTED".into()));
    let named = shop.put(path, json!({ "name": "table", "fields": {} })).await;
    assert_eq!(named.bare(), (400, "INVALID_REQUEST".into()));
    let user = json!({ "user": "mona", "password": PASSWORD });
    shop.post("/api/v1/auth/users", user.clone()).await;
    shop.token = shop.post("/api/v1/auth/login", user).await.json()["token"].as_str().unwrap().to_owned();
    let denied = shop.put(path, shelf(json!({ "title": { "type": "text" } }))).await;
    assert_eq!(denied.bare(), (403, "PERMISSION_DENIED".into()));
    assert_eq!(shop.get(path).await.bare(), (404, "OBJECT_NOT_FOUND".into()));
}
