//! A server of the test's own: the built binary on free ports with a data folder that goes with it.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The admin's password in every test.
pub const PASSWORD: &str = "correct horse battery";

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The published data set, where its folder lies beside the project; a test without it says so and passes.
pub fn data_set() -> Option<PathBuf> {
    let folder = root().join("../shared/data/crm-sales-opportunities");
    if !folder.is_dir() {
        eprintln!("SKIPPED: {} is not there, its known answers are not asked for", folder.display());
        return None;
    }
    Some(folder)
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// `127.0.0.1:port` of the HTTP door.
    pub http: String,
    /// `http` or `https`.
    scheme: String,
    /// Port of the Postgres door.
    pub pg_port: u16,
    folder: TempDir,
    packages: PathBuf,
}

impl Server {
    /// Starts over a new data folder with the repository's packages.
    pub fn start() -> Server {
        Server::start_in(tempfile::tempdir().unwrap(), &root().join("packages"), &[])
    }

    /// As [`Self::start`], with variables of the environment.
    pub fn start_with(variables: &[(&str, &str)]) -> Server {
        let mut command = quarry();
        command.envs(variables.iter().copied());
        let folder = tempfile::tempdir().unwrap();
        Server::launch(command, Stdio::inherit(), folder, &root().join("packages"), &[])
    }

    /// Starts over a given folder.
    pub fn start_in(folder: TempDir, packages: &Path, more: &[&str]) -> Server {
        Server::launch(quarry(), Stdio::inherit(), folder, packages, more)
    }

    /// As [`Self::start_in`], with all that it logs in a file.
    pub fn start_logging(folder: TempDir, log: std::fs::File, filter: &str, more: &[&str]) -> Server {
        let mut command = quarry();
        command.env("QUARRY_LOG", filter);
        Server::launch(command, log.into(), folder, &root().join("packages"), more)
    }

    /// Starts over a given folder and packages, with variables of the environment.
    pub fn start_of(folder: TempDir, packages: &Path, variables: &[(&str, &str)]) -> Server {
        let mut command = quarry();
        command.envs(variables.iter().copied());
        Server::launch(command, Stdio::inherit(), folder, packages, &[])
    }

    fn launch(mut command: Command, log: Stdio, folder: TempDir, packages: &Path, more: &[&str]) -> Server {
        let mut child = command
            .args(["serve", "--http", "127.0.0.1:0", "--pg", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .arg("--packages")
            .arg(packages)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut after = |start: &str| {
            let line = lines.by_ref().map(Result::unwrap).find(|l| l.trim_start().starts_with(start));
            line.unwrap_or_else(|| panic!("the server did not say {start:?}"))
        };
        let http = after("HTTP");
        let (before, after_scheme) = http.split_once("://").unwrap();
        let scheme = before.split_whitespace().last().unwrap().to_owned();
        let http = after_scheme.split('/').next().unwrap().to_owned();
        let pg = after("Postgres");
        let pg_port = pg.split("port=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        after("log in as");
        Server { child, http, scheme, pg_port, folder, packages: packages.to_owned() }
    }

    /// `kill -9`, then a start over the same folder.
    pub fn crash_and_restart(mut self) -> Server {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Server::start_in(folder, &self.packages, &[])
    }

    /// Sends SIGTERM and waits; the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// `kill -9` by process id, from another thread's view.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The folder in which `data` lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.http)
    }

    /// A `quarry` command that talks to this server.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = quarry();
        command.args(arguments).args(["--server", &self.url()]).env("QUARRY_PASSWORD", PASSWORD);
        command.current_dir(self.folder.path());
        command
    }

    /// A `quarry` command that opens this server's data folder itself.
    pub fn command_on_folder(&self, arguments: &[&str]) -> Command {
        let mut command = quarry();
        command.args(arguments).arg("--data").arg(self.folder.path().join("data"));
        command.arg("--packages").arg(root().join("packages"));
        command
    }

    /// Runs `psql` with a script; its output unaligned, tuples only.
    pub fn psql(&self, sql: &str) -> Output {
        Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-c", sql])
            .args(["-h", "127.0.0.1", "-p", &self.pg_port.to_string(), "-U", "admin", "-d", "main"])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .expect("psql is installed by ./test")
    }

    /// The same, which must succeed.
    pub fn psql_ok(&self, sql: &str) -> String {
        let output = self.psql(sql);
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Sends JSON to the HTTP door; status and answer.
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.request("POST", path, Some(body))
    }

    /// Any request with or without a JSON body.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let agent = agent();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url()))
            .header("Authorization", basic("admin", PASSWORD));
        if body.is_some() {
            request = request.header("Content-Type", "application/json");
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let response = agent.run(request.body(text).unwrap()).unwrap();
        let status = response.status().as_u16();
        let mut text = String::new();
        response.into_body().into_reader().read_to_string(&mut text).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Sends a content; what is told of it.
    pub fn upload(&self, name: &str, media_type: &str, bytes: &str) -> Value {
        let encoded: String = name.bytes().map(|b| format!("%{b:02X}")).collect();
        let request = ureq::http::Request::builder()
            .method("POST")
            .uri(format!("{}/api/v1/files?name={encoded}", self.url()))
            .header("Authorization", basic("admin", PASSWORD))
            .header("Content-Type", media_type);
        let response = agent().run(request.body(bytes.to_owned()).unwrap()).unwrap();
        assert_eq!(response.status(), 201);
        serde_json::from_reader(response.into_body().into_reader()).unwrap()
    }

    /// An ObjectQL question's records.
    pub fn query(&self, question: Value) -> Vec<Value> {
        let (status, answer) = self.post("/api/v1/query", &question);
        assert_eq!(status, 200, "{question}: {answer}");
        answer["records"].as_array().unwrap().clone()
    }

    /// A GraphQL operation's data.
    pub fn graphql(&self, operation: &str) -> Value {
        let (status, answer) = self.post("/graphql", &json!({ "query": operation }));
        assert_eq!(status, 200, "{operation}: {answer}");
        assert!(answer.get("errors").is_none(), "{operation}: {answer}");
        answer["data"].clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// The built command, with nothing of the developer's own environment.
pub fn quarry() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quarry"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("QUARRY_")) {
        command.env_remove(name);
    }
    command.env("QUARRY_ADMIN_PASSWORD", PASSWORD).env("QUARRY_LOG", "warn");
    command
}

/// An HTTP agent that tells statuses instead of failing.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(120)))
        .build()
        .new_agent()
}

/// A Basic authorization header.
pub fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}
