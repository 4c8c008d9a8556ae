//! What deleting a record does to those that refer to it.

use super::*;
use crate::ErrorKind;

#[tokio::test]
async fn parts_go_with_their_whole_and_references_are_cleared() {
    let shop = Shop::open();
    let lamp = shop.create("product", json!({ "id": "lamp", "name": "Lamp" })).await.unwrap();
    let part = shop.create("part", json!({ "name": "Bulb", "product_id": lamp })).await.unwrap();
    let review = shop.create("review", json!({ "text": "Bright", "product_id": lamp })).await.unwrap();
    shop.change(vec![delete("product", "lamp")]).await.unwrap();
    assert_eq!(shop.field("part", &part, "id"), None);
    assert_eq!(shop.field("review", &review, "product_id"), Some(Value::Null));
    assert_eq!(shop.field("review", &review, "revision"), Some(Value::Int(2)));
}

#[tokio::test]
async fn a_record_that_others_hold_stays_and_says_who_holds_it() {
    let shop = Shop::open();
    shop.create("maker", json!({ "id": "acme", "name": "Acme" })).await.unwrap();
    for name in ["Lamp", "Desk"] {
        shop.create("product", json!({ "name": name, "maker_id": "acme" })).await.unwrap();
    }
    let error = shop.change(vec![delete("maker", "acme")]).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Violated, "DELETE_RESTRICTED"));
    let finding = &error.findings[0];
    assert_eq!(finding.message, "other records refer to it: 2 in product.maker_id");
    assert_eq!(
        (finding.id.as_deref(), finding.constraint.as_deref()),
        (Some("acme"), Some("product_maker_id_fkey"))
    );
    assert_eq!(shop.rows("maker"), 1);
}

#[tokio::test]
async fn a_holder_that_goes_too_holds_nothing() {
    let shop = Shop::open();
    shop.create("maker", json!({ "id": "acme", "name": "Acme" })).await.unwrap();
    shop.create("maker", json!({ "id": "sub", "name": "Sub", "parent_id": "acme" })).await.unwrap();
    shop.create("product", json!({ "id": "lamp", "name": "Lamp", "maker_id": "acme" })).await.unwrap();
    shop.change(vec![delete("product", "lamp"), delete("maker", "acme")]).await.unwrap();
    assert_eq!(shop.field("maker", "sub", "parent_id"), Some(Value::Null));
    // Made, referred to and deleted in one request.
    let changes = vec![
        create("maker", json!({ "id": "m", "name": "M" })),
        create("maker", json!({ "id": "n", "name": "N", "parent_id": "m" })),
        delete("maker", "m"),
    ];
    shop.change(changes).await.unwrap();
    assert_eq!(shop.field("maker", "n", "parent_id"), Some(Value::Null));
}

#[tokio::test]
async fn every_record_of_a_request_is_looked_at() {
    let shop = Shop::open();
    shop.create("maker", json!({ "id": "acme", "name": "Acme" })).await.unwrap();
    shop.create("product", json!({ "name": "Lamp", "maker_id": "acme" })).await.unwrap();
    let changes = vec![delete("maker", "acme"), delete("maker", "nobody"), delete("product", "nothing")];
    let error = shop.change(changes).await.unwrap_err();
    let expected = ["0 maker delete_restricted", "1 maker record_not_found", "2 product record_not_found"];
    assert_eq!(told(&error), expected);
    let twice = shop.change(vec![delete("maker", "acme"), delete("maker", "acme")]).await.unwrap_err();
    assert!(told(&twice).contains(&"1 maker record_not_found".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_made_meanwhile_keeps_its_target() {
    let shop = Shop::open();
    shop.create("maker", json!({ "id": "acme", "name": "Acme" })).await.unwrap();
    let mut deleting = shop.session.begin();
    deleting.apply(vec![delete("maker", "acme")]).await.unwrap();
    shop.create("product", json!({ "name": "Lamp", "maker_id": "acme" })).await.unwrap();
    let error = deleting.commit().await.unwrap_err();
    assert_eq!(told(&error), ["0 maker delete_restricted"]);
    let mut referring = shop.session.begin();
    shop.create("maker", json!({ "id": "soon", "name": "Soon" })).await.unwrap();
    let unseen =
        referring.apply(vec![create("product", json!({ "name": "Desk", "maker_id": "soon" }))]).await;
    assert_eq!(told(&unseen.unwrap_err()), ["0 product.maker_id reference_not_found"]);
}
