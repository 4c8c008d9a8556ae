//! `quarry serve`: opens the engine, puts the doors before it, and closes everything in order at the end.

use std::{future::Future, io::Write, net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use quarry_engine::{Engine, Engines};
use quarry_http::HttpOptions;
use quarry_listen::{Certificate, Tls};
use quarry_postgres::PostgresOptions;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use crate::{issuers, load, reach, settings::Settings};

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
    let tls = open_tls(settings)?;
    let (http_options, pg_options) =
        (settings.http_options(tls.clone())?, settings.postgres_options(tls.clone()));
    let http = bind(settings.http(), "http").await?;
    let pg = bind(settings.pg(), "pg").await?;
    reach::make_private(&settings.data())?;
    let (options, world) = (reach::engine_options(settings), reach::world(settings)?);
    let opened = tokio::task::spawn_blocking(move || Engine::open(options, world))
        .await
        .context("opening broke off")?
        .with_context(|| settings.data().display().to_string())?;
    let engine = opened.engine;
    // What holds of the main tenant now holds of those that are opened later.
    engine.set_request_limits(settings.request_limits());
    engine.set_limits_of_all(settings.limits_of_all());
    engine.set_requests_running_max(settings.requests_running_max());
    engine.keep_events();
    let main = Arc::clone(&engine);
    let engines =
        tokio::task::spawn_blocking(move || Engines::open(main)).await.context("opening broke off")??;
    engine.set_identity_options(settings.identity_options());
    if let Some(path) = settings.issuers() {
        issuers::trust(&engine, &path)?;
    }
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
    let doors = open_doors(&engines, (http, http_options), (pg, pg_options), &stopped);
    tokio::spawn(reload_on_hangup(engines.clone(), tls.clone()));
    tokio::spawn(look_after(engines.clone(), settings.recycle_bin_days(), stopped.clone()));
    tokio::spawn(close_idle(engines.clone(), stopped.clone()));
    // Whoever reads that it serves may end it at once, and in order.
    let terminate = listen_for_terminate();
    greet(addresses, tls.is_some(), opened.admin_password.as_deref());
    asked_to_stop(terminate).await;
    tracing::info!("closing");
    stop.send_replace(true);
    for door in doors {
        door.await.context("a door broke off")??;
    }
    tokio::task::spawn_blocking(move || engines.close()).await.context("closing broke off")??;
    Ok(())
}

async fn bind(address: Option<SocketAddr>, key: &str) -> Result<TcpListener> {
    let address = address.with_context(|| format!("{key} has no address"))?;
    TcpListener::bind(address).await.with_context(|| format!("{address} ({key}) can't be listened on"))
}

/// Both doors, each a task.
fn open_doors(
    engines: &Engines,
    (http, http_options): (TcpListener, HttpOptions),
    (pg, pg_options): (TcpListener, PostgresOptions),
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<std::io::Result<()>>> {
    let router = quarry_http::router(engines.clone(), http_options.clone());
    vec![
        tokio::spawn(quarry_http::serve(http, router, http_options, until(stopped))),
        tokio::spawn(quarry_postgres::serve(engines.clone(), pg, pg_options, until(stopped))),
    ]
}

/// The certificate, if there is to be one. One that nobody would accept serves all the same, and is told of.
fn open_tls(settings: &Settings) -> Result<Option<Arc<Tls>>> {
    let Some(files) = settings.tls() else { return Ok(None) };
    let tls = Tls::open(files)?;
    tell_validity(&tls.current());
    Ok(Some(tls))
}

/// A certificate that is out of its time is not taken by any client that looks.
fn tell_validity(certificate: &Certificate) {
    /// Then there is still time to make another.
    const SOON: chrono::TimeDelta = chrono::TimeDelta::days(14);
    let (from, to) = (certificate.not_before, certificate.not_after);
    match chrono::Utc::now() {
        now if now >= to => tracing::error!("the certificate has expired at {to}"),
        now if now < from => tracing::error!("the certificate is valid from {from} only"),
        now if now + SOON >= to => tracing::warn!("the certificate expires at {to}"),
        _ => {}
    }
}

fn until(stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stopped = stopped.clone();
    async move {
        // An error means that the sender is gone: time to stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    }
}

/// Listens for SIGTERM from now on.
fn listen_for_terminate() -> Option<Signal> {
    let listening = signal(SignalKind::terminate());
    listening.inspect_err(|error| tracing::warn!("SIGTERM can't be listened for: {error}")).ok()
}

/// Ctrl-C or SIGTERM.
async fn asked_to_stop(terminate: Option<Signal>) {
    let Some(mut terminate) = terminate else { return drop(tokio::signal::ctrl_c().await) };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// SIGHUP loads the certificate and the package folders again; what can't be used changes nothing: the last good version keeps serving.
async fn reload_on_hangup(engines: Engines, tls: Option<Arc<Tls>>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return tracing::warn!("SIGHUP can't be listened for");
    };
    while hangup.recv().await.is_some() {
        if let Some(tls) = &tls {
            reload_tls(tls).await;
        }
        for engine in engines.open_ones() {
            reload_packages(engine).await;
        }
    }
}

/// A tenant that is not open looks at the package folders when it is opened.
async fn reload_packages(engine: Arc<Engine>) {
    let tenant = engine.tenant().clone();
    match tokio::task::spawn_blocking(move || engine.reload()).await {
        Ok(Ok(registry)) => tracing::info!(%tenant, "packages loaded again: registry {}", registry.version),
        Ok(Err(error)) => {
            tracing::error!(%tenant, "packages not loaded, the last good version serves on: {error}")
        }
        Err(error) => tracing::error!("loading packages broke off: {error}"),
    }
}

async fn reload_tls(tls: &Arc<Tls>) {
    let tls = Arc::clone(tls);
    match tokio::task::spawn_blocking(move || tls.reload()).await {
        Ok(Ok(certificate)) => {
            tracing::info!(
                "certificate loaded again: {} until {}",
                certificate.subject,
                certificate.not_after
            );
            tell_validity(&certificate);
        }
        Ok(Err(error)) => tracing::error!("certificate not loaded, the old one serves on: {error}"),
        Err(error) => tracing::error!("loading the certificate broke off: {error}"),
    }
}

/// How often what nobody wants any more is looked for.
const LOOKED_AFTER_EVERY: Duration = Duration::from_secs(3600);

/// How often tenants that nobody uses are looked for.
const IDLE_LOOKED_FOR_EVERY: Duration = Duration::from_secs(60);

/// Closes the tenants that nobody uses.
async fn close_idle(engines: Engines, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(IDLE_LOOKED_FOR_EVERY) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        let engines = engines.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || engines.close_idle()).await {
            tracing::error!("closing what is idle broke off: {error}");
        }
    }
}

/// Removes what was deleted long ago, and contents that no record has got; now and every hour, of the tenants that are open then.
async fn look_after(engines: Engines, days: Option<NonZeroU32>, mut stopped: watch::Receiver<bool>) {
    loop {
        let open = engines.open_ones();
        let upkeep = move || open.iter().for_each(|engine| look_once(engine, days));
        match tokio::task::spawn_blocking(upkeep).await {
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
    match engine.history_days().map(|days| engine.forget_history(days)).transpose() {
        Ok(_) => {}
        Err(error) => tracing::warn!("old history can't be let go of now: {error}"),
    }
    match engine.remove_uploads() {
        Ok(0) => {}
        Ok(removed) => tracing::info!("removed {removed} contents that no record has"),
        Err(error) => tracing::warn!("contents that no record has can't be removed now: {error}"),
    }
}

fn greet((http, pg): (SocketAddr, SocketAddr), is_tls: bool, password: Option<&str>) {
    let (scheme, more) = if is_tls { ("https", " sslmode=require") } else { ("http", "") };
    let log_in = match password {
        Some(password) => format!("password {password}   (printed this once)"),
        None => "with the password of the first start (forgotten? stop, then: quarry user passwd admin)"
            .to_owned(),
    };
    let told = format!(
        "Quarry serves.\n  HTTP and GraphQL  {scheme}://{http}/   (GraphiQL: {scheme}://{http}/graphql)\n  Postgres wire     psql \
         'host={} port={} user=admin dbname=main{more}'\n  log in as admin   {log_in}\n",
        pg.ip(),
        pg.port()
    );
    // Whoever started it need not read on: it serves all the same.
    let mut out = std::io::stdout();
    if let Err(error) = out.write_all(told.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!("what to open and how to log in could not be printed: {error}");
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
