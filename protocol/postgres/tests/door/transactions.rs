//! Transactions: what is seen, what is kept, what is refused.

use tokio_postgres::Client;

use crate::fixture::{Server, code, refused, text, texts};

async fn started() -> (Server, Client, Client) {
    let server = Server::start().await;
    let (one, two) = (server.connect().await, server.connect().await);
    one.batch_execute("INSERT INTO vendor (id, name) VALUES ('ven_1', 'first')").await.unwrap();
    (server, one, two)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_seen_when_it_is_committed_and_not_before() {
    let (_server, one, two) = started().await;
    one.batch_execute("BEGIN").await.unwrap();
    one.batch_execute("INSERT INTO vendor (name) VALUES ('second')").await.unwrap();
    assert_eq!(text(&one, "SELECT count(*) FROM vendor").await, "2", "it sees its own");
    assert_eq!(text(&two, "SELECT count(*) FROM vendor").await, "1");
    one.batch_execute("COMMIT").await.unwrap();
    assert_eq!(text(&two, "SELECT count(*) FROM vendor").await, "2");
    one.batch_execute("BEGIN; DELETE FROM vendor; ROLLBACK").await.unwrap();
    assert_eq!(text(&two, "SELECT count(*) FROM vendor").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_reads_one_state() {
    let (_server, one, two) = started().await;
    one.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.unwrap();
    assert_eq!(text(&one, "SELECT count(*) FROM vendor").await, "1");
    two.batch_execute("INSERT INTO vendor (name) VALUES ('second')").await.unwrap();
    assert_eq!(text(&one, "SELECT count(*) FROM vendor").await, "1");
    refused(&one, "DELETE FROM vendor", "25006").await;
    one.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(text(&one, "SELECT count(*) FROM vendor").await, "2");
    refused(&one, "BEGIN ISOLATION LEVEL SERIALIZABLE", "0A000").await;
    assert_eq!(text(&one, "SHOW transaction_isolation").await, "repeatable read");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_updates_is_refused_with_40001() {
    let (_server, one, two) = started().await;
    for client in [&one, &two] {
        client.batch_execute("BEGIN").await.unwrap();
        assert_eq!(text(client, "SELECT name FROM vendor").await, "first");
    }
    one.batch_execute("UPDATE vendor SET name = 'by one'; COMMIT").await.unwrap();
    let error = two.batch_execute("UPDATE vendor SET name = 'by two'; COMMIT").await.unwrap_err();
    assert_eq!(code(&error).code(), "40001");
    two.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(text(&two, "SELECT name FROM vendor").await, "by one");
    two.batch_execute("UPDATE vendor SET name = 'by two'").await.unwrap();
    assert_eq!(text(&one, "SELECT name FROM vendor").await, "by two");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_are_their_own_transaction_are_done_again() {
    let (server, one, _two) = started().await;
    one.batch_execute("INSERT INTO ware (id, name, stock) VALUES ('war_1', 'w', 0)").await.unwrap();
    let mut all = Vec::new();
    for _ in 0..8 {
        let client = server.connect().await;
        all.push(tokio::spawn(async move {
            let mut done = 0;
            for _ in 0..5 {
                match client.batch_execute("UPDATE ware SET stock = stock + 1 WHERE id = 'war_1'").await {
                    Ok(()) => done += 1,
                    Err(error) => assert_eq!(code(&error).code(), "40001"),
                }
            }
            done
        }));
    }
    let mut sum = 0;
    for task in all {
        sum += task.await.unwrap();
    }
    assert_eq!(text(&one, "SELECT stock FROM ware").await, sum.to_string(), "no update is lost");
    assert!(sum >= 20, "most are done: {sum}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_statement_fails_the_transaction_until_its_end() {
    let (_server, one, two) = started().await;
    one.batch_execute("BEGIN; INSERT INTO vendor (name) VALUES ('second')").await.unwrap();
    refused(&one, "SELECT nonsense", "42703").await;
    refused(&one, "SELECT 1", "25P02").await;
    let error = one.query("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(code(&error).code(), "25P02");
    one.batch_execute("COMMIT").await.unwrap();
    assert_eq!(text(&two, "SELECT count(*) FROM vendor").await, "1", "COMMIT of a failed one rolls back");
}

#[tokio::test(flavor = "multi_thread")]
async fn savepoints_bring_back_what_was() {
    let (_server, one, _two) = started().await;
    one.batch_execute("BEGIN; SAVEPOINT a; INSERT INTO vendor (name) VALUES ('second'); SAVEPOINT b")
        .await
        .unwrap();
    refused(&one, "INSERT INTO vendor (nonsense) VALUES (1)", "42703").await;
    one.batch_execute("ROLLBACK TO SAVEPOINT b").await.unwrap();
    assert_eq!(text(&one, "SELECT count(*) FROM vendor").await, "2");
    one.batch_execute("INSERT INTO vendor (name) VALUES ('third'); RELEASE b").await.unwrap();
    assert_eq!(text(&one, "SELECT count(*) FROM vendor").await, "3");
    one.batch_execute("ROLLBACK TO a").await.unwrap();
    assert_eq!(text(&one, "SELECT count(*) FROM vendor").await, "1");
    refused(&one, "ROLLBACK TO nowhere", "3B001").await;
    one.batch_execute("ROLLBACK").await.unwrap();
    refused(&one, "SAVEPOINT a", "25P01").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_statements_of_one_message_are_one_transaction() {
    let (_server, one, two) = started().await;
    refused(
        &one,
        "INSERT INTO vendor (name) VALUES ('x'); SELECT 1 / 0; INSERT INTO vendor (name) VALUES ('y')",
        "22012",
    )
    .await;
    assert_eq!(text(&two, "SELECT count(*) FROM vendor").await, "1");
    one.batch_execute("INSERT INTO vendor (name) VALUES ('x'); INSERT INTO vendor (name) VALUES ('y')")
        .await
        .unwrap();
    assert_eq!(text(&two, "SELECT count(*) FROM vendor").await, "3");
    refused(&one, "INSERT INTO vendor (name) VALUES ('z'); COMMIT; SELECT nonsense", "42703").await;
    assert_eq!(text(&two, "SELECT count(*) FROM vendor").await, "4", "what was committed stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drivers_own_transactions_work_nested() {
    let (_server, mut one, two) = started().await;
    let mut outer = one.transaction().await.unwrap();
    outer.execute("INSERT INTO vendor (name) VALUES ($1)", &[&"kept"]).await.unwrap();
    let inner = outer.transaction().await.unwrap();
    inner.execute("INSERT INTO vendor (name) VALUES ($1)", &[&"dropped"]).await.unwrap();
    inner.rollback().await.unwrap();
    outer.commit().await.unwrap();
    assert_eq!(texts(&two, "SELECT name FROM vendor ORDER BY 1").await, [["first"], ["kept"]]);
}
