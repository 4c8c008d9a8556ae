//! Tenants by the program: an encrypted server, two tenants, export, verify, a deletion, and nothing in the clear in between.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::server::{PASSWORD, Server, agent, basic, quarry, root};

const OTHER_PASSWORD: &str = "another horse battery";
/// Written into records, documents, names of users and of packages; found in no file.
const MARKER: &str = "zqxmarkerxqz";
const MASTER: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push((path.clone(), fs::read(&path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

fn no_marker(folder: &Path, when: &str) {
    for (path, bytes) in files(folder) {
        let is_in = |bytes: &[u8]| {
            bytes.windows(MARKER.len()).any(|part| part.eq_ignore_ascii_case(MARKER.as_bytes()))
        };
        assert!(!is_in(path.display().to_string().as_bytes()), "{when}: {}", path.display());
        assert!(!is_in(&bytes), "{when}: {}", path.display());
        let is_open = |ending: &str| bytes.ends_with(ending.as_bytes());
        assert!(!is_open("PAR1"), "{when}: {} is plain Parquet", path.display());
    }
}

fn done(command: &mut Command) -> String {
    let output: Output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    told
}

/// A request as the administrator of acme.
fn as_acme(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let request = ureq::http::Request::builder()
        .method("POST")
        .uri(format!("{}{path}", server.url()))
        .header("Authorization", basic("admin@acme", OTHER_PASSWORD))
        .header("Content-Type", "application/json");
    let response = agent().run(request.body(body.to_string()).unwrap()).unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_reader(response.into_body().into_reader()).unwrap())
}

#[test]
fn an_encrypted_tenant_lives_and_dies_without_a_word_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("master.key");
    fs::write(&key, MASTER).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let config = folder.path().join("quarry.toml");
    fs::write(&config, format!("master_key_file = {:?}\n", key.display().to_string())).unwrap();
    let config = config.display().to_string();
    let packages = format!(
        "{}:{}",
        root().join("packages/core").display(),
        root().join("tests/it/fixtures/field_kinds").display()
    );
    let mut server = Server::start_in(folder, packages.as_ref(), &["--config", &config]);
    let data = server.folder().join("data");
    let create = ["tenant", "create", "acme"];
    let told = done(server.command(&create).env("QUARRY_NEW_PASSWORD", OTHER_PASSWORD));
    assert!(told.contains("admin@acme") && !told.contains(OTHER_PASSWORD), "{told}");
    done(server.command(&["tenant", "create", "other"]).env("QUARRY_NEW_PASSWORD", PASSWORD));
    let listed = done(&mut server.command(&["tenant", "list"]));
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert!(!listed.contains("not encrypted"), "{listed}");

    let user = json!({ "user": format!("user-{MARKER}"), "password": OTHER_PASSWORD });
    assert_eq!(as_acme(&server, "/api/v1/auth/users", &user).0, 201);
    for number in 0..50 {
        let record = json!({ "id": format!("{MARKER}-{number}"), "name": format!("{MARKER} {number}") });
        let change = json!({ "changes": [{ "op": "create", "object": "sample", "data": record }] });
        let (status, answer) = as_acme(&server, "/api/v1/changes", &change);
        assert_eq!(status, 200, "{answer}");
    }
    no_marker(&data, "while it runs");
    assert_eq!(server.query(json!({ "object": "sample", "fields": ["id"] })).len(), 0, "of the main tenant");

    assert_eq!(server.terminate(), Some(0));
    no_marker(&data, "closed");
    let at = |arguments: &[&str]| {
        let mut command = quarry();
        command.args(arguments).args(["--config", &config, "--packages", &packages, "--data"]).arg(&data);
        command
    };
    done(&mut at(&["verify"]));
    let out = server.folder().join("exported").display().to_string();
    done(&mut at(&["tenant", "export", "acme", "--out", &out]));
    let records = fs::read_to_string(Path::new(&out).join("records/sample.ndjson")).unwrap();
    assert_eq!(records.lines().count(), 50);
    assert!(records.lines().all(|line| serde_json::from_str::<Value>(line).is_ok() && line.contains(MARKER)));
    assert!(Path::new(&out).join("packages.json").exists());
    no_marker(&data, "exported");

    // Without the key: nothing, not even a trace.
    let before = files(&data);
    let refused = server.command_on_folder(&["verify"]).output().unwrap();
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("encrypted") && told.contains("master key"), "{told}");
    let open = server.folder().join("master.key");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = at(&["verify"]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("chmod 600"));
    fs::set_permissions(&open, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(files(&data), before);

    let other = files(&data.join("tenant/other"));
    let refused = at(&["tenant", "delete", "acme", "--confirm", "acne"]).output().unwrap();
    assert!(!refused.status.success() && data.join("tenant/acme/keys").exists());
    let told = done(&mut at(&["tenant", "delete", "acme", "--confirm", "acme"]));
    assert!(told.contains("keys are destroyed"), "{told}");
    assert!(!data.join("tenant/acme").exists());
    assert_eq!(files(&data.join("tenant/other")), other, "byte for byte");
}
