//! The socket: frames in, messages out, both bounded.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use pgwire::messages::Message;
use quarry_listen::{Certificate, Protocol, Stream, Tls};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::frontend::{self, Frontend, Opening};
use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

/// What a client may cost before it is served.
#[derive(Clone, Copy, Debug)]
pub struct WireLimits {
    /// The longest message, bytes.
    pub message_bytes_max: usize,
    /// How long a client may leave what was sent to it unread.
    pub write_timeout: Duration,
}

/// The longest message of someone who is not logged in, bytes (PostgreSQL's own limit).
const OPENING_BYTES_MAX: usize = 10_000;
/// What is buffered before it is written, bytes.
const FLUSH_BYTES: usize = 64 * 1024;
/// What is read ahead while a statement runs, bytes.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// The first byte of a TLS handshake, which no message of the protocol begins with.
const HANDSHAKE: u8 = 0x16;

/// One client's socket.
pub struct Wire {
    /// None only while, or after, a handshake fails: then there is nobody to speak with.
    stream: Option<Stream>,
    certificate: Option<Arc<Certificate>>,
    peer: Option<IpAddr>,
    incoming: BytesMut,
    outgoing: BytesMut,
    limits: WireLimits,
    trusted: bool,
}

impl Wire {
    /// A socket of someone who is not logged in: short messages only.
    pub fn new(stream: TcpStream, limits: WireLimits) -> Self {
        let peer = stream.peer_addr().ok().map(|address| address.ip());
        Wire {
            stream: Some(Stream::Plain(stream)),
            certificate: None,
            peer,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            limits,
            trusted: false,
        }
    }

    /// The client's address.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The certificate that the client was shown; none without TLS.
    pub fn certificate(&self) -> Option<&Arc<Certificate>> {
        self.certificate.as_ref()
    }

    /// Agrees to TLS and makes the handshake. What the client has sent behind its request, not waiting for the answer, could be
    /// anybody's who sits between: it would be read as if it had come encrypted (CVE-2021-23222), so it ends the connection.
    ///
    /// # Errors
    ///
    /// `08P01`, fatal, for such bytes; `08006` when the handshake fails.
    pub async fn encrypt(&mut self, tls: &Tls) -> Result<()> {
        if !self.incoming.is_empty() {
            let error =
                PgError::fatal(SqlState::PROTOCOL_VIOLATION, "received unencrypted data after SSL request");
            return Err(error.with_hint("this may be an attempt to put bytes into an encrypted connection"));
        }
        self.answer_byte(b'S').await?;
        self.handshake(tls).await
    }

    /// Whether the client begins with a handshake at once (`sslnegotiation=direct`).
    ///
    /// # Errors
    ///
    /// `08006` when the socket fails.
    pub async fn begins_with_handshake(&mut self) -> Result<bool> {
        if !self.incoming.is_empty() {
            return Ok(false);
        }
        let Some(Stream::Plain(stream)) = &self.stream else { return Ok(false) };
        let mut first = [0];
        let seen = stream.peek(&mut first).await.map_err(|error| lost(&error))?;
        Ok(seen == 1 && first == [HANDSHAKE])
    }

    /// Makes the handshake on a socket of which nothing was read that is left.
    ///
    /// # Errors
    ///
    /// `08006`, fatal.
    pub async fn handshake(&mut self, tls: &Tls) -> Result<()> {
        let Some(Stream::Plain(stream)) = self.stream.take() else {
            return Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, "the connection is encrypted already"));
        };
        let accepted = tls.accept(Protocol::Postgres, stream).await.map_err(|error| lost(&error))?;
        self.stream = Some(accepted.stream);
        self.certificate = Some(accepted.certificate);
        Ok(())
    }

    /// From now on the client may send long messages.
    pub fn trust(&mut self) {
        self.trusted = true;
    }

    /// The connection's first message; none when the client has gone.
    ///
    /// # Errors
    ///
    /// `08P01`, fatal.
    pub async fn next_opening(&mut self) -> Result<Option<Opening>> {
        if !self.fill(4).await? {
            return Ok(None);
        }
        let length = read_length(&self.incoming, 0);
        if !(8..=OPENING_BYTES_MAX).contains(&length) {
            return Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, "invalid length of startup packet"));
        }
        if !self.fill(length).await? {
            return Ok(None);
        }
        let mut frame = self.incoming.split_to(length);
        frame.advance(4);
        frontend::decode_opening(frame.freeze()).map(Some)
    }

    /// The next message; none when the client has gone.
    ///
    /// # Errors
    ///
    /// `08P01`, fatal: after that nothing on the socket can be understood.
    pub async fn next(&mut self) -> Result<Option<Frontend>> {
        if !self.fill(5).await? {
            return Ok(None);
        }
        let kind = self.incoming.first().copied().unwrap_or(0);
        let length = read_length(&self.incoming, 1);
        let max = if self.trusted { self.limits.message_bytes_max } else { OPENING_BYTES_MAX };
        if !(4..=max).contains(&length) {
            let message = format!("invalid message length {length}: at most {max} bytes are accepted");
            return Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, message));
        }
        if !b"pQPBDCEHSXdcfF".contains(&kind) {
            let message = format!("invalid frontend message type {kind}");
            return Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, message));
        }
        if !self.fill(1 + length).await? {
            return Ok(None);
        }
        let mut frame = self.incoming.split_to(1 + length);
        frame.advance(5);
        frontend::decode(kind, frame.freeze()).map(Some)
    }

    /// Whether the next message is already here and is a `Sync`.
    pub fn sync_is_next(&self) -> bool {
        self.incoming.first() == Some(&b'S')
    }

    /// Waits until the client has gone. Reads ahead a little meanwhile, as that is how it is told.
    pub async fn gone(&mut self) {
        loop {
            if self.incoming.len() >= READ_AHEAD_BYTES {
                std::future::pending::<()>().await;
            }
            self.incoming.reserve(8192);
            let Some(stream) = &mut self.stream else { return };
            match stream.read_buf(&mut self.incoming).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// Puts a message behind those that wait to be written.
    pub fn put(&mut self, message: &impl Message) {
        if let Err(error) = message.encode(&mut self.outgoing) {
            tracing::error!(%error, "a message could not be encoded");
        }
    }

    /// Where rows are written directly.
    pub fn outgoing(&mut self) -> &mut BytesMut {
        &mut self.outgoing
    }

    /// Whether enough waits to be worth a write.
    pub fn is_full(&self) -> bool {
        self.outgoing.len() >= FLUSH_BYTES
    }

    /// Writes one byte that is no message: the answer to a TLS or GSSAPI request.
    ///
    /// # Errors
    ///
    /// When the client has gone.
    pub async fn answer_byte(&mut self, byte: u8) -> Result<()> {
        self.outgoing.extend_from_slice(&[byte]);
        self.flush().await
    }

    /// Writes all that waits. May be given up half-way: what is not written yet goes on waiting.
    ///
    /// # Errors
    ///
    /// `08006`, fatal, when the client has gone or does not read.
    pub async fn flush(&mut self) -> Result<()> {
        let Some(stream) = &mut self.stream else { return Err(gone()) };
        let written = timeout(self.limits.write_timeout, write(stream, &mut self.outgoing)).await;
        let failed = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => lost(&error),
            Err(_) => PgError::fatal(SqlState::CONNECTION_FAILURE, "the client does not read"),
        };
        self.outgoing.clear();
        Err(failed)
    }

    /// Writes what waits and closes, whatever the client does.
    pub async fn close(mut self) {
        let unread = self.flush().await;
        let Some(mut stream) = self.stream.take() else { return };
        let shut = timeout(self.limits.write_timeout, stream.shutdown()).await.unwrap_or(Ok(()));
        if unread.is_err() || shut.is_err() {
            tracing::debug!("a client left before its last message");
        }
    }

    /// Reads until `length` bytes are here; false when the client has gone.
    async fn fill(&mut self, length: usize) -> Result<bool> {
        while self.incoming.len() < length {
            self.incoming.reserve((length - self.incoming.len()).clamp(1024, 64 * 1024));
            let Some(stream) = &mut self.stream else { return Err(gone()) };
            match stream.read_buf(&mut self.incoming).await {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) => return Err(lost(&error)),
            }
        }
        Ok(true)
    }
}

async fn write(stream: &mut Stream, outgoing: &mut BytesMut) -> io::Result<()> {
    while !outgoing.is_empty() {
        if stream.write_buf(outgoing).await? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    // What TLS has taken may still wait to be sent.
    stream.flush().await
}

fn gone() -> PgError {
    PgError::fatal(SqlState::CONNECTION_FAILURE, "the connection is closed")
}

fn lost(error: &io::Error) -> PgError {
    PgError::fatal(SqlState::CONNECTION_FAILURE, format!("connection lost: {error}"))
}

/// The big-endian length at `at`; 0, which no message has, when it is negative.
fn read_length(bytes: &BytesMut, at: usize) -> usize {
    let length =
        bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).map_or(0, i32::from_be_bytes);
    usize::try_from(length).unwrap_or(0)
}
