//! Who came in, from where, and what was changed: told by the server, taken out, and checked without it.

use serde_json::{Value, json};

use crate::server::{Server, basic, quarry};

fn export(server: &Server, more: &[&str]) -> (String, std::path::PathBuf) {
    let file = server.folder().join(format!("export{}.ndjson", more.len()));
    let mut arguments = vec!["audit", "export", "--out", file.to_str().unwrap()];
    arguments.extend(more);
    let output = server.command_on_folder(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (std::fs::read_to_string(&file).unwrap(), file)
}

fn check(file: &std::path::Path) -> (bool, String) {
    let output = quarry().args(["audit", "check"]).arg(file).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn what_happened_is_taken_out_and_checked_elsewhere() {
    let mut server = Server::start();
    let create =
        json!({"changes": [{"op": "create", "object": "account", "id": "acme", "data": {"name": "Acme"}}]});
    assert_eq!(server.post("/api/v1/changes", &create).0, 200);
    let agent = crate::server::agent();
    let wrong = agent
        .get(format!("{}/api/v1/packages", server.url()))
        .header("Authorization", basic("admin", "wrong"));
    assert_eq!(wrong.header("User-Agent", "probe/1").call().unwrap().status(), 401);
    // The events are written a moment after they happened.
    let seen = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        server.psql_ok("SELECT count(*) FROM audit.events WHERE event = 'login_failed' AND door = 'http' AND client = 'probe/1'") == "1"
    });
    assert!(seen, "{}", server.psql_ok("SELECT event, door, client FROM audit.events"));
    assert_eq!(
        server.psql_ok("SELECT door || ' ' || address FROM audit.changes WHERE record = 'acme'"),
        "http 127.0.0.1"
    );
    let by_postgres = server.psql_ok("INSERT INTO account (id, name) VALUES ('bolt', 'Bolt') RETURNING id");
    assert_eq!(by_postgres, "bolt");
    assert_eq!(
        server.psql_ok("SELECT door || ' ' || client || ' ' || (request LIKE 'pg-%')::text FROM audit.changes WHERE record = 'bolt'"),
        "postgres psql true"
    );
    let (status, refused) = server.post("/api/v1/sql", &json!({"sql": "DELETE FROM audit.events"}));
    assert_ne!(status, 200, "{refused}");
    assert!(!server.psql("DELETE FROM audit.events").status.success());
    assert_eq!(server.terminate(), Some(0));

    let verified = server.command_on_folder(&["verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let (plain, file) = export(&server, &[]);
    let (went_well, said) = check(&file);
    assert!(went_well && said.contains("hold together"), "{said}");
    let lines: Vec<Value> = plain.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let entry = lines.iter().find(|line| line["changes"][0]["record"] == "acme").unwrap();
    assert_eq!(entry["changes"][0]["address"], "127.0.0.1");
    assert!(lines.iter().any(|line| line["event"]["event"] == "login_failed"));
    assert!(!plain.contains("argon2"), "nothing of credentials without the entries themselves");

    // Whoever changes, leaves out or cuts off is found out.
    let (framed, file) = export(&server, &["--frames"]);
    assert!(check(&file).0, "{}", check(&file).1);
    let lines: Vec<&str> = framed.lines().collect();
    let at = lines.iter().position(|line| line.contains("\"acme\"")).unwrap();
    let mut left_out = lines.clone();
    left_out.remove(at);
    let swapped = framed.replacen("\"hashBefore\":\"", "\"hashBefore\":\"0", 2);
    let frame_at = lines[at].find("\"frame\":\"").unwrap() + 100;
    let mut changed = lines[at].to_owned();
    changed
        .replace_range(frame_at..=frame_at, if &lines[at][frame_at..=frame_at] == "A" { "B" } else { "A" });
    let forged: Vec<&str> =
        lines.iter().enumerate().map(|(n, line)| if n == at { changed.as_str() } else { line }).collect();
    for (what, text) in [
        ("left out", left_out.join("\n")),
        ("cut off", lines[..lines.len() - 1].join("\n")),
        ("another hash", swapped),
        ("another frame", forged.join("\n")),
    ] {
        std::fs::write(&file, text).unwrap();
        assert!(!check(&file).0, "{what}");
    }
}

#[test]
fn a_hold_is_placed_listed_and_lifted_on_a_running_server() {
    let server = Server::start();
    let run = |arguments: &[&str]| {
        let output = server.command(arguments).output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    assert!(run(&["audit", "hold", "place", "account/acme corp", "--reason", "case 7"]).0);
    assert_eq!(run(&["audit", "hold", "list"]), (true, "account/acme corp  case 7\n".into()));
    assert!(!run(&["audit", "hold", "place", "nothing", "--reason", "x"]).0);
    assert!(run(&["audit", "hold", "lift", "account/acme corp"]).0);
    assert_eq!(run(&["audit", "hold", "list"]), (true, String::new()));
    let events = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        server.psql_ok(
            "SELECT count(*) FROM audit.events WHERE event LIKE 'hold_%' AND subject = 'account/acme corp'",
        ) == "2"
    });
    assert!(events);
}

#[test]
fn a_tenant_that_asks_too_much_is_told_to_wait() {
    let server = crate::server::Server::start_with(&[("QUARRY_TENANT_REQUESTS_PER_SECOND", "1")]);
    let agent = crate::server::agent();
    let ask = |path: &str| {
        let request = agent.get(format!("{}{path}", server.url()));
        request.header("Authorization", basic("admin", crate::server::PASSWORD)).call().unwrap()
    };
    let refused =
        (0..50).map(|_| ask("/api/v1/packages")).find(|answer| answer.status() == 429).expect("refused");
    assert_eq!(refused.headers()["retry-after"], "1");
    let refused =
        (0..50).map(|_| ask("/graphql?query={__typename}")).find(|answer| answer.status() == 429).unwrap();
    let body: Value = serde_json::from_reader(refused.into_body().into_reader()).unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    let said = server.psql("SELECT 1; SELECT 2; SELECT 3");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("53400"), "{said}");
    // What needs no login is answered all the same.
    assert_eq!(ask("/health/live").status(), 200);
}
