//! Golden request and response pairs: every file of `tests/golden` runs on a fresh server, its steps in order.
//!
//! ```text
//! === what the step shows
//! > variables: {"id": "com_acme"}
//! > operation: Name
//! query Name($id: ID!) { … }
//! --- 200
//! { "data": … }
//! ```
//!
//! With `UPDATE_GOLDEN=1` the responses are written anew; a person then reads the difference.

use std::{fs, path::PathBuf};

use serde_json::{Map, Value, json};

use super::client::Server;

struct Step {
    title: String,
    directives: Vec<(String, String)>,
    query: String,
    expected: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn golden_files() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let server = Server::start().await;
        let text = fs::read_to_string(&file).unwrap();
        let mut written = String::new();
        for step in steps(&text) {
            let found = run(&server, &step).await;
            if found != step.expected {
                wrong.push(format!("{}: {}\nfound {found}", file.display(), step.title));
            }
            written.push_str(&step.write(&found));
        }
        if update {
            fs::write(&file, written).unwrap();
        }
    }
    assert!(update || wrong.is_empty(), "{}", wrong.join("\n\n"));
}

async fn run(server: &Server, step: &Step) -> String {
    let mut body = Map::from_iter([("query".to_owned(), json!(step.query))]);
    for (name, value) in &step.directives {
        match name.as_str() {
            "variables" => body.insert("variables".into(), serde_json::from_str(value).unwrap()),
            "operation" => body.insert("operationName".into(), json!(value)),
            other => panic!("unknown directive {other}"),
        };
    }
    let answer = server.post(&Value::Object(body)).await;
    format!("{}\n{:#}", answer.status.as_u16(), answer.json())
}

fn steps(text: &str) -> Vec<Step> {
    text.split("=== ").skip(1).map(step).collect()
}

fn step(text: &str) -> Step {
    let (title, rest) = text.split_once('\n').unwrap();
    let (asked, expected) = rest.split_once("\n--- ").unwrap_or((rest, ""));
    let mut directives = Vec::new();
    let mut query = Vec::new();
    for line in asked.lines() {
        match line.strip_prefix("> ").and_then(|line| line.split_once(": ")) {
            Some((name, value)) => directives.push((name.to_owned(), value.to_owned())),
            None => query.push(line),
        }
    }
    Step {
        title: title.to_owned(),
        directives,
        query: query.join("\n").trim().to_owned(),
        expected: expected.trim_end().to_owned(),
    }
}

impl Step {
    fn write(&self, found: &str) -> String {
        let directives: String =
            self.directives.iter().map(|(name, value)| format!("> {name}: {value}\n")).collect();
        format!("=== {}\n{directives}{}\n--- {found}\n\n", self.title, self.query)
    }
}
