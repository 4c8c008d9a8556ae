//! Triggers that write other records: every step, before and after every event, through all that leads to a change; their
//! limits, and that nothing is left of what they did when one of them fails.

use super::*;
use crate::ErrorKind;

/// The ids of all records of an object, by key.
fn ids(shop: &Shop, object: &str) -> Vec<String> {
    let table = shop.engine.store().snapshot().table(object).unwrap();
    let request = quarry_storage::ScanRequest { projection: Some(vec![0]), ..Default::default() };
    let mut keys = Vec::new();
    for batch in table.scan(request).unwrap().into_iter().flatten() {
        crate::work::keys_in(batch.unwrap().columns().first(), &mut keys).unwrap();
    }
    keys.sort();
    keys.iter().map(ToString::to_string).collect()
}

/// A text field of all records of an object, in their order.
fn texts(shop: &Shop, object: &str, field: &str) -> Vec<String> {
    let text = |id: &String| match shop.field(object, id, field) {
        Some(Value::Text(text)) => text.to_string(),
        other => format!("{other:?}"),
    };
    ids(shop, object).iter().map(text).collect()
}

async fn client(shop: &Shop, name: &str) -> String {
    shop.create("client", json!({ "name": name })).await.unwrap()
}

async fn ticket(shop: &Shop, client: &str, subject: &str) -> String {
    shop.create("ticket", json!({ "subject": subject, "client_id": client })).await.unwrap()
}

async fn note(shop: &Shop, ticket: &str, text: &str, kind: &str) -> String {
    shop.create("note", json!({ "text": text, "kind": kind, "ticket_id": ticket })).await.unwrap()
}

#[tokio::test]
async fn what_follows_a_new_record_is_made_with_it() {
    let shop = Shop::with("desk");
    let ann = client(&shop, "Ann").await;
    ticket(&shop, &ann, "Printer").await;
    assert_eq!(shop.field("client", &ann, "open_tickets"), Some(Value::Int(1)), "a readonly field");
    assert_eq!(shop.field("client", &ann, "oldest_open"), Some(text("opened Printer")), "by its name");
    assert_eq!(texts(&shop, "note", "text"), ["opened Printer"]);
    assert_eq!(texts(&shop, "note", "by"), ["admin"]);
    let me = text(&shop.session.principal().user_id);
    let note = ids(&shop, "note").remove(0);
    assert_eq!(shop.field("note", &note, "created_by"), Some(me), "who acts is who began it");
    let many = (0..3)
        .map(|number| create("ticket", json!({ "subject": format!("Ticket {number}"), "client_id": ann })));
    shop.change(many.collect()).await.unwrap();
    assert_eq!(shop.field("client", &ann, "open_tickets"), Some(Value::Int(4)), "each sees the one before");
    assert_eq!(shop.rows("note"), 4);
    let readonly = update("client", &ann, json!({ "open_tickets": 0 }));
    assert_eq!(told(&shop.change(vec![readonly]).await.unwrap_err()), ["0 client.open_tickets readonly"]);
}

#[tokio::test]
async fn each_child_and_the_first_that_matches_are_changed() {
    let shop = Shop::with("desk");
    let ann = client(&shop, "Ann").await;
    let made = |subject: &str, status: &str, weight: u32| json!({ "subject": subject, "code": "A", "status": status, "weight": weight, "client_id": ann });
    let first = shop.create("ticket", made("First", "open", 5)).await.unwrap();
    let heavy = shop.create("ticket", made("Heavy", "held", 9)).await.unwrap();
    let light = shop.create("ticket", made("Light", "held", 2)).await.unwrap();
    let task = note(&shop, &first, "call back", "task").await;
    let remark = note(&shop, &first, "nothing", "remark").await;
    shop.create("entry", json!({ "text": "old", "ticket_id": first })).await.unwrap();
    shop.change(vec![update("ticket", &first, json!({ "status": "closed" }))]).await.unwrap();
    assert_eq!(shop.field("note", &task, "text"), Some(text("done: call back")));
    assert_eq!(shop.field("note", &task, "kind"), Some(text("done")));
    assert_eq!(shop.field("note", &remark, "text"), Some(text("nothing")));
    assert_eq!(shop.field("ticket", &first, "closed_on"), Some(Value::Date(20_513)));
    assert_eq!(shop.field("ticket", &light, "status"), Some(text("open")), "the lightest of those held");
    assert_eq!(shop.field("ticket", &heavy, "status"), Some(text("held")));
    assert_eq!(shop.rows("entry"), 0, "a trigger before the change deletes too");
    shop.change(vec![update("ticket", &heavy, json!({ "weight": 10 }))]).await.unwrap();
    let waits = |id: &str| shop.field("ticket", id, "waits");
    assert_eq!((waits(&first), waits(&light)), (Some(Value::Int(1)), Some(Value::Int(1))));
    assert_eq!(waits(&heavy), Some(Value::Int(0)));
}

#[tokio::test]
async fn what_triggers_write_is_read_by_those_that_follow_in_one_call() {
    let shop = Shop::with("desk");
    let changes = vec![
        create("client", json!({ "name": "Ann" })),
        create("ticket", json!({ "subject": "One", "client_id": "$ref:0.id" })),
        create("note", json!({ "text": " call ", "kind": "task", "ticket_id": "$ref:1.id" })),
        create("ticket", json!({ "subject": "Two", "client_id": "$ref:0.id", "weight": 101 })),
        update("client", "$ref:0.id", json!({ "state": "barred" })),
    ];
    let done = shop.change(changes).await.unwrap();
    assert_eq!(done.len(), 5, "what triggers wrote is no outcome of its own");
    let (ann, one) = (&done[0].ids[0], &done[1].ids[0]);
    assert_eq!(shop.field("client", ann, "open_tickets"), Some(Value::Int(2)));
    assert_eq!(shop.field("ticket", one, "status"), Some(text("held")), "a client who is barred waits");
    assert_eq!(shop.field("note", &done[2].ids[0], "text"), Some(text("done: call")), "and so on");
    assert_eq!(texts(&shop, "entry", "text"), ["heavy: Two"]);
}

#[tokio::test]
async fn a_trigger_that_fails_takes_all_with_it() {
    let shop = Shop::with("desk");
    let ann = client(&shop, "Ann").await;
    let long = "A subject that is much too long for a note";
    let changes = vec![
        create("ticket", json!({ "subject": "Fine", "client_id": ann })),
        create("ticket", json!({ "subject": long, "client_id": ann })),
    ];
    let refused = shop.change(changes).await.unwrap_err();
    assert_eq!(told(&refused), ["1 note.text max_length"], "the change that started it");
    assert_eq!(refused.findings[0].id, None, "of a record that never was");
    assert!(refused.findings[0].message.ends_with("(through ticket.counted)"), "{refused}");
    assert_eq!(shop.rows("ticket") + shop.rows("note") + shop.rows("entry"), 0);
    assert_eq!(shop.field("client", &ann, "open_tickets"), Some(Value::Int(0)));
}

#[tokio::test]
async fn an_after_trigger_may_refuse_what_is_written() {
    let shop = Shop::with("desk");
    let ann = client(&shop, "Ann").await;
    let held = ticket(&shop, &ann, "Held").await;
    shop.change(vec![update("ticket", &held, json!({ "status": "held" }))]).await.unwrap();
    let bare = ticket(&shop, &ann, "Bare").await;
    shop.change(vec![delete("note", &ids(&shop, "note")[1])]).await.unwrap();
    let barred = vec![update("client", &ann, json!({ "state": "barred" }))];
    let refused = shop.change(barred).await.unwrap_err();
    assert_eq!(told(&refused), ["0 ticket NO_REASON"]);
    assert_eq!(refused.findings[0].message, "Bare is held without a note (through client.barred_holds)");
    assert_eq!(refused.findings[0].id.as_deref(), Some(bare.as_str()));
    assert_eq!(shop.field("client", &ann, "state"), Some(text("good")));
    assert_eq!(shop.field("ticket", &bare, "status"), Some(text("open")));
}

#[tokio::test]
async fn deletes_start_the_triggers_of_all_that_goes_with_them() {
    let shop = Shop::with("desk");
    let ann = client(&shop, "Ann").await;
    let (one, two) = (ticket(&shop, &ann, "One").await, ticket(&shop, &ann, "Two").await);
    let locked = json!({ "text": "evidence", "locked": true, "ticket_id": two });
    let locked = shop.create("note", locked).await.unwrap();
    let twin = json!({ "subject": "Twin", "twin_id": two });
    let twin = shop.create("ticket", twin).await.unwrap();
    let refused = shop.change(vec![delete("client", &ann)]).await.unwrap_err();
    assert_eq!(told(&refused), ["0 note NOTE_LOCKED"], "what would go with it may not");
    assert_eq!((shop.rows("ticket"), shop.rows("client")), (3, 1));
    shop.change(vec![update("note", &locked, json!({ "locked": false }))]).await.unwrap();
    shop.change(vec![delete("ticket", &one)]).await.unwrap();
    assert_eq!(shop.field("client", &ann, "open_tickets"), Some(Value::Int(1)));
    shop.change(vec![delete("client", &ann)]).await.unwrap();
    assert_eq!(shop.field("ticket", &twin, "twin_id"), Some(Value::Null));
    let mut told = texts(&shop, "entry", "text");
    told.sort();
    assert_eq!(
        told,
        ["Twin lost its twin", "client Ann is gone", "ticket One is gone", "ticket Two is gone"]
    );
    assert_eq!(shop.rows("note"), 1, "that of the twin");
}

#[tokio::test]
async fn a_before_trigger_may_refuse_a_delete() {
    let shop = Shop::with("desk");
    let ann = client(&shop, "Ann").await;
    shop.change(vec![update("client", &ann, json!({ "state": "late" }))]).await.unwrap();
    let refused = shop.change(vec![delete("client", &ann)]).await.unwrap_err();
    assert_eq!(told(&refused), ["0 client CLIENT_LATE"]);
    assert_eq!(refused.findings[0].message, "Ann owes us something");
    assert_eq!((shop.rows("client"), shop.rows("entry")), (1, 0));
}

#[tokio::test]
async fn triggers_that_start_one_another_have_an_end() {
    let shop = Shop::with("desk");
    shop.create("entry", json!({ "text": "down", "line": 16 })).await.unwrap();
    assert_eq!(shop.rows("entry"), 17, "sixteen, each within the one before it");
    let error = shop.create("entry", json!({ "text": "down", "line": 17 })).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Limited, "LIMIT_EXCEEDED"));
    let path = vec!["entry.one_more"; 17].join(" → ");
    assert_eq!(error.message, format!("triggers within triggers: 17 asked, 16 allowed, through {path}"));
    assert_eq!(shop.rows("entry"), 17);
}

#[tokio::test]
async fn triggers_write_so_many_records_and_no_more() {
    let shop = Shop::with("desk");
    for _ in 0..2 {
        let entries = (0..5_001).map(|_| create("entry", json!({ "text": "one of many" }))).collect();
        shop.change(entries).await.unwrap();
    }
    let all = shop.create("entry", json!({ "text": "x" })).await.unwrap();
    let error = shop.change(vec![update("entry", &all, json!({ "text": "all" }))]).await.unwrap_err();
    let told = "records matched by one step: 10002 asked, 10000 allowed, through entry.all_of_them";
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Limited, told));
    let entries = ids(&shop, "entry");
    let few = entries.iter().take(3).map(|id| update("entry", id, json!({ "line": -1 })));
    shop.change(few.collect()).await.unwrap();
    let again = vec![
        update("entry", &all, json!({ "text": "all" })),
        update("entry", &entries[0], json!({ "text": "all" })),
    ];
    let error = shop.change(again).await.unwrap_err();
    let told = "records written by triggers in one transaction: 19998 asked, 10000 allowed, through entry.all_of_them";
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Limited, told));
    shop.change(vec![update("entry", &all, json!({ "text": "all" }))]).await.unwrap();
    assert_eq!(shop.field("entry", &entries[5], "line"), Some(Value::Int(1)), "thousands at once");
}

#[tokio::test]
async fn a_trigger_does_not_change_its_record_behind_the_back_of_the_change() {
    let shop = Shop::with("desk");
    let entry = shop.create("entry", json!({ "text": "x" })).await.unwrap();
    let refused = shop.change(vec![update("entry", &entry, json!({ "text": "itself" }))]).await.unwrap_err();
    assert_eq!(told(&refused), ["0 entry changed_by_trigger"]);
    assert_eq!(shop.field("entry", &entry, "text"), Some(text("x")));
}

#[tokio::test]
async fn a_bulk_load_does_not_go_around_them() {
    let shop = Shop::with("desk");
    let mut bulk = shop.session.bulk();
    assert!(bulk.add(vec![create("ticket", json!({ "subject": "One" }))]).await.unwrap().is_none());
    let alone = vec![create("client", json!({ "name": "Ann" })), create("note", json!({ "text": "x" }))];
    assert!(bulk.add(alone).await.is_err(), "what is checked is checked there too");
    assert!(bulk.add(vec![create("client", json!({ "name": "Ann" }))]).await.unwrap().is_some());
    bulk.commit().await.unwrap();
    assert_eq!((shop.rows("client"), shop.rows("ticket")), (1, 0));
}
