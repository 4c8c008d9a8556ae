//! Contents through a crash of the server, and `quarry verify` over what lies in the folder then.

use std::fs;

use serde_json::json;

use crate::server::{Server, root};

#[test]
fn what_was_acknowledged_is_there_after_a_crash_and_damage_is_found() {
    let packages = format!(
        "{}:{}",
        root().join("packages/core").display(),
        root().join("tests/it/fixtures/field_kinds").display()
    );
    let server = Server::start_in(tempfile::tempdir().unwrap(), packages.as_ref(), &[]);
    let kept = server.upload("kept.txt", "text/plain", &"kept ".repeat(40_000));
    let waiting = server.upload("waiting.txt", "text/plain", "waiting");
    let change = json!({ "op": "create", "object": "sample", "data": { "id": "s", "name": "s", "papers": [kept["id"]] } });
    let (status, made) = server.post("/api/v1/changes", &json!({ "changes": [change] }));
    assert_eq!(status, 200, "{made}");
    let mut server = server.crash_and_restart();
    let path = format!("/api/v1/objects/sample/s/content/papers/{}", kept["id"].as_str().unwrap());
    assert_eq!(server.request("GET", &path, None), (200, json!("kept ".repeat(40_000))));
    let change =
        json!({ "op": "update", "object": "sample", "id": "s", "data": { "papers": [kept, waiting] } });
    let (status, made) = server.post("/api/v1/changes", &json!({ "changes": [change] }));
    assert_eq!(status, 200, "what waited for its record still does: {made}");
    assert_eq!(server.terminate(), Some(0));

    let verify = || {
        let output = server.command_on_folder(&["verify"]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(verify(), (Some(0), String::new()));
    let content = server
        .folder()
        .join("data/tenant/main/content")
        .join(format!("{}.bytes", kept["id"].as_str().unwrap()));
    let mut bytes = fs::read(&content).unwrap();
    bytes[100_000] ^= 1;
    fs::write(&content, bytes).unwrap();
    let (status, told) = verify();
    assert_eq!(status, Some(1), "{told}");
    let place = format!("{} at byte 65536:", content.display());
    assert!(told.contains(&place), "{told}");
}
