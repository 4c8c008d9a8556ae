//! Accepts connections: so many at once, and of one address; each with a deadline for its handshake, for its headers and for a
//! client that stops reading; on shutdown, running requests are let finish for a while.
//!
//! Where there is a certificate, one port speaks both: the first byte of a connection tells whether it begins with a handshake. Who begins
//! without one where TLS is required is told so, and nothing of what it asks is looked at but where to send it.

mod insecure;
mod patient;

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use quarry_listen::{Addresses, Protocol, Stream};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::HttpOptions;
use patient::Patient;

/// The pause after a failed accept: no file descriptor is left, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The first byte of a TLS handshake, which no request begins with.
const HANDSHAKE: u8 = 0x16;
/// What an address is told that has as many connections as it may have.
const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\ncontent-type: application/json\r\n\
                          content-length: 92\r\n\r\n\
                          {\"error\":{\"code\":\"TOO_MANY_CONNECTIONS\",\"message\":\"too many connections from your address\"}}";

/// Where a request came from; in its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Who asks: the other end of the socket, or who stands behind it where that is a proxy that is trusted.
    pub client: IpAddr,
    /// Whether the socket is encrypted.
    pub is_tls: bool,
}

/// Serves until `shutdown` is ready, then lets running requests finish for `options.drain_seconds_max`. HTTP/1.1.
///
/// # Errors
///
/// None while it runs: a connection that fails ends alone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: HttpOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(options.connections_max));
    let addresses = Addresses::new(options.connections_per_address_max);
    let around = Arc::new(Around { router, options, closing: CancellationToken::new() });
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = accepted => next,
        };
        let (mut stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a connection can't be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(slot) = slot else { break };
        // Of a proxy's connections each is somebody else's.
        let is_proxy = around.options.proxies.trusts(address.ip());
        let place = if is_proxy { None } else { addresses.take(address.ip()) };
        if place.is_none() && !is_proxy {
            tokio::spawn(async move {
                let _slot = slot;
                // Whether it reads that is its own matter.
                drop(timeout(Duration::from_secs(1), stream.write_all(TOO_MANY)).await);
            });
            continue;
        }
        let held = around.clone().hold(stream, address, graceful.watcher(), slot);
        tokio::spawn(async move {
            let _place = place;
            held.await;
        });
    }
    drop(listener);
    around.closing.cancel();
    let drain = Duration::from_secs(around.options.drain_seconds_max);
    if timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still running after {} s; they are dropped", drain.as_secs());
    }
    Ok(())
}

/// What a connection needs of the server.
struct Around {
    router: Router,
    options: HttpOptions,
    /// Told to those who have not said anything yet: the others are watched.
    closing: CancellationToken,
}

impl Around {
    /// One connection, from its first byte to its last.
    async fn hold(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        watcher: Watcher,
        _slot: OwnedSemaphorePermit,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("a socket keeps its delay: {error}");
        }
        let deadline = Duration::from_secs(self.options.header_seconds_max);
        let begun = tokio::select! {
            begun = timeout(deadline, self.begin(stream)) => begun,
            () = self.closing.cancelled() => return,
        };
        let stream = match begun {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!("a handshake failed: {error}"),
            Err(_) => return tracing::debug!("a handshake took too long"),
        };
        let peer = Peer { client: address.ip(), is_tls: stream.is_tls() };
        let router = match self.options.tls_required && !peer.is_tls {
            true => insecure::router(),
            false => self.router.clone(),
        };
        if let Err(error) = watcher.watch(connection(stream, router, peer, &self.options)).await {
            tracing::debug!("a connection ended: {error}");
        }
    }

    /// Looks how the client begins, and makes the handshake if it begins with one.
    async fn begin(&self, stream: TcpStream) -> io::Result<Stream> {
        let Some(tls) = &self.options.tls else { return Ok(Stream::Plain(stream)) };
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first == [HANDSHAKE] {
            return Ok(tls.accept(Protocol::Http, stream).await?.stream);
        }
        Ok(Stream::Plain(stream))
    }
}

type Connection<S> = http1::Connection<TokioIo<Patient>, S>;

fn connection(
    stream: Stream,
    router: Router,
    peer: Peer,
    options: &HttpOptions,
) -> Connection<
    impl hyper::service::Service<
        Request<Incoming>,
        Response = axum::response::Response,
        Error = Infallible,
        Future: Send,
    > + use<>,
> {
    let proxies = options.proxies.clone();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let client = proxies.client(peer.client, request.headers());
        request.extensions_mut().insert(Peer { client, ..peer });
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(options.header_seconds_max))
        .max_buf_size(options.header_bytes_max)
        .max_headers(options.headers_max)
        .serve_connection(TokioIo::new(Patient::new(stream, options.stalled_seconds_max)), service)
}
