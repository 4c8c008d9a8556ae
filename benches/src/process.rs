//! The two servers: started on free loopback ports over folders of their own, stopped when dropped.

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

/// Quarry over a folder of its own, with an `admin`.
pub struct Quarry {
    child: Child,
    /// The HTTP door's URL.
    pub url: String,
    pg_port: u16,
    agent: ureq::Agent,
    _folder: TempDir,
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
        let mut child = Command::new(&binary)
            .args(["serve", "--http", "127.0.0.1:0", "--pg", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .arg("--packages")
            .arg(std::env::join_paths(packages)?)
            .env("QUARRY_ADMIN_PASSWORD", PASSWORD)
            .env("QUARRY_LOG", "warn")
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
        Ok(Quarry { child, url, pg_port, agent: ureq::Agent::new_with_defaults(), _folder: folder })
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
    child: Child,
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
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = [
            "shared_buffers=2GB",
            "work_mem=64MB",
            "effective_cache_size=8GB",
            "synchronous_commit=on",
            "max_connections=100",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "random_page_cost=1.1",
        ];
        let mut command = owner(&bin.join("postgres"));
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        command.args(settings.iter().flat_map(|s| ["-c", s])).stderr(Stdio::null());
        let child = command.spawn()?;
        Ok(Postgres { child, port, folder })
    }

    /// A program of its installation, as the user that owns the cluster.
    ///
    /// # Errors
    ///
    /// Those of finding out who we are.
    pub fn program(&self, name: &str) -> Result<Command> {
        Ok(owner(self.folder.path())?(&PathBuf::from(BIN).join(name)))
    }

    /// A connection, waited for while the server starts.
    pub async fn connect(&self) -> Result<Client> {
        for _ in 0..100 {
            if let Ok(client) = connect(self.port, "bench", "postgres").await {
                return Ok(client);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("PostgreSQL did not start")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown; its children go with it.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
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
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
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
