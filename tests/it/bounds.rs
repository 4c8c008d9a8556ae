//! What a question may cost and how long it may run, at every door; and that nobody keeps what he left.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, root};

/// It never ends by itself.
const ENDLESS: &str =
    "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t";

fn start(settings: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("quarry.toml");
    std::fs::write(&file, settings).unwrap();
    Server::start_in(folder, &root().join("packages"), &["--config", file.to_str().unwrap()])
}

fn accounts(server: &Server, count: usize) {
    let change =
        |n: usize| json!({"op": "create", "object": "account", "data": {"name": format!("Account {n}")}});
    let changes: Vec<Value> = (0..count).map(change).collect();
    let (status, answer) = server.post("/api/v1/changes", &json!({"changes": changes}));
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn a_question_past_its_budget_is_refused_at_every_door() {
    let server = start("plan_rows_max = 100");
    accounts(&server, 120);
    let grouped = json!({"object": "account", "groupBy": ["name"], "aggregations": [{"function": "count"}]});
    let statement = "SELECT name, count(*) FROM account GROUP BY name";
    for (path, body) in [("/api/v1/query", &grouped), ("/api/v1/sql", &json!({"sql": statement}))] {
        let (status, answer) = server.post(path, body);
        assert_eq!(
            (status, answer["error"]["code"].as_str()),
            (422, Some("LIMIT_EXCEEDED")),
            "{path}: {answer}"
        );
        assert!(answer.to_string().contains("plan_rows_max"), "{path}: {answer}");
    }
    let operation = "{ accounts { groups(by: [{name: VALUE}]) { count } } }";
    let operation = json!({"query": operation});
    let (_, answer) = server.post("/graphql", &operation);
    assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{answer}");
    assert!(answer.to_string().contains("plan_rows_max"), "{answer}");
    let told = server.psql(statement);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(!told.status.success() && said.contains("53400") && said.contains("plan_rows_max"), "{said}");
    // A part of it fits.
    assert_eq!(server.query(json!({"object": "account", "fields": ["id"], "limit": 5})).len(), 5);
}

#[test]
fn a_question_ends_at_its_timeout_at_every_door() {
    let server = start("query_timeout_ms = 300");
    let (status, answer) = server.post("/api/v1/sql", &json!({"sql": ENDLESS}));
    assert_eq!((status, answer["error"]["code"].as_str()), (408, Some("TIMEOUT")), "{answer}");
    let told = server.psql(&format!("SET statement_timeout = '300ms'; {ENDLESS}"));
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(!told.status.success() && said.contains("57014"), "{said}");
    assert_eq!(server.psql_ok("SELECT 1"), "1");
}

/// More heavy questions than may wait are told to come later, at every door.
#[test]
fn heavy_questions_past_the_queue_are_told_to_come_later() {
    const WAITING: usize = 256;
    let more = [
        "tenant_requests_running_max",
        "requests_running_max",
        "connections_max",
        "connections_per_address_max",
    ];
    let more = more.map(|name| format!("{name} = 1000\n")).concat();
    let server = start(&format!("query_timeout_ms = 0\n{more}"));
    let turns = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let request = endless(&server);
    let mut clients: Vec<TcpStream> = (0..turns + WAITING + 6)
        .map(|_| {
            let mut client = TcpStream::connect(&server.http).unwrap();
            client.write_all(request.as_bytes()).unwrap();
            client.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
            client
        })
        .collect();
    let mut told = Vec::new();
    for _ in 0..200 {
        clients.retain_mut(|client| {
            let mut buffer = [0; 4096];
            match client.read(&mut buffer) {
                Ok(count) => {
                    told.push(String::from_utf8_lossy(&buffer[..count]).to_lowercase());
                    false
                }
                Err(_) => true,
            }
        });
        if told.len() >= 6 {
            break;
        }
    }
    assert_eq!(told.len(), 6, "{told:?}");
    for answer in &told {
        assert!(answer.starts_with("http/1.1 429"), "{answer}");
        assert!(answer.contains("retry-after: ") && answer.contains("questions_busy"), "{answer}");
    }
    let said = server.psql(ENDLESS);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("53400") && said.contains("heavy_waiting_max"), "{said}");
    let family = json!({"op": "find", "object": "account", "args": {}});
    assert_eq!(server.post("/api/objectql", &family).0, 200, "what is small is answered beside them");
    drop(clients);
}

/// A request for an endless answer.
fn endless(server: &Server) -> String {
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("admin:{PASSWORD}"));
    let body = json!({"sql": ENDLESS}).to_string();
    format!(
        "POST /api/v1/sql HTTP/1.1\r\nhost: {}\r\nauthorization: Basic {credentials}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        server.http,
        body.len()
    )
}

/// Endless questions hold every turn there is for heavy ones; when their clients have gone, the next one gets its turn.
#[test]
fn a_client_that_goes_away_ends_its_question_at_every_door() {
    let server = start("query_timeout_ms = 0");
    let turns = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let heavy = "select count(*) from generate_series(1, 3000000)";
    let request = endless(&server);
    let clients: Vec<TcpStream> = (0..turns + 2)
        .map(|_| {
            let mut client = TcpStream::connect(&server.http).unwrap();
            client.write_all(request.as_bytes()).unwrap();
            client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            client
        })
        .collect();
    for mut client in clients {
        assert!(client.read(&mut [0; 1]).is_err(), "nothing comes of it");
    }
    let (status, answer) = server.post("/api/v1/sql", &json!({"sql": heavy}));
    assert_eq!(status, 200, "{answer}");
    let endless = format!("SET statement_timeout = 0; {ENDLESS}");
    let mut clients: Vec<_> = (0..turns + 2)
        .map(|_| {
            std::process::Command::new("psql")
                .args(["-X", "-q", "-c", &endless, "-h", "127.0.0.1", "-p", &server.pg_port.to_string()])
                .args(["-U", "admin", "-d", "main"])
                .env("PGPASSWORD", PASSWORD)
                .spawn()
                .unwrap()
        })
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    for client in &mut clients {
        assert!(client.try_wait().unwrap().is_none(), "it goes on");
        client.kill().unwrap();
        client.wait().unwrap();
    }
    assert_eq!(server.psql_ok(heavy), "3000000");
}
