//! State machines over a real store: what may follow, through every kind of change, and what is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::json;

use crate::{
    Error, Operation, SessionOptions,
    tests::{Shop, change, create, record, text, told, update, upsert},
};

async fn sent(shop: &Shop) -> String {
    let id = shop.create("parcel", json!({ "name": "Box", "weight": "2.500" })).await.unwrap();
    shop.change(vec![update("parcel", &id, json!({ "status": "sent" }))]).await.unwrap();
    id
}

fn code(error: &Error) -> &str {
    error.findings.first().map_or("", |finding| finding.code.as_ref())
}

#[tokio::test]
async fn a_value_is_followed_by_what_may_follow_it() {
    let shop = Shop::open();
    let id = sent(&shop).await;
    for (to, may) in [("packed", false), ("sent", true), ("lost", true), ("sent", false), ("received", true)]
    {
        let done = shop.change(vec![update("parcel", &id, json!({ "status": to }))]).await;
        assert_eq!(done.is_ok(), may, "to {to}: {done:?}");
        if let Err(error) = done {
            assert_eq!(told(&error), ["0 parcel.status PARCEL_STATUS"]);
        }
    }
    assert_eq!(shop.field("parcel", &id, "status"), Some(text("received")));
    let back = shop.change(vec![update("parcel", &id, json!({ "status": null }))]).await.unwrap_err();
    assert_eq!(code(&back), "PARCEL_STATUS", "nothing is no state");
}

#[tokio::test]
async fn a_record_begins_where_it_may() {
    let shop = Shop::open();
    let wrong = vec![
        create("parcel", json!({ "name": "One", "status": "sent" })),
        create("parcel", json!({ "name": "Two" })),
        create("parcel", json!({ "status": "lost" })),
    ];
    let refused = shop.change(wrong).await.unwrap_err();
    let expected =
        ["0 parcel.status PARCEL_STATUS", "2 parcel.name required", "2 parcel.status PARCEL_STATUS"];
    assert_eq!(told(&refused), expected, "all findings of all records at once");
    assert_eq!(shop.rows("parcel"), 0);
}

#[tokio::test]
async fn each_change_of_a_request_is_a_step_of_its_own() {
    let shop = Shop::open();
    let id = shop.create("parcel", json!({ "name": "Box" })).await.unwrap();
    let steps =
        |states: &[&str]| states.iter().map(|to| update("parcel", &id, json!({ "status": to }))).collect();
    shop.change(steps(&["sent", "lost", "received"])).await.unwrap();
    assert_eq!(shop.field("parcel", &id, "status"), Some(text("received")));
    assert_eq!(told(&shop.change(steps(&["sent"])).await.unwrap_err()), ["0 parcel.status PARCEL_STATUS"]);
}

#[tokio::test]
async fn upserts_and_changes_of_many_are_held_to_it() {
    let shop = Shop::open();
    let id = sent(&shop).await;
    let upserted = upsert("parcel", &["id"], json!({ "id": id, "status": "packed" }));
    assert_eq!(code(&shop.change(vec![upserted]).await.unwrap_err()), "PARCEL_STATUS");
    let filter = crate::objectql::Filter::parse(&json!({ "status": "sent" })).unwrap();
    let many = Operation::UpdateWhere { filter, data: record(json!({ "status": "packed" })) };
    assert_eq!(code(&shop.change(vec![change("parcel", many)]).await.unwrap_err()), "PARCEL_STATUS");
    assert_eq!(shop.field("parcel", &id, "status"), Some(text("sent")));
}

#[tokio::test]
async fn bulk_loads_are_held_to_it() {
    let shop = Shop::open();
    let mut bulk = shop.session.bulk();
    let wrong = vec![create("parcel", json!({ "name": "Box", "status": "received" }))];
    assert_eq!(told(&bulk.add(wrong).await.unwrap_err()), ["0 parcel.status PARCEL_STATUS"]);
}

#[tokio::test]
async fn it_is_told_in_the_language_of_who_asks() {
    let shop = Shop::open();
    let id = sent(&shop).await;
    for (locale, expected) in [
        ("en", "Box (2.5 kg) can't go from Sent to Packed"),
        ("de-AT", "Box (2.5 kg) kann nicht von Gesendet zu Gepackt werden"),
        ("fr", "Box (2.5 kg) can't go from Sent to Packed"),
    ] {
        let options = SessionOptions { locale: locale.to_owned(), ..SessionOptions::default() };
        let session = shop.engine.session(shop.session.principal().clone(), options);
        let wrong = vec![update("parcel", &id, json!({ "status": "packed" }))];
        let refused = session.change(wrong, false).await.unwrap_err();
        assert_eq!(refused.findings.first().unwrap().message, expected, "{locale}");
    }
}
