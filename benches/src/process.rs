//! The servers: started on free loopback ports over folders of their own, stopped when dropped, and by the system where this program ends
//! without a word.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

/// Of every user of a run.
pub const PASSWORD: &str = "only for this run";
/// Where Debian keeps PostgreSQL 15.
const BIN: &str = "/usr/lib/postgresql/15/bin";
/// What PostgreSQL is told beyond its defaults.
pub const POSTGRES_SETTINGS: [&str; 8] = [
    "shared_buffers=2GB",
    "work_mem=64MB",
    "effective_cache_size=8GB",
    "synchronous_commit=on",
    "max_connections=100",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "random_page_cost=1.1",
];

/// A command whose process ends when this one does, by this signal.
pub fn ending_with_us(program: &Path, signal: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal, "--"]).arg(program);
    command
}

fn signal(child: &Child, name: &str) {
    let _ = Command::new("kill").args([name, &child.id().to_string()]).status();
}

/// Quarry over a folder of its own, with an `admin`.
pub struct Quarry {
    child: Child,
    /// The HTTP door's URL.
    pub url: String,
    pg_port: u16,
    agent: ureq::Agent,
    folder: Option<TempDir>,
}

/// The folders of Quarry's own packages, and of one more where there is one.
pub fn package_folders(more: Option<&Path>) -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packages");
    std::iter::once(own).chain(more.map(Path::to_owned)).collect()
}

impl Quarry {
    /// Starts the binary that was built beside this one over a data folder, empty or not.
    ///
    /// # Errors
    ///
    /// A binary that is missing or does not start.
    pub fn start(folder: TempDir, packages: &[PathBuf]) -> Result<Quarry> {
        let binary = Self::binary()?;
        let mut command = ending_with_us(&binary, "KILL");
        // It is measured as it starts without settings, and refuses those that it does not know.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("QUARRY_"))
        {
            command.env_remove(name);
        }
        let mut child = command
            .args(["serve", "--http", "127.0.0.1:0", "--pg", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .arg("--packages")
            .arg(std::env::join_paths(packages)?)
            .env("QUARRY_ADMIN_PASSWORD", PASSWORD)
            .env("QUARRY_LOG", "warn")
            // Millions of rows that are copied into a peer take longer than a question may otherwise.
            .env("QUARRY_QUERY_TIMEOUT_MS", "0")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines =
            BufReader::new(child.stdout.take().context("no output")?).lines().map_while(Result::ok);
        let mut after = |start: &str, from: &str| -> Result<String> {
            let line =
                lines.find(|l| l.trim_start().starts_with(start)).context("the server did not start")?;
            let rest = line.split(from).nth(1).context("an unexpected greeting")?;
            Ok(rest.split(['/', ' ']).next().unwrap_or_default().to_owned())
        };
        let url = format!("http://{}", after("HTTP", "http://")?);
        let pg_port = after("Postgres", "port=")?.parse()?;
        // It has more to tell, and must find somebody who reads it.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Quarry { child, url, pg_port, agent: ureq::Agent::new_with_defaults(), folder: Some(folder) })
    }

    /// Starts it and loads demo records.
    ///
    /// # Errors
    ///
    /// As [`Self::start`]; records that are refused.
    pub fn with_demo(scale: u32, packages: &[PathBuf]) -> Result<Quarry> {
        let quarry = Self::start(tempfile::tempdir()?, packages)?;
        let loaded = Command::new(Self::binary()?)
            .args(["demo", "--scale", &scale.to_string(), "--server", &quarry.url])
            .env("QUARRY_PASSWORD", PASSWORD)
            .status()?;
        ensure!(loaded.success(), "demo records could not be loaded");
        Ok(quarry)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its records lie.
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), TempDir::path)
    }

    /// Stops it in order, and hands over its folder.
    ///
    /// # Errors
    ///
    /// Those of waiting.
    pub fn stop(mut self) -> Result<TempDir> {
        signal(&self.child, "-TERM");
        self.child.wait()?;
        self.folder.take().context("the folder is gone")
    }

    /// What it calls itself.
    ///
    /// # Errors
    ///
    /// A binary that is missing.
    pub fn version() -> Result<String> {
        let told = Command::new(Self::binary()?).arg("--version").output()?;
        Ok(String::from_utf8_lossy(&told.stdout).trim().to_owned())
    }

    fn binary() -> Result<PathBuf> {
        let binary = std::env::current_exe()?.with_file_name("quarry");
        ensure!(binary.exists(), "build it first: cargo build --release ({} is missing)", binary.display());
        Ok(binary)
    }

    /// An administrator's connection to the Postgres door.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn connect(&self) -> Result<Client> {
        self.connect_as("admin").await
    }

    /// A user's connection to the Postgres door; every user of a run has the same password.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn connect_as(&self, user: &str) -> Result<Client> {
        connect(self.pg_port, user, "main").await
    }

    /// A user's connection to a tenant's database at the Postgres door.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn connect_to(&self, user: &str, tenant: &str) -> Result<Client> {
        connect(self.pg_port, user, tenant).await
    }

    /// Asks the HTTP door for something as nobody.
    ///
    /// # Errors
    ///
    /// A status that is no success.
    pub fn open(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url));
        Ok(request.send_json(body)?.body_mut().read_json()?)
    }

    /// The Basic authorization of the HTTP door.
    pub fn authorization(&self, user: &str) -> String {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{PASSWORD}")))
    }

    /// Asks the HTTP door for something as a user.
    ///
    /// # Errors
    ///
    /// A status that is no success.
    pub fn ask(&self, user: &str, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request.header("Authorization", self.authorization(user));
        Ok(request.send_json(body)?.body_mut().read_json()?)
    }

    /// Makes a user who has a permission set.
    ///
    /// # Errors
    ///
    /// A name that is taken; no such set.
    pub fn add_user(&self, name: &str, set: &str) -> Result<()> {
        self.ask(
            "admin",
            "/api/v1/auth/users",
            &json!({ "user": name, "password": PASSWORD, "admin": false }),
        )?;
        let url = format!("{}/api/v1/users/{name}/permission-sets/{set}", self.url);
        self.agent.put(url).header("Authorization", self.authorization("admin")).send_empty()?;
        Ok(())
    }
}

impl Drop for Quarry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// PostgreSQL 15 as Debian packs it.
pub struct Postgres {
    child: Option<Child>,
    /// Its port on loopback.
    pub port: u16,
    folder: TempDir,
}

impl Postgres {
    /// Makes a cluster in a folder of its own and starts it.
    pub fn start() -> Result<Postgres> {
        let bin = PathBuf::from(BIN);
        ensure!(bin.join("postgres").exists(), "PostgreSQL 15 is missing: apt-get install postgresql-15");
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let owner = owner(folder.path())?;
        let words = ["-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C", "-D"];
        let made = owner(&bin.join("initdb")).args(words).arg(&data).stdout(Stdio::null()).status()?;
        ensure!(made.success(), "initdb failed");
        let mut postgres = Postgres { child: None, port: 0, folder };
        postgres.resume()?;
        Ok(postgres)
    }

    /// Starts the stopped server again, at another port; it may take a moment until it answers.
    ///
    /// # Errors
    ///
    /// Those of starting a process.
    pub fn resume(&mut self) -> Result<()> {
        self.port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = owner(self.folder.path())?(&PathBuf::from(BIN).join("postgres"));
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        command.args(POSTGRES_SETTINGS.iter().flat_map(|s| ["-c", s])).stderr(Stdio::null());
        self.child = Some(command.spawn()?);
        Ok(())
    }

    /// Stops it in order.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // SIGINT is PostgreSQL's fast shutdown; its children go with it.
            signal(&child, "-INT");
            let _ = child.wait();
        }
    }

    /// The first of its processes.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where its files lie.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of its installation, as the user that owns the cluster.
    ///
    /// # Errors
    ///
    /// Those of finding out who we are.
    pub fn program(&self, name: &str) -> Result<Command> {
        Ok(owner(self.folder.path())?(&PathBuf::from(BIN).join(name)))
    }

    /// A connection to one of its databases, at once or not.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub async fn connect_to(&self, database: &str) -> Result<Client> {
        connect(self.port, "bench", database).await
    }

    /// A connection, waited for while the server starts.
    ///
    /// # Errors
    ///
    /// A server that did not start.
    pub async fn connect(&self) -> Result<Client> {
        for _ in 0..100 {
            if let Ok(client) = self.connect_to("postgres").await {
                return Ok(client);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("PostgreSQL did not start")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// PostgreSQL refuses to run as root: as root its commands run as `postgres`, who then owns the folder.
fn owner(folder: &Path) -> Result<impl Fn(&Path) -> Command + use<>> {
    let id = Command::new("id").arg("-u").output()?;
    let root = String::from_utf8_lossy(&id.stdout).trim() == "0";
    if root {
        let owned = Command::new("chown").args(["-R", "postgres"]).arg(folder).status()?;
        ensure!(owned.success(), "there is no user postgres: apt-get install postgresql-15");
    }
    Ok(move |program: &Path| {
        if !root {
            return ending_with_us(program, "INT");
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=INT", "--"]);
        command.arg(program);
        command
    })
}

async fn connect(port: u16, user: &str, database: &str) -> Result<Client> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user(user).password(PASSWORD).dbname(database);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
