//! Bad input at each door: a clear error with the right code, bounded memory, and the server goes on.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::json;

use crate::server::{PASSWORD, Server, agent, basic};

fn code(answer: &serde_json::Value) -> String {
    answer["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_door_answers_bad_input_clearly_and_goes_on() {
    let server = Server::start();
    http_requests(&server);
    graphql_requests(&server);
    sql_statements(&server);
    a_body_of_100_mb_is_refused_without_being_kept(&server);
    garbage_and_half_open_connections(&server);
    assert_eq!(server.query(json!({"object": "account"})), Vec::<serde_json::Value>::new());
    assert_eq!(server.psql_ok("SELECT count(*) FROM account"), "0");
}

fn http_requests(server: &Server) {
    let bodies = [
        (json!({"object": "acount"}), 404, "OBJECT_NOT_FOUND", "account"),
        (json!({"object": "account", "fields": ["nme"]}), 400, "INVALID_FIELD", "name"),
        (json!({"object": "account", "where": {"name": {"$eqq": "x"}}}), 400, "INVALID_FILTER", "$eqq"),
        (
            json!({"object": "account", "where": {"number_of_employees": {"$gt": "many"}}}),
            400,
            "INVALID_FILTER",
            "many",
        ),
        (json!({"object": "account", "ordreBy": ["name"]}), 400, "INVALID_QUERY", "ordreBy"),
        (json!({"object": "account", "orderBy": ["nme"]}), 400, "", "nme"),
        (
            json!({"object": "account", "where": {"created_at": "{tomorow}"}}),
            400,
            "FILTER_TOKEN_UNKNOWN",
            "tomorow",
        ),
    ];
    for (body, status, expected, named) in bodies {
        let (got, answer) = server.post("/api/v1/query", &body);
        assert_eq!(got, status, "{body}: {answer}");
        assert!(expected.is_empty() || code(&answer) == expected, "{body}: {answer}");
        assert!(answer.to_string().contains(named), "{body}: the answer does not name {named}: {answer}");
    }
    let changes = json!({"changes": [
        {"op": "create", "object": "account", "data": {"nam": "x", "annual_revenue": "much", "email": "nobody"}},
        {"op": "create", "object": "contact", "data": {"account_id": "acc_nowhere"}}]});
    let (status, answer) = server.post("/api/v1/changes", &changes);
    assert_eq!(status, 400, "{answer}");
    let findings = answer["error"]["findings"].as_array().unwrap();
    let found: Vec<_> = findings
        .iter()
        .map(|f| (f["field"].as_str().unwrap_or_default(), f["code"].as_str().unwrap()))
        .collect();
    for expected in [
        ("nam", "unknown_field"),
        ("name", "required"),
        ("annual_revenue", "invalid_number"),
        ("email", "invalid_email"),
        ("last_name", "required"),
        ("account_id", "reference_not_found"),
    ] {
        assert!(found.contains(&expected), "{expected:?} is not among {found:?}");
    }
    let raw = |authorization: &str, body: &str| {
        let sent = agent()
            .post(format!("{}/api/v1/query", server.url()))
            .header("Authorization", authorization)
            .header("Content-Type", "application/json")
            .send(body);
        sent.unwrap().status().as_u16()
    };
    assert_eq!(raw(&basic("admin", PASSWORD), "{\"object\": "), 400);
    assert_eq!(raw(&basic("admin", "wrong password"), "{\"object\": \"account\"}"), 401);
    assert_eq!(raw(&basic("nobody", PASSWORD), "{\"object\": \"account\"}"), 401);
    assert_eq!(server.request("GET", "/api/v1/nothing", None).0, 404);
    assert_eq!(server.request("DELETE", "/api/v1/query", None).0, 405);
}

fn graphql_requests(server: &Server) {
    for (operation, named) in [
        ("{ accounts { nodes { nme } } }", "nme"),
        ("{ accounts(where: {name: {eqq: \"x\"}}) { nodes { name } } }", "eqq"),
        ("{ accounts(first: \"many\") { nodes { name } } }", "first"),
        ("{ accounts { nodes { name } }", "expected"),
        ("{ acounts { nodes { name } } }", "acounts"),
    ] {
        let (_, answer) = server.post("/graphql", &json!({ "query": operation }));
        let errors = answer["errors"].to_string();
        assert!(errors.contains(named), "{operation}: {answer}");
        assert!(answer["data"].is_null(), "{operation}: {answer}");
    }
}

fn sql_statements(server: &Server) {
    for (sql, state) in [
        ("SELEC 1", "42601"),
        ("SELECT * FROM acount", "42P01"),
        ("SELECT nme FROM account", "42703"),
        ("SELECT nofunction(1)", "42883"),
        ("SELECT 1/0", "22012"),
        ("SELECT 'x'::int", "22P02"),
        ("INSERT INTO account (nme) VALUES ('x')", "42703"),
        ("INSERT INTO contact (first_name) VALUES ('x')", "23502"),
        ("INSERT INTO contact (last_name, account_id) VALUES ('x', 'acc_nowhere')", "23503"),
        ("CREATE TABLE t (a int)", "0A000"),
        ("SET nothing_of_the_kind = 1", "42704"),
    ] {
        let output = server.psql(sql);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(state), "{sql}: {said}");
    }
}

/// What the server has in memory.
pub fn resident_kb(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn a_body_of_100_mb_is_refused_without_being_kept(server: &Server) {
    let before = resident_kb(server);
    let body = format!("{{\"object\": \"{}\"}}", "x".repeat(100 << 20));
    let sent = agent()
        .post(format!("{}/api/v1/query", server.url()))
        .header("Authorization", basic("admin", PASSWORD))
        .header("Content-Type", "application/json")
        .send(body);
    // The server may answer 413, or close while the body is still being sent.
    if let Ok(answer) = sent {
        assert_eq!(answer.status().as_u16(), 413);
    }
    let grown = resident_kb(server).saturating_sub(before);
    assert!(grown < 64 << 10, "the server grew by {grown} KiB");
}

fn garbage_and_half_open_connections(server: &Server) {
    let pg = format!("127.0.0.1:{}", server.pg_port);
    let mut open = Vec::new();
    for address in [server.http.as_str(), pg.as_str()] {
        for garbage in [
            &b"\x00"[..],
            b"GET",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            &[0x7f; 4096],
            b"\x7f\xff\xff\xff\x00\x03\x00\x00user\x00",
        ] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            stream.write_all(garbage).unwrap();
            let mut answer = [0; 1024];
            // Any answer, a close, or silence: what counts is that the server goes on.
            let _ = stream.read(&mut answer);
            open.push(stream);
        }
    }
    assert_eq!(server.psql_ok("SELECT 1"), "1");
    drop(open);
}
