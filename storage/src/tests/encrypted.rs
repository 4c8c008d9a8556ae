//! Encrypted stores: nothing that was written is found in any file, whatever was done with it.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::support::*;
use crate::{
    ColumnSpec, ColumnType, CommitInfo, Error, ErrorKind, IndexSpec, Row, ScanRequest, Store, StoreOptions,
    TableSpec, TextQuery, TextSyntax, Value, World, WriteSet, encryption, verify,
};

/// Found in whatever is written below. It is also a word of its own, and the beginning of values.
const MARKER: &str = "zqxmarkerxqz";

/// What no file may have in it: the marker in any letters, and parts of it.
fn needles() -> Vec<Vec<u8>> {
    [MARKER, "markerxqz", "zqxmarker", "ZQXMARKER"].iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn world() -> World {
    with_masters(World::seeded(7, 0), &[9])
}

/// Small files, so that all there is to write is written.
fn small() -> StoreOptions {
    StoreOptions { log_file_bytes: 4 << 10, load_bytes_target: 4 << 10, ..options() }
}

fn open_encrypted(folder: &Path) -> Arc<Store> {
    let store = Store::open(folder, small(), world(), &resources()).unwrap();
    store.define_tables(vec![marked_table()]).unwrap();
    store
}

fn table_name() -> String {
    format!("table_{MARKER}")
}

fn marked_table() -> TableSpec {
    let column = |name: &str, column_type, indexed, searchable| ColumnSpec {
        name: name.into(),
        column_type,
        indexed,
        searchable,
    };
    TableSpec {
        // Also names of tables and columns are what someone wrote.
        name: table_name().as_str().into(),
        columns: vec![
            column("id", ColumnType::Text, false, false),
            column(&format!("column_{MARKER}"), ColumnType::Text, false, true),
            column("code", ColumnType::Text, true, false),
            column("tags", ColumnType::TextList, true, false),
            column("raw", ColumnType::Bytes, false, false),
            column("json", ColumnType::Text, false, true),
        ],
        unique: vec![IndexSpec {
            name: "code_once".into(),
            columns: vec!["code".into()],
            conditions: vec![],
        }],
        references: vec![],
    }
}

fn marked(number: usize) -> Row {
    Row([
        Value::text(format!("{MARKER}-{number:04}")),
        Value::text(format!("some text {MARKER} {number} and {MARKER}")),
        Value::text(format!("{MARKER}{number}")),
        Value::TextList([MARKER.into(), format!("tag {MARKER}").as_str().into()].into()),
        Value::Bytes(format!("raw {MARKER}").as_bytes().into()),
        Value::text(format!(r#"{{"user":"{MARKER}"}}"#)),
    ]
    .into())
}

fn commit(store: &Store, build: impl FnOnce(&mut WriteSet)) {
    let mut writes = WriteSet::new(store.snapshot().csn());
    build(&mut writes);
    let info = CommitInfo {
        actor: format!("user {MARKER}"),
        transaction: format!("t {MARKER}"),
        time_micros: 1,
        package_version: format!("package@{MARKER}"),
        ..CommitInfo::default()
    };
    store.commit(writes, info).unwrap();
}

/// All files below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Names and contents have nothing of it. How many files there are.
fn no_marker_below(folder: &Path, when: &str) -> usize {
    let files = files_below(folder);
    for path in &files {
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        let bytes = fs::read(path).unwrap();
        for needle in needles() {
            let is_in = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!is_in(name.as_bytes()), "{when}: {name}");
            assert!(!is_in(&bytes), "{when}: {} in {name}", String::from_utf8_lossy(&needle));
        }
        // What an index or a Parquet file begins or ends with.
        assert!(!bytes.starts_with(b"PAR1") && !bytes.ends_with(b"PAR1"), "{when}: {name}");
    }
    files.len()
}

/// Everything that writes: commits, a bulk load, contents, rolls, folds, a compaction, an index made anew.
fn fill(store: &Arc<Store>, folder: &Path) {
    let table = marked_table().name;
    for round in 0..4 {
        for number in 0..10 {
            commit(store, |writes| writes.insert(&table, marked(round * 100 + number)).unwrap());
        }
        no_marker_below(folder, "after commits");
        store.fold().unwrap();
        no_marker_below(folder, "after a fold");
    }
    let mut load = store.bulk_load();
    (5000..5200).for_each(|number| load.add(&table, marked(number)).unwrap());
    load.commit(info()).unwrap();
    no_marker_below(folder, "after a load");
    for number in 1..9 {
        let row = marked(100 + number);
        commit(store, |writes| writes.delete(&table, row).unwrap());
    }
    store.fold().unwrap();
    for (key, bytes) in [("small", 1), ("large", 200_000)] {
        let mut content = store.new_content(key).unwrap();
        (0..bytes / MARKER.len() + 1).for_each(|_| content.write(MARKER.as_bytes()).unwrap());
        content.finish().unwrap();
    }
    store.reindex(&[]).unwrap();
    commit(store, |writes| writes.insert(&table, marked(9999)).unwrap());
}

fn finds_all(store: &Store) {
    let table = marked_table().name;
    let snapshot = store.snapshot();
    assert_eq!(all(&snapshot, &table_name()).len(), 40 + 200 - 8 + 1);
    let hits = snapshot.table(&table).unwrap();
    let query = TextQuery { columns: Vec::new(), text: MARKER.into(), syntax: TextSyntax::Words };
    let found = hits.search(&query).unwrap();
    assert_eq!(
        keys(
            &snapshot,
            &table_name(),
            ScanRequest { rows: Some(found.rows().clone()), ..ScanRequest::default() }
        )
        .len(),
        233
    );
    let code = Value::text(format!("{MARKER}300"));
    assert_eq!(super::support::found(&snapshot, &table_name(), "code", code).len(), 1);
    let content = store.content("large").unwrap();
    assert!(
        content.read(100_000, 40).unwrap().windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
    );
}

#[test]
fn nothing_that_was_written_is_found_in_any_file() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("tenant/acme");
    let store = open_encrypted(&folder);
    fill(&store, &folder);
    finds_all(&store);
    let files = no_marker_below(&folder, "in the end");
    assert!(files > 20, "{files}");
    store.close().unwrap();
    drop(store);
    no_marker_below(&folder, "closed");
    let store = open_encrypted(&folder);
    finds_all(&store);
    store.close().unwrap();
    drop(store);
    let report = verify(&folder, &world(), |_| Ok(Vec::new())).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert!(report.entries > 40 && report.contents == 2, "{report:?}");
    no_marker_below(&folder, "verified");
}

/// The same without keys, so that the test above is known to look where it would be found.
#[test]
fn what_is_written_without_a_key_is_found() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(data.path(), small(), World::seeded(7, 0), &resources()).unwrap();
    store.define_tables(vec![marked_table()]).unwrap();
    commit(&store, |writes| writes.insert(&marked_table().name, marked(1)).unwrap());
    let files = files_below(&data.path().join("log"));
    let bytes = fs::read(&files[0]).unwrap();
    assert!(bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes()));
    assert!(!data.path().join("keys").exists());
}

#[test]
fn who_has_not_the_key_opens_nothing_and_leaves_no_trace() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("tenant/acme");
    let store = open_encrypted(&folder);
    fill(&store, &folder);
    store.close().unwrap();
    drop(store);
    let state =
        || files_below(&folder).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>();
    let before = state();
    for world in [World::seeded(7, 0), with_masters(World::seeded(7, 0), &[8])] {
        let error = Store::open(&folder, small(), world.clone(), &resources()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains("encrypted"), "{error}");
        let error = verify(&folder, &world, |_| Ok(Vec::new())).err().unwrap();
        assert!(error.to_string().contains("encrypted"), "{error}");
    }
    assert!(state() == before, "something was written");
    fs::rename(folder.join("keys"), data.path().join("keys")).unwrap();
    let error = Store::open(&folder, small(), World::seeded(7, 0), &resources()).err().unwrap();
    assert!(matches!(&error, Error::Damaged { .. } | Error::Invalid(_)), "{error}");
    fs::rename(data.path().join("keys"), folder.join("keys")).unwrap();
    finds_all(&open_encrypted(&folder));
}

#[test]
fn a_byte_changed_in_any_file_is_found_by_verify_or_repaired() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("tenant/acme");
    let store = open_encrypted(&folder);
    fill(&store, &folder);
    store.close().unwrap();
    drop(store);
    let (mut tried, mut kinds) = (0, HashMap::<_, u32>::new());
    for path in files_below(&folder) {
        // Two of each kind: by their endings, and the few that have names of their own.
        let kind = path.extension().or(path.file_name()).unwrap().to_owned();
        let seen = kinds.entry(kind).or_default();
        *seen += 1;
        if *seen > 2 {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        // The log's zeros and what no segment is made of say nothing.
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        let is_log = path.extension().is_some_and(|end| end == "log");
        for at in [0, 13, 40, end / 2, end.saturating_sub(1)].into_iter().filter(|at| *at < end) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            fs::write(&path, &changed).unwrap();
            let report = verify(&folder, &world(), |_| Ok(Vec::new()));
            let is_found = report.as_ref().map_or(true, |report| !report.is_sound());
            let is_cut = is_log && report.is_ok_and(|report| !report.notes.is_empty());
            assert!(is_found || is_cut, "{} at {at}", path.display());
            tried += 1;
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(tried > 40, "{tried}");
    assert!(verify(&folder, &world(), |_| Ok(Vec::new())).unwrap().is_sound());
}

#[test]
fn without_its_keys_a_store_is_gone_and_others_are_as_they_were() {
    let data = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| data.path().join("tenant").join(name));
    for folder in [&one, &two] {
        let store = open_encrypted(folder);
        fill(&store, folder);
        store.close().unwrap();
    }
    let state = |folder: &Path| {
        let files = files_below(folder).into_iter();
        files.map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let before = state(&two);
    assert_eq!(encryption::erase_keys(&one, &world()).unwrap(), encryption::Erased::Keys);
    let error = Store::open(&one, small(), world(), &resources()).err().unwrap();
    assert!(matches!(error, Error::Invalid(_) | Error::Damaged { .. }), "{error}");
    assert!(state(&two) == before);
    finds_all(&open_encrypted(&two));
}
