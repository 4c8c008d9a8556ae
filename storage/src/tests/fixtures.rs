//! Stores written by earlier programs must open for ever: one folder per format, never written again.

use std::{fs, path::Path};

use super::{model::copy_folder, support::*};
use crate::{Store, Value, World};

/// What the fixture of format 1 holds: accounts folded, one of them changed and one deleted since.
const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/format-1");

#[test]
fn a_store_of_format_1_opens() {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(Path::new(FORMAT_1), folder.path());
    let store = Store::open(folder.path(), options(), World::seeded(1, 0), &resources()).unwrap();
    let snapshot = store.snapshot();
    assert_eq!(
        all(&snapshot, "account"),
        [account("a", "Acme data", "1", 5), account("b", "Bolt changed", "2", 7)]
    );
    assert_eq!(all(&snapshot, "contact"), [contact("x", "a", "a note")]);
    assert_eq!(found(&snapshot, "account", "code", Value::text("1")), ["a"]);
}

/// Writes what [`FORMAT_1`] holds. Run by hand, once, when there is a new format; under a new name.
#[test]
#[ignore = "writes a fixture; by hand, when there is a new format"]
fn write_the_fixture() {
    let path = Path::new(FORMAT_1);
    assert!(!path.exists(), "a fixture is never written again");
    let folder = tempfile::tempdir().unwrap();
    let options = crate::StoreOptions { log_file_bytes: 4 << 10, ..options() };
    let store = open_with(folder.path(), options);
    let rows = [("a", "Acme data", 5), ("b", "Bolt", 6), ("c", "Core", 7)];
    let row = |(key, text, rank): (&str, &str, i64)| account(key, text, &(rank - 4).to_string(), rank);
    insert(&store, "account", rows.map(row).into()).unwrap();
    store.fold().unwrap();
    update(&store, "account", account("b", "Bolt changed", "2", 7)).unwrap();
    delete(&store, "account", "c").unwrap();
    insert(&store, "contact", vec![contact("x", "a", "a note")]).unwrap();
    drop(store);
    fs::create_dir_all(path).unwrap();
    copy_folder(folder.path(), path);
}
