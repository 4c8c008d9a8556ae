//! Too large, too deep, too many, too slow: each is ended by a limit with a name, in bounded memory, and the server goes on.
//!
//! A body of 100 MB, and garbage: `tests/it/bad_input.rs`. Endless and costly questions: `tests/it/bounds.rs`. Connections by address, TLS
//! handshakes that never end: `protocol/*/tests`. What expressions may make of little: `planner/tests/it/hostile`.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use super::stage::{Ask, Stage};
use crate::{
    bad_input::resident_kb,
    server::{PASSWORD, Server, basic},
};

const QUICK: &[(&str, &str)] = &[
    ("QUARRY_HEADER_SECONDS_MAX", "1"),
    ("QUARRY_BODY_STALLED_SECONDS_MAX", "1"),
    ("QUARRY_REQUEST_SECONDS_MAX", "2"),
    ("QUARRY_AUTHENTICATION_SECONDS_MAX", "1"),
    ("QUARRY_MESSAGE_BYTES_MAX", "1048576"),
];
/// A pause between two bytes of who is slow; long enough for the limits above to pass while he sends.
const PAUSE: Duration = Duration::from_millis(100);
/// How many of them he sends at most: far beyond every limit.
const BYTES_MAX: usize = 400;
/// Growth that is no leak of what was sent.
const GROWTH_KB_MAX: u64 = 96 << 10;

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(&server.http).unwrap();
    stream.set_read_timeout(Some(PAUSE)).unwrap();
    stream
}

fn connect_postgres(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.pg_port)).unwrap();
    stream.set_read_timeout(Some(PAUSE)).unwrap();
    stream
}

/// What the server says, until it closes; panics when it does neither.
fn to_the_end(stream: &mut TcpStream) -> String {
    let (mut told, mut buffer) = (Vec::new(), [0; 4096]);
    for _ in 0..BYTES_MAX {
        match stream.read(&mut buffer) {
            Ok(0) => return String::from_utf8_lossy(&told).into_owned(),
            Ok(count) => told.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return String::from_utf8_lossy(&told).into_owned(),
        }
    }
    panic!("the server neither answers nor closes: {:?}", String::from_utf8_lossy(&told));
}

/// Sends byte by byte until the server has had enough; what it said.
fn dribble(mut stream: TcpStream, byte: impl Fn(usize) -> u8) -> String {
    let (mut told, mut buffer) = (Vec::new(), [0; 4096]);
    for at in 0..BYTES_MAX {
        if stream.write_all(&[byte(at)]).is_err() {
            return String::from_utf8_lossy(&told).into_owned();
        }
        match stream.read(&mut buffer) {
            Ok(0) => return String::from_utf8_lossy(&told).into_owned(),
            Ok(count) => told.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return String::from_utf8_lossy(&told).into_owned(),
        }
    }
    panic!("the server waits for ever: {:?}", String::from_utf8_lossy(&told));
}

fn goes_on(server: &Server) {
    assert_eq!(server.psql_ok("SELECT count(*) FROM company"), "4");
    assert_eq!(server.request("GET", "/health/live", None).0, 200);
}

#[tokio::test]
async fn headers_that_never_end() {
    let stage = Stage::with(QUICK);
    let mut first = connect(&stage.server);
    first.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
    let told = dribble(first, |_| b'a');
    assert!(!told.contains(" 200 "), "{told}");
    let told = dribble(connect(&stage.server), |at| b"GET /"[at.min(4)]);
    assert!(!told.contains(" 200 "), "{told}");
    // Who says nothing, and who says nothing more.
    to_the_end(&mut connect(&stage.server));
    let mut idle = connect(&stage.server);
    idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(to_the_end(&mut idle).contains(" 200 "), "an answer, and an end");
    goes_on(&stage.server);
}

#[tokio::test]
async fn bodies_that_never_end() {
    let stage = Stage::with(QUICK);
    let authorization = basic("clerk", PASSWORD);
    let head = |more: &str| {
        format!(
            "POST /api/v1/query HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\n{more}\r\n\r\n"
        )
    };
    let mut slow = connect(&stage.server);
    slow.write_all(head("content-length: 100000").as_bytes()).unwrap();
    let told = dribble(slow, |_| b' ');
    assert!(told.contains(" 408 "), "{told}");
    let mut stalled = connect(&stage.server);
    stalled.write_all((head("content-length: 100") + "{").as_bytes()).unwrap();
    assert!(to_the_end(&mut stalled).contains(" 408 "));
    let mut chunked = connect(&stage.server);
    chunked.write_all((head("transfer-encoding: chunked") + "1\r\n{\r\n").as_bytes()).unwrap();
    assert!(to_the_end(&mut chunked).contains(" 408 "));
    goes_on(&stage.server);
}

/// Many who are slow at once take the place of nobody for long.
#[tokio::test]
async fn many_slow_connections() {
    let more = [("QUARRY_CONNECTIONS_PER_ADDRESS_MAX", "24"), ("QUARRY_CONNECTIONS_MAX", "32")];
    let stage = Stage::with(&[QUICK, &more].concat());
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..64 {
        let mut stream = connect(&stage.server);
        // What is refused at once is refused.
        drop(stream.write_all(b"POST /api/v1/query HTTP/1.1\r\nhost: x\r\n"));
        slow.push(stream);
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", stage.server.pg_port)) {
            slow.push(stream);
        }
    }
    for stream in &mut slow {
        stream.set_read_timeout(Some(PAUSE)).unwrap();
        to_the_end(stream);
    }
    goes_on(&stage.server);
}

#[tokio::test]
async fn headers_that_are_too_large() {
    let stage = Stage::open();
    let before = resident_kb(&stage.server);
    let request = |head: &str| {
        let mut stream = connect(&stage.server);
        // The server may answer, and close, before all is sent.
        drop(stream.write_all(head.as_bytes()));
        to_the_end(&mut stream)
    };
    let large = format!("GET /health/live HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET /health/live HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(5_000));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1 << 20));
    for head in [&large, &many, &long] {
        let told = request(head);
        assert!(!told.contains(" 200 ") && !told.contains(" 500 "), "{told}");
    }
    assert!(request(&many).contains(" 431 "), "as many as that are told so");
    // Two lengths of one body, or a length and chunks: one of those who read them would be wrong.
    for smuggled in [
        "content-length: 4\r\ncontent-length: 40\r\n\r\nabcdGET /api/v1/auth/me HTTP/1.1\r\n\r\n",
        "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\nhost: x\r\n\r\n",
        "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "content-length: -1\r\n\r\n",
        "content-length: 99999999999999999999\r\n\r\n",
    ] {
        let told = request(&format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{smuggled}"
        ));
        assert!(!told.contains(" 200 "), "{smuggled:?}: {told}");
    }
    assert!(resident_kb(&stage.server).saturating_sub(before) < GROWTH_KB_MAX);
    goes_on(&stage.server);
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let stage = Stage::open();
    let before = resident_kb(&stage.server);
    let authorization = basic("clerk", PASSWORD);
    let request = |path: &str, more: &str, body: &[u8]| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\n{more}\r\n\r\n"
        );
        let mut stream = connect(&stage.server);
        stream.write_all(head.as_bytes()).unwrap();
        drop(stream.write_all(body));
        to_the_end(&mut stream)
    };
    for path in [
        "/api/v1/query",
        "/api/v1/changes",
        "/api/v1/sql",
        "/api/v1/data/company",
        "/graphql",
        "/api/v1/auth/login",
        "/scim/v2/Users",
        "/api/v1/packages/check",
    ] {
        // Said to be so large, and not sent.
        let told = request(path, "content-length: 1000000000000", b"");
        assert!(told.contains(" 413 ") || told.contains(" 403 "), "{path}: {told}");
    }
    let login = request("/api/v1/auth/login", "content-length: 20000", &[b' '; 20_000]);
    assert!(login.contains(" 413 "), "who has not logged in sends little: {login}");
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    let told = request("/api/v1/query", "transfer-encoding: chunked", &chunk.repeat(12));
    assert!(told.is_empty() || told.contains(" 413 "), "{told}");
    // Packed, it might be anything: it is not unpacked.
    let told = request(
        "/api/v1/query",
        "content-encoding: gzip\r\ncontent-length: 20\r\nconnection: close",
        &[0x1f; 20],
    );
    assert!(told.contains(" 400 ") || told.contains(" 415 "), "{told}");
    assert!(resident_kb(&stage.server).saturating_sub(before) < GROWTH_KB_MAX);
    goes_on(&stage.server);
}

#[tokio::test]
async fn questions_that_are_too_deep_or_too_wide() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let deep = |depth: usize, open: &str, inner: &str, close: &str| {
        open.repeat(depth) + inner + &close.repeat(depth)
    };
    let raw = |path: &str, body: String| {
        let response = crate::server::agent()
            .post(format!("{}{path}", stage.server.url()))
            .header("Authorization", basic("clerk", PASSWORD))
            .header("Content-Type", "application/json")
            .send(body);
        response.unwrap().status().as_u16()
    };
    for body in [
        deep(200_000, "[", "", "]"),
        deep(100_000, "{\"a\":", "1", "}"),
        format!(
            "{{\"object\": \"company\", \"where\": {}}}",
            deep(2_000, "{\"$not\":", "{\"stars\": 1}", "}")
        ),
        format!(
            "{{\"object\": \"company\", \"where\": {}}}",
            deep(100, "{\"$and\": [", "{\"stars\": 1}", "]}")
        ),
        format!(
            "{{\"object\": \"company\", \"where\": {}}}",
            deep(100, "[\"not\", ", "[\"stars\", \"=\", 1]", "]")
        ),
    ] {
        let status = raw("/api/v1/query", body);
        assert!([400, 422].contains(&status), "{status}");
    }
    let path = vec!["partner"; 200].join(".") + ".name";
    let mut expand = json!({});
    for _ in 0..60 {
        expand = json!({ "partner": { "fields": ["id"], "expand": expand } });
    }
    let many: Vec<Value> = (0..20_000).map(|n| json!({ "stars": n })).collect();
    let aliases: String = (0..5_000).map(|n| format!("a{n}: companies {{ totalCount }} ")).collect();
    for ask in [
        Ask::ObjectQl(json!({ "object": "company", "fields": [path] })),
        Ask::ObjectQl(json!({ "object": "company", "expand": expand })),
        Ask::ObjectQl(json!({ "object": "company", "fields": [{ "formula": deep(2_000, "(", "stars", ")"), "as": "x" }] })),
        Ask::ObjectQl(json!({ "object": "company", "fields": [{ "formula": "1 + ".repeat(5_000) + "stars", "as": "x" }] })),
        Ask::GraphQl(format!("{{ companies {{ nodes {{ {} }} }} }}", deep(100, "partner { ", "id", " }"))),
        Ask::GraphQl(format!("{{ {aliases} }}")),
        Ask::GraphQl("query { ...A } fragment A on Query { ...B } fragment B on Query { ...A }".into()),
        Ask::GraphQl(format!("{{ companies(where: {}) {{ totalCount }} }}", deep(100, "{not: ", "{stars: {eq: 1}}", "}"))),
        Ask::Sql(format!("SELECT {}", deep(5_000, "(", "1", ")"))),
        Ask::Sql(format!("SELECT {}1", "- ".repeat(20_000))),
        Ask::Sql(format!("SELECT {}", deep(500, "abs(", "1", ")"))),
        Ask::Sql(format!("SELECT * FROM {}", deep(500, "(SELECT * FROM ", "company", ") q"))),
        Ask::Sql(format!("SELECT 1{}", " + 1".repeat(50_000))),
        Ask::Sql("SELECT 1 FROM company a".to_owned() + &(0..200).map(|n| format!(" JOIN company c{n} ON true")).collect::<String>()),
        Ask::Sql("WITH RECURSIVE t(n) AS (SELECT repeat('x', 1000000) UNION ALL SELECT n || n FROM t) SELECT length(n) FROM t LIMIT 40".into()),
        Ask::Sql("SELECT repeat('x', 2000000000)".into()),
    ] {
        let told = clerk.ask(&ask).await;
        assert!(told.is_refused() && told.status < 500, "{}: {told:?}", &format!("{ask:?}")[..200.min(format!("{ask:?}").len())]);
    }
    // Wide ones may be answered, or refused by a limit.
    let told = clerk.ask(&Ask::ObjectQl(json!({ "object": "company", "where": { "$or": many } }))).await;
    assert!(told.status < 500, "{told:?}");
    goes_on(&stage.server);
}

#[tokio::test]
async fn messages_of_postgres_that_are_too_large() {
    let stage = Stage::with(QUICK);
    let before = resident_kb(&stage.server);
    let startup = |length: i32, more: usize| {
        [&length.to_be_bytes()[..], &196_608_i32.to_be_bytes(), &vec![b'a'; more]].concat()
    };
    for bytes in [
        startup(i32::MAX, 100_000),
        startup(-1, 0),
        startup(0, 0),
        startup(4, 0),
        startup(60_000, 60_000),
        startup(1 << 30, 1 << 20),
        [&8_i32.to_be_bytes()[..], &80_877_103_i32.to_be_bytes()].concat().repeat(1_000),
    ] {
        let mut stream = connect_postgres(&stage.server);
        drop(stream.write_all(&bytes));
        to_the_end(&mut stream);
    }
    // Who has logged in may send so much, and no more.
    let clerk = stage.clerk().await;
    let fits = format!("SELECT length('{}')", "x".repeat(1 << 19));
    assert_eq!(clerk.ask(&Ask::Sql(fits)).await.rows()[0], json!(["524288"]));
    let error =
        clerk.sql().simple_query(&format!("SELECT length('{}')", "x".repeat(2 << 20))).await.unwrap_err();
    assert!(error.is_closed() || error.code().is_some_and(|code| code.code() == "08P01"), "{error:?}");
    assert!(resident_kb(&stage.server).saturating_sub(before) < GROWTH_KB_MAX);
    goes_on(&stage.server);
}

#[tokio::test]
async fn logins_of_postgres_that_never_end() {
    let stage = Stage::with(QUICK);
    to_the_end(&mut connect_postgres(&stage.server));
    let mut half = connect_postgres(&stage.server);
    half.write_all(&[0, 0, 0]).unwrap();
    to_the_end(&mut half);
    let parameters = b"user\0clerk\0database\0main\0\0";
    let length = i32::try_from(8 + parameters.len()).unwrap();
    let startup = [&length.to_be_bytes()[..], &196_608_i32.to_be_bytes(), parameters].concat();
    // Asked for a proof, he sends none; or one byte by byte.
    let mut silent = connect_postgres(&stage.server);
    silent.write_all(&startup).unwrap();
    let told = to_the_end(&mut silent);
    assert!(told.contains("SCRAM-SHA-256"), "{told:?}");
    let mut slow = connect_postgres(&stage.server);
    slow.write_all(&startup).unwrap();
    let told = dribble(slow, |at| b"p\0\0\x03\xe8SCRAM-SHA-256\0"[at.min(18)]);
    assert!(!told.contains("server_version"), "{told:?}");
    goes_on(&stage.server);
}
