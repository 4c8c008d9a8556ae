//! The listener: accepts connections within limits, and lets them go in order.

use std::{io, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use quarry_engine::Engines;
use quarry_listen::{AddressPlace, Addresses, Tls};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    cancel::Cancels,
    error::PgError,
    run::QueryThreads,
    session::{Session, SessionLimits, Surroundings},
    sqlstate::SqlState,
    startup,
    wire::{Wire, WireLimits},
};

/// Limits of the door, each with its unit.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Connections at once.
    pub connections_max: usize,
    /// Of these, from one address (of IPv6, from one /64).
    pub connections_per_address_max: usize,
    /// The certificate; without one a request for TLS is declined.
    pub tls: Option<Arc<Tls>>,
    /// Nobody comes in without TLS.
    pub tls_required: bool,
    /// How long a client may take to prove who it is.
    pub authentication_timeout: Duration,
    /// The longest message, bytes.
    pub message_bytes_max: usize,
    /// The longest statement, bytes.
    pub statement_bytes_max: usize,
    /// Rows that one statement may change.
    pub rows_changed_max: usize,
    /// Cursors, and named portals with rows still to come, that one connection may have open.
    pub cursors_max: usize,
    /// Queries that compute at once; one that waits for its client to read does not count.
    pub queries_max: usize,
    /// Threads that queries run on.
    pub query_threads: usize,
    /// What `statement_timeout` begins with; a client may have less, not more.
    pub statement_timeout: Option<Duration>,
    /// What `idle_in_transaction_session_timeout` begins with; a client may have less, not more.
    pub idle_in_transaction_timeout: Option<Duration>,
    /// How long a client may leave unread what was sent to it.
    pub write_timeout: Duration,
    /// How long connections may take to end when the server closes.
    pub closing_timeout: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        PostgresOptions {
            connections_max: 200,
            connections_per_address_max: 200,
            tls: None,
            tls_required: false,
            authentication_timeout: Duration::from_secs(30),
            message_bytes_max: 64 << 20,
            statement_bytes_max: 16 << 20,
            rows_changed_max: 200_000,
            cursors_max: 32,
            queries_max: 64,
            query_threads: cores.max(2),
            statement_timeout: Some(Duration::from_secs(300)),
            idle_in_transaction_timeout: Some(Duration::from_secs(600)),
            write_timeout: Duration::from_secs(300),
            closing_timeout: Duration::from_secs(5),
        }
    }
}

/// How long the listener waits after it could not accept (no file descriptors left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until `shutdown`; then lets them end.
///
/// # Errors
///
/// When the threads for queries can't be started.
pub async fn serve(
    engines: impl Into<Engines>,
    listener: TcpListener,
    options: PostgresOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let engines = engines.into();
    let threads = QueryThreads::start(options.query_threads)?;
    let around = Arc::new(Surroundings {
        queries: threads.queries(engines.main().clone(), options.queries_max),
        engines,
        cancels: Arc::new(Cancels::default()),
        limits: limits_of(&options),
        closing: CancellationToken::new(),
    });
    let places = Arc::new(Semaphore::new(options.connections_max));
    // Those who have not proven yet who they are take no place of those who have.
    let corridor = Arc::new(Semaphore::new(options.connections_max.max(16)));
    let addresses = Addresses::new(options.connections_per_address_max);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let Ok(corridor) = corridor.clone().try_acquire_owned() else { continue };
                    let address = addresses.take(peer.ip());
                    let door = Door { options: options.clone(), around: around.clone(), places: places.clone(), address };
                    connections.spawn(door.connect(stream, corridor));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    around.closing.cancel();
    let ended = timeout(options.closing_timeout, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if ended.await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

fn limits_of(options: &PostgresOptions) -> SessionLimits {
    SessionLimits {
        statement_bytes_max: options.statement_bytes_max,
        rows_changed_max: options.rows_changed_max,
        cursors_max: options.cursors_max,
        statement_timeout: options.statement_timeout,
        idle_in_transaction_timeout: options.idle_in_transaction_timeout,
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended in a panic");
    }
}

/// What a connection needs of the server.
struct Door {
    options: PostgresOptions,
    around: Arc<Surroundings>,
    places: Arc<Semaphore>,
    /// None: its address has as many as it may have.
    address: Option<AddressPlace>,
}

impl Door {
    /// One connection from its first byte to its last. Boxed, so that the door's code is made here and not by whoever
    /// runs the server.
    fn connect(self, stream: TcpStream, corridor: OwnedSemaphorePermit) -> BoxFuture<'static, ()> {
        Box::pin(self.hold(stream, corridor))
    }

    async fn hold(self, stream: TcpStream, corridor: OwnedSemaphorePermit) {
        let Door { options, around, places, address } = self;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a client left at once");
            return;
        }
        let limits =
            WireLimits { message_bytes_max: options.message_bytes_max, write_timeout: options.write_timeout };
        let mut wire = Wire::new(stream, limits);
        let Some(_address) = address else {
            let error =
                PgError::fatal(SqlState::TOO_MANY_CONNECTIONS, "too many connections from your address");
            return refuse(wire, &error).await;
        };
        let entry = startup::Entry {
            engines: &around.engines,
            cancels: &around.cancels,
            tls: options.tls.as_deref(),
            tls_required: options.tls_required,
        };
        let opening = startup::open(&mut wire, entry);
        let opened = tokio::select! {
            opened = timeout(options.authentication_timeout, opening) => opened,
            () = around.closing.cancelled() => return,
        };
        drop(corridor);
        let opened = match opened {
            Ok(Ok(Some(opened))) => opened,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return refuse(wire, &error).await,
            Err(_) => {
                let message = "canceling authentication due to timeout";
                return refuse(wire, &PgError::fatal(SqlState::ADMIN_SHUTDOWN, message)).await;
            }
        };
        let Ok(_place) = places.try_acquire_owned() else {
            let error = PgError::fatal(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already");
            return refuse(wire, &error).await;
        };
        // A version that is asked for may have to be compiled.
        let turn = match asks_for_version(&opened) {
            true => match opened.engine.begin_request().await {
                Ok(turn) => Some(turn),
                Err(error) => return refuse(wire, &PgError::from(error).into_fatal()).await,
            },
            false => None,
        };
        let session = Session::new(wire, opened, &around);
        drop(turn);
        match session {
            Ok(session) => session.serve(around.closing.clone()).await,
            Err(refused) => {
                let (wire, error) = *refused;
                refuse(wire, &error).await;
            }
        }
    }
}

fn asks_for_version(opened: &startup::Opened) -> bool {
    let named = |text: &String| text.to_ascii_lowercase().contains("quarry");
    opened.parameters.iter().any(|(name, value)| named(name) || name == "options" && named(value))
}

async fn refuse(mut wire: Wire, error: &PgError) {
    wire.put(&error.to_message());
    wire.close().await;
}
