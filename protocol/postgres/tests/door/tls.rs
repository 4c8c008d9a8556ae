//! TLS at this door: what is agreed on, what is refused, and what nobody may put between.

use std::{future::Future, io, pin::Pin, sync::Arc};

use postgres_protocol::authentication::sasl::{ChannelBinding as Binding, ScramSha256};
use quarry_listen::{Tls, TlsFiles};
use quarry_postgres::PostgresOptions;
use rcgen::{CertificateParams, CertifiedKey, KeyPair, PKCS_ED25519, generate_simple_self_signed};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tokio_postgres::{
    Client,
    config::{ChannelBinding, SslMode},
    tls::{self, MakeTlsConnect, TlsConnect},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
    },
};

use crate::{
    fixture::{PASSWORD, Server, code, text},
    raw::{Raw, field, kinds, message, startup},
};

const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 4, 210, 22, 47];

struct Secure {
    server: Server,
    tls: Arc<Tls>,
    trusted: CertificateDer<'static>,
    folder: tempfile::TempDir,
}

fn write_pair(folder: &std::path::Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

async fn secure_with(
    options: PostgresOptions,
    make: fn(&std::path::Path) -> CertificateDer<'static>,
) -> Secure {
    let folder = tempfile::tempdir().unwrap();
    let trusted = make(folder.path());
    let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    let tls = Tls::open(files).unwrap();
    let server = Server::start_with(PostgresOptions { tls: Some(tls.clone()), ..options }).await;
    Secure { server, tls, trusted, folder }
}

async fn secure(options: PostgresOptions) -> Secure {
    secure_with(options, write_pair).await
}

/// A client's side of TLS, with the channel binding that the driver asks for.
#[derive(Clone)]
struct Connector {
    config: Arc<ClientConfig>,
    binding: Vec<u8>,
}

struct Encrypted(TlsStream<tokio_postgres::Socket>, Vec<u8>);

fn connector(trusted: &CertificateDer<'static>, protocols: &[&[u8]]) -> Connector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    // Of what rcgen signs by default, ECDSA with SHA-256, the hash is SHA-256.
    let digest = tokio_rustls::rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let hash = digest.tls13().unwrap().common.hash_provider.hash(trusted);
    Connector { config: Arc::new(config), binding: hash.as_ref().to_vec() }
}

impl MakeTlsConnect<tokio_postgres::Socket> for Connector {
    type Stream = Encrypted;
    type TlsConnect = Connector;
    type Error = io::Error;

    fn make_tls_connect(&mut self, _: &str) -> Result<Connector, io::Error> {
        Ok(self.clone())
    }
}

impl TlsConnect<tokio_postgres::Socket> for Connector {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Encrypted, io::Error>> + Send>>;

    fn connect(self, stream: tokio_postgres::Socket) -> Self::Future {
        let name = ServerName::try_from("localhost").unwrap();
        let (connector, binding) = (TlsConnector::from(self.config), self.binding);
        Box::pin(async move { Ok(Encrypted(connector.connect(name, stream).await?, binding)) })
    }
}

impl tls::TlsStream for Encrypted {
    fn channel_binding(&self) -> tls::ChannelBinding {
        tls::ChannelBinding::tls_server_end_point(self.1.clone())
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

async fn log_in(
    secure: &Secure,
    connector: Connector,
    binding: ChannelBinding,
) -> Result<Client, tokio_postgres::Error> {
    let mut config = secure.server.config();
    config.ssl_mode(SslMode::Require).channel_binding(binding);
    let (client, connection) = config.connect(connector).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_comes_by_tls_and_binds_its_proof_to_the_certificate() {
    let secure = secure(PostgresOptions { tls_required: true, ..PostgresOptions::default() }).await;
    let connector = connector(&secure.trusted, &[b"postgresql"]);
    for binding in [ChannelBinding::Require, ChannelBinding::Prefer, ChannelBinding::Disable] {
        let client = log_in(&secure, connector.clone(), binding).await.unwrap();
        // More than one record of TLS, both ways.
        let long = "x".repeat(300_000);
        assert_eq!(text(&client, &format!("SELECT '{long}' || 'y'")).await, format!("{long}y"));
    }
    // Who is in between has another certificate: what the client binds to is not what was shown to it.
    let elsewhere = Connector { binding: vec![7; 32], ..connector };
    let Err(error) = log_in(&secure, elsewhere, ChannelBinding::Require).await else { panic!("logged in") };
    assert_eq!(code(&error).code(), "08P01");
}

/// One signed by Ed25519 has no hash to bind to (RFC 5929).
#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_bound_to_is_not_offered() {
    let secure = secure_with(PostgresOptions::default(), |folder| {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let cert = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        cert.der().clone()
    })
    .await;
    let connector = connector(&secure.trusted, &[]);
    let client = log_in(&secure, connector.clone(), ChannelBinding::Prefer).await.unwrap();
    assert_eq!(text(&client, "SELECT 1").await, "1");
    assert!(log_in(&secure, connector, ChannelBinding::Require).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_nobody_comes_in_where_it_is_required() {
    let secure = secure(PostgresOptions { tls_required: true, ..PostgresOptions::default() }).await;
    let mut raw = Raw::connect(secure.server.address).await;
    raw.send(&startup(&[("user", "admin"), ("database", "main")])).await;
    let told = raw.rest().await;
    assert_eq!(kinds(&told), "E", "no password is asked for, so none is sent in the clear");
    assert_eq!((field(&told[0], b'S').as_str(), field(&told[0], b'C').as_str()), ("FATAL", "28000"));
}

/// What an attacker between the two puts behind the request for TLS must not be read as if the client had sent it encrypted
/// (CVE-2021-23222 and its like).
#[tokio::test(flavor = "multi_thread")]
async fn bytes_sent_before_the_handshake_end_the_connection() {
    let secure = secure(PostgresOptions::default()).await;
    let mut smuggled = SSL_REQUEST.to_vec();
    smuggled.extend(startup(&[("user", "mallory"), ("database", "main")]));
    for bytes in [smuggled, [SSL_REQUEST, &[0]].concat()] {
        let mut raw = Raw::connect(secure.server.address).await;
        raw.send(&bytes).await;
        let told = raw.rest().await;
        assert_eq!(kinds(&told), "E", "no 'S', and no handshake");
        assert_eq!(field(&told[0], b'C'), "08P01");
        assert!(field(&told[0], b'M').contains("unencrypted data"));
    }
}

/// TLS within TLS, GSSAPI first, and a cancel request behind the handshake.
#[tokio::test(flavor = "multi_thread")]
async fn openings_in_another_order_are_answered() {
    let secure = secure(PostgresOptions::default()).await;
    let connector = connector(&secure.trusted, &[]);
    let mut stream = TcpStream::connect(secure.server.address).await.unwrap();
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 48]).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'N');
    stream.write_all(SSL_REQUEST).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'S');
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream =
        TlsConnector::from(connector.config.clone()).connect(name.clone(), stream).await.unwrap();
    stream.write_all(SSL_REQUEST).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'N', "it is encrypted already");
    stream.write_all(&startup(&[("user", "admin"), ("database", "main")])).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'R');

    // At once, without asking (sslnegotiation=direct).
    let stream = TcpStream::connect(secure.server.address).await.unwrap();
    let mut stream = TlsConnector::from(connector.config).connect(name, stream).await.unwrap();
    stream.write_all(&startup(&[("user", "admin"), ("database", "main")])).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'R');
}

/// Mechanism and message must agree: else the one that binds could be named and not used.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_not_name_the_binding_and_leave_it_out() {
    let secure = secure(PostgresOptions::default()).await;
    let name = ServerName::try_from("localhost").unwrap();
    for (mechanism, binding) in [
        ("SCRAM-SHA-256-PLUS", Binding::unsupported()),
        ("SCRAM-SHA-256", Binding::tls_server_end_point(vec![1; 32])),
        // "I would bind, but you can't": the server can, so somebody has changed what it offered.
        ("SCRAM-SHA-256", Binding::unrequested()),
    ] {
        let stream = TcpStream::connect(secure.server.address).await.unwrap();
        let config = connector(&secure.trusted, &[]).config;
        let mut stream = TlsConnector::from(config).connect(name.clone(), stream).await.unwrap();
        stream.write_all(&startup(&[("user", "admin"), ("database", "main")])).await.unwrap();
        let length = {
            stream.read_u8().await.unwrap();
            stream.read_u32().await.unwrap()
        };
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        stream.read_exact(&mut body).await.unwrap();
        assert!(body.ends_with(b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), "the better one first");
        let first = ScramSha256::new(PASSWORD.as_bytes(), binding).message().to_vec();
        let mut body = format!("{mechanism}\0").into_bytes();
        body.extend(u32::try_from(first.len()).unwrap().to_be_bytes());
        body.extend(first);
        stream.write_all(&message('p', &body)).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'E', "{mechanism}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_serves_and_who_is_connected_stays() {
    let secure = secure(PostgresOptions::default()).await;
    let old = log_in(&secure, connector(&secure.trusted, &[]), ChannelBinding::Require).await.unwrap();
    let renewed = write_pair(secure.folder.path());
    secure.tls.reload().unwrap();
    assert_eq!(text(&old, "SELECT 1").await, "1");
    let new = log_in(&secure, connector(&renewed, &[]), ChannelBinding::Require).await.unwrap();
    assert_eq!(text(&new, "SELECT 1").await, "1");
    assert!(log_in(&secure, connector(&secure.trusted, &[]), ChannelBinding::Disable).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_only_so_many_connections() {
    let options = PostgresOptions { connections_per_address_max: 1, ..PostgresOptions::default() };
    let server = Server::start_with(options).await;
    let mut first = Raw::connect(server.address).await;
    first.log_in("admin", PASSWORD).await;
    let told = Raw::connect(server.address).await.rest().await;
    assert_eq!(kinds(&told), "E");
    assert_eq!((field(&told[0], b'S').as_str(), field(&told[0], b'C').as_str()), ("FATAL", "53300"));
}

/// Who says nothing, or stops in the middle of a handshake, is let go.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_come_to_the_point_is_let_go() {
    let options = PostgresOptions {
        authentication_timeout: std::time::Duration::from_millis(300),
        ..PostgresOptions::default()
    };
    let secure = secure(options).await;
    for begun in [&b""[..], SSL_REQUEST, &[0x16, 3, 1], &startup(&[("user", "admin")])] {
        let mut stream = TcpStream::connect(secure.server.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
    }
}
