//! `quarry serve`: opens the engine, puts the doors before it, and closes everything in order at the end.

use std::{future::Future, net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use quarry_engine::{Engine, World};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{load, reach, settings::Settings};

/// Trees of the deepest statement that is let through are walked by recursion.
const STACK_BYTES: usize = 16 << 20;

/// Serves until Ctrl-C or SIGTERM.
///
/// # Errors
///
/// An address that is taken, findings in the packages, a data folder that another process has or that is damaged.
pub fn serve(settings: &Settings, demo: bool) -> Result<()> {
    start_log(settings.log())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .context("no threads to serve with")?;
    runtime.block_on(run(settings, demo))
}

async fn run(settings: &Settings, demo: bool) -> Result<()> {
    let http = bind(settings.http(), "http").await?;
    let pg = bind(settings.pg(), "pg").await?;
    let options = reach::engine_options(settings);
    let opened = tokio::task::spawn_blocking(move || Engine::open(options, World::real()))
        .await
        .context("opening broke off")?
        .with_context(|| settings.data().display().to_string())?;
    let engine = opened.engine;
    engine.set_identity_options(settings.identity_options());
    for warning in &opened.warnings.0 {
        tracing::warn!("{warning}");
    }
    if let Some(refused) = &opened.refused {
        tracing::error!("the package folders are not served, the active versions are: {refused}");
    }
    if demo {
        load::demo_at_first_start(&engine).await?;
    }
    let addresses = (http.local_addr()?, pg.local_addr()?);
    let (stop, stopped) = watch::channel(false);
    let doors = open_doors(&engine, settings, http, pg, &stopped);
    tokio::spawn(reload_on_hangup(Arc::clone(&engine)));
    tokio::spawn(look_after(Arc::clone(&engine), settings.recycle_bin_days(), stopped.clone()));
    greet(addresses, opened.admin_password.as_deref());
    signal().await;
    tracing::info!("closing");
    stop.send_replace(true);
    for door in doors {
        door.await.context("a door broke off")??;
    }
    tokio::task::spawn_blocking(move || engine.close()).await.context("closing broke off")??;
    Ok(())
}

async fn bind(address: Option<SocketAddr>, key: &str) -> Result<TcpListener> {
    let address = address.with_context(|| format!("{key} has no address"))?;
    TcpListener::bind(address).await.with_context(|| format!("{address} ({key}) can't be listened on"))
}

fn open_doors(
    engine: &Arc<Engine>,
    settings: &Settings,
    http: TcpListener,
    pg: TcpListener,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<std::io::Result<()>>> {
    let http_options = quarry_http::HttpOptions {
        body_bytes_max: settings.body_bytes_max(),
        connections_max: settings.connections_max(),
        query_timeout: settings.query_timeout(),
        ..Default::default()
    };
    let pg_options = quarry_postgres::PostgresOptions {
        connections_max: settings.connections_max(),
        statement_timeout: settings.query_timeout(),
        ..Default::default()
    };
    let router = quarry_http::router(Arc::clone(engine), http_options.clone());
    vec![
        tokio::spawn(quarry_http::serve(http, router, http_options, until(stopped))),
        tokio::spawn(quarry_postgres::serve(Arc::clone(engine), pg, pg_options, until(stopped))),
    ]
}

fn until(stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stopped = stopped.clone();
    async move {
        // An error means that the sender is gone: time to stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    }
}

/// Ctrl-C or SIGTERM.
async fn signal() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!("SIGTERM can't be listened for: {error}");
            return drop(tokio::signal::ctrl_c().await);
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// SIGHUP loads the package folders again; with findings, the last good version keeps serving.
async fn reload_on_hangup(engine: Arc<Engine>) {
    let Ok(mut hangup) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) else {
        return tracing::warn!("SIGHUP can't be listened for");
    };
    while hangup.recv().await.is_some() {
        let engine = Arc::clone(&engine);
        match tokio::task::spawn_blocking(move || engine.reload()).await {
            Ok(Ok(registry)) => tracing::info!("packages loaded again: registry {}", registry.version),
            Ok(Err(error)) => {
                tracing::error!("packages not loaded, the last good version serves on: {error}")
            }
            Err(error) => tracing::error!("loading packages broke off: {error}"),
        }
    }
}

/// How often what nobody wants any more is looked for.
const LOOKED_AFTER_EVERY: Duration = Duration::from_secs(3600);

/// Removes what was deleted long ago, and contents that no record has got; now and every hour.
async fn look_after(engine: Arc<Engine>, days: Option<NonZeroU32>, mut stopped: watch::Receiver<bool>) {
    loop {
        let upkeep = Arc::clone(&engine);
        match tokio::task::spawn_blocking(move || look_once(&upkeep, days)).await {
            Ok(()) => {}
            Err(error) => tracing::error!("looking after the store broke off: {error}"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOKED_AFTER_EVERY) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
    }
}

fn look_once(engine: &Engine, days: Option<NonZeroU32>) {
    match days.map(|days| engine.purge_older(days.get())).transpose() {
        Ok(None | Some(0)) => {}
        Ok(Some(purged)) => tracing::info!("purged {purged} records that were deleted long ago"),
        Err(error) => tracing::warn!("the recycle bins can't be emptied now: {error}"),
    }
    match engine.remove_ended() {
        Ok(0) => {}
        Ok(removed) => tracing::info!("removed {removed} sessions, API keys and grants that have ended"),
        Err(error) => tracing::warn!("sessions that have ended can't be removed now: {error}"),
    }
    match engine.remove_uploads() {
        Ok(0) => {}
        Ok(removed) => tracing::info!("removed {removed} contents that no record has"),
        Err(error) => tracing::warn!("contents that no record has can't be removed now: {error}"),
    }
}

fn greet((http, pg): (SocketAddr, SocketAddr), password: Option<&str>) {
    println!("Quarry serves.");
    println!("  HTTP and GraphQL  http://{http}/   (GraphiQL: http://{http}/graphql)");
    println!("  Postgres wire     psql 'host={} port={} user=admin dbname=main'", pg.ip(), pg.port());
    match password {
        Some(password) => println!("  log in as admin   password {password}   (printed this once)"),
        None => println!(
            "  log in as admin   with the password of the first start (forgotten? stop, then: quarry user passwd admin)"
        ),
    }
}

fn start_log(filter: &str) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .with_context(|| format!("log = {filter:?} is no filter"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| anyhow::anyhow!("the log can't be started: {error}"))
}
