//! The store against a model: random transactions, folds and reopenings; every access path must tell what a map
//! tells, now and for every snapshot still held.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::support::*;
use crate::{
    Error, Resources, Row, ScanRequest, Snapshot, Store, StoreOptions, TextQuery, TextSyntax, Value, WriteSet,
};

type Model = BTreeMap<String, Row>;

const WORDS: [&str; 5] = ["alpha", "beta", "gamma", "delta", "omega"];

/// Histories that are tried; more of them find more.
const SEEDS: u64 = 12;

struct Run {
    random: StdRng,
    folder: tempfile::TempDir,
    resources: Arc<Resources>,
    store: Arc<Store>,
    model: Model,
    held: Vec<(Snapshot, Model)>,
}

fn small() -> StoreOptions {
    StoreOptions { log_file_bytes: 4 << 10, row_group_rows: 4, ..options() }
}

#[test]
fn the_store_does_what_a_map_does() {
    for seed in seeds(SEEDS) {
        let folder = tempfile::tempdir().unwrap();
        let resources = small_cache(64 << 10);
        let store = open_in(folder.path(), small(), &resources);
        let random = StdRng::seed_from_u64(seed);
        let mut run = Run { random, folder, resources, store, model: Model::new(), held: vec![] };
        for step in 0..40 {
            let context = format!("seed {seed}, step {step}");
            match run.random.random_range(0..20) {
                0..14 => run.transaction(&context),
                14 => {
                    run.store.fold().unwrap();
                }
                15 => run.reopen(),
                16 => run.crash(),
                17 => run.held.push((run.store.snapshot(), run.model.clone())),
                _ => run.check(&context),
            }
        }
        run.check(&format!("seed {seed}, at the end"));
    }
}

impl Run {
    fn row(&mut self, key: &str) -> Row {
        let words = self.random.random_range(0..4);
        let text: Vec<_> = (0..words).map(|_| WORDS[self.random.random_range(0..WORDS.len())]).collect();
        let code = self.random.random_range(0..60);
        let code = if code < 40 { format!("code{code}") } else { String::new() };
        account(key, &text.join(" "), &code, self.random.random_range(0..4))
    }

    fn transaction(&mut self, context: &str) {
        let mut writes = WriteSet::new(self.store.snapshot().csn());
        let mut next = self.model.clone();
        let table = name("account");
        for _ in 0..self.random.random_range(1..12) {
            let key = format!("key{:02}", self.random.random_range(0..40));
            let new = self.row(&key);
            match (next.get(&key).cloned(), self.random.random_range(0..4)) {
                (None, _) => {
                    writes.insert(&table, new.clone()).unwrap();
                    next.insert(key, new);
                }
                (Some(old), 0) => {
                    writes.delete(&table, old).unwrap();
                    next.remove(&key);
                }
                (Some(old), _) => {
                    writes.update(&table, old, new.clone()).unwrap();
                    next.insert(key, new);
                }
            }
        }
        let own = self.store.snapshot().with_writes(&writes);
        check(&own, &next, &format!("{context}, own writes"));
        let mut codes: Vec<_> =
            next.values().map(|row| row.get(2)).filter(|code| !code.is_null()).cloned().collect();
        let count = codes.len();
        codes.sort_by_key(|code| format!("{code:?}"));
        codes.dedup();
        match self.store.commit(writes, info()) {
            Ok(_) => {
                assert_eq!(codes.len(), count, "{context}: a code twice");
                self.model = next;
            }
            Err(Error::UniqueViolation { .. }) => assert!(codes.len() < count, "{context}: no code twice"),
            Err(error) => panic!("{context}: {error}"),
        }
    }

    fn reopen(&mut self) {
        self.held.clear();
        self.store.close().unwrap();
        self.store = open_in(self.folder.path(), small(), &self.resources);
    }

    /// Goes on with a copy of the files as they are while the store is open: what `kill -9` would leave.
    fn crash(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), copy.path());
        self.held.clear();
        self.store = open_in(copy.path(), small(), &self.resources);
        self.folder = copy;
    }

    fn check(&self, context: &str) {
        check(&self.store.snapshot(), &self.model, context);
        for (snapshot, model) in &self.held {
            check(snapshot, model, &format!("{context}, held {:?}", snapshot.csn()));
        }
    }
}

pub fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_folder(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn check(snapshot: &Snapshot, model: &Model, context: &str) {
    let wanted: Vec<Row> = model.values().cloned().collect();
    assert_eq!(all(snapshot, "account"), wanted, "{context}: scan");
    let table = snapshot.table("account").unwrap();
    assert_eq!(table.statistics().rows, u64::try_from(model.len()).unwrap(), "{context}: count");
    for number in 0..40 {
        let key = format!("key{number:02}");
        assert_eq!(table.get(&key).unwrap().as_ref(), model.get(&key), "{context}: get {key}");
    }
    let keys_of = |matches: &dyn Fn(&Row) -> bool| -> Vec<String> {
        model.iter().filter(|(_, row)| matches(row)).map(|(key, _)| key.clone()).collect()
    };
    for rank in 0..4 {
        let wanted = keys_of(&|row| row.get(3) == &Value::Int(rank));
        assert_eq!(found(snapshot, "account", "rank", Value::Int(rank)), wanted, "{context}: rank {rank}");
    }
    let no_code = keys_of(&|row| row.get(2).is_null());
    assert_eq!(found(snapshot, "account", "code", Value::Null), no_code, "{context}: no code");
    for pair in WORDS.windows(2) {
        let has = |row: &Row, word| matches!(row.get(1), Value::Text(text) if text.contains(word));
        let wanted = keys_of(&|row| pair.iter().all(|word| has(row, word)));
        let query = TextQuery { columns: vec![], text: pair.join(" "), syntax: TextSyntax::Words };
        let hits = table.search(&query).unwrap();
        let request = ScanRequest { rows: Some(hits.rows().clone()), ..ScanRequest::default() };
        assert_eq!(keys(snapshot, "account", request), wanted, "{context}: search {pair:?}");
    }
}
