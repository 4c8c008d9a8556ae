//! Storage: durable commits against an append and fdatasync of the same bytes, key lookups, scans, searches.
#![allow(clippy::expect_used)]

use std::{
    fs::File,
    hint::black_box,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use arrow::{array::AsArray, compute, datatypes::Int64Type};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quarry_storage::{
    ColumnSpec, ColumnType, CommitInfo, IndexSpec, ResourceOptions, Resources, Row, ScanRequest, Snapshot,
    Store, StoreOptions, TableName, TableSpec, TextQuery, TextSyntax, Value, World, WriteSet,
};

const ROWS: i64 = 100_000;
const WORDS: [&str; 8] = ["data", "platform", "north", "retail", "cloud", "green", "prime", "delta"];

fn column(name: &str, column_type: ColumnType) -> ColumnSpec {
    ColumnSpec { name: name.into(), column_type, indexed: false, searchable: false }
}

/// 24 columns: key, name (searchable), code (unique), owner (indexed), amount, and nineteen texts.
fn table() -> TableSpec {
    let mut columns = vec![
        column("id", ColumnType::Text),
        ColumnSpec { searchable: true, ..column("name", ColumnType::Text) },
        column("code", ColumnType::Text),
        ColumnSpec { indexed: true, ..column("owner", ColumnType::Text) },
        column("amount", ColumnType::Int),
    ];
    columns.extend((0..19).map(|number| column(&format!("text{number}"), ColumnType::Text)));
    let unique =
        vec![IndexSpec { name: "code_once".into(), columns: vec!["code".into()], conditions: Vec::new() }];
    TableSpec { name: "account".into(), columns, unique, references: vec![] }
}

fn row(number: i64) -> Row {
    let word = |shift: i64| {
        let at = usize::try_from((number >> shift) % 8).unwrap_or(0);
        WORDS.get(at).copied().unwrap_or("data")
    };
    let mut values = vec![
        Value::text(format!("{number:026}")),
        Value::text(format!("{} {} {}", word(0), word(3), word(6))),
        Value::text(format!("C-{number}")),
        Value::text(format!("user{}", number % 100)),
        Value::Int(number % 1_000),
    ];
    values.extend((0..19).map(|at| Value::text(format!("some text {at} {}", number % 50))));
    Row(values.into())
}

fn open(folder: &Path) -> Arc<Store> {
    let resources = Resources::new(ResourceOptions::default());
    let store = Store::open(folder, StoreOptions::default(), World::real(), &resources).expect("a store");
    store.define_tables(vec![table()]).expect("a table");
    store
}

fn insert(store: &Store, rows: impl Iterator<Item = i64>) {
    let name: TableName = "account".into();
    let mut writes = WriteSet::new(store.snapshot().csn());
    rows.for_each(|number| writes.insert(&name, row(number)).expect("a new key"));
    store.commit(writes, CommitInfo::default()).expect("a commit");
}

fn commits(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut group = c.benchmark_group("commit");
    let file = File::create(folder.path().join("baseline")).expect("a file");
    file.write_all_at(&vec![0; 32 << 20], 0).expect("zeros");
    file.sync_all().expect("a sync");
    let mut offset = 0;
    group.bench_function("baseline: append 900 bytes and fdatasync", |b| {
        b.iter(|| {
            file.write_all_at(&[7; 900], offset % (31 << 20)).expect("a write");
            file.sync_data().expect("a sync");
            offset += 900;
        });
    });
    let store = open(&folder.path().join("store"));
    let mut next = 0;
    group.bench_function("one row, one client", |b| {
        b.iter(|| {
            insert(&store, next..next + 1);
            next += 1;
        });
    });
    group.throughput(Throughput::Elements(64));
    group.bench_function("one row each, 64 clients", |b| {
        b.iter_custom(|rounds| {
            let start = next;
            next += 64 * i64::try_from(rounds).unwrap_or(0);
            crowd(&store, start, rounds)
        });
    });
    group.finish();
}

/// Time that 64 threads take for so many commits each.
fn crowd(store: &Store, start: i64, rounds: u64) -> Duration {
    let rounds = i64::try_from(rounds).unwrap_or(0);
    let began = Instant::now();
    thread::scope(|scope| {
        for client in 0..64 {
            let first = start + client * rounds;
            scope.spawn(move || (first..first + rounds).for_each(|number| insert(store, number..number + 1)));
        }
    });
    began.elapsed()
}

fn reads(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for from in (0..ROWS).step_by(10_000) {
        insert(&store, from..from + 10_000);
    }
    store.fold().expect("a fold");
    let folded = store.snapshot();
    let keys: Vec<String> = (0..ROWS).map(|number| format!("{:026}", (number * 7_919) % ROWS)).collect();
    let mut group = c.benchmark_group("read");
    let mut at = keys.iter().cycle();
    group.bench_function("get by key, folded, warm", |b| {
        let table = folded.table("account").expect("the table");
        b.iter(|| black_box(table.get(at.next().map_or("", String::as_str)).expect("a row")));
    });
    group.bench_function("lookup of 1,000 rows by an indexed value", |b| {
        let table = folded.table("account").expect("the table");
        b.iter(|| black_box(table.lookup("owner", &[Value::text("user7")]).expect("rows")));
    });
    group.bench_function("search of two words", |b| {
        let table = folded.table("account").expect("the table");
        let query = TextQuery { columns: vec![], text: "data cloud".into(), syntax: TextSyntax::Words };
        b.iter(|| black_box(table.search(&query).expect("hits")));
    });
    group.throughput(Throughput::Elements(u64::try_from(ROWS).unwrap_or(0)));
    group.bench_function("scan and sum, folded", |b| b.iter(|| black_box(sum(&folded))));
    insert(&store, ROWS..ROWS + 10_000);
    let mixed = store.snapshot();
    group.bench_function("scan and sum, a tenth in the delta", |b| b.iter(|| black_box(sum(&mixed))));
    group.finish();
}

fn sum(snapshot: &Snapshot) -> i64 {
    let request = ScanRequest { projection: Some(vec![4]), ..ScanRequest::default() };
    let parts = snapshot.table("account").and_then(|table| table.scan(request)).expect("parts");
    let batches = parts.into_iter().flatten().map(|batch| batch.expect("a batch"));
    batches.filter_map(|batch| compute::sum(batch.column(0).as_primitive::<Int64Type>())).sum()
}

criterion_group!(benches, commits, reads);
criterion_main!(benches);
