//! A disk that fails: what is not acknowledged is not there, nothing is damaged, and the store goes on by itself when the
//! disk does.
//!
//! The short form tries a few of all operations; `QUARRY_TEST_SEEDS=5 cargo nextest run -p quarry-storage fault` every one.

use std::{collections::BTreeSet, path::Path};

use super::{
    script::*,
    simulated::{Crash, Disk, Fault},
    support::*,
};
use crate::{ErrorKind, Store, files::Files};

impl Store {
    /// How many segments it reads.
    fn segments(&self) -> usize {
        self.inner.published().state.segments.values().map(|parts| parts.len()).sum()
    }
}

/// How many operations of a seed the short form lets fail, in each way.
const SHORT: u64 = 8;

type Kind = fn(u64) -> Fault;
const KINDS: [Kind; 4] = [Fault::Before, Fault::After, Fault::Full, Fault::NoSync];

#[test]
fn a_fault_at_any_operation_is_told_and_gone_through() {
    for seed in seeds(1) {
        let script = Script::of(seed);
        let clean = Disk::default();
        let opening = through(&clean, &script, None, "no fault");
        let operations = clean.operations();
        let step = if is_long() { 1 } else { (operations - opening).div_ceil(SHORT) };
        for kind in KINDS {
            for at in (opening + 1..=operations).step_by(usize::try_from(step).unwrap()) {
                let fault = kind(at);
                let context = format!("QUARRY_TEST_SEED={seed}, {fault:?}");
                through(&Disk::default(), &script, Some(fault), &context);
            }
        }
    }
}

/// What long runs found, for every build.
#[test]
fn faults_that_found_something_are_gone_through() {
    for (seed, fault) in [(0, Fault::Full(145)), (1, Fault::Full(93)), (2, Fault::Full(135))] {
        let context = format!("QUARRY_TEST_SEED={seed}, {fault:?}");
        through(&Disk::default(), &Script::of(seed), Some(fault), &context);
    }
}

/// The process ends, or the power goes, right behind a failed step: it is there or not, and nothing is damaged.
fn crash_now(disk: &Disk, script: &Script, number: usize, context: &str) {
    for (seed, crash) in [(0, Crash::AllLost), (1, Crash::SomeLost)] {
        let context = format!("{context}, then {crash:?} by {seed}");
        let store = open_world(world(&disk.crashed(crash, seed)));
        let store = store.unwrap_or_else(|error| panic!("{context}: {error}"));
        let rows = all(&store.snapshot(), "account");
        let models = &script.models[number..number + 2];
        let model = models.iter().find(|model| model.values().eq(rows.iter()));
        let model = model.unwrap_or_else(|| panic!("{context}: it holds {rows:#?}, not one of {models:#?}"));
        check_finds(&store, model, &context);
    }
}

/// How many segments have files.
fn segments_on(disk: &Disk) -> usize {
    let folders = |path: &Path| disk.list(path).unwrap().into_iter().map(|entry| entry.path);
    folders(&Path::new(FOLDER).join("segments")).flat_map(|table| folders(&table)).count()
}

/// The few instants that count: a manifest is published, a log file is made or moved.
#[test]
fn a_fault_around_a_publish_or_a_roll_is_gone_through() {
    let script = Script::short();
    let clean = Disk::default();
    clean.record();
    let opening = through(&clean, &script, None, "no fault");
    let turns = turns(&clean.images());
    let around: BTreeSet<u64> =
        turns.into_iter().filter(|at| *at > opening).flat_map(|at| at - 1..at + 3).collect();
    assert!(around.len() > 20, "{around:?}");
    let kinds: [Kind; 3] = [Fault::Before, Fault::After, Fault::NoSync];
    for kind in kinds {
        for at in &around {
            let fault = kind(*at);
            through(&Disk::default(), &script, Some(fault), &format!("{fault:?}"));
        }
    }
}

/// Runs a script to its end through a fault, which lasts until a step fails by it; how many operations opening took.
fn through(disk: &Disk, script: &Script, fault: Option<Fault>, context: &str) -> u64 {
    let store = open_world(world(disk)).unwrap();
    let opening = disk.operations();
    disk.fail(fault);
    for (number, step) in script.steps.iter().enumerate() {
        let context = format!("{context}, step {number}");
        if let Err(error) = run(&store, step) {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{context}: {error}");
            check(&store, &script.models[number], &format!("{context}, failed"));
            crash_now(disk, script, number, &context);
            disk.fail(None);
            // What comes next need not be the same again.
            store.fold().unwrap_or_else(|error| panic!("{context}, then a fold: {error}"));
            crash_now(disk, script, number, &format!("{context}, then a fold"));
            run(&store, step).unwrap_or_else(|error| panic!("{context}, once more: {error}"));
        }
        check(&store, &script.models[number + 1], &context);
    }
    disk.fail(None);
    store.fold().unwrap();
    assert_eq!(segments_on(disk), store.segments(), "{context}: what a failed step left is gone");
    let last = script.models.last().unwrap();
    let lost = disk.crashed(Crash::AllLost, 0);
    let after = open_world(world(&lost)).unwrap_or_else(|error| panic!("{context}, then the power: {error}"));
    check(&after, last, &format!("{context}, then the power"));
    drop(store);
    check(&open_world(world(disk)).unwrap(), last, &format!("{context}, reopened"));
    opening
}
