//! Copies of records: what goes over, what does not, and who may.

use super::*;

#[tokio::test]
async fn a_copy_has_what_the_record_has_and_what_is_said_otherwise() {
    let shop = Shop::open().await;
    shop.stock().await;
    let lamp = shop.get("/api/v1/data/product?name=Lamp").await.json()["records"][0].clone();
    let id = lamp["id"].as_str().unwrap();
    let path = format!("/api/v1/data/Product/{id}/clone");
    // A unique value is copied like any other, and so has to be said.
    assert_eq!(shop.post(&path, json!({})).await.bare(), (409, "UNIQUE_VIOLATION".into()));
    assert_eq!(shop.post(&path, json!({ "code": "L2" })).await.bare(), (409, "UNIQUE_VIOLATION".into()));
    let made = shop.post(&path, json!({ "Code": "L2", "name": "Lantern", "rating": 5 })).await;
    let told = made.json();
    assert_eq!(
        (made.status, &told["object"], &told["sourceId"]),
        (StatusCode::CREATED, &json!("product"), &json!(id))
    );
    assert_eq!(
        told["droppedFields"],
        json!([
            { "object": "product", "fields": ["rating"], "reason": "readonly" },
        ])
    );
    let copy = &told["record"];
    assert_eq!((&copy["id"], &copy["revision"]), (&told["id"], &json!(1)));
    assert_ne!(copy["id"], lamp["id"]);
    assert_ne!(copy["number"], lamp["number"], "an autonumber is not copied");
    assert_eq!((&copy["name"], &copy["code"]), (&json!("Lantern"), &json!("L2")));
    for same in ["price", "maker_id", "active", "since"] {
        assert_eq!(copy[same], lamp[same], "{same}");
    }
    // What has no value stays so, whatever a new record would get.
    let bare = json!({ "name": "Plain", "active": null, "since": null });
    let bare = shop.post("/api/v1/data/product", bare).await.json()["id"].clone();
    let again = json!({ "name": "Again" });
    let copy =
        shop.post(&format!("/api/v1/data/product/{}/clone", bare.as_str().unwrap()), again).await.json();
    assert_eq!((&copy["record"]["active"], &copy["record"]["since"]), (&Value::Null, &Value::Null));
    for (path, body, status, code) in [
        ("/api/v1/data/product/nobody/clone", json!({}), 404, "RECORD_NOT_FOUND"),
        ("/api/v1/data/prodcut/nobody/clone", json!({}), 404, "OBJECT_NOT_FOUND"),
        (path.as_str(), json!({ "code": "L3", "name": "Lava", "colr": "#fff" }), 400, "VALIDATION_FAILED"),
        (path.as_str(), json!({ "code": "L3", "Code": "L4" }), 400, "INVALID_REQUEST"),
        (path.as_str(), json!([]), 400, "INVALID_REQUEST"),
    ] {
        assert_eq!(shop.post(path, body.clone()).await.bare(), (status, code.to_owned()), "{path} {body}");
    }
    assert_eq!(shop.get("/api/v1/data/product?top=0&count=true").await.json()["total"], 6);
}

#[tokio::test]
async fn a_copy_has_nothing_that_its_maker_does_not_see_or_may_not_give() {
    let mut shop = Shop::company().await;
    let path = "/api/v1/data/client/acme/clone";
    shop.log_in("rep").await;
    let told = shop.post(path, json!({ "name": "Bolt" })).await.json();
    // Masked, and read alone: named. Hidden: not a word.
    assert_eq!(
        told["droppedFields"],
        json!([{ "object": "client", "fields": ["phone", "stars"], "reason": "not_copied" }]),
        "{told}"
    );
    let seen = &told["record"];
    assert_eq!(
        (&seen["region"], &seen["phone"], &seen["stars"]),
        (&json!("north"), &Value::Null, &Value::Null)
    );
    assert!(seen.get("secret").is_none(), "{seen}");
    for (path, body, status, code) in [
        ("/api/v1/data/client/acme/clone", json!({ "name": "X", "secret": "s" }), 400, "VALIDATION_FAILED"),
        ("/api/v1/data/client/south/clone", json!({ "name": "X" }), 404, "RECORD_NOT_FOUND"),
        ("/api/v1/data/seal/one/clone", json!({}), 403, "CLONE_DISABLED"),
    ] {
        assert_eq!(shop.post(path, body.clone()).await.bare(), (status, code.to_owned()), "{path} {body}");
    }
    shop.log_in("looker").await;
    assert_eq!(shop.post(path, json!({ "name": "X" })).await.bare(), (403, "PERMISSION_DENIED".into()));
    shop.log_in("admin").await;
    let copy = &shop.get("/api/v1/data/client?name=Bolt").await.json()["records"][0];
    assert_eq!((&copy["secret"], &copy["phone"]), (&Value::Null, &Value::Null));
    // Who sees all copies all.
    let whole = shop.post(path, json!({ "name": "Cog" })).await.json();
    assert_eq!(
        (&whole["record"]["secret"], &whole["record"]["phone"], &whole["record"]["stars"]),
        (&json!("hush"), &json!("+49 30 1234567"), &json!(4))
    );
}
