//! A small model of accounts and contacts that the tests share.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use arrow::array::{Array, AsArray};
use zeroize::Zeroizing;

use crate::{
    ColumnSpec, ColumnType, CommitInfo, Committed, IndexSpec, MasterKeys, ReferenceSpec, Report,
    ResourceOptions, Resources, Result, Row, ScanPart, ScanRequest, Snapshot, Store, StoreOptions, TableName,
    TableSpec, Value, World, WriteSet, verify,
};

pub fn options() -> StoreOptions {
    StoreOptions {
        log_file_bytes: 1 << 20,
        row_group_rows: 16,
        history_window_seconds: 0,
        ..StoreOptions::default()
    }
}

/// Those of all tests of this process.
pub fn resources() -> Arc<Resources> {
    static ALL: OnceLock<Arc<Resources>> = OnceLock::new();
    ALL.get_or_init(|| Resources::new(ResourceOptions::default())).clone()
}

/// Without threads: what is due in the background is done in its place.
pub fn inline_resources() -> Arc<Resources> {
    Resources::new(ResourceOptions { cache_bytes: 1 << 20, fold_threads: 0, ..ResourceOptions::default() })
}

/// With a cache of so many bytes.
pub fn small_cache(cache_bytes: u64) -> Arc<Resources> {
    Resources::new(ResourceOptions { cache_bytes, fold_threads: 1, ..ResourceOptions::default() })
}

pub fn open(folder: &Path) -> Arc<Store> {
    open_with(folder, options())
}

pub fn open_with(folder: &Path, options: StoreOptions) -> Arc<Store> {
    open_in(folder, options, &resources())
}

pub fn open_in(folder: &Path, options: StoreOptions, resources: &Arc<Resources>) -> Arc<Store> {
    let store = Store::open(folder, options, World::seeded(7, 0), resources).unwrap();
    store.define_tables(tables()).unwrap();
    store
}

/// A master key of 32 times this byte.
pub fn master(byte: u8) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![byte; 32])
}

/// The world with these master keys.
pub fn with_masters(world: World, bytes: &[u8]) -> World {
    let keys: Vec<_> = bytes.iter().map(|byte| master(*byte)).collect();
    World { keys: Some(Arc::new(MasterKeys::new(&keys, world.ids.clone()).unwrap())), ..world }
}

/// What is found in a store whose rows speak of no contents.
pub fn verified(folder: &Path, world: &World) -> Report {
    verify(folder, world, |_| Ok(Vec::new())).unwrap()
}

pub fn name(text: &str) -> TableName {
    text.into()
}

pub fn column(name: &str, column_type: ColumnType) -> ColumnSpec {
    ColumnSpec { name: name.into(), column_type, indexed: false, searchable: false }
}

/// `account(id, name, code unique, rank indexed)` and `contact(id, account_id -> account, note)`.
pub fn tables() -> Vec<TableSpec> {
    let text = |name| column(name, ColumnType::Text);
    let account = TableSpec {
        name: "account".into(),
        columns: vec![
            text("id"),
            ColumnSpec { searchable: true, ..text("name") },
            text("code"),
            ColumnSpec { indexed: true, ..column("rank", ColumnType::Int) },
        ],
        unique: vec![IndexSpec {
            name: "code_once".into(),
            columns: vec!["code".into()],
            conditions: Vec::new(),
        }],
        references: vec![],
    };
    let contact = TableSpec {
        name: "contact".into(),
        columns: vec![text("id"), text("account_id"), ColumnSpec { searchable: true, ..text("note") }],
        unique: vec![],
        references: vec![ReferenceSpec { column: "account_id".into(), target: "account".into() }],
    };
    vec![account, contact]
}

pub fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::text(text) }
}

/// An account; an empty text is null.
pub fn account(id: &str, name: &str, code: &str, rank: i64) -> Row {
    Row([text(id), text(name), text(code), Value::Int(rank)].into())
}

pub fn contact(id: &str, account: &str, note: &str) -> Row {
    Row([text(id), text(account), text(note)].into())
}

pub fn info() -> CommitInfo {
    CommitInfo {
        actor: "tester".into(),
        transaction: "t".into(),
        time_micros: 1,
        package_version: "1".into(),
        origin: None,
    }
}

/// Commits what `build` puts into a write set on the newest state.
pub fn change(store: &Store, build: impl FnOnce(&mut WriteSet) -> Result<()>) -> Result<Committed> {
    let mut writes = WriteSet::new(store.snapshot().csn());
    build(&mut writes).unwrap();
    store.commit(writes, info())
}

pub fn insert(store: &Store, table: &str, rows: Vec<Row>) -> Result<Committed> {
    change(store, |writes| rows.into_iter().try_for_each(|row| writes.insert(&name(table), row)))
}

pub fn delete(store: &Store, table: &str, key: &str) -> Result<Committed> {
    let old = get(&store.snapshot(), table, key).unwrap();
    change(store, |writes| writes.delete(&name(table), old))
}

pub fn update(store: &Store, table: &str, new: Row) -> Result<Committed> {
    let old = get(&store.snapshot(), table, new.key().unwrap()).unwrap();
    change(store, |writes| writes.update(&name(table), old, new))
}

pub fn get(snapshot: &Snapshot, table: &str, key: &str) -> Option<Row> {
    snapshot.table(table).unwrap().get(key).unwrap()
}

/// All rows of a table by way of a scan, in the order of keys.
pub fn all(snapshot: &Snapshot, table: &str) -> Vec<Row> {
    scanned(snapshot, table, ScanRequest::default())
}

/// Rows of a scan of all columns, in the order of keys.
pub fn scanned(snapshot: &Snapshot, table: &str, request: ScanRequest) -> Vec<Row> {
    let table = snapshot.table(table).unwrap();
    let mut rows = Vec::new();
    for part in table.scan(request).unwrap() {
        for batch in part {
            rows.extend(crate::columns::rows(table.spec(), &batch.unwrap()).unwrap());
        }
    }
    rows.sort_by(|a, b| a.key().unwrap().cmp(b.key().unwrap()));
    rows
}

/// The keys of a scan, in the order of keys.
pub fn keys(snapshot: &Snapshot, table: &str, request: ScanRequest) -> Vec<String> {
    let request = ScanRequest { projection: Some(vec![0]), ..request };
    let mut keys = keys_of(snapshot.table(table).unwrap().scan(request).unwrap());
    keys.sort();
    keys
}

/// The keys in the first column of these parts, as they come.
pub fn keys_of(parts: Vec<ScanPart>) -> Vec<String> {
    let mut keys = Vec::new();
    for batch in parts.into_iter().flatten() {
        let batch = batch.unwrap();
        let column = batch.column(0).as_string_view().clone();
        keys.extend((0..column.len()).map(|at| column.value(at).to_string()));
    }
    keys
}

pub fn found(snapshot: &Snapshot, table: &str, column: &str, value: Value) -> Vec<String> {
    let rows = snapshot.table(table).unwrap().lookup(column, &[value]).unwrap();
    keys(snapshot, table, ScanRequest { rows: Some(rows), ..ScanRequest::default() })
}

/// The seeds that a randomised test runs: `QUARRY_TEST_SEED` alone when it is set, else those of `QUARRY_TEST_SEEDS`, as
/// `20`, from 0 on, or as `20..40`; else `short` of them.
pub fn seeds(short: u64) -> std::ops::Range<u64> {
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let told = |name| std::env::var(name).ok();
    match (told("QUARRY_TEST_SEED"), told("QUARRY_TEST_SEEDS")) {
        (Some(seed), _) => number(&seed)..number(&seed) + 1,
        (None, Some(seeds)) => match seeds.split_once("..") {
            Some((from, to)) => number(from)..number(to),
            None => 0..number(&seeds),
        },
        (None, None) => 0..short,
    }
}

/// Does a test try everything, as by hand, not a sample, as in each build?
pub fn is_long() -> bool {
    ["QUARRY_TEST_SEED", "QUARRY_TEST_SEEDS"].iter().any(|name| std::env::var_os(name).is_some())
}
