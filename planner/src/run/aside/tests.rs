//! Work that takes longer than it may.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    thread::{current, sleep},
    time::Duration,
};

use super::*;
use crate::run::Stop;

const SOON: Option<Duration> = Some(Duration::from_millis(20));
const LONGER: Duration = Duration::from_millis(60);
const LONG: Duration = Duration::from_secs(600);

fn until(timeout: Option<Duration>) -> Deadline {
    Deadline::after(timeout, Stop::default())
}

/// The thread that asks does it, so that no timer can look at it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_past_its_deadline_is_no_answer() {
    let work = |_: &Gone| {
        sleep(LONGER);
        Ok(())
    };
    let late = tokio::spawn(async move { aside(&until(SOON), &Pace::default(), work).await }).await.unwrap();
    assert_eq!(late.unwrap_err().code, Error::timeout().code);
    tokio::spawn(async move { aside(&until(None), &Pace::default(), work).await }).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_told_that_its_deadline_has_come() {
    let work = |gone: &Gone| {
        gone.check()?;
        sleep(LONGER);
        gone.check()?;
        panic!("it went on")
    };
    let late: Result<()> =
        tokio::spawn(async move { aside(&until(SOON), &Pace::default(), work).await }).await.unwrap();
    assert_eq!(late.unwrap_err().code, Error::timeout().code);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_small_is_done_by_another_thread() {
    let asking = tokio::spawn(async {
        let here = current().id();
        let small = aside(&until(None), &Pace::default(), |_| Ok(current().id())).await.unwrap();
        let large = apart(&until(None), |_| Ok(current().id())).await.unwrap();
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
    let asked = tokio::spawn(async move { aside(&until(None), &Pace::default(), work).await });
    tokio::time::sleep(Duration::from_millis(5)).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    let code = tokio::task::spawn_blocking(move || told.recv_timeout(Duration::from_secs(10)));
    assert_eq!(code.await.unwrap().unwrap(), Error::cancelled().code);
}

/// Whichever thread does it, and whether or not there is a deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_told_that_it_was_called_off() {
    for (timeout, is_apart) in [(None, false), (None, true), (Some(LONG), false), (Some(LONG), true)] {
        let stop = Stop::new();
        let (begin, begun) = std::sync::mpsc::channel();
        let work = move |gone: &Gone| {
            begin.send(()).unwrap();
            loop {
                gone.check()?;
                sleep(Duration::from_millis(1));
            }
        };
        let deadline = Deadline::after(timeout, stop.part());
        let asked = tokio::spawn(async move {
            let done: Result<()> = if is_apart {
                apart(&deadline, work).await
            } else {
                aside(&deadline, &Pace::default(), work).await
            };
            done.unwrap_err().code
        });
        tokio::task::spawn_blocking(move || begun.recv()).await.unwrap().unwrap();
        stop.call();
        assert_eq!(asked.await.unwrap(), Error::cancelled().code);
    }
}

#[tokio::test]
async fn what_was_called_off_is_no_answer_and_is_not_begun() {
    let stop = Stop::new();
    let deadline = Deadline::after(None, stop.clone());
    let late = deadline.wait(async {
        stop.call();
        Ok::<_, Error>(())
    });
    assert_eq!(late.await.unwrap_err().code, Error::cancelled().code);
    let begun: Result<()> = aside(&deadline, &Pace::default(), |_| panic!("it was begun")).await;
    assert_eq!(begun.unwrap_err().code, Error::cancelled().code);
}

#[test]
fn a_part_stops_with_the_whole_and_the_whole_not_with_a_part() {
    let whole = Stop::new();
    let (one, other) = (whole.part(), whole.part().part());
    one.call();
    assert_eq!((whole.is_called(), one.is_called(), other.is_called()), (false, true, false));
    drop(other.when_dropped());
    assert_eq!((whole.is_called(), other.is_called()), (false, true));
    let third = other.part();
    assert!(third.is_called());
    whole.call();
    assert!(whole.part().is_called());
    // Nobody can call what nobody made.
    let none = Stop::default();
    none.call();
    assert!(!none.is_called());
}

#[test]
fn work_is_quick_when_all_of_it_was() {
    let pace = Pace::default();
    let some = || pace.measured(|| ());
    some();
    assert!(!pace.is_quick());
    // A busy machine makes some of it slow.
    while !pace.is_quick() {
        some();
    }
    pace.measured(|| sleep(LONGER));
    assert!(!pace.is_quick());
}
