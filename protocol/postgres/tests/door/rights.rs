//! Rights that change while somebody is connected, times that a client would have longer than the server allows, and the turns of a tenant.

use std::{sync::Arc, time::Duration};

use quarry_engine::{RequestLimits, Session, SessionOptions};
use quarry_metadata::Bundle;
use quarry_postgres::PostgresOptions;
use tokio_postgres::{Client, NoTls};

use crate::fixture::*;

/// It never ends by itself.
const ENDLESS: &str =
    "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t";
/// More rows than a client is sent ahead.
const MANY: &str = "SELECT x FROM generate_series(1, 1000000) AS t(x)";

fn admin(server: &Server) -> Session {
    server.engine.session(server.engine.operator().unwrap(), SessionOptions::default())
}

/// Someone who may do everything, until it is taken from him.
async fn with_li(server: &Server) -> Client {
    admin(server).add_user("li", PASSWORD, false).unwrap();
    admin(server).grant("li", "write_all_data", None).unwrap();
    let (client, connection) = server.config().user("li").password(PASSWORD).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_is_gone_with_the_next_statement_of_a_transaction() {
    let server = Server::start().await;
    let client = with_li(&server).await;
    for (next, state) in [
        ("SELECT count(*) FROM vendor", "42P01"),
        ("INSERT INTO vendor (name) VALUES ('late')", "42P01"),
        ("UPDATE vendor SET name = 'late'", "42P01"),
    ] {
        client.batch_execute("BEGIN; INSERT INTO vendor (name) VALUES ('early')").await.unwrap();
        admin(&server).revoke("li", "write_all_data").unwrap();
        refused(&client, next, state).await;
        refused(&client, "SELECT 1", "25P02").await;
        client.batch_execute("ROLLBACK").await.unwrap();
        admin(&server).grant("li", "write_all_data", None).unwrap();
    }
    // What was written before is judged by what held then: it is begun again, or never.
    client.batch_execute("BEGIN; INSERT INTO vendor (name) VALUES ('early')").await.unwrap();
    admin(&server).revoke("li", "write_all_data").unwrap();
    refused(&client, "COMMIT", "40001").await;
    admin(&server).grant("li", "write_all_data", None).unwrap();
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
    // One that only read ends as it likes, and goes on with what came.
    admin(&server).revoke("li", "write_all_data").unwrap();
    client.batch_execute("BEGIN; SELECT 1").await.unwrap();
    admin(&server).grant("li", "write_all_data", None).unwrap();
    client.batch_execute("INSERT INTO vendor (name) VALUES ('now'); COMMIT").await.unwrap();
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "1");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_gives_no_more_when_rights_have_changed() {
    let server = Server::start().await;
    let client = with_li(&server).await;
    client.batch_execute(&format!("DECLARE held CURSOR WITH HOLD FOR {MANY}")).await.unwrap();
    client.batch_execute("BEGIN").await.unwrap();
    client.batch_execute(&format!("DECLARE c CURSOR FOR {MANY}")).await.unwrap();
    assert_eq!(text(&client, "FETCH 1 FROM c").await, "1");
    admin(&server).grant("li", "read_all_data", None).unwrap();
    refused(&client, "FETCH 1 FROM c", "42501").await;
    client.batch_execute("ROLLBACK").await.unwrap();
    refused(&client, "FETCH 1 FROM held", "42501").await;
    client.batch_execute("CLOSE held").await.unwrap();
    server.stop().await;
}

/// Publishes and activates what a set allows on vendors.
fn activate(server: &Server, version: &str, grant: &str) {
    let files = [
        ("package.yml", format!("name: grants\nversion: {version}\ndepends: {{ core: '*', shop: '*' }}\n")),
        ("looker.permissionset.yml", format!("label: Looker {version}\n")),
        ("vendor.permission.yml", format!("extends: vendor\nsets:\n  looker: {grant}\n")),
    ];
    let files = files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
    let bundle = Bundle::of_files("grants", &files).unwrap_or_else(|issues| panic!("{issues}"));
    let (session, id) = (admin(server), bundle.id());
    session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
    session.activate(&[id]).unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_gives_no_more_when_packages_allow_less() {
    let server = Server::start().await;
    activate(&server, "1.0.0", "[read, viewAll]");
    admin(&server).add_user("li", PASSWORD, false).unwrap();
    admin(&server).grant("li", "looker", None).unwrap();
    let (mut li, connection) = server.config().user("li").password(PASSWORD).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let boss = server.connect().await;
    boss.batch_execute("INSERT INTO vendor (name) VALUES ('v1'), ('v2'), ('v3')").await.unwrap();
    boss.batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT name FROM vendor").await.unwrap();
    li.batch_execute("DECLARE held CURSOR WITH HOLD FOR SELECT name FROM vendor ORDER BY name")
        .await
        .unwrap();
    assert_eq!(text(&li, "FETCH 1 FROM held").await, "v1");
    // Whatever has changed; a version that is about something else (a label) nobody notices.
    activate(&server, "1.1.0", "[read, viewAll, export]");
    refused(&li, "FETCH 1 FROM held", "42501").await;
    li.batch_execute("CLOSE held; DECLARE held CURSOR WITH HOLD FOR SELECT name FROM vendor ORDER BY name")
        .await
        .unwrap();
    activate(&server, "1.3.0", "[read, viewAll, export]");
    assert_eq!(text(&li, "FETCH 1 FROM held").await, "v1");
    let transaction = li.transaction().await.unwrap();
    let portal = transaction.bind("SELECT name FROM vendor ORDER BY name", &[]).await.unwrap();
    assert_eq!(transaction.query_portal(&portal, 1).await.unwrap().len(), 1);
    activate(&server, "1.4.0", "[create]");
    let error = transaction.query_portal(&portal, 1).await.unwrap_err();
    assert_eq!(code(&error).code(), "42501", "{error:?}");
    transaction.rollback().await.unwrap();
    refused(&li, "FETCH 1 FROM held", "42501").await;
    refused(&li, "SELECT name FROM vendor", "42P01").await;
    // Who may do everything goes on.
    assert_eq!(texts(&boss, "FETCH ALL FROM c").await.len(), 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_never_longer_than_the_server_allows() {
    let options = PostgresOptions {
        statement_timeout: Some(Duration::from_millis(300)),
        idle_in_transaction_timeout: Some(Duration::from_secs(40)),
        ..PostgresOptions::default()
    };
    let server = Server::start_with(options).await;
    let client = server.connect().await;
    for asked in ["0", "'1h'", "300"] {
        client.batch_execute(&format!("SET statement_timeout = {asked}")).await.unwrap();
        assert_eq!(text(&client, "SHOW statement_timeout").await, "300ms", "{asked}");
        refused(&client, ENDLESS, "57014").await;
    }
    client.batch_execute("BEGIN; SET LOCAL statement_timeout = 0").await.unwrap();
    refused(&client, ENDLESS, "57014").await;
    client.batch_execute("ROLLBACK; SET statement_timeout = 20").await.unwrap();
    assert_eq!(text(&client, "SHOW statement_timeout").await, "20ms");
    client.batch_execute("SET idle_in_transaction_session_timeout = 0").await.unwrap();
    assert_eq!(text(&client, "SHOW idle_in_transaction_session_timeout").await, "40s");
    let mut config = server.config();
    let (other, connection) = config.options("-c statement_timeout=0").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    refused(&other, ENDLESS, "57014").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_holds_its_tenants_turn_until_its_rows_are_there() {
    let server = Server::start().await;
    let limits =
        RequestLimits { running_max: 1, wait_max: Duration::from_millis(20), ..RequestLimits::default() };
    server.engine.set_request_limits(limits);
    let (busy, other) = (Arc::new(server.connect().await), server.connect().await);
    let cancel = busy.cancel_token();
    let running = {
        let busy = Arc::clone(&busy);
        tokio::spawn(async move { busy.batch_execute(ENDLESS).await })
    };
    let mut waited = 0;
    while let Ok(_answered) = other.simple_query("SELECT 1").await {
        waited += 1;
        assert!(waited < 1_000, "a query that runs has no turn");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    refused(&other, "SELECT 1", "53400").await;
    refused(&other, "EXPLAIN SELECT 1", "53400").await;
    refused(&other, "INSERT INTO vendor (name) VALUES ('x')", "53400").await;
    refused(&other, &format!("DECLARE c CURSOR WITH HOLD FOR {MANY}"), "53400").await;
    cancel.cancel_query(NoTls).await.unwrap();
    assert!(running.await.unwrap().is_err());
    // Who reads on later has none meanwhile, and gets it again.
    busy.batch_execute(&format!("DECLARE c CURSOR WITH HOLD FOR {MANY}")).await.unwrap();
    assert_eq!(text(&busy, "FETCH 1 FROM c").await, "1");
    let mut waited = 0;
    while other.simple_query("SELECT 1").await.is_err() {
        waited += 1;
        assert!(waited < 1_000, "a cursor that nobody reads holds the turn");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let rest = texts(&busy, "FETCH ALL FROM c").await;
    assert_eq!(rest.len(), 999_999);
    server.stop().await;
}
