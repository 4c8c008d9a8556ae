//! A crash at every write, sync and rename of commits, rolls, folds and a compaction: what was acknowledged is there, of
//! what was not, the last transaction as a whole or not at all, and the store goes on.
//!
//! The short form tries a few of all instants; `QUARRY_TEST_SEEDS=20 cargo nextest run -p quarry-storage crash` tries every one,
//! of that many seeds, and `QUARRY_TEST_SEED=…` every one of a seed.

use super::{script::*, support::*};
use crate::{
    World,
    tests::simulated::{Crash, Disk, Image},
};

/// How many instants of a seed the short form tries.
const SHORT: usize = 25;

const CRASHES: [Crash; 3] = [Crash::Killed, Crash::AllLost, Crash::SomeLost];

/// What makes the world of a disk.
type WorldOf = fn(&Disk) -> World;

fn encrypted(disk: &Disk) -> World {
    with_masters(world(disk), &[5])
}

/// Runs a script on a disk that keeps images; each is marked with the number of steps that were done.
fn images(script: &Script, world: WorldOf) -> Vec<Image> {
    let disk = Disk::default();
    disk.record();
    let store = open_world(world(&disk)).unwrap();
    for (number, step) in script.steps.iter().enumerate() {
        run(&store, step).unwrap();
        disk.mark(number + 1);
    }
    let images = disk.images();
    drop(store);
    images
}

/// The instants that are tried: all, or a few that differ by the seed, and those right behind a publish or a roll.
fn tried(images: &[Image], seed: u64) -> Vec<&Image> {
    let step = if is_long() { 1 } else { images.len().div_ceil(SHORT) };
    let start = usize::try_from(seed).unwrap() % step;
    let turns = turns(images);
    let is_tried = |(number, image): &(usize, &Image)| {
        number % step == start || turns.contains(&(image.operation.saturating_sub(1)))
    };
    images.iter().enumerate().filter(is_tried).map(|(_, image)| image).collect()
}

#[test]
fn a_crash_at_any_instant_loses_nothing_and_shows_nothing_by_half() {
    crash_rounds(seeds(1), world);
}

#[test]
fn a_crash_at_any_instant_of_an_encrypted_store_neither() {
    let seeds = seeds(2);
    crash_rounds(seeds.start + 1..seeds.end, encrypted);
}

fn crash_rounds(seeds: std::ops::Range<u64>, world: WorldOf) {
    for seed in seeds {
        let script = Script::of(seed);
        let images = images(&script, world);
        for image in tried(&images, seed) {
            for crash in CRASHES {
                let context =
                    format!("QUARRY_TEST_SEED={seed}, {crash:?} before operation {}", image.operation);
                let disk = Disk::after(image, crash, seed ^ image.operation);
                let model = reopened((&disk, world), &script, image.mark, &context);
                goes_on((&disk, world), model, crash, &context);
            }
        }
    }
}

/// The store opens and holds what was acknowledged, and perhaps the step that was being done.
fn reopened((disk, world): (&Disk, WorldOf), script: &Script, done: usize, context: &str) -> Model {
    let store = open_world(world(disk)).unwrap_or_else(|error| panic!("{context}: {error}"));
    let rows = all(&store.snapshot(), "account");
    let holds = |model: &&Model| model.values().eq(rows.iter());
    let allowed = script.models.get(done..).unwrap_or_default().iter().take(2);
    let model = allowed.clone().find(holds);
    let Some(model) = model else {
        panic!(
            "{context}: after {done} steps it holds {rows:#?}, not one of {:#?}",
            allowed.collect::<Vec<_>>()
        )
    };
    check_finds(&store, model, context);
    model.clone()
}

/// It takes commits and folds, and what it then acknowledges is there after the power went.
fn goes_on((disk, world): (&Disk, WorldOf), mut model: Model, crash: Crash, context: &str) {
    let store = open_world(world(disk)).unwrap_or_else(|error| panic!("{context}, once more: {error}"));
    let row = account("key11", "after the crash", "code11", 1);
    run(&store, &Step::Commit(vec![("key11".into(), Some(row.clone()))])).unwrap();
    model.insert("key11".into(), row);
    // What a killed process left unsynced is at stake still.
    for (seed, then) in CRASHES[1..].iter().chain([&Crash::SomeLost; 2]).enumerate() {
        let context = format!("{context}, then a commit, then {then:?} by {seed}");
        let lost = disk.crashed(*then, seed as u64);
        let again = open_world(world(&lost)).unwrap_or_else(|error| panic!("{context}: {error}"));
        check(&again, &model, &context);
        if crash != Crash::Killed {
            again.fold().unwrap();
            check(&again, &model, &format!("{context}, then folded"));
            break; // nothing was unsynced when it was opened
        }
    }
}
