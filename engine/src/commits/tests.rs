//! Tests of who commits and who is alone.
#![allow(clippy::unwrap_used)]

use std::{sync::mpsc, thread};

use super::Commits;

#[test]
fn who_is_alone_waits_for_those_who_commit_and_others_wait_for_him() {
    let commits = Commits::default();
    let (one, other) = (commits.read(), commits.try_read().unwrap());
    let (tell, told) = mpsc::channel();
    let place = commits.clone();
    let alone = thread::spawn(move || {
        let alone = place.write();
        tell.send("alone").unwrap();
        alone
    });
    drop(one);
    assert!(told.try_recv().is_err(), "one of two commits still");
    // A right may be dropped by another thread than the one that took it.
    thread::spawn(move || drop(other)).join().unwrap();
    assert_eq!(told.recv().unwrap(), "alone");
    let alone = alone.join().unwrap();
    assert!(commits.try_read().is_none());
    let place = commits.clone();
    let waits = thread::spawn(move || drop(place.read()));
    drop(alone);
    waits.join().unwrap();
    assert!(commits.try_read().is_some());
}
