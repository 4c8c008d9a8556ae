//! Cancel requests for what a thread reads in one piece: rows that are few, and conditions that take long.

use std::{fmt::Write, time::Duration};

use quarry_postgres::PostgresOptions;
use tokio_postgres::{CancelToken, Client, NoTls};

use crate::fixture::{Server, code, text};

/// Few enough to be read where they are asked for.
const VENDORS: usize = 500;
/// Conditions that take longer than a query waits for a place.
const LONGER: usize = 150;

async fn server(options: PostgresOptions) -> (Server, Client) {
    let server = Server::start_with(options).await;
    let client = server.connect().await;
    let made =
        format!("INSERT INTO vendor (name) SELECT 'v' || x FROM generate_series(1, {VENDORS}) AS t(x)");
    client.batch_execute(&made).await.unwrap();
    (server, client)
}

/// Asks whether so many patterns are found behind each name: each is a step of the work, and takes as long as the text that is given.
fn asked(conditions: usize) -> String {
    let mut sql = "SELECT name FROM vendor WHERE name <> ''".to_owned();
    for condition in 0..conditions {
        // It is looked for at every letter, in vain.
        write!(sql, " AND (name || $1::text) !~ 'a[ab]{{{}}}[^ab]'", 80 + condition).unwrap();
    }
    sql
}

/// A text without an end to what may be found.
fn long() -> String {
    let mut state = 1_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 'a' } else { 'b' }
    };
    (0..4_000).map(letter).collect()
}

/// Cancels again and again: what has not begun yet does not hear of it.
fn cancelling(token: CancelToken) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            token.cancel_query(NoTls).await.unwrap();
        }
    })
}

/// The connection's own thread reads what was asked before.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_ends_what_is_read_where_it_is_asked_for() {
    let (server, client) = server(PostgresOptions::default()).await;
    let asked = client.prepare(&asked(8)).await.unwrap();
    let direct = server.engine.planner().direct_answers();
    for _ in 0..2 {
        assert_eq!(client.query(&asked, &[&""]).await.unwrap().len(), VENDORS);
    }
    assert_eq!(server.engine.planner().direct_answers(), direct + 2, "it is read directly");
    let cancelling = cancelling(client.cancel_token());
    let error = client.query(&asked, &[&long()]).await.unwrap_err();
    cancelling.abort();
    assert_eq!(code(&error).code(), "57014");
    assert_eq!(error.as_db_error().unwrap().message(), "canceling statement due to user request");
    // The connection goes on, and so does the question.
    // A request that was sent may come late.
    let mut again = client.query(&asked, &[&"a"]).await;
    for _ in 0..100 {
        match &again {
            Err(error) if code(error).code() == "57014" => again = client.query(&asked, &[&"a"]).await,
            _ => break,
        }
    }
    assert_eq!(again.unwrap().len(), VENDORS);
    server.stop().await;
}

/// The only place for queries is free again: what was cancelled does not go on behind its client's back.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_ends_what_a_query_thread_reads() {
    let options = PostgresOptions { queries_max: 1, ..PostgresOptions::default() };
    let (server, client) = server(options).await;
    // For the first time: it is to be planned.
    let asked = client.prepare(&asked(LONGER)).await.unwrap();
    let cancelling = cancelling(client.cancel_token());
    let error = client.query(&asked, &[&long()]).await.unwrap_err();
    cancelling.abort();
    assert_eq!(code(&error).code(), "57014");
    let other = server.connect().await;
    assert_eq!(text(&other, "SELECT count(*) FROM vendor").await, VENDORS.to_string());
    server.stop().await;
}

/// So is what a client leaves, and what is past its time.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_and_whose_time_is_over_reads_no_more() {
    let options = PostgresOptions { queries_max: 1, ..PostgresOptions::default() };
    let (server, client) = server(options).await;
    client.batch_execute("SET statement_timeout = 2000").await.unwrap();
    let error = client.query(asked(LONGER).as_str(), &[&long()]).await.unwrap_err();
    assert_eq!(code(&error).code(), "57014");
    client.batch_execute("SET statement_timeout = 0").await.unwrap();
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, VENDORS.to_string());
    let (leaver, connection) = server.config().connect(NoTls).await.unwrap();
    let running = tokio::spawn(connection);
    let asking = tokio::spawn(async move { leaver.query(asked(LONGER).as_str(), &[&long()]).await });
    tokio::time::sleep(Duration::from_secs(2)).await;
    running.abort();
    asking.abort();
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, VENDORS.to_string());
    server.stop().await;
}
