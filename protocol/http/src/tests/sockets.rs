//! Connections that don't behave, and a shutdown that does.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::*;

/// A door on a socket.
pub(super) struct Listening {
    pub address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
    pub shop: Shop,
}

pub(super) async fn listen(options: HttpOptions) -> Listening {
    let shop = Shop::open_with(options.clone()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let router = shop.router.clone();
    let served = tokio::spawn(crate::serve(listener, router, options, async move { drop(stopped.await) }));
    Listening { address, stop, served, shop }
}

/// Sends some bytes and reads until the server closes the connection.
pub(super) async fn exchange(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end too.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

pub(super) const LIVE: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn garbage_is_told_off_and_slow_headers_are_cut_off() {
    let door = listen(HttpOptions { header_seconds_max: 1, ..HttpOptions::default() }).await;
    let garbage =
        exchange(door.address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage\r\n\r\n").await;
    assert!(garbage.starts_with("HTTP/1.1 400"), "{garbage}");
    let many = format!("GET /health/live HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(20_000));
    assert!(!exchange(door.address, many.as_bytes()).await.starts_with("HTTP/1.1 200"));
    // Both wait for the server to give up: one says nothing, one never ends its headers.
    assert!(!exchange(door.address, b"").await.starts_with("HTTP/1.1 200"));
    let half = exchange(door.address, b"GET /health/live HTTP/1.1\r\nhost: x\r\n").await;
    assert!(!half.starts_with("HTTP/1.1 200"), "{half}");
    assert!(exchange(door.address, LIVE).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_never_comes_ends_with_a_timeout() {
    let door = listen(HttpOptions { request_seconds_max: 1, ..HttpOptions::default() }).await;
    let head = b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
    let answer = exchange(door.address, head).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(exchange(door.address, LIVE).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn connections_past_the_limit_wait_for_a_free_place() {
    let door = listen(HttpOptions { connections_max: 1, ..HttpOptions::default() }).await;
    let mut first = TcpStream::connect(door.address).await.unwrap();
    first.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut begun = [0; 12];
    first.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    let second = tokio::spawn(exchange(door.address, LIVE));
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(first);
    assert!(second.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_shutdown_ends_idle_connections_and_takes_no_new_ones() {
    let door = listen(HttpOptions::default()).await;
    let mut idle = TcpStream::connect(door.address).await.unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut begun = [0; 12];
    idle.read_exact(&mut begun).await.unwrap();
    door.stop.send(()).unwrap();
    door.served.await.unwrap().unwrap();
    let mut rest = Vec::new();
    drop(idle.read_to_end(&mut rest).await);
    assert!(TcpStream::connect(door.address).await.is_err());
}

#[tokio::test]
async fn one_address_has_only_so_many_connections_and_gives_them_back() {
    let door = listen(HttpOptions { connections_per_address_max: 1, ..HttpOptions::default() }).await;
    let mut first = TcpStream::connect(door.address).await.unwrap();
    first.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut begun = [0; 12];
    first.read_exact(&mut begun).await.unwrap();
    let refused = exchange(door.address, b"").await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    let (head, body) = refused.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())), "{refused}");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["error"]["code"], "TOO_MANY_CONNECTIONS");
    drop(first);
    // The server hears of the end a moment later.
    for _ in 0..200 {
        if exchange(door.address, LIVE).await.starts_with("HTTP/1.1 200") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the place was not given back");
}

#[tokio::test]
async fn headers_are_bounded_in_size_and_number() {
    let options = HttpOptions { header_bytes_max: 8192, headers_max: 20, ..HttpOptions::default() };
    let door = listen(options).await;
    let with = |headers: String| {
        format!("GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
    };
    let few = exchange(door.address, with("a: b\r\n".repeat(18)).as_bytes()).await;
    assert!(few.starts_with("HTTP/1.1 200"), "{few}");
    let many = exchange(door.address, with("a: b\r\n".repeat(19)).as_bytes()).await;
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
    let long = exchange(door.address, with(format!("a: {}\r\n", "b".repeat(9000))).as_bytes()).await;
    assert!(long.starts_with("HTTP/1.1 431"), "{long}");
}

#[tokio::test]
async fn a_body_that_comes_to_a_halt_is_given_up_long_before_the_deadline() {
    let door = listen(HttpOptions { body_stalled_seconds_max: 1, ..HttpOptions::default() }).await;
    let head = format!(
        "POST /api/v1/query HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 10\r\n\r\n{{",
        door.shop.token
    );
    let answer = exchange(door.address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn who_has_not_logged_in_sends_little() {
    let door = listen(HttpOptions { open_body_bytes_max: 100, ..HttpOptions::default() }).await;
    let long = format!("{{\"user\":\"{}\"", "a".repeat(200));
    let told = format!("content-length: {}\r\n\r\n{long}", long.len());
    let chunked = format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    for body in [told, chunked] {
        let request = format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n{body}"
        );
        let answer = exchange(door.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
}
