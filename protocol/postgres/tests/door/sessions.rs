//! Sessions: settings, prepared statements and cursors of SQL, message order, and ending what runs.

use std::time::Duration;

use quarry_postgres::PostgresOptions;
use tokio_postgres::{Client, NoTls};

use crate::{
    fixture::{PASSWORD, Server, code, refused, text, texts},
    raw::{Raw, field, kinds, message, query},
};

/// Runs until it is ended.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 3000000000) AS t(x) WHERE x % 7 = 3";

async fn started() -> (Server, Client) {
    let server = Server::start().await;
    let client = server.connect().await;
    (server, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_belong_to_their_session_and_transaction() {
    let (server, client) = started().await;
    let other = server.connect().await;
    client.batch_execute("SET statement_timeout = '5s'; SET application_name TO 'tool'").await.unwrap();
    assert_eq!(text(&client, "SHOW statement_timeout").await, "5s");
    assert_eq!(text(&other, "SHOW application_name").await, "");
    client.batch_execute("BEGIN; SET LOCAL statement_timeout = 1000").await.unwrap();
    assert_eq!(text(&client, "SHOW statement_timeout").await, "1s");
    client.batch_execute("SET application_name = 'inner'; ROLLBACK").await.unwrap();
    assert_eq!(text(&client, "SHOW statement_timeout").await, "5s");
    assert_eq!(text(&client, "SHOW application_name").await, "tool");
    client.batch_execute("RESET ALL").await.unwrap();
    assert_eq!(text(&client, "SHOW application_name").await, "");
    refused(&client, "SET nonsense = 1", "42704").await;
    refused(&client, "SHOW nonsense", "42704").await;
    assert!(text(&client, "SHOW server_version").await.starts_with("15."));
    assert!(texts(&client, "SHOW ALL").await.len() > 30);
    client.batch_execute("SET app.user = 'me'").await.unwrap();
    client.batch_execute("DISCARD ALL").await.unwrap();
    refused(&client, "SHOW app.user", "42704").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_prepared_in_sql_too() {
    let (_server, client) = started().await;
    client.batch_execute("INSERT INTO vendor (name) VALUES ('x'), ('y')").await.unwrap();
    client
        .batch_execute("PREPARE find (text, int) AS SELECT name, $2 + 1 FROM vendor WHERE name = $1")
        .await
        .unwrap();
    assert_eq!(texts(&client, "EXECUTE find('x', 41)").await, [["x", "42"]]);
    assert_eq!(texts(&client, "EXECUTE find('y' || '', '1')").await, [["y", "2"]]);
    refused(&client, "EXECUTE find('x')", "42601").await;
    refused(&client, "PREPARE find AS SELECT 1", "42P05").await;
    client.batch_execute("DEALLOCATE find").await.unwrap();
    refused(&client, "EXECUTE find('x', 1)", "26000").await;
    client.batch_execute("DEALLOCATE ALL; DISCARD ALL; CLOSE ALL; UNLISTEN *; RESET ALL").await.unwrap_err();
    client.batch_execute("DEALLOCATE ALL; CLOSE ALL; UNLISTEN *; RESET ALL").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_read_forward() {
    let (_server, client) = started().await;
    client
        .batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT x FROM generate_series(1, 5) AS t(x)")
        .await
        .unwrap();
    assert_eq!(texts(&client, "FETCH 2 FROM c").await, [["1"], ["2"]]);
    assert_eq!(texts(&client, "FETCH NEXT FROM c").await, [["3"]]);
    assert_eq!(texts(&client, "FETCH ALL FROM c").await, [["4"], ["5"]]);
    assert!(texts(&client, "FETCH FORWARD 10 FROM c").await.is_empty());
    client.batch_execute("COMMIT").await.unwrap();
    refused(&client, "FETCH 1 FROM c", "34000").await;
    refused(&client, "DECLARE c CURSOR FOR SELECT 1", "25P01").await;
    client
        .batch_execute("DECLARE h CURSOR WITH HOLD FOR SELECT x FROM generate_series(1, 3) AS t(x)")
        .await
        .unwrap();
    assert_eq!(texts(&client, "FETCH 1 FROM h").await, [["1"]]);
    let row = client.query("FETCH 1 FROM h", &[]).await.unwrap();
    assert_eq!(row[0].get::<_, i64>(0), 2, "in binary too");
    client.batch_execute("CLOSE h").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_ends_the_running_statement() {
    let (_server, client) = started().await;
    let token = client.cancel_token();
    let cancel = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        token.cancel_query(NoTls).await.unwrap();
    });
    let error = client.batch_execute(ENDLESS).await.unwrap_err();
    assert_eq!(code(&error).code(), "57014");
    cancel.await.unwrap();
    assert_eq!(text(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statement_timeout_ends_it_too() {
    let (_server, client) = started().await;
    client.batch_execute("SET statement_timeout = 150").await.unwrap();
    let error = client.batch_execute(ENDLESS).await.unwrap_err();
    assert_eq!(code(&error).code(), "57014");
    let error = client.query(ENDLESS, &[]).await.unwrap_err();
    assert_eq!(code(&error).code(), "57014");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_its_query() {
    let options = PostgresOptions { queries_max: 1, ..PostgresOptions::default() };
    let server = Server::start_with(options).await;
    let (client, connection) = server.config().connect(NoTls).await.unwrap();
    let running = tokio::spawn(connection);
    let asking = tokio::spawn(async move { client.batch_execute(ENDLESS).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    running.abort();
    asking.abort();
    // There is one place for queries: it must be free again.
    let other = server.connect().await;
    assert_eq!(text(&other, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn idling_in_a_transaction_ends_the_connection() {
    let (server, other) = started().await;
    let (client, connection) = server.config().connect(NoTls).await.unwrap();
    let ended = tokio::spawn(connection);
    client
        .batch_execute(
            "SET idle_in_transaction_session_timeout = 100; BEGIN; INSERT INTO vendor (name) VALUES ('x')",
        )
        .await
        .unwrap();
    let error = ended.await.unwrap().unwrap_err();
    assert_eq!(code(&error).code(), "25P03");
    assert_eq!(text(&other, "SELECT count(*) FROM vendor").await, "0");
}

/// A raw client that has logged in with the right password.
async fn logged_in(server: &Server) -> Raw {
    let mut raw = Raw::connect(server.address).await;
    raw.log_in("admin", PASSWORD).await;
    raw
}

fn parse(name: &str, sql: &str) -> Vec<u8> {
    message('P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0\0\0"].concat())
}

fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message('B', &[portal.as_bytes(), b"\0", statement.as_bytes(), b"\0\0\0\0\0\0\0"].concat())
}

fn execute(portal: &str, rows: u32) -> Vec<u8> {
    message('E', &[portal.as_bytes(), b"\0", &rows.to_be_bytes()].concat())
}

fn describe(what: &str) -> Vec<u8> {
    message('D', format!("{what}\0").as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_in_exactly_the_order_of_postgresql() {
    let (server, _client) = started().await;
    let mut raw = logged_in(&server).await;
    let sync = message('S', b"");
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("one query", query("SELECT 1"), "TDCZ"),
        ("empty query", query(""), "IZ"),
        ("only a comment", query("-- nothing"), "IZ"),
        ("two queries", query("SELECT 1; SELECT 2"), "TDCTDCZ"),
        ("no rows", query("SELECT 1 WHERE false"), "TCZ"),
        ("a command", query("BEGIN; ROLLBACK"), "CCZ"),
        ("an error between", query("SELECT 1; SELECT nonsense; SELECT 2"), "TDCEZ"),
        ("a setting", query("SET application_name = 'x'"), "SCZ"),
        ("a warning", query("COMMIT"), "NCZ"),
        (
            "the whole extended protocol",
            [parse("", "SELECT 1"), describe("S"), bind("", ""), describe("P"), execute("", 0), sync.clone()]
                .concat(),
            "1tT2TDCZ",
        ),
        (
            "a limit",
            [
                parse("", "SELECT x FROM generate_series(1,3) t(x)"),
                bind("", ""),
                execute("", 2),
                execute("", 2),
                execute("", 2),
                sync.clone(),
            ]
            .concat(),
            "12DDsDCCZ",
        ),
        (
            "no data",
            [parse("", "SET jit = off"), bind("", ""), describe("P"), execute("", 0), sync.clone()].concat(),
            "12nCZ",
        ),
        (
            "empty statement",
            [parse("", ""), bind("", ""), describe("P"), execute("", 0), sync.clone()].concat(),
            "12nIZ",
        ),
        (
            "nothing after an error until Sync",
            [
                parse("", "SELECT nonsense"),
                bind("", ""),
                describe("P"),
                execute("", 0),
                query("SELECT 1"),
                sync.clone(),
            ]
            .concat(),
            "12EZ",
        ),
        (
            "two in a pipeline",
            [
                parse("a", "SELECT 1"),
                bind("", "a"),
                execute("", 0),
                bind("", "a"),
                execute("", 0),
                message('C', b"Sa\0"),
                sync.clone(),
            ]
            .concat(),
            "12DC2DC3Z",
        ),
        ("unknown portal", [execute("none", 0), sync.clone()].concat(), "EZ"),
    ];
    for (what, bytes, expected) in cases {
        raw.send(&bytes).await;
        let told = raw.until('Z').await;
        assert_eq!(kinds(&told), expected, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_one_transaction_up_to_its_sync() {
    let (server, client) = started().await;
    let mut raw = logged_in(&server).await;
    let one = |name: &str| {
        let sql = format!("INSERT INTO vendor (name) VALUES ({name})");
        [parse("", &sql), bind("", ""), execute("", 0)].concat()
    };
    raw.send(&[one("'a'"), one("'b'"), one("1 / 0"), one("'c'"), message('S', b"")].concat()).await;
    assert_eq!(kinds(&raw.until('Z').await), "12C12C12EZ");
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
    raw.send(&[one("'a'"), one("'b'"), message('S', b"")].concat()).await;
    assert_eq!(kinds(&raw.until('Z').await), "12C12CZ");
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_end_the_connection() {
    let (server, client) = started().await;
    for (what, bytes) in [
        ("unknown type", message('?', b"")),
        ("negative length", vec![b'Q', 0xff, 0xff, 0xff, 0xff]),
        ("too long", vec![b'Q', 0x7f, 0xff, 0xff, 0xff]),
        ("no end", message('Q', b"SELECT 1")),
        ("short Bind", message('B', b"\0\0\0\x05")),
        ("a parameter longer than the message", message('B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0")),
    ] {
        let mut raw = logged_in(&server).await;
        raw.send(&bytes).await;
        let told = raw.rest().await;
        assert_eq!(kinds(&told), "E", "{what}");
        assert_eq!(field(&told[0], b'C'), "08P01", "{what}");
    }
    assert_eq!(text(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_yields_late_is_ended_and_one_too_large_is_refused() {
    let (_server, client) = started().await;
    let pairs = |rows: u32| {
        let list = format!("(SELECT unnest(range(0, {rows})) AS x)");
        format!("SELECT count(*) FROM {list} a JOIN {list} b ON a.x < b.x AND b.x < a.x")
    };
    client.batch_execute("SET statement_timeout = 50").await.unwrap();
    refused(&client, &pairs(14_000), "57014").await;
    client.batch_execute("SET statement_timeout = 0").await.unwrap();
    refused(&client, &pairs(200_000), "53400").await;
    let series =
        "SELECT count(*) FROM generate_series(1, 3000000000) a(x) JOIN generate_series(1, 3000000000) b(x)";
    refused(&client, &format!("{series} ON a.x < b.x"), "53400").await;
}

/// A package of one object; in the second version `price` is `amount`.
fn version(version: &str, object: &str) -> quarry_metadata::Bundle {
    let package = format!("name: store\nversion: {version}\ndepends: {{ core: '*' }}\n");
    let object = format!("idPrefix: itm\nfields:\n  name: {{ type: text }}\n  {object}\n");
    let files = [("package.yml".to_owned(), package), ("item.object.yml".to_owned(), object)];
    quarry_metadata::Bundle::of_files("store", &files.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_may_stay_on_an_older_version() {
    let (server, client) = started().await;
    let engine = server.engine.clone();
    let install = tokio::task::spawn_blocking(move || {
        let admin = engine.session(engine.operator().unwrap(), quarry_engine::SessionOptions::default());
        let old = version("1.0.0", "price: { type: currency }");
        let new = version(
            "1.1.0",
            "amount: { type: currency, alias: price }\n  rank: { type: text, default: low }",
        );
        for bundle in [old, new] {
            let id = bundle.id();
            admin.publish(&[bundle]).unwrap();
            admin.activate(&[id]).unwrap();
        }
    });
    install.await.unwrap();
    client.batch_execute("INSERT INTO item (id, name, amount) VALUES ('a', 'Lamp', 1.5)").await.unwrap();
    // A former name is a column of its own in a statement that says it.
    assert_eq!(texts(&client, "SELECT name, price FROM item WHERE price > 1").await, [["Lamp", "1.50"]]);
    client.batch_execute("UPDATE item SET price = 2 WHERE price = 1.5").await.unwrap();
    assert_eq!(text(&client, "SELECT amount FROM item").await, "2.00");

    client.batch_execute("SET quarry.version = 'store@1.0'").await.unwrap();
    assert_eq!(text(&client, "SHOW quarry.version").await, "store@1.0");
    refused(&client, "SELECT amount FROM item", "42703").await;
    refused(&client, "INSERT INTO item (rank) VALUES ('x')", "42703").await;
    client.batch_execute("INSERT INTO item (id, price) VALUES ('b', 7)").await.unwrap();
    let columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'item' AND column_name IN ('price', 'amount', 'rank')";
    assert_eq!(texts(&client, columns).await, [["price"]]);
    refused(&client, "SET quarry.version = 'store@2'", "42704").await;
    assert_eq!(text(&client, "SELECT price FROM item WHERE id = 'b'").await, "7.00", "it stays where it was");
    client.batch_execute("BEGIN").await.unwrap();
    refused(&client, "SET quarry.version = 'store@1.1'", "0A000").await;
    client.batch_execute("ROLLBACK").await.unwrap();
    client.batch_execute("RESET quarry.version").await.unwrap();
    assert_eq!(texts(&client, "SELECT amount, rank FROM item WHERE id = 'b'").await, [["7.00", "low"]]);

    let mut config = server.config();
    config.options("-c quarry.version=store@1.0");
    let (pinned, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(text(&pinned, "SELECT price FROM item WHERE id = 'b'").await, "7.00");
    refused(&pinned, "SELECT amount FROM item", "42703").await;
    config.options("-c quarry.version=store@9");
    assert!(config.connect(NoTls).await.is_err(), "no other version is served instead");
}
