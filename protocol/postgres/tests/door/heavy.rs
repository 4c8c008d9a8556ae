//! Heavy questions that wait for their turn: they keep nobody else from a page.

use std::{sync::Arc, time::Duration};

use quarry_engine::PlannerOptions;
use quarry_postgres::PostgresOptions;
use tokio_postgres::{NoTls, error::SqlState};

use crate::fixture::{Server, text};

/// It never ends by itself, and nobody knows how many rows it handles.
const ENDLESS: &str =
    "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t";
/// As heavy to the planner, and soon over.
const SHORT: &str =
    "with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) select count(*) from t";

#[tokio::test(flavor = "multi_thread")]
async fn reports_that_wait_hold_neither_places_nor_turns() {
    let options = PostgresOptions { queries_max: 3, ..PostgresOptions::default() };
    let planner = PlannerOptions { heavy_running_max: 1, ..PlannerOptions::default() };
    let server = Server::start_over(options, planner).await;
    server.engine.set_requests_running_max(3);
    let runs = Arc::new(server.connect().await);
    let cancel = runs.cancel_token();
    let running = {
        let runs = Arc::clone(&runs);
        tokio::spawn(async move { runs.batch_execute(ENDLESS).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    // Questions and a change; more than there are places or turns.
    let mut waiting = Vec::new();
    for n in 0..6 {
        let client = server.connect().await;
        let asked = match n % 2 {
            0 => SHORT.to_owned(),
            _ => format!("INSERT INTO vendor (name) SELECT 'v{n} ' || c FROM ({SHORT}) AS t(c)"),
        };
        waiting.push(tokio::spawn(async move { client.batch_execute(&asked).await }));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let page = server.connect().await;
    for n in 0..20 {
        let asked = tokio::time::timeout(Duration::from_secs(20), async {
            text(&page, &format!("SELECT count(*) FROM vendor WHERE name = 'a{n}'")).await
        });
        assert_eq!(asked.await.expect("a page waits for the reports of others"), "0");
    }
    assert!(waiting.iter().all(|waits| !waits.is_finished()), "they wait for the one that runs");
    cancel.cancel_query(NoTls).await.unwrap();
    assert!(running.await.unwrap().is_err());
    for waits in waiting {
        waits.await.unwrap().unwrap();
    }
    assert_eq!(text(&page, "SELECT count(*) FROM vendor").await, "3");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_of_a_tenant_wait_than_may() {
    let planner = PlannerOptions { heavy_running_max: 1, heavy_waiting_max: 2, ..PlannerOptions::default() };
    let server = Server::start_over(PostgresOptions::default(), planner).await;
    let mut running = Vec::new();
    for _ in 0..3 {
        let client = server.connect().await;
        let cancel = client.cancel_token();
        running.push((cancel, tokio::spawn(async move { client.batch_execute(ENDLESS).await })));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let client = server.connect().await;
    crate::fixture::refused(&client, SHORT, "53400").await;
    // Whoever stops waiting makes room, a little after he is told that he has.
    let (cancel, waits) = running.pop().unwrap();
    cancel.cancel_query(NoTls).await.unwrap();
    assert!(waits.await.unwrap().is_err());
    let (cancel, first) = running.remove(0);
    let client = Arc::new(client);
    let again = loop {
        let asking = Arc::clone(&client);
        let again = tokio::spawn(async move { asking.batch_execute(SHORT).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        if !again.is_finished() {
            break again;
        }
        let turned_away = again.await.unwrap().expect_err("another one runs");
        assert_eq!(turned_away.code().map(SqlState::code), Some("53400"));
    };
    cancel.cancel_query(NoTls).await.unwrap();
    assert!(first.await.unwrap().is_err());
    let (cancel, second) = running.remove(0);
    cancel.cancel_query(NoTls).await.unwrap();
    assert!(second.await.unwrap().is_err());
    again.await.unwrap().unwrap();
    server.stop().await;
}
