//! History and past states: what changed is told, and every state of the window can be read again.

use std::{collections::BTreeMap, fs, ops::Range, path::Path, sync::Arc};

use arrow::array::{Array, AsArray};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{model::copy_folder, support::*};
use crate::{
    AsOf, Clock, CommitInfo, Csn, HistoryRequest, ResourceOptions, Resources, Row, ScanRequest, Snapshot,
    Store, StoreOptions, TextQuery, TextSyntax, Value, World, WriteSet,
};

const SECOND: i64 = 1_000_000;

/// A clock that stands until it is set.
struct TestClock(Mutex<i64>);

impl Clock for TestClock {
    fn now_micros(&self) -> i64 {
        *self.0.lock()
    }
}

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<TestClock>,
    options: StoreOptions,
}

impl Bench {
    fn new(window_seconds: u64) -> Bench {
        let options =
            StoreOptions { log_file_bytes: 2 << 10, history_window_seconds: window_seconds, ..options() };
        let clock = Arc::new(TestClock(Mutex::new(0)));
        Bench { folder: tempfile::tempdir().unwrap(), clock, options }
    }

    fn world(&self) -> World {
        World { clock: self.clock.clone(), ..World::seeded(7, 0) }
    }

    fn open(&self) -> Arc<Store> {
        let store =
            Store::open(self.folder.path(), self.options.clone(), self.world(), &resources()).unwrap();
        store.define_tables(tables()).unwrap();
        store
    }

    /// Makes it this second.
    fn at(&self, second: i64) {
        *self.clock.0.lock() = second * SECOND;
    }

    /// Puts a row, now; its CSN.
    fn put(&self, store: &Store, row: Row) -> u64 {
        let snapshot = store.snapshot();
        let mut writes = WriteSet::new(snapshot.csn());
        match get(&snapshot, "account", row.key().unwrap()) {
            Some(old) => writes.update(&name("account"), old, row).unwrap(),
            None => writes.insert(&name("account"), row).unwrap(),
        }
        let time_micros = *self.clock.0.lock();
        store.commit(writes, CommitInfo { time_micros, ..info() }).unwrap().csn.0
    }
}

/// Every row of history as text, a cell after the other.
fn told(snapshot: &Snapshot, request: HistoryRequest) -> Vec<String> {
    let mut all = Vec::new();
    for batch in snapshot.history(&request).unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let cell = |array: &Arc<dyn Array>| match array.as_string_view_opt() {
                _ if array.is_null(row) => "-".to_string(),
                Some(texts) => texts.value(row).to_string(),
                None => {
                    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
                    let number = array.as_primitive_opt::<Int64Type>().map(|a| a.value(row));
                    let time = || array.as_primitive::<TimestampMicrosecondType>().value(row);
                    number.unwrap_or_else(time).to_string()
                }
            };
            all.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    all
}

fn without_catalog(request: HistoryRequest) -> HistoryRequest {
    HistoryRequest { tables: Some(vec!["account".into(), "contact".into()]), ..request }
}

fn files_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn segments_in(folder: &Path) -> usize {
    files_in(&folder.join("segments/0")).len()
}

#[test]
fn history_tells_who_changed_what_before_and_after_it_is_folded() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { log_file_bytes: 600, ..options() };
    let store = open_with(folder.path(), options.clone());
    insert(&store, "account", vec![account("a", "Acme", "1", 5)]).unwrap();
    update(&store, "account", account("a", "Acme Inc", "", 5)).unwrap();
    insert(&store, "contact", vec![contact("c", "a", "a \"note\"")]).unwrap();
    delete(&store, "contact", "c").unwrap();
    delete(&store, "account", "a").unwrap();
    let wanted = [
        r#"2|1|tester|t|1|account|a|insert|-|-|{"id":"a","name":"Acme","code":"1","rank":5}"#,
        "3|1|tester|t|1|account|a|update|name|Acme|Acme Inc",
        "3|1|tester|t|1|account|a|update|code|1|-",
        r#"4|1|tester|t|1|contact|c|insert|-|-|{"id":"c","account_id":"a","note":"a \"note\""}"#,
        r#"5|1|tester|t|1|contact|c|delete|-|{"id":"c","account_id":"a","note":"a \"note\""}|-"#,
        r#"6|1|tester|t|1|account|a|delete|-|{"id":"a","name":"Acme Inc","rank":5}|-"#,
    ]
    .map(|row| format!("{row}|-|-|-|-")); // from where it was sent: nowhere
    assert_eq!(told(&store.snapshot(), without_catalog(HistoryRequest::default())), wanted);
    let all = told(&store.snapshot(), HistoryRequest::default());
    assert!(all[0].starts_with(r#"1|-|-|-|-|-|-|catalog|-|-|{"account":{"id":"text","#), "{}", all[0]);
    let begun = store.snapshot().history(&HistoryRequest::default()).unwrap();
    store.fold().unwrap();
    assert!(files_in(&folder.path().join("history")).iter().any(|name| name.ends_with(".parquet")));
    assert_eq!(files_in(&folder.path().join("log")).len(), 1);
    assert_eq!(begun.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), all.len());
    assert_eq!(told(&store.snapshot(), HistoryRequest::default()), all);
    drop(store);
    assert_eq!(told(&open_with(folder.path(), options).snapshot(), HistoryRequest::default()), all);
}

#[test]
fn history_is_filtered_the_same_in_files_and_in_the_log() {
    let bench = Bench::new(0);
    let store = bench.open();
    for round in 0..60 {
        bench.at(round);
        bench.put(&store, account(&format!("k{}", round % 7), &format!("name {round}"), "", round));
        if round == 40 {
            store.fold().unwrap();
        }
    }
    let snapshot = store.snapshot();
    let everything = told(&snapshot, HistoryRequest::default());
    let cells = |row: &str| row.split('|').map(str::to_string).collect::<Vec<_>>();
    let by = |matches: &dyn Fn(&[String]) -> bool| -> Vec<String> {
        everything.iter().filter(|row| matches(&cells(row))).cloned().collect()
    };
    let time = |row: &[String]| row[1].parse::<i64>().unwrap_or(-1);
    let csn = |row: &[String]| row[0].parse::<u64>().unwrap();
    let some = |request| told(&snapshot, request);
    let none = HistoryRequest::default;
    assert_eq!(some(HistoryRequest { key: Some("k3".into()), ..none() }), by(&|row| row[6] == "k3"));
    let times = HistoryRequest { from_micros: Some(35 * SECOND), before_micros: Some(45 * SECOND), ..none() };
    assert_eq!(some(times), by(&|row| (35 * SECOND..45 * SECOND).contains(&time(row))));
    let csns = HistoryRequest { from_csn: Some(Csn(30)), to_csn: Some(Csn(50)), ..none() };
    assert_eq!(some(csns), by(&|row| (30..=50).contains(&csn(row))));
    assert_eq!(some(HistoryRequest { actor: Some("nobody".into()), ..none() }), by(&|_| false));
    assert_eq!(some(HistoryRequest { from_csn: Some(Csn(1_000)), ..none() }), by(&|_| false));
    let two = HistoryRequest { projection: Some(vec![10, 0]), key: Some("k3".into()), ..none() };
    let wanted: Vec<_> =
        by(&|row| row[6] == "k3").iter().map(|row| format!("{}|{}", cells(row)[10], cells(row)[0])).collect();
    assert_eq!(some(two), wanted);
    assert!(snapshot.history(&HistoryRequest { projection: Some(vec![15]), ..none() }).is_err());
}

fn fill(bench: &Bench, store: &Store, from: i64) {
    for n in from..from + 80 {
        bench.put(store, account(&format!("k{n}"), "some name", "", n));
    }
}

/// Copies log files that are no more in `log/` into a folder.
fn bring_back(from: &Path, bench: &Bench, into: &str) {
    let folder = bench.folder.path();
    let kept = files_in(&folder.join("log"));
    let gone: Vec<_> = files_in(from).into_iter().filter(|name| !kept.contains(name)).collect();
    assert!(gone.len() > 1);
    for name in gone {
        fs::copy(from.join(&name), folder.join(into).join(name)).unwrap();
    }
}

#[test]
fn a_crash_before_the_log_file_goes_is_made_good() {
    let bench = Bench::new(0);
    let store = bench.open();
    fill(&bench, &store, 0);
    let folder = bench.folder.path();
    let before = tempfile::tempdir().unwrap();
    copy_folder(&folder.join("log"), before.path());
    store.fold().unwrap();
    let all = told(&store.snapshot(), HistoryRequest::default());
    drop(store);
    bring_back(before.path(), &bench, "log");
    let store = bench.open();
    assert_eq!(told(&store.snapshot(), HistoryRequest::default()), all);
    drop(store);
    assert_eq!(verified(folder, &bench.world()).findings, []);
    let store = bench.open();
    fill(&bench, &store, 100);
    store.fold().unwrap();
    assert_eq!(files_in(&folder.join("log")).len(), 1);
    assert_eq!(told(&store.snapshot(), HistoryRequest::default())[..all.len()], all);
}

#[test]
fn log_files_that_an_earlier_program_moved_are_read_and_taken_up() {
    let bench = Bench::new(0);
    let store = bench.open();
    fill(&bench, &store, 0);
    let history = bench.folder.path().join("history");
    let before = tempfile::tempdir().unwrap();
    copy_folder(&bench.folder.path().join("log"), before.path());
    store.fold().unwrap();
    let all = told(&store.snapshot(), HistoryRequest::default());
    drop(store);
    fs::remove_dir_all(&history).unwrap();
    fs::create_dir(&history).unwrap();
    bring_back(before.path(), &bench, "history");
    assert_eq!(verified(bench.folder.path(), &bench.world()).findings, []);
    let store = bench.open();
    assert_eq!(told(&store.snapshot(), HistoryRequest::default()), all);
    bench.put(&store, account("one more", "", "", 0));
    store.fold().unwrap();
    assert!(files_in(&history).iter().all(|name| !name.ends_with(".log")));
    assert_eq!(told(&store.snapshot(), HistoryRequest::default())[..all.len()], all);
}

#[test]
fn a_past_state_is_told_within_the_window_and_not_outside() {
    let bench = Bench::new(10);
    let store = bench.open();
    let mut csns = vec![];
    for second in 1..=30 {
        bench.at(second);
        csns.push(bench.put(&store, account("a", &format!("at {second}"), "1", second)));
        if second % 4 == 0 {
            store.fold().unwrap();
        }
    }
    bench.at(31);
    let rank = |as_of| get(&store.snapshot_at(as_of).unwrap(), "account", "a").unwrap().get(3).clone();
    for second in 20..=30 {
        let at = usize::try_from(second - 1).unwrap();
        assert_eq!(rank(AsOf::Time(second * SECOND)), Value::Int(second));
        assert_eq!(rank(AsOf::Time(second * SECOND + 1)), Value::Int(second));
        assert_eq!(rank(AsOf::Csn(Csn(csns[at]))), Value::Int(second));
    }
    let refused = |as_of| store.snapshot_at(as_of).unwrap_err().to_string();
    assert!(refused(AsOf::Time(32 * SECOND)).contains("in the future"));
    assert!(refused(AsOf::Csn(Csn(csns[29] + 1))).contains("yet to come"));
    let old = refused(AsOf::Time(2 * SECOND));
    assert!(old.contains("history_window_seconds: 10"), "{old}");
    assert!(refused(AsOf::Csn(Csn(2))).contains("history_window_seconds: 10"));
    // The same after reopening.
    drop(store);
    let store = bench.open();
    let past = store.snapshot_at(AsOf::Time(21 * SECOND)).unwrap();
    assert_eq!(get(&past, "account", "a").unwrap().get(3), &Value::Int(21));
    assert!(store.snapshot_at(AsOf::Time(2 * SECOND)).is_err());
}

#[test]
fn times_that_go_back_are_those_of_the_latest_before() {
    let bench = Bench::new(1_000);
    let store = bench.open();
    for (second, rank) in [(10, 1), (5, 2), (20, 3), (15, 4), (21, 5)] {
        bench.at(second);
        bench.put(&store, account("a", "", "", rank));
        if rank == 3 {
            store.fold().unwrap();
        }
    }
    let rank = |second| {
        let past = store.snapshot_at(AsOf::Time(second * SECOND)).unwrap();
        get(&past, "account", "a").map_or(Value::Null, |row| row.get(3).clone())
    };
    for (second, wanted) in [(4, 0), (9, 0), (10, 2), (19, 2), (20, 4), (21, 5)] {
        let wanted = if wanted == 0 { Value::Null } else { Value::Int(wanted) };
        assert_eq!(rank(second), wanted, "at {second}");
    }
}

#[test]
fn segments_of_the_past_stay_as_long_as_they_are_needed() {
    let bench = Bench::new(100);
    let store = bench.open();
    for second in 1..=40 {
        bench.at(second);
        bench.put(&store, account(&format!("k{second:02}"), "", "", second));
        store.fold().unwrap();
    }
    let folder = bench.folder.path();
    // Compacted away long ago, and yet there.
    assert!(segments_in(folder) >= 40, "{}", segments_in(folder));
    let held = store.snapshot_at(AsOf::Time(7 * SECOND)).unwrap();
    assert_eq!(all(&held, "account").len(), 7);
    bench.at(1_000);
    bench.put(&store, account("last", "", "", 0));
    store.fold().unwrap();
    assert!(store.snapshot_at(AsOf::Time(7 * SECOND)).is_err());
    let with_held = segments_in(folder);
    assert!(with_held < 30, "{with_held}");
    assert_eq!(all(&held, "account").len(), 7);
    assert_eq!(found(&held, "account", "rank", Value::Int(7)), ["k07"]);
    drop(held);
    assert!(segments_in(folder) < with_held);
    // The last state of the window stays, and opens.
    let past = store.snapshot_at(AsOf::Time(999 * SECOND)).unwrap();
    assert_eq!(all(&past, "account").len(), 40);
    drop((past, store));
    let store = bench.open();
    assert_eq!(all(&store.snapshot_at(AsOf::Time(950 * SECOND)).unwrap(), "account").len(), 40);
    bench.at(5_000);
    bench.put(&store, account("very last", "", "", 0));
    store.fold().unwrap();
    bench.at(10_000);
    drop(store);
    let store = bench.open();
    assert_eq!(files_in(&folder.join("manifest")).len(), 1);
    assert_eq!(all(&store.snapshot(), "account").len(), 42);
}

#[test]
fn too_much_to_replay_is_refused() {
    let mut bench = Bench::new(1_000);
    bench.options.time_travel_bytes_max = 2_000;
    let store = bench.open();
    for second in 1..=40 {
        bench.at(second);
        bench.put(&store, account(&format!("k{second}"), "", "", second));
    }
    store.fold().unwrap();
    assert_eq!(all(&store.snapshot_at(AsOf::Csn(Csn(4))).unwrap(), "account").len(), 3);
    let error = store.snapshot_at(AsOf::Csn(Csn(35))).unwrap_err();
    assert!(matches!(error, crate::Error::Limited { limit: "time_travel_bytes_max", .. }), "{error}");
}

#[test]
fn so_many_past_states_are_read_at_a_time_and_others_wait() {
    let bench = Bench::new(1_000);
    let resources = |past_state_wait_ms_max| {
        Resources::new(ResourceOptions {
            past_states_max: 2,
            past_states_waiting_max: 1,
            past_state_wait_ms_max,
            ..ResourceOptions::default()
        })
    };
    let open = |resources: &Arc<Resources>| {
        Store::open(bench.folder.path(), bench.options.clone(), bench.world(), resources).unwrap()
    };
    let hasty = open(&resources(1));
    hasty.define_tables(tables()).unwrap();
    let csns: Vec<u64> = (1..=4).map(|n| bench.put(&hasty, account(&format!("k{n}"), "", "", n))).collect();
    hasty.fold().unwrap();
    let rows = |snapshot: &Snapshot| all(snapshot, "account").len();
    let at = |store: &Store, number: usize| store.snapshot_at(AsOf::Csn(Csn(csns[number])));
    let first = at(&hasty, 0).unwrap();
    // It is not the snapshot that has the place, but whoever reads what is in it.
    let table = at(&hasty, 1).unwrap().table("account").unwrap();
    let error = at(&hasty, 2).unwrap_err();
    assert!(matches!(error, crate::Error::Limited { limit: "past_states_max", allowed: 2, .. }), "{error}");
    assert_eq!(rows(&at(&hasty, 3).unwrap()), 4, "the current state can tell");
    assert_eq!((rows(&first), table.statistics().rows), (1, 2));
    drop(table);
    assert_eq!(rows(&at(&hasty, 2).unwrap()), 3);
    drop((first, hasty));
    let patient = resources(600_000);
    let store = open(&patient);
    let held = [at(&store, 0).unwrap(), at(&store, 1).unwrap()];
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| rows(&at(&store, 2).unwrap()));
        while patient.replays.waiting() == 0 {
            std::thread::yield_now();
        }
        let error = at(&store, 2).unwrap_err();
        assert!(error.to_string().starts_with("past_states_waiting_max"), "{error}");
        drop(held);
        assert_eq!(waits.join().unwrap(), 3);
    });
}

#[test]
fn a_column_added_later_is_null_in_the_past_and_found_as_such() {
    let bench = Bench::new(1_000);
    let store = bench.open();
    bench.put(&store, account("a", "Acme", "1", 1));
    store.fold().unwrap();
    let csn = store.snapshot().csn();
    let mut tables = tables();
    tables[0].columns.push(crate::ColumnSpec { indexed: true, ..column("extra", crate::ColumnType::Int) });
    store.define_tables(tables).unwrap();
    change(&store, |writes| {
        let row = Row([text("b"), text("Bolt"), text("2"), Value::Int(2), Value::Int(7)].into());
        writes.insert(&name("account"), row)
    })
    .unwrap();
    store.fold().unwrap();
    let past = store.snapshot_at(AsOf::Csn(csn)).unwrap();
    assert_eq!(all(&past, "account").len(), 1);
    assert_eq!(found(&past, "account", "extra", Value::Null), ["a"]);
    assert_eq!(found(&past, "account", "extra", Value::Int(7)), [] as [&str; 0]);
}

#[test]
fn every_state_there_was_is_what_the_model_was() {
    for seed in seeds(3) {
        let bench = Bench::new(1_000_000);
        let mut random = StdRng::seed_from_u64(seed);
        let mut store = bench.open();
        let mut model: BTreeMap<String, Row> = BTreeMap::new();
        let mut states = vec![(store.snapshot().csn(), 0, model.clone())];
        for step in 1..=60 {
            bench.at(step);
            match random.random_range(0..10) {
                0 | 1 => _ = store.fold().unwrap(),
                2 => {
                    drop(store);
                    store = bench.open();
                }
                _ => {
                    transaction(&store, &mut random, &mut model, step * SECOND);
                    states.push((store.snapshot().csn(), step, model.clone()));
                }
            }
        }
        store.fold().unwrap();
        for range in [0..states.len() / 2, states.len() / 2..states.len()] {
            check_states(&store, &states[range.clone()], range, seed);
        }
        drop(store);
        assert_eq!(verified(bench.folder.path(), &bench.world()).findings, [], "seed {seed}");
    }
}

type State = (Csn, i64, BTreeMap<String, Row>);

fn check_states(store: &Store, states: &[State], range: Range<usize>, seed: u64) {
    for (number, (csn, second, model)) in range.zip(states) {
        let context = format!("seed {seed}, state {number}");
        let wanted: Vec<Row> = model.values().cloned().collect();
        let past = store.snapshot_at(AsOf::Csn(*csn)).unwrap();
        assert_eq!(past.csn(), *csn);
        assert_eq!(all(&past, "account"), wanted, "{context}");
        let at = store.snapshot_at(AsOf::Time(*second * SECOND)).unwrap();
        assert_eq!(all(&at, "account"), wanted, "{context}, by time");
        let keys_of = |matches: &dyn Fn(&Row) -> bool| -> Vec<String> {
            model.iter().filter(|(_, row)| matches(row)).map(|(key, _)| key.clone()).collect()
        };
        let table = past.table("account").unwrap();
        assert_eq!(table.statistics().rows, u64::try_from(model.len()).unwrap(), "{context}");
        for rank in 0..3 {
            let wanted = keys_of(&|row| row.get(3) == &Value::Int(rank));
            assert_eq!(found(&past, "account", "rank", Value::Int(rank)), wanted, "{context}");
        }
        let query = TextQuery { columns: vec![], text: "even".into(), syntax: TextSyntax::Words };
        let hits = table.search(&query).unwrap();
        let request = ScanRequest { rows: Some(hits.rows().clone()), ..ScanRequest::default() };
        let even = keys_of(&|row| row.get(1) == &Value::text("an even one"));
        assert_eq!(keys(&past, "account", request), even, "{context}");
        for key in ["k0", "k7"] {
            assert_eq!(get(&past, "account", key).as_ref(), model.get(key), "{context}");
        }
    }
}

fn transaction(store: &Store, random: &mut StdRng, model: &mut BTreeMap<String, Row>, time_micros: i64) {
    let mut writes = WriteSet::new(store.snapshot().csn());
    let table = name("account");
    for _ in 0..random.random_range(1..6) {
        let key = format!("k{}", random.random_range(0..12));
        let rank = random.random_range(0..3);
        let text = if random.random_range(0..2) == 0 { "an even one" } else { "odd" };
        let new = account(&key, text, "", rank);
        match model.get(&key).cloned() {
            None => {
                writes.insert(&table, new.clone()).unwrap();
                model.insert(key, new);
            }
            Some(old) if random.random_range(0..3) == 0 => {
                writes.delete(&table, old).unwrap();
                model.remove(&key);
            }
            Some(old) => {
                writes.update(&table, old, new.clone()).unwrap();
                model.insert(key, new);
            }
        }
    }
    store.commit(writes, CommitInfo { time_micros, ..info() }).unwrap();
}
