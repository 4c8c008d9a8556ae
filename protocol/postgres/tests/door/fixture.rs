//! A server on a free port, over a folder of its own.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use quarry_engine::{Engine, EngineOptions, Engines, PlannerOptions, World};
use quarry_postgres::{PostgresOptions, serve};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};
use tokio_postgres::{Client, NoTls, error::SqlState};

pub const PASSWORD: &str = "correct horse battery";

pub struct Server {
    pub address: SocketAddr,
    pub engine: Arc<Engine>,
    pub engines: Engines,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<std::io::Result<()>>>,
    _data: tempfile::TempDir,
}

impl Server {
    pub async fn start() -> Server {
        Server::start_with(PostgresOptions::default()).await
    }

    pub async fn start_with(options: PostgresOptions) -> Server {
        Server::start_over(options, PlannerOptions::default()).await
    }

    pub async fn start_over(options: PostgresOptions, planner: PlannerOptions) -> Server {
        let data = tempfile::tempdir().unwrap();
        let packages = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/door/packages");
        let engine_options = EngineOptions {
            data: data.path().to_owned(),
            packages: vec![packages],
            admin_password: Some(PASSWORD.into()),
            token_seconds: 3600,
            tenants: Default::default(),
            resources: Default::default(),
            planner,
            contents: Default::default(),
        };
        let opened =
            tokio::task::spawn_blocking(|| Engine::open(engine_options, World::real())).await.unwrap();
        let engine = opened.unwrap_or_else(|error| panic!("{error}")).engine;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            // A test that ends without a word also stops it.
            stopped.await.ok();
        };
        let engines = Engines::open(engine.clone()).unwrap();
        let running = tokio::spawn(serve(engines.clone(), listener, options, shutdown));
        Server { address, engine, engines, stop: Some(stop), running: Some(running), _data: data }
    }

    pub fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.address.port()).user("admin").password(PASSWORD).dbname("main");
        config
    }

    pub async fn connect(&self) -> Client {
        let (client, connection) = self.config().connect(NoTls).await.unwrap_or_else(|e| panic!("{e:?}"));
        tokio::spawn(connection);
        client
    }

    pub async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.running.take().unwrap().await.unwrap().unwrap();
    }
}

/// Waits until something is so: far longer than it takes.
pub async fn until(holds: impl Fn() -> bool) {
    let comes = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(60), comes).await.expect("it does not come to that");
}

/// The code of an error that came from the server.
pub fn code(error: &tokio_postgres::Error) -> &SqlState {
    error.code().unwrap_or_else(|| panic!("no error of the server: {error:?}"))
}

/// Asserts that a statement is refused with a code.
pub async fn refused(client: &Client, sql: &str, state: &str) -> tokio_postgres::error::DbError {
    match client.batch_execute(sql).await {
        Ok(()) => panic!("{sql} was done"),
        Err(error) => {
            assert_eq!(code(&error).code(), state, "{sql}: {error:?}");
            error.as_db_error().unwrap().clone()
        }
    }
}

/// The rows of a simple query, as text, `NULL` for null.
pub async fn texts(client: &Client, sql: &str) -> Vec<Vec<String>> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    messages
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).unwrap_or("NULL").to_owned()).collect())
            }
            _ => None,
        })
        .collect()
}

/// The one value of a simple query.
pub async fn text(client: &Client, sql: &str) -> String {
    let rows = texts(client, sql).await;
    rows.into_iter().next().unwrap_or_else(|| panic!("{sql}: no row")).remove(0)
}
