//! From where a transaction was sent: told in history, from the log and from its files, and part of the chain.

use arrow::{array::AsArray, compute::cast, datatypes::DataType};

use super::support::*;
use crate::{CommitInfo, CommitOrigin, HistoryRequest, Store, StoreOptions, World, WriteSet, history_schema};

fn origin() -> CommitOrigin {
    CommitOrigin {
        door: "http".into(),
        address: "192.0.2.7".into(),
        request: "r-1".into(),
        client: String::new(),
    }
}

/// Key, door, address, request and client of every insert.
fn told(store: &Store) -> Vec<String> {
    let schema = history_schema();
    let columns = ["client", "key", "door", "address", "request"];
    let projection = columns.map(|name| schema.index_of(name).unwrap()).to_vec();
    let request = HistoryRequest {
        tables: Some(vec![name("account")]),
        projection: Some(projection),
        ..HistoryRequest::default()
    };
    let mut all = Vec::new();
    for batch in store.snapshot().history(&request).unwrap() {
        let batch = batch.unwrap();
        let cells: Vec<_> =
            batch.columns().iter().map(|column| cast(column, &DataType::Utf8).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let texts = cells.iter().map(|column| column.as_string::<i32>());
            let text = texts.map(|column| if column.is_null_at(row) { "-" } else { column.value(row) });
            all.push(text.collect::<Vec<_>>().join(" "));
        }
    }
    all
}

trait NullAt {
    fn is_null_at(&self, row: usize) -> bool;
}

impl NullAt for &arrow::array::StringArray {
    fn is_null_at(&self, row: usize) -> bool {
        arrow::array::Array::is_null(*self, row)
    }
}

#[test]
fn history_tells_from_where_a_transaction_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(folder.path(), StoreOptions { log_file_bytes: 1_500, ..options() });
    let wanted: Vec<String> = (0..30)
        .map(|number| {
            let key = format!("key{number:02}");
            let origin = (number % 2 == 0).then(origin);
            let told = if origin.is_some() { "http 192.0.2.7 r-1" } else { "- - -" };
            let mut writes = WriteSet::new(store.snapshot().csn());
            writes.insert(&name("account"), account(&key, "name", &format!("code{number}"), 1)).unwrap();
            store.commit(writes, CommitInfo { origin, ..info() }).unwrap();
            format!("- {key} {told}")
        })
        .collect();
    assert_eq!(told(&store), wanted, "of the log");
    store.fold().unwrap();
    assert!(
        std::fs::read_dir(folder.path().join("history")).unwrap().count() > 0,
        "files of history are read below"
    );
    assert_eq!(told(&store), wanted, "of its files and the log behind them");
    store.close().unwrap();
    drop(store);
    let report = verified(folder.path(), &World::seeded(1, 0));
    assert!(report.findings.is_empty(), "{report:#?}");
    let store = open_with(folder.path(), options());
    assert_eq!(told(&store), wanted, "after a restart");
}

/// A load says it too.
#[test]
fn a_load_tells_from_where_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(folder.path(), options());
    let mut load = store.bulk_load();
    load.add(&name("account"), account("a", "A", "1", 1)).unwrap();
    load.commit(CommitInfo { origin: Some(origin()), ..info() }).unwrap();
    assert_eq!(told(&store), ["- - http 192.0.2.7 r-1"]);
    store.close().unwrap();
    drop(store);
    let store = open_with(folder.path(), options());
    assert_eq!(told(&store), ["- - http 192.0.2.7 r-1"], "after a restart");
}
