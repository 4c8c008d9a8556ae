//! What crash and fault tests let a store do: by a seed, commits of every kind, folds, and in the end a compaction; on
//! log files so small that they are rolled and become history.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::support::*;
use crate::{Result, Row, Store, StoreOptions, Value, World, WriteSet, tests::simulated::Disk};

/// The accounts by key.
pub type Model = BTreeMap<String, Row>;

/// Where the store is on a simulated disk.
pub const FOLDER: &str = "/data/tenant/main";

/// One thing that is done.
#[derive(Clone, Debug)]
pub enum Step {
    /// These rows as they are then; `None`: none of that key.
    Commit(Vec<(String, Option<Row>)>),
    /// A bulk load of these rows.
    Load(Vec<(String, Row)>),
    Fold,
}

/// The steps, and what the store holds before the first and after each.
pub struct Script {
    pub steps: Vec<Step>,
    pub models: Vec<Model>,
}

impl Script {
    pub fn of(seed: u64) -> Script {
        let mut random = StdRng::seed_from_u64(seed);
        let mut script = Script { steps: vec![], models: vec![Model::new()] };
        for round in 0..3 {
            for _ in 0..random.random_range(3..6) {
                let changes = (0..random.random_range(1..5)).map(|_| change_of(&mut random)).collect();
                script.add(Step::Commit(changes));
            }
            script.load(&mut random);
            if round < 2 {
                script.add(Step::Fold);
            }
        }
        // Most rows go: their segments are merged.
        let keys: Vec<String> = script.models.last().unwrap().keys().cloned().collect();
        let gone = keys.iter().skip(1).map(|key| (key.clone(), None));
        script.add(Step::Commit(gone.collect()));
        script.add(Step::Fold);
        script.add(Step::Commit(vec![change_of(&mut random)]));
        script.load(&mut random);
        script
    }

    /// Loads some of the rows that are not there.
    fn load(&mut self, random: &mut StdRng) {
        let model = self.models.last().unwrap();
        let missing = (0..12).rev().filter(|number| !model.contains_key(&format!("key{number:02}")));
        let rows = missing.map(|number| row_of(random, number)).collect();
        self.add(Step::Load(rows));
    }

    fn add(&mut self, step: Step) {
        let mut model = self.models.last().unwrap().clone();
        if let Step::Commit(changes) = &step {
            for (key, row) in changes {
                match row {
                    Some(row) => _ = model.insert(key.clone(), row.clone()),
                    None => _ = model.remove(key),
                }
            }
        }
        if let Step::Load(rows) = &step {
            model.extend(rows.iter().cloned());
        }
        self.steps.push(step);
        self.models.push(model);
    }
}

fn change_of(random: &mut StdRng) -> (String, Option<Row>) {
    let number = random.random_range(0..12);
    let (key, row) = row_of(random, number);
    (key, random.random_bool(0.8).then_some(row))
}

fn row_of(random: &mut StdRng, number: i64) -> (String, Row) {
    let key = format!("key{number:02}");
    let long = "word ".repeat(random.random_range(1..40));
    let row = account(&key, &format!("name of {long}"), &format!("code{number}"), random.random_range(0..3));
    (key, row)
}

/// The world of a disk.
pub fn world(disk: &Disk) -> World {
    World { files: Arc::new(disk.clone()), ..World::seeded(7, 0) }
}

/// Opens the store of a world; what is due in the background is done in its place.
pub fn open_world(world: World) -> Result<Arc<Store>> {
    let options =
        StoreOptions { log_file_bytes: 1_500, row_group_rows: 4, load_bytes_target: 1 << 10, ..options() };
    let store = Store::open(Path::new(FOLDER), options, world, &inline_resources())?;
    store.define_tables(tables())?;
    Ok(store)
}

/// Does a step. A commit whose changes change nothing is none.
pub fn run(store: &Arc<Store>, step: &Step) -> Result<()> {
    let changes = match step {
        Step::Commit(changes) => changes,
        Step::Load(rows) => return load(store, rows),
        Step::Fold => return store.fold().map(drop),
    };
    let snapshot = store.snapshot();
    let mut writes = WriteSet::new(snapshot.csn());
    let account = name("account");
    for (key, row) in changes {
        let own = snapshot.with_writes(&writes).table("account")?;
        match (own.get(key)?, row.clone()) {
            (None, Some(row)) => writes.insert(&account, row)?,
            (Some(old), Some(row)) => writes.update(&account, old, row)?,
            (Some(old), None) => writes.delete(&account, old)?,
            (None, None) => {}
        }
    }
    store.commit(writes, info()).map(drop)
}

fn load(store: &Arc<Store>, rows: &[(String, Row)]) -> Result<()> {
    let mut load = store.bulk_load();
    rows.iter().try_for_each(|(_, row)| load.add(&name("account"), row.clone()))?;
    load.commit(info()).map(drop)
}

/// The store holds what the model does, on every way to it.
pub fn check(store: &Store, model: &Model, context: &str) {
    let snapshot = store.snapshot();
    let wanted: Vec<Row> = model.values().cloned().collect();
    assert_eq!(all(&snapshot, "account"), wanted, "{context}: scan");
    check_finds(store, model, context);
}

/// Lookups and counts agree with the model.
pub fn check_finds(store: &Store, model: &Model, context: &str) {
    let snapshot = store.snapshot();
    let table = snapshot.table("account").unwrap();
    assert_eq!(table.statistics().rows, model.len() as u64, "{context}: count");
    for number in 0..12 {
        let key = format!("key{number:02}");
        assert_eq!(table.get(&key).unwrap().as_ref(), model.get(&key), "{context}: get {key}");
    }
    for rank in 0..3 {
        let has = |row: &&Row| row.get(3) == &Value::Int(rank);
        let wanted: Vec<_> = model.values().filter(has).map(|row| row.key().unwrap().to_string()).collect();
        assert_eq!(found(&snapshot, "account", "rank", Value::Int(rank)), wanted, "{context}: rank {rank}");
    }
}
