//! Cancel requests for what a thread reads in one piece: rows that are few, and conditions that take long.

use std::fmt::Write;

use quarry_postgres::PostgresOptions;
use tokio_postgres::{Client, NoTls, types::ToSql};

use crate::fixture::{Server, code, text, until};

/// Few enough to be read where they are asked for.
const VENDORS: usize = 500;
/// Conditions that are soon planned.
const CONDITIONS: usize = 8;
/// Conditions that take longer than a query waits for a place, over many letters.
const MANY_CONDITIONS: usize = 50;
/// What one condition takes is what a cancel request may wait for: the square of the letters.
const LETTERS: usize = 4_000;
const MANY_LETTERS: usize = 8_000;

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

/// A text of so many letters, without an end to what may be found.
fn long(letters: usize) -> String {
    let mut state = 1_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 'a' } else { 'b' }
    };
    (0..letters).map(letter).collect()
}

/// Waits until the statement is seen to be read: what has not begun yet is not what is asked about here.
async fn is_read(server: &Server) {
    until(|| server.engine.planner().direct_running() == 1).await;
}

/// Cancels what a client asks, once it is read.
async fn cancelled(server: &Server, client: &Client, asked: &tokio_postgres::Statement, letters: usize) {
    let token = client.cancel_token();
    let cancels = async {
        is_read(server).await;
        token.cancel_query(NoTls).await.unwrap();
    };
    let long = long(letters);
    let values: [&(dyn ToSql + Sync); 1] = [&long];
    let (answer, ()) = tokio::join!(client.query(asked, &values), cancels);
    let error = answer.unwrap_err();
    assert_eq!(code(&error).code(), "57014");
    assert_eq!(error.as_db_error().unwrap().message(), "canceling statement due to user request");
}

/// The connection's own thread reads what was asked before.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_ends_what_is_read_where_it_is_asked_for() {
    let (server, client) = server(PostgresOptions::default()).await;
    let asked = client.prepare(&asked(CONDITIONS)).await.unwrap();
    let direct = server.engine.planner().direct_answers();
    for _ in 0..2 {
        assert_eq!(client.query(&asked, &[&""]).await.unwrap().len(), VENDORS);
    }
    assert_eq!(server.engine.planner().direct_answers(), direct + 2, "it is read directly");
    cancelled(&server, &client, &asked, LETTERS).await;
    // The connection goes on, and so does the question.
    assert_eq!(client.query(&asked, &[&"a"]).await.unwrap().len(), VENDORS);
    server.stop().await;
}

/// The only place for queries is free again: what was cancelled does not go on behind its client's back.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_ends_what_a_query_thread_reads() {
    let options = PostgresOptions { queries_max: 1, ..PostgresOptions::default() };
    let (server, client) = server(options).await;
    // For the first time: it is to be planned.
    let asked = client.prepare(&asked(MANY_CONDITIONS)).await.unwrap();
    cancelled(&server, &client, &asked, MANY_LETTERS).await;
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
    let error = client.query(asked(MANY_CONDITIONS).as_str(), &[&long(MANY_LETTERS)]).await.unwrap_err();
    assert_eq!(code(&error).code(), "57014");
    client.batch_execute("SET statement_timeout = 0").await.unwrap();
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, VENDORS.to_string());
    let (leaver, connection) = server.config().connect(NoTls).await.unwrap();
    let running = tokio::spawn(connection);
    let asking =
        tokio::spawn(
            async move { leaver.query(asked(MANY_CONDITIONS).as_str(), &[&long(MANY_LETTERS)]).await },
        );
    is_read(&server).await;
    running.abort();
    asking.abort();
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, VENDORS.to_string());
    server.stop().await;
}
