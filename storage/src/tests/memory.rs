//! What a large table takes in memory: run by hand, with `QUARRY_TEST_ROWS` rows of 30 columns (one million unless told),
//! in a process of its own.

use std::{fs, sync::Arc};

use super::support::*;
use crate::{
    ColumnSpec, ColumnType, IndexSpec, ResourceOptions, Resources, Row, ScanRequest, Store, StoreOptions,
    TableSpec, Value, World,
};

const CACHE_BYTES: u64 = 512 << 20;
const MIB: u64 = 1 << 20;

/// Key, a unique code, three indexed columns, and others up to 30.
fn wide() -> TableSpec {
    let indexed = |column| ColumnSpec { indexed: true, ..column };
    let text = |name: &str| column(name, ColumnType::Text);
    let mut columns = vec![text("id"), text("code")];
    columns.extend(["owner", "account", "stage"].map(|name| indexed(text(name))));
    columns.push(ColumnSpec { searchable: true, ..text("name") });
    columns.extend((6..18).map(|at| text(&format!("text{at}"))));
    columns.extend((18..30).map(|at| column(&format!("int{at}"), ColumnType::Int)));
    let unique = vec![IndexSpec { name: "code_once".into(), columns: vec!["code".into()], condition: None }];
    TableSpec { name: "wide".into(), columns, unique, references: vec![] }
}

fn row(number: u64) -> Row {
    let mixed = |salt: u64| (number + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31) ^ salt;
    let mut values = vec![
        text(&format!("{number:026}")),
        text(&format!("C-{:016x}", mixed(1))),
        text(&format!("owner{:05}", mixed(2) % 1_000)),
        text(&format!("{:026}", mixed(3) % 500_000)),
        text(["open", "won", "lost"][usize::try_from(mixed(4) % 3).unwrap()]),
        text(&format!("a deal of {} with {}", mixed(5) % 10_000, mixed(6) % 5_000)),
    ];
    values.extend((6..18).map(|at| text(&format!("value {}", mixed(at) % 100_000))));
    values.extend((18..30).map(|at| Value::Int(i64::try_from(mixed(at) % 1_000_000).unwrap())));
    Row(values.into())
}

fn tell(what: &str) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_024
    };
    let clock = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let now = clock.split_whitespace().next().unwrap_or_default().to_string();
    let [now_mib, anonymous, highest] = ["VmRSS:", "RssAnon:", "VmHWM:"].map(of);
    println!(
        "at {now} s: {now_mib} MiB resident, {anonymous} MiB of it its own, {highest} MiB at most: {what}"
    );
}

fn open_wide(folder: &std::path::Path) -> Arc<Store> {
    let resources = Resources::new(ResourceOptions { cache_bytes: CACHE_BYTES, fold_threads: 1 });
    let store = Store::open(folder, StoreOptions::default(), World::seeded(1, 0), &resources).unwrap();
    store.define_tables(vec![wide()]).unwrap();
    store
}

#[test]
#[ignore = "minutes, and the whole memory of a process; by hand"]
fn a_large_table_in_little_memory() {
    let rows = std::env::var("QUARRY_TEST_ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(MIB);
    let folder = tempfile::tempdir_in(std::env::var("QUARRY_TEST_FOLDER").unwrap_or("/tmp".into())).unwrap();
    let store = open_wide(folder.path());
    tell("empty");
    let mut load = store.bulk_load();
    for number in 0..rows {
        load.add(&name("wide"), row(number)).unwrap();
        if number % MIB == MIB / 2 {
            tell(&format!("{number} rows added"));
        }
    }
    tell("all rows added");
    load.commit(info()).unwrap();
    tell("committed");
    store.fold().unwrap();
    drop(store);
    tell("folded and closed");
    let store = open_wide(folder.path());
    let snapshot = store.snapshot();
    let table = snapshot.table("wide").unwrap();
    println!("{} parts", table.view.parts.len());
    tell("opened");
    for number in (0..rows).step_by(997) {
        let wanted = row(number);
        assert_eq!(table.get(&format!("{number:026}")).unwrap().as_ref(), Some(&wanted));
        let found = table.lookup("code", &[wanted.get(1).clone()]).unwrap();
        assert_eq!(found.len(), 1);
    }
    tell("keys and unique values looked up");
    let mut count = 0;
    for owner in 0..100 {
        count += table.lookup("owner", &[text(&format!("owner{owner:05}"))]).unwrap().len();
    }
    tell(&format!("{count} rows by an index"));
    let (mut sum, mut seen) = (0, 0);
    for part in table.scan(ScanRequest { projection: Some((0..30).collect()), ..Default::default() }).unwrap()
    {
        for batch in part {
            let batch = batch.unwrap();
            seen += u64::try_from(batch.num_rows()).unwrap();
            sum += batch.get_array_memory_size();
        }
    }
    assert_eq!(seen, rows);
    tell(&format!("all columns scanned, {sum} bytes"));
    drop((snapshot, table));
    for number in (0..rows).step_by(usize::try_from(rows / 20_000).unwrap().max(1)) {
        delete(&store, "wide", &format!("{number:026}")).unwrap();
    }
    store.fold().unwrap();
    tell("rows deleted one by one, folded");
}
