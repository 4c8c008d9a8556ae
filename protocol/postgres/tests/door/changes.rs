//! INSERT, UPDATE, DELETE: through the pipeline, with PostgreSQL's tags, counts and errors.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::fixture::{Server, refused, text, texts};

async fn started() -> (Server, Client) {
    let server = Server::start().await;
    let client = server.connect().await;
    (server, client)
}

async fn count(client: &Client, sql: &str) -> u64 {
    let messages = client.simple_query(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    let counts = messages.iter().filter_map(|m| match m {
        SimpleQueryMessage::CommandComplete(count) => Some(*count),
        _ => None,
    });
    counts.last().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_inserted_changed_and_deleted_with_their_counts() {
    let (_server, client) = started().await;
    assert_eq!(
        count(&client, "INSERT INTO ware (name, price) VALUES ('a', 1.5), ('b', 2), ('c', '3.25')").await,
        3
    );
    assert_eq!(count(&client, "UPDATE ware SET price = price * 2, grade = 'b' WHERE price < 3").await, 2);
    assert_eq!(
        texts(&client, "SELECT name, price, grade, on_sale FROM ware ORDER BY name").await,
        [["a", "3.00", "b", "f"], ["b", "4.00", "b", "f"], ["c", "3.25", "NULL", "f"]]
    );
    assert_eq!(count(&client, "UPDATE ware SET price = 9 WHERE name = 'nobody'").await, 0);
    assert_eq!(count(&client, "DELETE FROM ware WHERE grade = 'b'").await, 2);
    assert_eq!(text(&client, "SELECT string_agg(name, ',') FROM ware").await, "c");
}

#[tokio::test(flavor = "multi_thread")]
async fn returning_tells_what_was_done() {
    let (_server, client) = started().await;
    let rows = client
        .query(
            "INSERT INTO shop.ware AS w (name, stock) VALUES ($1, $2), ('second', 2 + 3) RETURNING w.id, name, stock, revision AS r, on_sale",
            &[&"first", &7i64],
        )
        .await
        .unwrap_or_else(|e| panic!("{e:?}"));
    let names: Vec<(&str, i64)> = rows.iter().map(|r| (r.get("name"), r.get("stock"))).collect();
    assert_eq!(names, [("first", 7), ("second", 5)]);
    assert!(rows[0].get::<_, &str>("id").starts_with("war_"));
    assert!(!rows[0].get::<_, bool>("on_sale"), "defaults are in");
    let rows =
        texts(&client, "UPDATE ware SET stock = stock + 1 WHERE stock < 6 RETURNING name, stock, stock")
            .await;
    assert_eq!(rows, [["second", "6", "6"]]);
    let rows = texts(&client, "DELETE FROM ware RETURNING *").await;
    assert_eq!(rows.len(), 2);
    assert!(texts(&client, "DELETE FROM ware RETURNING id").await.is_empty());
    assert!(texts(&client, "UPDATE ware SET stock = 1 RETURNING id").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_from_queries_defaults_and_expressions() {
    let (_server, client) = started().await;
    client.batch_execute("INSERT INTO vendor (name) VALUES ('x'), ('y')").await.unwrap();
    assert_eq!(
        count(
            &client,
            "INSERT INTO ware (name, vendor_id, since) SELECT name || '!', id, current_date FROM vendor"
        )
        .await,
        2
    );
    assert_eq!(texts(&client, "SELECT name FROM ware ORDER BY 1").await, [["x!"], ["y!"]]);
    assert_eq!(
        count(&client, "INSERT INTO ware (name, on_sale, checked_at) VALUES (lower('ABC'), DEFAULT, now())")
            .await,
        1
    );
    assert_eq!(
        text(
            &client,
            "SELECT on_sale::text || ' ' || (checked_at <= now())::text FROM ware WHERE name = 'abc'"
        )
        .await,
        "false true"
    );
    assert_eq!(
        count(
            &client,
            "UPDATE ware SET name = v.name || '?' FROM vendor v WHERE v.id = ware.vendor_id AND v.name = 'x'"
        )
        .await,
        1
    );
    assert_eq!(count(&client, "DELETE FROM ware USING vendor v WHERE v.id = ware.vendor_id").await, 2);
    assert_eq!(
        count(&client, "WITH v AS (SELECT 'w' AS n) INSERT INTO vendor (name) SELECT n FROM v").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_update_or_are_passed_over() {
    let (_server, client) = started().await;
    let upsert = "INSERT INTO ware (code, name, stock) VALUES ('A', 'one', 1) ON CONFLICT (code) DO UPDATE SET name = excluded.name, stock = excluded.stock RETURNING name, stock";
    assert_eq!(texts(&client, upsert).await, [["one", "1"]]);
    assert_eq!(texts(&client, &upsert.replace("'one', 1", "'two', 2")).await, [["two", "2"]]);
    assert_eq!(text(&client, "SELECT count(*) FROM ware").await, "1");
    let add = "INSERT INTO ware AS w (code, name, stock) VALUES ('A', 'x', 5) ON CONFLICT (code) DO UPDATE SET stock = w.stock + excluded.stock WHERE w.stock < 5 RETURNING stock";
    assert_eq!(texts(&client, add).await, [["7"]]);
    assert!(texts(&client, add).await.is_empty(), "the condition does not hold any more");
    assert_eq!(text(&client, "SELECT name FROM ware").await, "two");
    assert_eq!(
        count(&client, "INSERT INTO ware (code, name) VALUES ('A', 'y'), ('B', 'z') ON CONFLICT DO NOTHING")
            .await,
        1
    );
    assert_eq!(
        count(&client, "INSERT INTO ware (code, name) VALUES ('B', 'q') ON CONFLICT (code) DO NOTHING").await,
        0
    );
    assert_eq!(texts(&client, "SELECT code, name FROM ware ORDER BY code").await, [["A", "two"], ["B", "z"]]);
    refused(&client, "INSERT INTO ware (name) VALUES ('x') ON CONFLICT (name) DO NOTHING", "42P10").await;
}

/// Values that others take between the question and the commit are in the way as those that were there before.
#[tokio::test(flavor = "multi_thread")]
async fn conflicts_with_those_who_insert_at_the_same_time_are_conflicts() {
    const CLIENTS: usize = 6;
    const ROUNDS: usize = 5;
    let (server, client) = started().await;
    let mut clients = Vec::new();
    let all = Arc::new(Barrier::new(CLIENTS));
    for number in 0..CLIENTS {
        let (client, all) = (server.connect().await, all.clone());
        clients.push(tokio::spawn(async move {
            let (mut made, mut updated) = (0, 0);
            for round in 0..ROUNDS {
                let row = |code: &str| format!("('{code}{round}', 'of {number}', 1)");
                let rows = [row("a"), row("b"), row("c")].join(", ");
                let insert = format!("INSERT INTO ware (code, name, stock) VALUES {rows} ON CONFLICT");
                all.wait().await;
                made += count(&client, &format!("{insert} (code) DO NOTHING")).await;
                made += count(&client, &format!("{insert} DO NOTHING")).await;
                all.wait().await;
                let add = "(code) DO UPDATE SET stock = ware.stock + excluded.stock";
                let rows = row("n");
                let insert = format!("INSERT INTO ware (code, name, stock) VALUES {rows} ON CONFLICT {add}");
                updated += count(&client, &insert).await;
            }
            (made, updated)
        }));
    }
    let (mut made, mut updated) = (0, 0);
    for client in clients {
        let (its_made, its_updated) = client.await.unwrap();
        (made, updated) = (made + its_made, updated + its_updated);
    }
    assert_eq!(made, u64::try_from(3 * ROUNDS).unwrap(), "each value once, whoever was first");
    assert_eq!(updated, u64::try_from(CLIENTS * ROUNDS).unwrap());
    let stocks = "SELECT min(stock), max(stock), count(*) FROM ware WHERE code LIKE 'n%'";
    let (clients, rounds) = (CLIENTS.to_string(), ROUNDS.to_string());
    assert_eq!(texts(&client, stocks).await, [[clients.clone(), clients, rounds]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_data_is_told_in_full() {
    let (_server, client) = started().await;
    client.batch_execute("INSERT INTO vendor (id, name) VALUES ('ven_1', 'v'); INSERT INTO ware (name, code, vendor_id) VALUES ('w', 'C', 'ven_1')").await.unwrap();
    let cases = [
        ("INSERT INTO ware (code) VALUES ('x')", "23502", Some("name")),
        ("INSERT INTO ware (name, code) VALUES ('x', 'C')", "23505", Some("code")),
        ("INSERT INTO ware (name, vendor_id) VALUES ('x', 'ven_none')", "23503", Some("vendor_id")),
        ("DELETE FROM vendor WHERE id = 'ven_1'", "23503", None),
        ("INSERT INTO ware (name, price) VALUES ('x', -1)", "23514", Some("price")),
        ("INSERT INTO ware (name, grade) VALUES ('x', 'z')", "23514", Some("grade")),
        ("INSERT INTO ware (name, stock) VALUES ('x', 'many')", "22P02", Some("stock")),
        ("INSERT INTO ware (name, since) VALUES ('x', '2024-02-30')", "22007", Some("since")),
        ("UPDATE ware SET name = NULL", "23502", Some("name")),
        ("UPDATE ware SET nmae = 'x'", "42703", Some("nmae")),
        ("INSERT INTO ware (nmae) VALUES ('x')", "42703", Some("nmae")),
        ("INSERT INTO wares (name) VALUES ('x')", "42P01", None),
        ("INSERT INTO ware (name, name) VALUES ('x', 'y')", "42701", None),
        ("INSERT INTO ware (name) VALUES ('x', 'y')", "42601", None),
        ("INSERT INTO ware (name, code) VALUES ('x')", "42601", None),
        ("DELETE FROM pg_catalog.pg_class", "42809", None),
    ];
    for (sql, state, column) in cases {
        let error = refused(&client, sql, state).await;
        assert_eq!(error.column(), column, "{sql}: {error:?}");
    }
    let error = refused(&client, "INSERT INTO ware (name, code) VALUES ('x', 'C')", "23505").await;
    assert!(error.constraint().is_some(), "{error:?}");
    assert_eq!(error.table(), Some("ware"));
    let error = refused(&client, "INSERT INTO ware (price, grade) VALUES (-1, 'z')", "23502").await;
    assert!(
        error.detail().is_some_and(|d| d.contains("price") && d.contains("grade")),
        "all findings at once: {error:?}"
    );
    assert_eq!(text(&client, "SELECT count(*) FROM ware").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_keep_their_digits_on_the_way_in() {
    let (_server, client) = started().await;
    client.batch_execute("INSERT INTO ware (name, weight, price) VALUES ('w', 1234567890123456789012345678.0123456789, 0.07)").await.unwrap();
    assert_eq!(
        texts(&client, "SELECT weight, price FROM ware").await,
        [["1234567890123456789012345678.0123456789", "0.07"]]
    );
    client.batch_execute("UPDATE ware SET weight = weight + 0.0000000001").await.unwrap();
    assert_eq!(text(&client, "SELECT weight FROM ware").await, "1234567890123456789012345678.0123456790");
}
