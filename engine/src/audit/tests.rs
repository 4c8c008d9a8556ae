//! What is kept, what is counted as one, and what a flood costs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures::TryStreamExt;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    Origin, SessionOptions, World,
    tests::{PASSWORD, Shop, create, delete, someone},
    upkeep::verify_data,
};

/// The rows of `audit.events`, each as JSON.
async fn events(session: &Session, which: &str) -> Vec<Json> {
    let sql = format!(
        "SELECT event, actor, user_id, subject, reason, address, door, count FROM audit.events {which}"
    );
    asked(session, &sql).await
}

async fn asked(session: &Session, sql: &str) -> Vec<Json> {
    let answer = session.sql(sql).await.unwrap();
    let batches: Vec<_> = answer.batches.try_collect().await.unwrap();
    let mut out = arrow::json::ArrayWriter::new(Vec::new());
    out.write_batches(&batches.iter().collect::<Vec<_>>()).unwrap();
    out.finish().unwrap();
    let bytes = out.into_inner();
    if bytes.is_empty() { Vec::new() } else { serde_json::from_slice(&bytes).unwrap() }
}

fn from(address: &str) -> Origin {
    Origin { door: Some("http"), address: Some(address.parse().unwrap()), ..Origin::default() }
}

#[tokio::test]
async fn what_happens_is_kept_over_a_restart_in_the_chain_and_shown_to_administrators_only() {
    let shop = Shop::open();
    shop.engine.keep_events();
    let li = someone(&shop, "li");
    shop.engine.login_from("li", "wrong", &from("192.0.2.1")).await.unwrap_err();
    shop.engine.login_from("li", PASSWORD, &from("192.0.2.1")).await.unwrap();
    let options = SessionOptions { origin: from("192.0.2.1"), ..SessionOptions::default() };
    let session = shop.engine.session(li.clone(), options);
    session.tell_denied("/api/v1/packages/reload", "PERMISSION_DENIED");
    assert!(session.sql("SELECT * FROM audit.events").await.is_err(), "no such table for others");
    shop.engine.write_events().unwrap();
    let told = events(&shop.session, "WHERE user_id IS NOT NULL OR actor IS NOT NULL ORDER BY at, id").await;
    let failed = told.iter().find(|event| event["event"] == "login_failed").unwrap();
    assert_eq!(
        (&failed["address"], &failed["count"], &failed["user_id"]),
        (&json!("192.0.2.1"), &json!(1), &json!(li.user_id))
    );
    assert!(told.iter().any(|event| event["event"] == "logged_in" && event["door"] == "http"), "{told:?}");
    let denied = told.iter().find(|event| event["event"] == "denied").unwrap();
    assert_eq!(
        (&denied["actor"], &denied["subject"]),
        (&json!(li.user_id), &json!("/api/v1/packages/reload"))
    );

    let folder = shop.folder.path().join("data");
    let Shop { engine, session, folder: kept } = shop;
    engine.close().unwrap();
    drop((engine, session));
    let report = verify_data(&folder, &World::seeded(1, 0), &Default::default()).unwrap().remove(0).1;
    assert!(report.is_sound(), "{:?}", report.findings);
    let shop = Shop::open_in(kept);
    assert_eq!(
        events(&shop.session, "WHERE user_id IS NOT NULL OR actor IS NOT NULL ORDER BY at, id").await,
        told
    );
}

/// No door changes what is kept: it is no object, and SQL finds nothing to write to.
#[tokio::test]
async fn nobody_writes_or_hides_an_event_through_a_door() {
    let shop = Shop::open();
    shop.engine.keep_events();
    shop.session.tell_of(EventKind::Exported, "all");
    shop.engine.write_events().unwrap();
    for object in ["_event", "audit.events", "events"] {
        assert!(shop.change(vec![create(object, json!({ "id": "x" }))]).await.is_err(), "{object}");
        assert!(shop.change(vec![delete(object, "x")]).await.is_err(), "{object}");
    }
    assert_eq!(events(&shop.session, "WHERE event = 'exported'").await.len(), 1);
}

#[tokio::test]
async fn a_flood_is_counted_and_costs_a_few_rows_a_minute() {
    let shop = Shop::open();
    shop.engine.keep_events();
    let log = shop.engine.event_log().read().clone().unwrap();
    let taker = Taker(log.clone());
    let minute = 20_000_000 * MINUTE_MICROS;
    for number in 0..50_000_i64 {
        let address = format!("2001:db8:{:x}:{:x}::{:x}", number % 7, number % 4_000, number);
        let event =
            Event::new(EventKind::LoginFailed, minute + number).from(&from(&address)).because("wrong");
        taker.record(&event);
    }
    let (due, lost) = log.waiting.lock().take(20_000_000, false);
    assert_eq!(lost, 0);
    assert_eq!(due.len(), COUNTED_MAX + 1, "one row for all others");
    assert_eq!(due.iter().map(|one| one.count).sum::<i64>(), 50_000, "all of them are counted");
    let (due, _) = log.waiting.lock().take(20_000_000, false);
    assert!(due.is_empty(), "not again within the minute");
    taker.record(&Event::new(EventKind::LoginFailed, minute + 1).from(&from("2001:db8::1")).because("wrong"));
    let (due, _) = log.waiting.lock().take(20_000_001, false);
    assert_eq!(due.len(), 1, "what was counted since is told when the minute is over");
}

#[tokio::test]
async fn one_row_tells_how_often_it_happened() {
    let shop = Shop::open();
    shop.engine.keep_events();
    someone(&shop, "li");
    for _ in 0..3 {
        shop.engine.login_from("li", "wrong", &from("192.0.2.1")).await.unwrap_err();
        shop.engine.write_events().unwrap();
    }
    shop.engine.login_from("li", "wrong", &from("192.0.2.2")).await.unwrap_err();
    shop.engine.write_events().unwrap();
    let told = events(&shop.session, "WHERE event = 'login_failed' ORDER BY address").await;
    let counts: Vec<_> = told
        .iter()
        .map(|event| (event["address"].as_str().unwrap(), event["count"].as_i64().unwrap()))
        .collect();
    assert_eq!(counts, [("192.0.2.1", 3), ("192.0.2.2", 1)]);
}

#[tokio::test]
async fn more_than_can_wait_is_lost_and_told() {
    let shop = Shop::open();
    shop.engine.keep_events();
    let log = shop.engine.event_log().read().clone().unwrap();
    let taker = Taker(log.clone());
    for number in 0..i64::try_from(WAITING_MAX).unwrap() + 5 {
        taker.record(&Event::new(EventKind::Granted, number));
    }
    assert_eq!(log.waiting.lock().lost, 5);
    shop.engine.write_events().unwrap();
    assert_eq!(log.waiting.lock().lost, 0);
    let answer =
        events(&shop.session, "WHERE event = 'granted' AND at < TIMESTAMP '1970-01-01T00:00:00.000100Z'")
            .await;
    assert_eq!(answer.len(), 100);
}

#[tokio::test]
async fn a_change_tells_from_where_it_was_sent() {
    let shop = Shop::open();
    let origin =
        Origin { request_id: Some("r-7".into()), ..from("::ffff:192.0.2.9") }.with_client("curl/8\u{7}.0");
    let options = SessionOptions { origin, ..SessionOptions::default() };
    let session = shop.engine.session(shop.session.principal().clone(), options);
    session.change(vec![create("maker", json!({ "id": "acme", "name": "Acme" }))], false).await.unwrap();
    let sql = "SELECT door || ' ' || address || ' ' || request || ' ' || client AS said FROM audit.changes WHERE record = 'acme'";
    let said = asked(&shop.session, sql).await;
    assert_eq!(said, [json!({ "said": "http 192.0.2.9 r-7 curl/8.0" })]);
}
