//! What must never happen at this door. Each of these was open in a library or a server of this kind once.

use std::time::Duration;

use quarry_postgres::PostgresOptions;
use tokio_postgres::NoTls;

use crate::{
    fixture::{Server, code, refused, text},
    raw::{Raw, field, kinds, message, query, startup},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_with_a_query_behind_it_runs_nothing() {
    let server = Server::start().await;
    let mut raw = Raw::connect(server.address).await;
    let first = raw.begin_scram("admin").await;
    let mut bytes = Raw::wrong_proof(&first);
    bytes.extend(query("INSERT INTO vendor (name) VALUES ('smuggled')"));
    bytes.extend(query("SELECT 1"));
    raw.send(&bytes).await;
    let told = raw.rest().await;
    assert_eq!(kinds(&told), "E", "one error and the end");
    assert_eq!(field(&told[0], b'S'), "FATAL");
    assert_eq!(field(&told[0], b'C'), "28P01");
    let client = server.connect().await;
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_in_place_of_the_password_runs_nothing() {
    let server = Server::start().await;
    for early in [query("INSERT INTO vendor (name) VALUES ('smuggled')"), message('S', b"")] {
        let mut raw = Raw::connect(server.address).await;
        raw.begin_scram("admin").await;
        raw.send(&early).await;
        let told = raw.rest().await;
        assert_eq!(kinds(&told), "E");
        assert_eq!(field(&told[0], b'S'), "FATAL");
    }
    let client = server.connect().await;
    assert_eq!(text(&client, "SELECT count(*) FROM vendor").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_begun_side_by_side_are_throttled_as_those_one_after_another() {
    let server = Server::start().await;
    let mut begun = Vec::new();
    for _ in 0..12 {
        let mut raw = Raw::connect(server.address).await;
        let first = raw.begin_scram("admin").await;
        begun.push((raw, first));
    }
    let mut codes = Vec::new();
    for (raw, first) in &mut begun {
        raw.send(&Raw::wrong_proof(first)).await;
    }
    for (raw, _) in &mut begun {
        codes.push(field(&raw.rest().await[0], b'C'));
    }
    codes.sort();
    let (wrong, limited) = (codes.iter().filter(|c| *c == "28P01"), codes.iter().filter(|c| *c == "53400"));
    assert_eq!((wrong.count(), limited.count()), (4, 8), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_is_told_what_a_wrong_password_is_told() {
    let server = Server::start().await;
    let mut answers = Vec::new();
    for user in ["admin", "nobody", "nobody"] {
        let mut raw = Raw::connect(server.address).await;
        let first = raw.begin_scram(user).await;
        let salt = first.split(',').nth(1).unwrap().to_owned();
        let iterations = first.split(',').nth(2).unwrap().to_owned();
        raw.send(&Raw::wrong_proof(&first)).await;
        let told = raw.rest().await;
        assert_eq!(kinds(&told), "E");
        answers.push((salt, iterations, field(&told[0], b'C'), field(&told[0], b'M').replace(user, "…")));
    }
    assert_eq!(answers[0].1, answers[1].1, "iterations");
    assert_eq!(answers[0].2, answers[1].2, "code");
    assert_eq!(answers[0].3, answers[1].3, "message");
    assert_eq!(answers[1].0, answers[2].0, "the salt of an unknown user is always the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_store_during_login_leaves_nobody_logged_in() {
    let server = Server::start().await;
    server.engine.close().unwrap();
    let mut raw = Raw::connect(server.address).await;
    let mut bytes = startup(&[("user", "admin"), ("database", "main")]);
    bytes.extend(query("SELECT 1"));
    raw.send(&bytes).await;
    let told = raw.rest().await;
    // Whether the verifier can still be read or not: nothing but a request to prove oneself, or the end.
    assert!(!kinds(&told).contains(['Z', 'T', 'D', 'C']), "{}", kinds(&told));
    let error = told.last().expect("the end is told");
    assert_eq!(field(error, b'S'), "FATAL");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_one_database_is_there_and_only_after_the_password() {
    let server = Server::start().await;
    let error = server.config().dbname("other").connect(NoTls).await.err().unwrap();
    assert_eq!(code(&error).code(), "28P01", "a tenant may have that name");
    let error = server.config().dbname("Other").connect(NoTls).await.err().unwrap();
    assert_eq!(code(&error).code(), "3D000");
    let error = server.config().dbname("Other").password("wrong").connect(NoTls).await.err().unwrap();
    assert_eq!(code(&error).code(), "28P01");
    let error = server.config().options("-c nonsense=1").connect(NoTls).await.err().unwrap();
    assert_eq!(code(&error).code(), "42704");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_declined_in_one_byte() {
    use tokio::io::AsyncReadExt;
    let server = Server::start().await;
    let mut raw = Raw::connect(server.address).await;
    for request in [80_877_104u32, 80_877_103] {
        let mut bytes = 8u32.to_be_bytes().to_vec();
        bytes.extend(request.to_be_bytes());
        raw.send(&bytes).await;
        assert_eq!(raw.stream.read_u8().await.unwrap(), b'N');
    }
    raw.begin_scram("admin").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_false_lengths_end_the_connection_and_nothing_else() {
    let server = Server::start().await;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("huge start-up", [&0x7fff_ffffu32.to_be_bytes()[..], &196_608u32.to_be_bytes()].concat()),
        ("negative length", [&[0xff; 4][..], &196_608u32.to_be_bytes()].concat()),
        ("short length", 3u32.to_be_bytes().to_vec()),
        ("protocol 2", [&8u32.to_be_bytes()[..], &131_072u32.to_be_bytes()].concat()),
        ("no user", startup(&[("database", "main")])),
        ("unterminated", [&13u32.to_be_bytes()[..], &196_608u32.to_be_bytes(), b"user\xff"].concat()),
        ("TLS hello", vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01]),
    ];
    for (what, bytes) in cases {
        let mut raw = Raw::connect(server.address).await;
        raw.send(&bytes).await;
        let told = raw.rest().await;
        assert_eq!(kinds(&told), "E", "{what}");
        assert_eq!(field(&told[0], b'S'), "FATAL", "{what}");
    }
    let mut raw = Raw::connect(server.address).await;
    raw.begin_scram("admin").await;
    raw.send(&[b'p', 0x3f, 0xff, 0xff, 0xff]).await;
    let told = raw.rest().await;
    assert_eq!(field(&told[0], b'C'), "08P01", "a password of a gigabyte is not waited for");
    assert_eq!(text(&server.connect().await, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_log_in_is_sent_away_and_takes_no_place() {
    let options = PostgresOptions {
        authentication_timeout: Duration::from_secs(2),
        connections_max: 2,
        ..PostgresOptions::default()
    };
    let server = Server::start_with(options).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(Raw::connect(server.address).await);
    }
    let first = server.connect().await;
    let second = server.connect().await;
    let error = server.config().connect(NoTls).await.err().unwrap();
    assert_eq!(code(&error).code(), "53300");
    for raw in &mut silent {
        assert_eq!(kinds(&raw.rest().await), "E");
    }
    drop(first);
    assert_eq!(text(&second, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_long_and_broken_statements_are_refused_and_the_session_goes_on() {
    let options = PostgresOptions { statement_bytes_max: 100_000, ..PostgresOptions::default() };
    let server = Server::start_with(options).await;
    let client = server.connect().await;
    refused(&client, &format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000)), "54001").await;
    refused(&client, &format!("SELECT '{}'", "x".repeat(100_000)), "54000").await;
    let error = refused(&client, "SELECT 1 +\n FROM vendor WHERE", "42601").await;
    assert!(matches!(error.position(), Some(tokio_postgres::error::ErrorPosition::Original(_))), "{error:?}");
    refused(&client, "SELECT 'open", "42601").await;
    refused(&client, "SELECT $1", "42P02").await;
    assert_eq!(text(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_tells_the_clients() {
    let server = Server::start().await;
    let (client, connection) = server.config().connect(NoTls).await.unwrap();
    let ended = tokio::spawn(connection);
    server.stop().await;
    let error = ended.await.unwrap().unwrap_err();
    assert_eq!(code(&error).code(), "57P01");
    drop(client);
}
