//! A client that does not read can't keep a statement alive, and what a statement begins with ends at its timeout.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

use super::{Guard, guard, within};
use crate::{
    cancel::Cancel,
    sqlstate::SqlState,
    wire::{Wire, WireLimits},
};

/// More than the sockets' own buffers hold.
const BYTES: usize = 64 << 20;

/// A wire with much to write, and the client at its other end.
async fn wire_and_client() -> (Wire, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let limits = WireLimits { message_bytes_max: 1 << 20, write_timeout: Duration::from_secs(3600) };
    let mut wire = Wire::new(listener.accept().await.unwrap().0, limits);
    let bytes: Vec<u8> = (0..=250).cycle().take(BYTES).collect();
    wire.outgoing().extend_from_slice(&bytes);
    (wire, client)
}

#[tokio::test]
async fn the_timeout_and_a_cancel_end_a_statement_whose_rows_nobody_reads() {
    let cancelled = Cancel::default();
    cancelled.call();
    let guards = [
        Guard::new(Cancel::default(), Some(Duration::from_millis(50))),
        Guard::new(cancelled, Some(Duration::from_secs(3600))),
    ];
    for guard in guards {
        let (mut wire, mut client) = wire_and_client().await;
        let error = guard.flush(&mut wire).await.unwrap_err();
        assert_eq!((error.state, error.is_fatal()), (SqlState::QUERY_CANCELED, false));
        // What was begun to be written is not torn: a client that reads on gets every byte once, then the error.
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            client.read_to_end(&mut all).await.unwrap();
            all
        });
        wire.put(&error.to_message());
        wire.close().await;
        let all = reading.await.unwrap();
        assert!(all[..BYTES].iter().zip((0..=250u8).cycle()).all(|(got, sent)| *got == sent));
        assert_eq!(all[BYTES], b'E');
    }
}

/// Whichever thread does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_read_past_the_timeout_are_no_answer() {
    let late = || async {
        std::thread::sleep(Duration::from_millis(60));
        Ok(())
    };
    let error = within(Some(Duration::from_millis(20)), late()).await.unwrap_err();
    assert_eq!(error.to_string(), guard::timed_out().to_string());
    within(None, late()).await.unwrap();
    within(Some(Duration::from_secs(60)), late()).await.unwrap();
    let waiting = within(Some(Duration::from_millis(20)), std::future::pending::<crate::error::Result<()>>());
    assert_eq!(waiting.await.unwrap_err().to_string(), guard::timed_out().to_string());
}
