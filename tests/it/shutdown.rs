//! SIGTERM closes cleanly, and what was acknowledged is there at the next start.

use serde_json::json;

use crate::server::Server;

#[test]
fn sigterm_closes_cleanly_and_a_second_process_is_refused() {
    let mut server = Server::start();
    let (status, answer) = server.post(
        "/api/v1/changes",
        &json!({"changes": [{"op": "create", "object": "account", "data": {"name": "Kept"}}]}),
    );
    assert_eq!(status, 200, "{answer}");
    let question = ["query", "{\"object\": \"account\", \"fields\": [\"name\"]}", "--format", "ndjson"];
    let refused = server.command_on_folder(&question).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("--server"), "{said}");

    assert_eq!(server.terminate(), Some(0));
    let answered = server.command_on_folder(&question).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&answered.stdout).trim(), "{\"name\":\"Kept\"}");
    let server = server.crash_and_restart();
    let found = server.query(json!({"object": "account", "where": {"name": "Kept"}, "fields": ["name"]}));
    assert_eq!(found, [json!({"name": "Kept"})]);
}
