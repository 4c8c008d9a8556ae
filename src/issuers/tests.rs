//! The file of issuers, and fetching from a server of the test's own.
#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    time::Duration,
};

use super::*;

/// A server on this machine that gives one answer to each request, so many times.
fn serve(answer: &'static [u8], times: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for _ in 0..times {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            // The client may hang up in the midst of it.
            drop(stream.write_all(answer));
        }
    });
    format!("http://{address}/keys")
}

fn limits(seconds: u64) -> FetchLimits {
    FetchLimits { bytes_max: 20, timeout: Duration::from_secs(seconds) }
}

#[test]
fn an_answer_comes_whole_or_not_at_all() {
    let http = Http::new();
    let url = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"keys\":[]}", 1);
    assert_eq!(http.get(&url, limits(5)).unwrap(), b"{\"keys\":[]}");
    let refused = |answer| http.get(&serve(answer, 1), limits(5)).unwrap_err();
    assert!(
        refused(b"HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{\"keys\":[          ]}").contains("20 bytes")
    );
    // A length that is not told is no way around it.
    let endless =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n15\r\n{\"keys\":[          ]}\r\n0\r\n\r\n";
    assert!(refused(endless).contains("20 bytes"));
    assert!(refused(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").contains("404"));
    let elsewhere = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    assert!(refused(elsewhere).contains("302"));
    assert!(!refused(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}").is_empty());
}

#[test]
fn who_does_not_answer_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    Http::new().get(&url, limits(1)).unwrap_err();
}

#[test]
fn the_file_says_what_there_is_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuers.toml");
    let read_text = |text: &str| {
        std::fs::write(&path, text).unwrap();
        read(&path)
    };
    let full = r#"
        [[issuer]]
        name = "corp"
        issuer = "https://login.example.com/"
        audience = ["quarry"]
        jwks_url = "https://login.example.com/keys"
        algorithms = ["RS256", "ES256", "EdDSA"]
        clock_skew_seconds = 30
        user_claim = "email"
        groups_claim = "groups"
        permission_sets = { "Sales EMEA" = ["sales_user"] }
        fields = { department = "org.unit" }
        provision = true
        may_administer = true
    "#;
    assert_eq!(read_text(full).unwrap()[0].permission_sets["Sales EMEA"], ["sales_user"]);
    let error = format!("{:#}", read_text(&full.replace("provision", "provisions")).unwrap_err());
    assert!(error.contains("provisions") && error.contains("issuers.toml"), "{error}");
    assert!(format!("{:#}", read_text("[[issuers]]").unwrap_err()).contains("issuers"));
    assert!(read_text("").unwrap().is_empty());
    assert!(read(&folder.path().join("not-there.toml")).is_err());
}
