//! Times count from when a call was due.

#![allow(clippy::unwrap_used)]

use std::{thread, time::Duration};

use super::{Caller, run, shares};

#[test]
fn a_pause_is_seen_by_all_calls_that_it_holds_up() {
    // One client, a call each 10 ms; the first takes 300 ms, the others nothing.
    let pause = |number: usize| {
        if number == 0 {
            thread::sleep(Duration::from_millis(300));
        }
        Ok(())
    };
    let callers: Vec<Caller> = vec![Box::new(pause)];
    let times = run(callers, 100, Duration::from_secs(1)).unwrap();
    assert_eq!(times.len(), 100);
    // Those that were due in the first 200 ms waited at least for what was left of the pause.
    let held_up = times.iter().filter(|time| **time >= 100_000.0).count();
    assert!(held_up >= 20, "{held_up} of {times:?}");
}

#[test]
fn the_first_error_ends_the_run() {
    let callers: Vec<Caller> = vec![Box::new(|_| anyhow::bail!("refused"))];
    assert_eq!(run(callers, 10, Duration::from_secs(1)).unwrap_err().to_string(), "refused");
}

#[test]
fn shares_of_a_thousand() {
    let times = (1..=1000).rev().map(f64::from).collect();
    assert_eq!(shares(times), [501.0, 950.0, 990.0, 999.0]);
}
