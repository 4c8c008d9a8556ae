//! TLS as a client meets it: what is spoken, what is refused, and certificates that change while it serves.

use std::sync::Arc;

use quarry_listen::{Tls, TlsFiles};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
        version::{TLS12, TLS13},
    },
};

use super::{
    sockets::{LIVE, Listening, exchange, listen},
    *,
};

/// A pair in a folder, and the certificate for a client to trust.
fn pair(folder: &std::path::Path) -> (TlsFiles, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.certificate, cert.pem()).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    (files, cert.der().clone())
}

struct Secure {
    door: Listening,
    tls: Arc<Tls>,
    trusted: CertificateDer<'static>,
    folder: tempfile::TempDir,
}

async fn secure(options: HttpOptions) -> Secure {
    let folder = tempfile::tempdir().unwrap();
    let (files, trusted) = pair(folder.path());
    let tls = Tls::open(files).unwrap();
    let door = listen(HttpOptions { tls: Some(tls.clone()), ..options }).await;
    Secure { door, tls, trusted, folder }
}

async fn connect(
    address: std::net::SocketAddr,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn ask(stream: &mut TlsStream<TcpStream>, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn both_versions_are_spoken_and_browsers_are_told_to_come_back_so() {
    let Secure { door, trusted, .. } = secure(HttpOptions::default()).await;
    for version in [&TLS12, &TLS13] {
        let mut stream = connect(door.address, &trusted, &[version], &[b"h2", b"http/1.1"]).await.unwrap();
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.protocol_version(), Some(version.version));
        assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = ask(&mut stream, LIVE).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    }
    let plain = exchange(door.address, LIVE).await;
    assert!(plain.starts_with("HTTP/1.1 200"), "both are spoken where TLS is not required: {plain}");
    assert!(!plain.contains("strict-transport-security"), "{plain}");
    // Another protocol's client is not taken for one of this.
    assert!(connect(door.address, &trusted, &[&TLS13], &[b"postgresql"]).await.is_err());
}

#[tokio::test]
async fn without_tls_nothing_is_answered_where_it_is_required() {
    let Secure { door, trusted, .. } =
        secure(HttpOptions { tls_required: true, ..HttpOptions::default() }).await;
    let page = exchange(door.address, b"GET /graphql?a=1 HTTP/1.1\r\nhost: quarry.example\r\n\r\n").await;
    assert!(page.starts_with("HTTP/1.1 308"), "{page}");
    assert!(page.contains("location: https://quarry.example/graphql?a=1\r\n"), "{page}");
    let token = &door.shop.token;
    for request in [
        format!("GET /api/v1/packages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"),
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
        "GET /graphql HTTP/1.1\r\nhost: evil@x/y\r\n\r\n".to_owned(),
        "GET /graphql HTTP/1.0\r\n\r\n".to_owned(),
    ] {
        let refused = exchange(door.address, request.as_bytes()).await;
        assert!(refused.starts_with("HTTP/1.1 400") || refused.starts_with("HTTP/1.0 400"), "{refused}");
        assert!(refused.contains("TLS_REQUIRED"), "{refused}");
    }
    let mut stream = connect(door.address, &trusted, &[&TLS13], &[]).await.unwrap();
    assert!(ask(&mut stream, LIVE).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_cut_off() {
    let options = HttpOptions { header_seconds_max: 1, ..HttpOptions::default() };
    let Secure { door, trusted, .. } = secure(options).await;
    for begun in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let rest = exchange(door.address, begun).await;
        assert!(!rest.contains("HTTP"), "{rest}");
    }
    let mut stream = connect(door.address, &trusted, &[&TLS13], &[]).await.unwrap();
    assert!(ask(&mut stream, LIVE).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_new_certificate_serves_and_who_is_connected_stays() {
    let Secure { door, tls, trusted, folder } = secure(HttpOptions::default()).await;
    let mut old = connect(door.address, &trusted, &[&TLS13], &[]).await.unwrap();
    let (_, renewed) = pair(folder.path());
    let answer = door.shop.post("/api/v1/server/certificate/reload", json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.json()["sha256"], json!(tls.current().fingerprint));
    assert!(ask(&mut old, LIVE).await.starts_with("HTTP/1.1 200"), "who was connected is not dropped");
    connect(door.address, &renewed, &[&TLS13], &[]).await.unwrap();
    assert!(connect(door.address, &trusted, &[&TLS13], &[]).await.is_err(), "the old one serves no more");

    std::fs::write(folder.path().join("cert.pem"), "nonsense").unwrap();
    let answer = door.shop.post("/api/v1/server/certificate/reload", json!({})).await;
    assert_eq!(answer.problem(), (409, "CERTIFICATE_UNUSABLE".to_owned()));
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("serves on"));
    connect(door.address, &renewed, &[&TLS13], &[]).await.unwrap();
}

#[tokio::test]
async fn the_certificate_is_the_administrators_matter() {
    let Secure { door, .. } = secure(HttpOptions::default()).await;
    let made =
        door.shop.post("/api/v1/auth/users", json!({ "user": "eve", "password": "a long password" })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let login = json!({ "user": "eve", "password": "a long password" });
    let token =
        door.shop.post("/api/v1/auth/login", login).await.json()["token"].as_str().unwrap().to_owned();
    let shop = Shop { token, ..door.shop };
    for (method, path) in
        [("GET", "/api/v1/server/certificate"), ("POST", "/api/v1/server/certificate/reload")]
    {
        let answer = shop.send(method, path, &[], Body::empty()).await;
        assert_eq!(answer.problem(), (403, "PERMISSION_DENIED".to_owned()), "{path}");
    }
}
