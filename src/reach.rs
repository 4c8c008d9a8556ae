//! The records a command works on: those of a running server, or the data folder itself when none runs.

use std::{
    fs::DirBuilder,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result, anyhow, bail};
use futures::StreamExt;
use quarry_engine::{
    Engine, EngineOptions, Engines, Query, Session, SessionOptions, TenantName, World, master_keys,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    command::Reach,
    remote::{Batches, Remote},
    settings::Settings,
};

/// Where a command's questions and changes go.
pub enum Records {
    /// A running server.
    Remote(Remote),
    /// The data folder, opened by this process.
    Local(Local),
}

/// An engine in this process, asked as the operator: who can open the data folder may do everything.
pub struct Local {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The operator's session.
    pub session: Session,
    /// Where its work runs.
    pub runtime: Arc<Runtime>,
}

impl Records {
    /// Reaches the server that was named, or opens the data folder.
    ///
    /// # Errors
    ///
    /// When the server can't be reached, or another process has the folder.
    pub fn open(settings: &Settings, reach: &Reach) -> Result<Records> {
        match &reach.server {
            Some(url) => Remote::new(url, &reach.user, reach.ca.as_deref()).map(Records::Remote),
            None => Local::open(settings).map(Records::Local),
        }
    }

    /// Answers an ObjectQL question.
    ///
    /// # Errors
    ///
    /// Those of the question.
    pub fn query(&self, question: &Value) -> Result<Batches> {
        match self {
            Records::Remote(server) => server.ask("/api/v1/query", question),
            Records::Local(local) => {
                let query = Query::parse(question).map_err(quarry_engine::Error::from)?;
                let answer = local.runtime.block_on(local.session.query(&query))?;
                Ok(local.stream(answer.batches))
            }
        }
    }

    /// Answers a SQL query.
    ///
    /// # Errors
    ///
    /// Those of the query.
    pub fn sql(&self, text: &str) -> Result<Batches> {
        match self {
            Records::Remote(server) => server.ask("/api/v1/sql", &json!({ "sql": text })),
            Records::Local(local) => local.sql(text),
        }
    }

    /// Closes a data folder that was opened.
    ///
    /// # Errors
    ///
    /// Those of the last sync.
    pub fn close(self) -> Result<()> {
        match self {
            Records::Remote(_) => Ok(()),
            Records::Local(local) => Ok(local.engine.close()?),
        }
    }
}

impl Local {
    /// Opens the data folder.
    ///
    /// # Errors
    ///
    /// Findings in the packages; another process that has the folder; damage.
    pub fn open(settings: &Settings) -> Result<Local> {
        make_private(&settings.data())?;
        let opened = Engine::open(engine_options(settings), world(settings)?).with_context(|| {
            format!("{} (while a server runs, name it with --server)", settings.data().display())
        })?;
        if let Some(password) = &opened.admin_password {
            eprintln!("made user admin with password {password}");
        }
        let engine = opened.engine;
        engine.set_limits_of_all(settings.limits_of_all());
        let operator = engine.operator()?;
        let options = SessionOptions { timeout: settings.query_timeout(), ..SessionOptions::default() };
        let session = engine.session(operator, options);
        let runtime = Runtime::new().context("no threads to work with")?;
        Ok(Local { engine, session, runtime: Arc::new(runtime) })
    }

    /// A tenant of the same data folder, asked as its operator; the main one is this.
    ///
    /// # Errors
    ///
    /// A name that no tenant has; those of opening it.
    pub fn of_tenant(&self, settings: &Settings, tenant: &str) -> Result<Local> {
        let name =
            TenantName::try_from(tenant).with_context(|| format!("{tenant:?} is no name of a tenant"))?;
        let engine = Engines::open(self.engine.clone())?.engine_of(&name)?;
        let options = SessionOptions { timeout: settings.query_timeout(), ..SessionOptions::default() };
        let session = engine.session(engine.operator()?, options);
        Ok(Local { engine, session, runtime: self.runtime.clone() })
    }

    /// Answers a SQL query.
    ///
    /// # Errors
    ///
    /// Those of the query.
    pub fn sql(&self, text: &str) -> Result<Batches> {
        let answer = self.runtime.block_on(self.session.sql(text))?;
        Ok(self.stream(answer.batches))
    }

    /// Batches as they come.
    pub fn stream<S, E>(&self, mut batches: S) -> Batches
    where
        S: futures::Stream<Item = Result<arrow::record_batch::RecordBatch, E>> + Unpin + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let runtime = Arc::clone(&self.runtime);
        Box::new(std::iter::from_fn(move || {
            let next = runtime.block_on(batches.next())?;
            Some(next.map_err(|error| anyhow!(error)))
        }))
    }
}

/// The machine, with the master key from `QUARRY_MASTER_KEY` or the file that the settings name.
///
/// # Errors
///
/// A file that can't be read or that others may read; both given; what is no key.
pub fn world(settings: &Settings) -> Result<World> {
    let mut world = World::real();
    let given = std::env::var("QUARRY_MASTER_KEY").ok().filter(|text| !text.is_empty());
    let text = match (given, settings.master_key_file()) {
        (None, None) => return Ok(world),
        (Some(_), Some(_)) => {
            bail!("QUARRY_MASTER_KEY and master_key_file are both given; one of them is needed")
        }
        (Some(text), None) => text,
        (None, Some(path)) => {
            let place = || format!("the master key file {}", path.display());
            let mode = std::fs::metadata(&path).with_context(place)?.permissions().mode();
            if mode & 0o077 != 0 {
                bail!("{} may be read by others (mode {:o}); chmod 600", place(), mode & 0o777);
            }
            std::fs::read_to_string(&path).with_context(place)?
        }
    };
    world.keys = Some(master_keys(&text, world.ids.clone())?);
    Ok(world)
}

/// Makes the data folder, where there is none yet, for its owner alone.
///
/// # Errors
///
/// When it can't be made.
pub fn make_private(data: &Path) -> Result<()> {
    if data.exists() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.with_context(|| format!("the data folder {} can't be made", data.display()))
}

/// What the settings say about the engine; the first admin's password comes from `QUARRY_ADMIN_PASSWORD`.
pub fn engine_options(settings: &Settings) -> EngineOptions {
    let mut options = EngineOptions {
        data: settings.data(),
        packages: settings.packages(),
        admin_password: std::env::var("QUARRY_ADMIN_PASSWORD").ok(),
        token_seconds: settings.token_seconds(),
        tenants: Default::default(),
        resources: Default::default(),
        planner: Default::default(),
        contents: Default::default(),
    };
    options.tenants.locations = settings.locations();
    options.tenants.open_max = settings.tenants_open_max();
    options.tenants.store.history_window_seconds = settings.history_window_seconds();
    options.resources.cache_bytes = settings.cache_bytes();
    options.contents.content_bytes_max = settings.content_bytes_max();
    options.planner.memory_bytes = settings.query_memory_bytes();
    options.planner.plan_rows_max = settings.plan_rows_max();
    options.planner.plan_bytes_max = settings.plan_bytes_max();
    options.planner.heavy_rows = settings.heavy_rows();
    options
}
