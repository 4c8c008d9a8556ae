//! A disk that fails: what is not acknowledged is not there, nothing is damaged, and the store goes on by itself when the
//! disk does.
//!
//! The short form tries a few of all operations; `QUARRY_TEST_SEEDS=5 cargo nextest run -p quarry-storage fault` every one.

use std::path::Path;

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

/// The process ends, or the power goes, right behind a failed step: it is there or not, and nothing is damaged.
fn crash_now(disk: &Disk, script: &Script, number: usize, context: &str) {
    let crashes = [Crash::Killed, Crash::AllLost, Crash::SomeLost, Crash::SomeLost];
    for (seed, crash) in (0..).zip(crashes) {
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
