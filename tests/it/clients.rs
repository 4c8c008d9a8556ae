//! Real clients, each a script in `tests/clients` that exits with 0 when all it tried was right.

use std::{path::PathBuf, process::Command};

use crate::server::{PASSWORD, Server, root};

/// What runs a script, by its ending. Clients that are missing fail the test: `./test` installs them.
pub fn runner(script: &PathBuf) -> Command {
    let tool = |variable: &str, usual: &str| std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    let program = match script.extension().and_then(|e| e.to_str()) {
        Some("py") => tool("QUARRY_TEST_PYTHON", "python3"),
        Some("cjs" | "mjs" | "js") => "node".to_owned(),
        Some("sh") => "bash".to_owned(),
        other => panic!("{}: nothing runs {other:?}", script.display()),
    };
    let mut command = Command::new(program);
    command.arg(script);
    command
}

fn run_all(folder: &str, more: &[&str]) {
    let folder = root().join("tests/clients").join(folder);
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension().is_some_and(|e| ["py", "cjs", "mjs", "sh"].iter().any(|known| e == *known))
        })
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "no script in {}", folder.display());
    let modules = std::env::var("QUARRY_TEST_NODE_PATH").unwrap_or_default();
    let mut failures = Vec::new();
    for script in scripts {
        let server = Server::start_in(tempfile::tempdir().unwrap(), &root().join("packages"), more);
        let output = runner(&script)
            .env("NODE_PATH", &modules)
            .env("QUARRY_HTTP", server.url())
            .env("QUARRY_USER", "admin")
            .env("QUARRY_PASSWORD", PASSWORD)
            .env("QUARRY_PG_HOST", "127.0.0.1")
            .env("QUARRY_PG_PORT", server.pg_port.to_string())
            .env("QUARRY_PG_USER", "admin")
            .env("QUARRY_PG_PASSWORD", PASSWORD)
            .env("QUARRY_PG_DB", "main")
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", script.display()));
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            failures.push(format!("== {}\n{}", script.display(), String::from_utf8_lossy(&said)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn postgres_clients() {
    run_all("postgres", &[]);
}

#[test]
fn graphql_clients() {
    run_all("graphql", &[]);
}

#[test]
fn clients_of_the_family() {
    run_all("compat", &[]);
}

/// Over the demo's records, so that most fields have values.
#[test]
fn openapi_clients() {
    run_all("openapi", &["--demo"]);
}
