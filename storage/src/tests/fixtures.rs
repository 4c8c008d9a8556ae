//! Stores written by earlier programs must open for ever: one folder per format, never written again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{array::AsArray, compute::cast, datatypes::DataType};

use super::{model::copy_folder, support::*};
use crate::{HistoryRequest, Store, StoreOptions, Value, World};

fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/format-{format}"))
}

/// A copy of a fixture, opened.
fn opened(format: u32) -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&fixture(format), folder.path());
    let report = verified(folder.path(), &World::seeded(1, 0));
    assert!(report.findings.is_empty(), "{report:#?}");
    let store = Store::open(folder.path(), options(), World::seeded(1, 0), &resources()).unwrap();
    (folder, store)
}

/// Accounts folded, one of them changed and one deleted since.
#[test]
fn a_store_of_format_1_opens() {
    let (_folder, store) = opened(1);
    let snapshot = store.snapshot();
    assert_eq!(
        all(&snapshot, "account"),
        [account("a", "Acme data", "1", 5), account("b", "Bolt changed", "2", 7)]
    );
    assert_eq!(all(&snapshot, "contact"), [contact("x", "a", "a note")]);
    assert_eq!(found(&snapshot, "account", "code", Value::text("1")), ["a"]);
}

/// Manifest 3: folded rows with history files behind them, rows of a load that the manifest names, rows of one that only
/// the log names, and changes since.
#[test]
fn a_store_of_manifest_format_3_opens() {
    let (_folder, store) = opened(3);
    let snapshot = store.snapshot();
    let mut wanted: Vec<_> = (0..30).map(folded).collect();
    wanted.extend((30..34).map(folded));
    wanted[0] = account("key00", "changed", "code0", 9);
    wanted.remove(1);
    assert_eq!(all(&snapshot, "account"), wanted);
    assert_eq!(found(&snapshot, "account", "code", Value::text("code33")), ["key33"]);
    let mut operations = BTreeMap::<String, usize>::new();
    for batch in snapshot.history(&HistoryRequest::default()).unwrap() {
        let batch = batch.unwrap();
        let names = cast(batch.column_by_name("operation").unwrap(), &DataType::Utf8).unwrap();
        for name in names.as_string::<i32>().iter().flatten() {
            *operations.entry(name.into()).or_default() += 1;
        }
    }
    // An update is a row for each column; a load is one.
    let wanted = [("catalog", 1), ("delete", 1), ("insert", 28), ("load", 2), ("update", 2)];
    assert_eq!(operations, wanted.map(|(name, rows)| (name.to_string(), rows)).into());
}

fn folded(number: i64) -> crate::Row {
    account(&format!("key{number:02}"), &"long name ".repeat(8), &format!("code{number}"), number % 5)
}

/// Writes the fixture of the newest format. Run by hand, once, when there is a new one.
#[test]
#[ignore = "writes a fixture; by hand, when there is a new format"]
fn write_the_fixture() {
    let path = fixture(3);
    assert!(!path.exists(), "a fixture is never written again");
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(folder.path(), StoreOptions { log_file_bytes: 1_500, ..options() });
    for number in 0..28 {
        insert(&store, "account", vec![folded(number)]).unwrap();
    }
    load(&store, 28..30);
    store.fold().unwrap();
    update(&store, "account", account("key00", "changed", "code0", 9)).unwrap();
    load(&store, 30..34);
    delete(&store, "account", "key01").unwrap();
    drop(store);
    fs::create_dir_all(&path).unwrap();
    copy_folder(folder.path(), &path);
}

fn load(store: &Arc<Store>, numbers: std::ops::Range<i64>) {
    let mut load = store.bulk_load();
    numbers.for_each(|number| load.add(&name("account"), folded(number)).unwrap());
    load.commit(info()).unwrap();
}
