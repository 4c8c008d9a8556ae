//! Work that takes longer than it may.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    thread::{current, sleep},
    time::Duration,
};

use super::*;

const SOON: Option<Duration> = Some(Duration::from_millis(20));
const LONGER: Duration = Duration::from_millis(60);

/// The thread that asks does it, so that no timer can look at it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_past_its_deadline_is_no_answer() {
    let work = |_: &Gone| {
        sleep(LONGER);
        Ok(())
    };
    let late = tokio::spawn(aside(Deadline::after(SOON), work)).await.unwrap();
    assert_eq!(late.unwrap_err().code, Error::timeout().code);
    tokio::spawn(aside(Deadline::after(None), work)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_told_that_its_deadline_has_come() {
    let work = |gone: &Gone| {
        gone.check()?;
        sleep(LONGER);
        gone.check()?;
        panic!("it went on")
    };
    let late: Result<()> = tokio::spawn(aside(Deadline::after(SOON), work)).await.unwrap();
    assert_eq!(late.unwrap_err().code, Error::timeout().code);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_small_is_done_by_another_thread() {
    let asking = tokio::spawn(async {
        let here = current().id();
        let small = aside(Deadline::after(None), |_| Ok(current().id())).await.unwrap();
        let large = apart(Deadline::after(None), |_| Ok(current().id())).await.unwrap();
        (small == here, large == here)
    });
    assert_eq!(asking.await.unwrap(), (true, false));
}

/// Where another thread works, it hears of it when who asked has gone.
#[tokio::test]
async fn work_is_told_that_who_asked_has_left() {
    let (tell, told) = std::sync::mpsc::channel();
    let work = move |gone: &Gone| {
        while gone.check().is_ok() {
            sleep(Duration::from_millis(1));
        }
        tell.send(gone.check().unwrap_err().code).unwrap();
        Ok(())
    };
    let asked = tokio::spawn(aside(Deadline::after(None), work));
    tokio::time::sleep(Duration::from_millis(5)).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    let code = tokio::task::spawn_blocking(move || told.recv_timeout(Duration::from_secs(10)));
    assert_eq!(code.await.unwrap().unwrap(), Error::internal("").code);
}
