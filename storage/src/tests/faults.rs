//! A disk that fails: what is not acknowledged is not there, nothing is damaged, and the store goes on by itself when the
//! disk does.
//!
//! The short form tries a few of all operations; `QUARRY_TEST_SEEDS=5 cargo nextest run -p quarry-storage fault` every one.

use super::{script::*, support::*};
use crate::{
    ErrorKind,
    tests::simulated::{Crash, Disk, Fault},
};

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
            disk.fail(None);
            run(&store, step).unwrap_or_else(|error| panic!("{context}, once more: {error}"));
        }
        check(&store, &script.models[number + 1], &context);
    }
    disk.fail(None);
    let last = script.models.last().unwrap();
    let lost = disk.crashed(Crash::AllLost, 0);
    let after = open_world(world(&lost)).unwrap_or_else(|error| panic!("{context}, then the power: {error}"));
    check(&after, last, &format!("{context}, then the power"));
    drop(store);
    check(&open_world(world(disk)).unwrap(), last, &format!("{context}, reopened"));
    opening
}
