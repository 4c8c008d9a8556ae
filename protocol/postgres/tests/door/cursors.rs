//! Open cursors and suspended portals: what they may keep, and what they may not keep from others.

use std::time::Duration;

use quarry_postgres::PostgresOptions;

use crate::fixture::{Server, refused, text, texts};

/// More rows than a client is sent ahead.
const MANY: &str = "SELECT x FROM generate_series(1, 1000000) AS t(x)";

#[tokio::test(flavor = "multi_thread")]
async fn open_cursors_take_nobodys_place() {
    let options = PostgresOptions { queries_max: 1, ..PostgresOptions::default() };
    let server = Server::start_with(options).await;
    let client = server.connect().await;
    client.batch_execute("BEGIN").await.unwrap();
    for n in 0..3 {
        client.batch_execute(&format!("DECLARE c{n} CURSOR FOR {MANY}")).await.unwrap();
        assert_eq!(text(&client, &format!("FETCH 1 FROM c{n}")).await, "1");
    }
    assert_eq!(text(&server.connect().await, "SELECT 2").await, "2");
    assert_eq!(text(&client, "SELECT 3").await, "3");
    let rest = texts(&client, "FETCH ALL FROM c1").await;
    assert_eq!((rest.len(), rest.last().unwrap()[0].as_str()), (999_999, "1000000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_so_many_cursors_and_named_portals() {
    let options = PostgresOptions { cursors_max: 2, ..PostgresOptions::default() };
    let server = Server::start_with(options).await;
    let mut client = server.connect().await;
    client
        .batch_execute(&format!("BEGIN; DECLARE a CURSOR FOR {MANY}; DECLARE b CURSOR FOR {MANY}"))
        .await
        .unwrap();
    // What runs to its end beside them is no cursor.
    assert_eq!(client.query("SELECT name FROM vendor", &[]).await.unwrap().len(), 0);
    client.batch_execute("SAVEPOINT s").await.unwrap();
    let error = refused(&client, &format!("DECLARE c CURSOR FOR {MANY}"), "53400").await;
    assert!(error.message().contains("2 cursors"), "{error:?}");
    client.batch_execute("ROLLBACK TO s").await.unwrap();
    client.batch_execute("ROLLBACK").await.unwrap();

    let transaction = client.transaction().await.unwrap();
    let mut portals = Vec::new();
    for _ in 0..2 {
        let portal = transaction.bind(MANY, &[]).await.unwrap();
        assert_eq!(transaction.query_portal(&portal, 5).await.unwrap().len(), 5);
        portals.push(portal);
    }
    let third = transaction.bind(MANY, &[]).await.unwrap();
    let error = transaction.query_portal(&third, 5).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "53400");
    drop(portals);
    transaction.rollback().await.unwrap();
    assert_eq!(text(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_may_idle_longer_than_a_statement_may_run() {
    let server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute(&format!("BEGIN; SET LOCAL statement_timeout = 500; DECLARE c CURSOR FOR {MANY}"))
        .await
        .unwrap();
    assert_eq!(text(&client, "FETCH 1 FROM c").await, "1");
    tokio::time::sleep(Duration::from_millis(700)).await;
    client.batch_execute("SET LOCAL statement_timeout = 0").await.unwrap();
    assert_eq!(texts(&client, "FETCH ALL FROM c").await.len(), 999_999);
}
