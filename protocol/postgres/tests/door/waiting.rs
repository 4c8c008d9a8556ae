//! Changes that wait in line: a cancel request, their deadline and a client that leaves end them there, and nothing of them is kept.

use std::time::Duration;

use quarry_engine::{Engine, RequestLimits};
use quarry_planner::turns::Turn;
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, NoTls};

use crate::fixture::{Server, code, refused, text, until};

/// One record more than a call may have that runs at once.
const LARGE: &str = "INSERT INTO vendor (name) SELECT 'v' || x FROM generate_series(1, 65) AS t(x)";

/// Far longer than anything takes that does not wait for ever.
const LONG: Duration = Duration::from_secs(60);

/// All turns that there are for calls of many changes.
async fn all_large_turns(engine: &Engine) -> Vec<Turn> {
    let mut taken = Vec::new();
    while let Ok(turn) = timeout(Duration::ZERO, engine.turn_of_large_calls().unwrap().turn()).await {
        taken.push(turn);
    }
    taken
}

type Asked = JoinHandle<(Client, Result<(), tokio_postgres::Error>)>;

fn asked(client: Client, sql: &'static str) -> Asked {
    tokio::spawn(async move {
        let done = client.batch_execute(sql).await;
        (client, done)
    })
}

/// What comes of it: it was ended, and for no other reason.
async fn ended(asked: Asked, why: &str) -> Client {
    let (client, done) = timeout(LONG, asked).await.expect("it goes on waiting").unwrap();
    let error = done.unwrap_err();
    assert_eq!((code(&error).code(), error.as_db_error().unwrap().message()), ("57014", why));
    client
}

const BY_USER: &str = "canceling statement due to user request";
const BY_TIMEOUT: &str = "canceling statement due to statement timeout";

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_ends_a_change_that_waits_for_its_turn() {
    let server = Server::start().await;
    let taken = all_large_turns(&server.engine).await;
    let mut client = server.connect().await;
    for begin in ["", "BEGIN", "BEGIN; SAVEPOINT before"] {
        for statement in begin.split(';') {
            client.batch_execute(statement).await.unwrap();
        }
        let cancel = client.cancel_token();
        let large = asked(client, LARGE);
        until(|| server.engine.large_calls().1 == 1).await;
        cancel.cancel_query(NoTls).await.unwrap();
        client = ended(large, BY_USER).await;
        assert_eq!(server.engine.large_calls(), (taken.len(), 0), "it has left the line");
        if !begin.is_empty() {
            refused(&client, "SELECT 1", "25P02").await;
            if begin.contains("SAVEPOINT") {
                client.batch_execute("ROLLBACK TO before").await.unwrap();
                assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
            }
            client.batch_execute("ROLLBACK").await.unwrap();
        }
        assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
    }
    drop(taken);
    client.batch_execute(LARGE).await.unwrap();
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "65");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_no_longer_than_its_statement_may_take() {
    let server = Server::start().await;
    let taken = all_large_turns(&server.engine).await;
    let client = server.connect().await;
    client.batch_execute("SET statement_timeout = 1000").await.unwrap();
    let client = ended(asked(client, LARGE), BY_TIMEOUT).await;
    drop(taken);
    client.batch_execute("SET statement_timeout = 0").await.unwrap();
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_client_that_has_left_waits_no_more() {
    let server = Server::start().await;
    let taken = all_large_turns(&server.engine).await;
    let (leaver, connection) = server.config().connect(NoTls).await.unwrap();
    let running = tokio::spawn(connection);
    let large = asked(leaver, LARGE);
    until(|| server.engine.large_calls().1 == 1).await;
    running.abort();
    until(|| server.engine.large_calls().1 == 0).await;
    drop(taken);
    assert!(large.await.unwrap().1.is_err());
    let client = server.connect().await;
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
    server.stop().await;
}

/// Those of its tenant, before it has begun.
#[tokio::test(flavor = "multi_thread")]
async fn statements_that_wait_for_a_turn_of_requests_are_ended() {
    let server = Server::start().await;
    let limits = RequestLimits { running_max: 1, wait_max: 10 * LONG, ..RequestLimits::default() };
    server.engine.set_request_limits(limits);
    let mut client = server.connect().await;
    let page = server.engine.begin_request().await.unwrap();
    for sql in ["INSERT INTO vendor (name) VALUES ('a')", "SELECT count(*) FROM vendor"] {
        let cancel = client.cancel_token();
        let waits = asked(client, sql);
        until(|| server.engine.requests_waiting() == 1).await;
        cancel.cancel_query(NoTls).await.unwrap();
        client = ended(waits, BY_USER).await;
        assert_eq!(server.engine.requests_waiting(), 0);
    }
    client.batch_execute("SET statement_timeout = 1000").await.unwrap();
    client = ended(asked(client, "DELETE FROM vendor"), BY_TIMEOUT).await;
    drop(page);
    client.batch_execute("SET statement_timeout = 0").await.unwrap();
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
    server.stop().await;
}

/// And again, where it has given its own back while it waited for another.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_waits_to_go_on_is_ended() {
    let server = Server::start().await;
    server.engine.set_request_limits(RequestLimits { running_max: 1, ..RequestLimits::default() });
    let taken = all_large_turns(&server.engine).await;
    let client = server.connect().await;
    let cancel = client.cancel_token();
    let large = asked(client, LARGE);
    until(|| server.engine.large_calls().1 == 1).await;
    let page = server.engine.begin_request().await.unwrap();
    drop(taken);
    until(|| server.engine.large_calls() == (0, 0)).await;
    cancel.cancel_query(NoTls).await.unwrap();
    let client = ended(large, BY_USER).await;
    drop(page);
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
    server.stop().await;
}
