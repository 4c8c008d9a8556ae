//! A store whose objects lie in another object store, which fails, is lost or is slow.

use std::{sync::Arc, thread};

use super::{
    faulty_store::{FaultyStore, ObjectFault},
    script::*,
    support::*,
};
use crate::{
    ErrorKind, ObjectPlace, World,
    tests::simulated::{Crash, Disk},
};

/// How many operations the short form lets fail, in each way.
const SHORT: u64 = 10;

type Kind = fn(u64) -> ObjectFault;

fn world_of(disk: &Disk, objects: &FaultyStore) -> World {
    let objects = objects.clone();
    World { objects: ObjectPlace::Elsewhere(Arc::new(move |_| Arc::new(objects.clone()))), ..world(disk) }
}

/// The faults of these kinds at the operations of a clean run, or a few of them.
fn faults(script: &Script, kinds: [Kind; 2]) -> Vec<ObjectFault> {
    let (disk, objects) = (Disk::default(), FaultyStore::default());
    let store = open_world(world_of(&disk, &objects)).unwrap();
    let opening = objects.operations();
    for step in &script.steps {
        run(&store, step).unwrap();
    }
    let operations = opening + 1..=objects.operations();
    let step = if is_long() { 1 } else { (operations.end() - opening).div_ceil(SHORT) };
    let operations: Vec<u64> = operations.step_by(usize::try_from(step).unwrap()).collect();
    kinds.into_iter().flat_map(|kind| operations.iter().map(move |at| kind(*at))).collect()
}

#[test]
fn a_fault_of_an_operation_elsewhere_is_told_and_gone_through() {
    for seed in seeds(1) {
        let script = Script::of(seed);
        for fault in faults(&script, [ObjectFault::Before, ObjectFault::After]) {
            let context = format!("QUARRY_TEST_SEED={seed}, {fault:?}");
            let (disk, objects) = (Disk::default(), FaultyStore::default());
            let store = open_world(world_of(&disk, &objects)).unwrap();
            objects.fail(Some(fault));
            for (number, step) in script.steps.iter().enumerate() {
                let context = format!("{context}, step {number}");
                if let Err(error) = run(&store, step) {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{context}: {error}");
                    check(&store, &script.models[number], &format!("{context}, failed"));
                    run(&store, step).unwrap_or_else(|error| panic!("{context}, once more: {error}"));
                }
            }
            objects.fail(None);
            let last = script.models.last().unwrap();
            check(&store, last, &context);
            drop(store);
            check(&open_world(world_of(&disk, &objects)).unwrap(), last, &format!("{context}, reopened"));
        }
    }
}

#[test]
fn a_crash_at_an_operation_elsewhere_loses_nothing() {
    for seed in seeds(1) {
        let script = Script::of(seed);
        for fault in faults(&script, [ObjectFault::GoneBefore, ObjectFault::GoneAfter]) {
            let context = format!("QUARRY_TEST_SEED={seed}, {fault:?}");
            let (disk, objects) = (Disk::default(), FaultyStore::default());
            let store = open_world(world_of(&disk, &objects)).unwrap();
            objects.fail(Some(fault));
            let done = script.steps.iter().take_while(|step| run(&store, step).is_ok()).count();
            let lost = disk.crashed(Crash::AllLost, seed);
            drop(store); // nothing that it does now has an effect
            objects.fail(None);
            let mut store =
                open_world(world_of(&lost, &objects)).unwrap_or_else(|e| panic!("{context}: {e}"));
            for (number, step) in script.steps.iter().enumerate().skip(done) {
                check(&store, &script.models[number], &format!("{context}, before step {number}"));
                run(&store, step).unwrap_or_else(|error| panic!("{context}, step {number}: {error}"));
            }
            for _ in 0..2 {
                check(&store, script.models.last().unwrap(), &context);
                drop(store);
                store = open_world(world_of(&lost, &objects)).unwrap();
            }
        }
    }
}

#[test]
fn a_slow_store_holds_up_no_reader_and_no_writer() {
    let (disk, objects) = (Disk::default(), FaultyStore::default());
    let store = open_world(world_of(&disk, &objects)).unwrap();
    let script = Script::of(3);
    let (before, after) = script.steps.split_at(script.steps.len() - 4);
    before.iter().for_each(|step| run(&store, step).unwrap());
    let (begun, release) = objects.hold_next_put();
    thread::scope(|scope| {
        let folds = scope.spawn(|| store.fold());
        begun.recv().unwrap();
        // The fold waits now, and does so until it is released.
        check(&store, &script.models[before.len()], "while a fold waits");
        run(&store, &after[0]).unwrap();
        check(&store, &script.models[before.len() + 1], "after a commit while a fold waits");
        release.send(()).unwrap();
        folds.join().unwrap().unwrap();
    });
    after[1..].iter().for_each(|step| run(&store, step).unwrap());
    check(&store, script.models.last().unwrap(), "in the end");
}
