//! Work beside everything else: on which thread, and what comes of it.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::error::ErrorKind;

#[tokio::test]
async fn it_has_a_thread_of_its_name_that_lets_others_go_first() {
    let told = beside("quarry-try", || Ok((thread::current().name().map(str::to_owned), niceness())));
    let before = niceness();
    let (name, lowered) = told.await.unwrap();
    assert_eq!(name.as_deref(), Some("quarry-try"));
    assert_eq!(niceness(), before, "who waits for it stands back for nobody");
    #[cfg(target_os = "linux")]
    assert_eq!(lowered, NICENESS.max(before));
    #[cfg(not(target_os = "linux"))]
    assert_eq!(lowered, before);
}

/// On Linux that of the thread.
fn niceness() -> i32 {
    rustix::process::getpriority_process(None).unwrap()
}

#[tokio::test]
async fn its_error_and_its_end_are_told() {
    let failed = beside::<()>("quarry-try", || Err(Error::invalid("not so"))).await.unwrap_err();
    assert_eq!((failed.kind, failed.message.as_str()), (ErrorKind::Invalid, "not so"));
    let ended = beside::<()>("quarry-try", || panic!("it ends")).await.unwrap_err();
    assert_eq!(ended.kind, ErrorKind::Internal);
}

/// Whoever asked may be gone: what was begun is done to its end.
#[tokio::test]
async fn it_goes_on_when_nobody_waits_for_it() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (tell, told) = oneshot::channel();
    let asked = tokio::spawn(beside("quarry-try", move || {
        gone.recv().unwrap();
        tell.send("done").map_err(|_| Error::internal("nobody looks"))
    }));
    tokio::task::yield_now().await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    assert_eq!(told.await.unwrap(), "done");
}
