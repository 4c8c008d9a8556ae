//! Rules over a real store: what is set and what must hold, through every kind of change, and what is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::json;

use crate::{
    Error, Operation, SessionOptions, Value,
    tests::{Shop, change, create, delete, record, text, told, update, upsert},
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

#[tokio::test]
async fn triggers_set_fields_in_order_and_what_they_set_is_checked() {
    let shop = Shop::open();
    let id = shop.create("parcel", json!({ "name": "Box" })).await.unwrap();
    assert_eq!(shop.field("parcel", &id, "weight"), Some(Value::Decimal(1000)));
    assert_eq!(shop.field("parcel", &id, "postage"), Some(Value::Decimal(200)), "after the weight was set");
    assert_eq!(shop.field("parcel", &id, "code"), Some(text("P-2")), "it sees the postage set before it");
    shop.change(vec![update("parcel", &id, json!({ "weight": "7.500" }))]).await.unwrap();
    assert_eq!(shop.field("parcel", &id, "postage"), Some(Value::Decimal(1500)));
    assert_eq!(shop.field("parcel", &id, "code"), Some(text("P-2")));
    let readonly = shop.change(vec![update("parcel", &id, json!({ "postage": 1 }))]).await.unwrap_err();
    assert_eq!(told(&readonly), ["0 parcel.postage readonly"], "a trigger writes it, a client does not");
}

#[tokio::test]
async fn a_trigger_may_refuse() {
    let shop = Shop::open();
    let id = shop.create("parcel", json!({ "name": "Draft 1" })).await.unwrap();
    let sent = || vec![update("parcel", &id, json!({ "status": "sent" }))];
    let refused = shop.change(sent()).await.unwrap_err();
    assert_eq!(told(&refused), ["0 parcel STILL_A_DRAFT"]);
    assert_eq!(refused.findings.first().unwrap().message, "Draft 1 can't be sent");
    shop.change(vec![update("parcel", &id, json!({ "name": "Box" }))]).await.unwrap();
    shop.change(sent()).await.unwrap();
    assert_eq!(shop.field("parcel", &id, "sent_on"), Some(Value::Date(20_513)), "the day of the clock");
}

#[tokio::test]
async fn all_that_does_not_hold_is_found_in_all_records_at_once() {
    let shop = Shop::open();
    let wrong = vec![
        create("parcel", json!({ "name": "One", "weight": 31, "code": "x" })),
        create("parcel", json!({ "name": "Two" })),
        create("parcel", json!({ "name": "Much too long a name for it", "weight": 40 })),
        create("parcel", json!({ "name": "None", "weight": 0 })),
    ];
    let refused = shop.change(wrong).await.unwrap_err();
    let expected = [
        "0 parcel.code CODED",
        "0 parcel.weight TOO_HEAVY",
        "2 parcel.name max_length",
        "2 parcel.weight TOO_HEAVY",
        "3 parcel DIVISIBLE",
    ];
    assert_eq!(told(&refused), expected);
    let messages: Vec<_> = refused.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages.get(1), Some(&"One weighs 31 kg: 30 are taken"));
    assert_eq!(messages.get(4), Some(&"divisible can't be decided: a division by zero"));
    assert_eq!(shop.rows("parcel"), 0);
}

#[tokio::test]
async fn rules_look_at_other_records_as_the_call_leaves_them() {
    let shop = Shop::open();
    let outer = shop.create("parcel", json!({ "name": "Outer", "weight": 5 })).await.unwrap();
    let heavy = create("parcel", json!({ "name": "Inner", "weight": 6, "within_id": outer }));
    assert_eq!(
        told(&shop.change(vec![heavy.clone()]).await.unwrap_err()),
        ["0 parcel.within_id DOES_NOT_FIT"]
    );
    let wider = update("parcel", &outer, json!({ "weight": 9 }));
    let made = shop.change(vec![heavy, wider]).await.unwrap();
    let inner = made.first().unwrap().ids.first().unwrap().clone();
    let to = |id: &str, status: &str| update("parcel", id, json!({ "status": status }));
    shop.change(vec![to(&outer, "sent"), to(&inner, "sent")]).await.unwrap();
    let full = shop.change(vec![to(&outer, "received")]).await.unwrap_err();
    assert_eq!(told(&full), ["0 parcel.status STILL_FULL"]);
    shop.change(vec![to(&outer, "received"), to(&inner, "received")]).await.unwrap();
    assert_eq!(shop.field("parcel", &outer, "status"), Some(text("received")));
}

#[tokio::test]
async fn a_reference_that_a_delete_empties_is_a_change_like_any_other() {
    let shop = Shop::open();
    let outer = shop.create("parcel", json!({ "name": "Outer", "weight": 5 })).await.unwrap();
    let inner = create("parcel", json!({ "name": "Inner", "weight": 1, "within_id": outer }));
    let inner = shop.change(vec![inner]).await.unwrap().first().unwrap().ids.first().unwrap().clone();
    let before = shop.field("parcel", &inner, "revision");
    shop.change(vec![delete("parcel", &outer)]).await.unwrap();
    assert_eq!(shop.field("parcel", &inner, "within_id"), Some(Value::Null));
    assert_ne!(shop.field("parcel", &inner, "revision"), before);
}
