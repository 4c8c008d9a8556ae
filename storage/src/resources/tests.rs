//! Background work of many stores on a few threads.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicUsize, Ordering},
    mpsc::sync_channel,
};

use super::Pool;
use crate::Error;

#[test]
fn work_that_fails_or_panics_is_done_again_by_itself() {
    let pool = Pool::start("test", 1);
    let runs = Arc::new(AtomicUsize::new(0));
    let (tell, told) = sync_channel(1);
    let counted = runs.clone();
    let task = pool.task("a test", move || match counted.fetch_add(1, Ordering::SeqCst) {
        0 => panic!("the first time"),
        1 => Err(Error::Internal("the second time".into())),
        _ => {
            tell.send(()).unwrap();
            Ok(())
        }
    });
    task.ask();
    told.recv().unwrap();
    task.stop();
    assert_eq!(runs.load(Ordering::SeqCst), 3);
}

#[test]
fn a_task_runs_once_at_a_time_and_again_when_it_was_asked_for_meanwhile() {
    let pool = Pool::start("test", 3);
    let (begun, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (running, runs) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let work = {
        let (begun, go, running, runs) = (begun.clone(), go.clone(), running.clone(), runs.clone());
        move || {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
            begun.wait();
            go.wait();
            running.fetch_sub(1, Ordering::SeqCst);
            runs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let task = pool.task("a test", work);
    task.ask();
    begun.wait();
    (0..5).for_each(|_| task.ask());
    go.wait();
    begun.wait();
    go.wait();
    task.stop();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    task.ask();
    assert_eq!(runs.load(Ordering::SeqCst), 2, "it is stopped");
}

#[test]
fn without_threads_who_asks_does_the_work() {
    let pool = Pool::start("test", 0);
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let task = pool.task("a test", move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Err(Error::Internal("told and done".into()))
    });
    task.ask();
    task.ask();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}
