//! Histories of concurrent clients, under folds and compactions and on a disk that fails, judged by an independent
//! checker; and histories made by hand, one per anomaly, that the checker must refuse.

mod checker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use self::checker::{Element, Observed, Outcome, check};
use super::{
    script::{open_world, world},
    simulated::{Crash, Disk, Fault},
    support::{column, info, name, open_in, options, seeds, small_cache},
};
use crate::{
    ColumnSpec, ColumnType, ErrorKind, Row, ScanRequest, Snapshot, Store, StoreOptions, TableSpec, Value,
    WriteSet,
};

const KEYS: u64 = 6;
const CLIENTS: u64 = 6;
const TRANSACTIONS: u64 = 60;

fn lists() -> TableSpec {
    TableSpec {
        name: "list".into(),
        columns: vec![
            column("id", ColumnType::Text),
            column("elements", ColumnType::TextList),
            ColumnSpec { indexed: true, ..column("label", ColumnType::Text) },
        ],
        unique: vec![],
        references: vec![],
    }
}

#[test]
fn concurrent_clients_see_snapshot_isolation() {
    for seed in seeds(4) {
        let folder = tempfile::tempdir().unwrap();
        let store = open_in(folder.path(), small(), &small_cache(64 << 10));
        let history = history(&store, seed, || store.fold().map(drop).unwrap());
        let committed = history.iter().filter(|one| one.outcome == Outcome::Committed).count();
        let aborted = history.len() - committed;
        assert!(committed > 0 && aborted > 0, "seed {seed}: nobody met anybody, the history says nothing");
        check(&history).unwrap_or_else(|anomaly| panic!("seed {seed}: {anomaly}"));
    }
}

/// Batches are applied on others that are then not written: what is acknowledged holds, also after the power went, and
/// what is not left nothing.
#[test]
fn clients_on_a_disk_that_fails_now_and_then_see_snapshot_isolation() {
    for seed in seeds(6) {
        let disk = Disk::default();
        disk.slow_down();
        let store = open_world(world(&disk)).unwrap();
        let mut random = StdRng::seed_from_u64(seed);
        let history = history(&store, seed, || {
            let kind = [Fault::Before, Fault::After, Fault::NoSync][random.random_range(0..3)];
            disk.fail(Some(kind(disk.operations() + random.random_range(1..20))));
            (0..random.random_range(0..200)).for_each(|_| thread::yield_now());
            disk.fail(None);
            if random.random_bool(0.2) {
                // It failed if the disk did, and is tried again.
                drop(store.fold());
            }
        });
        let count = |outcome| history.iter().filter(|one| one.outcome == outcome).count();
        assert!(count(Outcome::Committed) > 0, "seed {seed}: nothing was written");
        check(&history).unwrap_or_else(|anomaly| panic!("seed {seed}: {anomaly}"));
        // What the last failed write may have left goes with this.
        store.fold().unwrap();
        let lists = |store: &Store| last_look(store, &AtomicU64::new(0)).reads;
        let reopened = open_world(world(&disk.crashed(Crash::AllLost, seed))).unwrap();
        assert_eq!(lists(&reopened), lists(&store), "seed {seed}");
    }
}

fn small() -> StoreOptions {
    StoreOptions { log_file_bytes: 16 << 10, row_group_rows: 2, ..options() }
}

/// Clients at work on a store, beside what disturbs them, and what each saw. The threads make no two runs alike; the seed
/// decides what they do.
fn history(store: &Arc<Store>, seed: u64, mut disturb: impl FnMut() + Send) -> Vec<Observed> {
    store.define_tables(vec![lists()]).unwrap();
    let (clock, stop) = (AtomicU64::new(1), AtomicBool::new(false));
    let mut history = thread::scope(|scope| {
        let disturbing = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                disturb();
                thread::yield_now();
            }
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let clock = &clock;
                let random = StdRng::seed_from_u64(seed * 1_000 + number);
                scope.spawn(move || Client { store, clock, number, random }.run())
            })
            .collect();
        let seen: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        disturbing.join().unwrap();
        seen
    });
    history.push(last_look(store, &clock));
    history
}

/// One transaction that reads all keys when everyone is done.
fn last_look(store: &Store, clock: &AtomicU64) -> Observed {
    let began = clock.fetch_add(1, Ordering::SeqCst);
    let snapshot = store.snapshot();
    let reads =
        (0..KEYS).map(|key| format!("k{key}")).map(|key| (key.clone(), read(&snapshot, &key, 0))).collect();
    Observed { began, ended: clock.fetch_add(1, Ordering::SeqCst), reads, ..Observed::default() }
}

struct Client<'a> {
    store: &'a Arc<Store>,
    clock: &'a AtomicU64,
    number: u64,
    random: StdRng,
}

impl Client<'_> {
    fn run(mut self) -> Vec<Observed> {
        (0..TRANSACTIONS).map(|number| self.transaction(number)).collect()
    }

    fn transaction(&mut self, number: u64) -> Observed {
        let mut seen = Observed { began: self.clock.fetch_add(1, Ordering::SeqCst), ..Observed::default() };
        let snapshot = self.store.snapshot();
        let mut writes = WriteSet::new(snapshot.csn());
        let mut keys: Vec<u64> = (0..KEYS).collect();
        for step in 0..self.random.random_range(1..4) {
            let key = format!("k{}", keys.swap_remove(self.random.random_range(0..keys.len())));
            let list = read(&snapshot, &key, self.random.random_range(0..3));
            seen.reads.push((key.clone(), list.clone()));
            if self.random.random_bool(0.6) {
                let element = (self.number * TRANSACTIONS + number) * 10 + step;
                append(&mut writes, &key, &list, element);
                seen.appends.push((key, element));
            }
            if self.random.random_bool(0.3) {
                thread::yield_now();
            }
        }
        seen.outcome = match self.store.commit(writes, info()) {
            Ok(_) => Outcome::Committed,
            Err(error) => match error.kind() {
                ErrorKind::Conflict | ErrorKind::Violated | ErrorKind::Unavailable => Outcome::Aborted,
                _ => panic!("{error}"),
            },
        };
        seen.ended = self.clock.fetch_add(1, Ordering::SeqCst);
        seen
    }
}

/// A list by its key, by its label, or by a scan of everything: all must tell the same.
fn read(snapshot: &Snapshot, key: &str, path: u32) -> Vec<Element> {
    let table = snapshot.table("list").unwrap();
    let row = match path {
        0 => table.get(key).unwrap(),
        1 => {
            let rows = table.lookup("label", &[Value::text(key)]).unwrap();
            let request = ScanRequest { rows: Some(rows), ..ScanRequest::default() };
            super::support::scanned(snapshot, "list", request).pop()
        }
        _ => super::support::all(snapshot, "list").into_iter().find(|row| &**row.key().unwrap() == key),
    };
    row.map(|row| elements(&row)).unwrap_or_default()
}

fn elements(row: &Row) -> Vec<Element> {
    match row.get(1) {
        Value::TextList(items) => items.iter().map(|item| item.parse().unwrap()).collect(),
        _ => vec![],
    }
}

fn row(key: &str, list: &[Element]) -> Row {
    let items = list.iter().map(|element| element.to_string().into()).collect();
    Row([Value::text(key), Value::TextList(items), Value::text(key)].into())
}

fn append(writes: &mut WriteSet, key: &str, list: &[Element], element: Element) {
    let new: Vec<Element> = list.iter().copied().chain([element]).collect();
    if list.is_empty() {
        writes.insert(&name("list"), row(key, &new)).unwrap();
    } else {
        writes.update(&name("list"), row(key, list), row(key, &new)).unwrap();
    }
}

/// A transaction by hand: times, reads as `key: elements`, appends as `key: element`.
fn observed(
    (began, ended): (u64, u64),
    outcome: Outcome,
    reads: &[(&str, &[Element])],
    appends: &[(&str, Element)],
) -> Observed {
    Observed {
        began,
        ended,
        outcome,
        reads: reads.iter().map(|(key, list)| ((*key).into(), list.to_vec())).collect(),
        appends: appends.iter().map(|(key, element)| ((*key).into(), *element)).collect(),
    }
}

#[test]
fn the_checker_refuses_each_anomaly_by_name() {
    use Outcome::{Aborted, Committed, Unknown};
    let cases: [(&str, Vec<Observed>); 8] = [
        (
            "lost update",
            vec![
                observed((1, 4), Committed, &[("x", &[])], &[("x", 1)]),
                observed((2, 5), Committed, &[("x", &[])], &[("x", 2)]),
                observed((6, 7), Committed, &[("x", &[2])], &[]),
            ],
        ),
        (
            "dirty read",
            vec![
                observed((1, 2), Aborted, &[("x", &[])], &[("x", 1)]),
                observed((3, 4), Committed, &[("x", &[1])], &[]),
            ],
        ),
        (
            "intermediate read",
            vec![
                observed((1, 4), Committed, &[("x", &[])], &[("x", 1), ("x", 2)]),
                observed((2, 3), Committed, &[("x", &[1])], &[]),
                observed((5, 6), Committed, &[("x", &[1, 2])], &[]),
            ],
        ),
        (
            "read skew",
            vec![
                observed((1, 6), Committed, &[], &[("x", 1), ("y", 2)]),
                observed((2, 7), Committed, &[("x", &[1]), ("y", &[])], &[]),
                observed((8, 9), Committed, &[("x", &[1]), ("y", &[2])], &[]),
            ],
        ),
        (
            "stale read",
            vec![
                observed((1, 2), Committed, &[], &[("x", 1)]),
                observed((3, 4), Committed, &[("x", &[])], &[]),
                observed((5, 6), Committed, &[("x", &[1])], &[]),
            ],
        ),
        (
            "circular information flow",
            vec![
                observed((1, 5), Committed, &[("y", &[2])], &[("x", 1)]),
                observed((2, 6), Committed, &[("x", &[1])], &[("y", 2)]),
                observed((7, 8), Committed, &[("x", &[1]), ("y", &[2])], &[]),
            ],
        ),
        (
            "fractured transaction",
            vec![
                observed((1, 2), Unknown, &[], &[("x", 1), ("y", 2)]),
                observed((3, 4), Committed, &[("x", &[1]), ("y", &[])], &[]),
            ],
        ),
        ("appended by nobody", vec![observed((1, 2), Committed, &[("x", &[9])], &[])]),
    ];
    for (name, history) in cases {
        let anomaly = check(&history).expect_err(name);
        assert!(anomaly.contains(name), "{name}: {anomaly}");
    }
}

#[test]
fn the_checker_passes_what_snapshot_isolation_allows() {
    use Outcome::{Committed, Unknown};
    let write_skew = vec![
        observed((1, 4), Committed, &[("x", &[]), ("y", &[])], &[("x", 1)]),
        observed((2, 5), Committed, &[("x", &[]), ("y", &[])], &[("y", 2)]),
        observed((6, 7), Committed, &[("x", &[1]), ("y", &[2])], &[]),
    ];
    check(&write_skew).unwrap();
    let lost_answers = vec![
        observed((1, 2), Unknown, &[], &[("x", 1)]),
        observed((1, 3), Unknown, &[], &[("y", 2)]),
        observed((4, 5), Committed, &[("x", &[1]), ("y", &[])], &[]),
    ];
    check(&lost_answers).unwrap();
}
