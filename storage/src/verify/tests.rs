//! Whatever is changed behind the store's back is named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::array::{ArrayRef, AsArray, StringViewArray};
use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};

use super::verify;
use crate::{
    Key, Measure, StoreOptions, Value, World,
    log::{ChangeEntry, Entry, LogGround, LogStart, TableEntry, TransactionEntry, recover},
    objects::{CheckedWriter, ObjectName, Objects},
    tests::support::*,
};

const INDEX_FOOTER_BYTES: usize = 120;
const CONTENT_BYTES: usize = 100_000;

/// A store with history, log, segments and deletes.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { log_file_bytes: 4 << 10, ..options() };
    let store = open_with(folder.path(), options);
    for n in 0..60 {
        insert(&store, "account", vec![account(&format!("k{n:03}"), "some name", &format!("c{n}"), n % 5)])
            .unwrap();
        if n == 30 {
            store.fold().unwrap();
        }
    }
    insert(&store, "contact", vec![contact("c1", "k001", "a note")]).unwrap();
    delete(&store, "account", "k002").unwrap();
    store.fold().unwrap();
    update(&store, "account", account("k003", "another name", "c3", 1)).unwrap();
    update(&store, "account", account("k004", "another name", "c4", 1)).unwrap();
    let mut content = store.new_content("some_content").unwrap();
    content.write(&[7; CONTENT_BYTES]).unwrap();
    content.finish().unwrap();
    store.close().unwrap();
    folder
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
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

fn found_in(folder: &Path) -> Vec<super::Finding> {
    verified(folder, &World::seeded(1, 0)).findings
}

/// The content that a row of [`made`] would speak of.
fn content() -> Vec<(Key, Measure)> {
    let hash = blake3::hash(&[7; CONTENT_BYTES]).to_hex().to_string();
    vec![("some_content".into(), Measure { bytes: CONTENT_BYTES as u64, hash })]
}

#[test]
fn a_sound_store_is_sound_and_looked_at_as_a_whole() {
    let folder = made();
    let report = verify(folder.path(), &World::seeded(1, 0), |_| Ok(content())).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!((report.entries, report.notes.len()), (65, 0), "{:?}", report.notes);
    assert_eq!(report.segments, 3);
    assert_eq!(report.rows, 61);
    assert_eq!(report.contents, 1);
    assert_eq!(report.head.map(|(csn, hash)| (csn, hash.len())), Some((65, 64)));
    // Nothing was changed by looking.
    assert_eq!(found_in(folder.path()), []);
}

#[test]
fn a_store_in_use_or_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        verify(folder.path(), &World::real(), |_| Ok(Vec::new())),
        Err(crate::Error::Invalid(_))
    ));
    assert_eq!(all_files(folder.path()), [] as [&Path; 0]);
    let _store = open(folder.path());
    let error = verify(folder.path(), &World::real(), |_| Ok(Vec::new())).unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
}

#[test]
fn every_flipped_byte_is_named_with_its_file() {
    let folder = made();
    let mut seen = 0;
    for path in all_files(folder.path()) {
        let name = path.strip_prefix(folder.path()).unwrap().display().to_string();
        // What these say is not the index's contents; those are compared with the rows.
        if name == "lock" || name.ends_with(".json") || name.ends_with(".lock") {
            continue;
        }
        let sound = fs::read(&path).unwrap();
        // Zeros behind the last frame of a log are no one's, and the last frame may be a write that was never
        // acknowledged. The footers of Tantivy's files are not what is read of them.
        let bytes = match name.contains("/index/") {
            _ if name.starts_with("log") => 300,
            true => sound.len().saturating_sub(INDEX_FOOTER_BYTES).max(1),
            false => sound.len(),
        };
        for share in 0..4 {
            let at = (bytes - 1) * share / 3;
            let mut flipped = sound.clone();
            flipped[at] ^= 4;
            fs::write(&path, &flipped).unwrap();
            let findings = found_in(folder.path());
            let place = match name.split_once("/index/") {
                Some((segment, _)) => format!("{segment}/index"),
                None => name.clone(),
            };
            let names_it = findings.iter().any(|finding| finding.file.ends_with(&place));
            assert!(names_it, "{name} at {at} of {}: {findings:?}", sound.len());
            seen += 1;
        }
        fs::write(&path, &sound).unwrap();
    }
    assert!(seen > 60, "{seen}");
    assert_eq!(found_in(folder.path()), []);
}

#[test]
fn a_missing_file_is_named() {
    let folder = made();
    for path in all_files(folder.path()) {
        let name = path.strip_prefix(folder.path()).unwrap().display().to_string();
        if name.contains("/index/") || name == "lock" || name.starts_with("manifest") {
            continue;
        }
        let sound = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let report = verify(folder.path(), &World::seeded(1, 0), |_| Ok(content())).unwrap();
        assert!(!report.is_sound(), "{name}");
        fs::write(&path, sound).unwrap();
    }
}

#[test]
fn a_content_that_is_not_what_its_row_says_is_named() {
    let folder = made();
    let other = |key: &str, bytes: u64| {
        let hash = content().remove(0).1.hash;
        vec![(Key::from(key), Measure { bytes, hash })]
    };
    for (wanted, what, notes) in [
        (other("some_content", 99), "it is not what its row says", 0),
        (other("another", CONTENT_BYTES as u64), "the content is missing, or can't be read", 1),
    ] {
        let report = verify(folder.path(), &World::seeded(1, 0), |_| Ok(wanted)).unwrap();
        assert_eq!(report.findings.iter().map(|finding| finding.what.as_str()).collect::<Vec<_>>(), [what]);
        assert_eq!(report.notes.len(), notes, "{:?}", report.notes);
    }
}

/// Writes a file of history again with its sums, after `change` was made to the texts of a column.
fn rewrite(folder: &Path, column: &str, change: impl Fn(&str) -> String) -> String {
    let path = all_files(folder).into_iter().find(|path| path.extension().is_some_and(|e| e == "parquet"));
    let path = path.filter(|path| path.display().to_string().contains("history")).unwrap();
    let file = fs::File::open(&path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let keys = reader.metadata().file_metadata().key_value_metadata().cloned();
    let batches: Vec<_> = reader.build().unwrap().map(|batch| batch.unwrap()).collect();
    let objects = Objects::open(folder, &World::real(), None).unwrap();
    let object = ObjectName::from("history").join(path.file_name().unwrap().to_str().unwrap());
    let writer = CheckedWriter::new(objects.upload(&object));
    let mut parquet = ArrowWriter::try_new(writer, batches[0].schema(), None).unwrap();
    for key in keys.into_iter().flatten().filter(|pair| pair.key.starts_with("quarry")) {
        parquet.append_key_value_metadata(key);
    }
    for batch in batches {
        let at = batch.schema().index_of(column).unwrap();
        let texts = batch.column(at).as_string_view();
        let changed: StringViewArray = texts.iter().map(|text| text.map(&change)).collect();
        let mut columns = batch.columns().to_vec();
        columns[at] = Arc::new(changed) as ArrayRef;
        let batch = arrow::record_batch::RecordBatch::try_new(batch.schema(), columns).unwrap();
        parquet.write(&batch).unwrap();
    }
    let (sums, upload) = parquet.into_inner().unwrap().close();
    upload.finish().unwrap();
    fs::write(path.with_extension("sums"), crate::history::SUMS_SEAL.encode(&sums).unwrap()).unwrap();
    path.display().to_string()
}

#[test]
fn readable_columns_that_do_not_say_what_the_entry_says_are_named() {
    let folder = made();
    rewrite(folder.path(), "new", |text| text.to_string());
    assert_eq!(found_in(folder.path()), [], "rewritten as it was");
    for (column, from, to) in [("new", "c7", "c8"), ("actor", "tester", "another"), ("key", "k001", "k002")] {
        let folder = made();
        let file = rewrite(folder.path(), column, |text| text.replace(from, to));
        let findings = found_in(folder.path());
        let first = findings.first().unwrap();
        assert_eq!(first.file, file);
        assert!(first.what.contains("are not what the entry says"), "{first}");
    }
}

#[test]
fn a_log_that_goes_on_from_another_past_is_named() {
    let (one, two) = (made(), tempfile::tempdir().unwrap());
    let store = open_with(two.path(), StoreOptions { log_file_bytes: 4 << 10, ..options() });
    for n in 0..70 {
        insert(&store, "account", vec![account(&format!("x{n:03}"), "another name", "", 0)]).unwrap();
    }
    drop(store);
    let last = all_files(&one.path().join("log")).pop().unwrap();
    let other = all_files(&two.path().join("log")).pop().unwrap();
    fs::remove_file(&last).unwrap();
    fs::copy(&other, one.path().join("log").join(other.file_name().unwrap())).unwrap();
    let findings = found_in(one.path());
    assert!(findings.iter().any(|finding| finding.file.ends_with(".log")), "{findings:?}");
}

#[test]
fn unique_values_and_references_that_do_not_hold_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    insert(&store, "account", vec![account("a", "A", "1", 0)]).unwrap();
    store.close().unwrap();
    let world = World::real();
    let resources = resources();
    let ground = LogGround {
        files: world.files.clone(),
        folder: folder.path().join("log"),
        resources,
        file_bytes: 1 << 20,
        keys: None,
    };
    let start = LogStart { csn: 0, hash: [0; 32], time_micros: 0 };
    let mut log = recover(&ground, start, &mut |_, _| Ok(())).unwrap();
    let table =
        |id, row| TableEntry { table: crate::catalog::TableId(id), changes: vec![ChangeEntry::Insert(row)] };
    let entry = Entry::Transaction(TransactionEntry {
        actor: String::new(),
        time_micros: 0,
        transaction: String::new(),
        package_version: String::new(),
        tables: vec![table(0, account("b", "B", "1", 0)), table(1, contact("c", "nowhere", ""))],
        origin: None,
    });
    log.append([entry.encode().unwrap().as_slice()].into_iter()).unwrap();
    drop(log);
    let findings = found_in(folder.path());
    let whats: Vec<_> = findings.iter().map(|finding| finding.what.as_str()).collect();
    assert!(whats.iter().any(|what| what.contains("code_once")), "{whats:?}");
    assert!(whats.iter().any(|what| what.contains("\"nowhere\"")), "{whats:?}");
}

#[test]
fn an_index_that_says_something_else_is_named_and_made_anew() {
    let folder = made();
    let indexes: Vec<_> = fs::read_dir(folder.path().join("segments/0"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("index"))
        .collect();
    // A whole and sound index, of other rows.
    let (from, to) = (&indexes[0], &indexes[1]);
    fs::remove_dir_all(to).unwrap();
    fs::create_dir(to).unwrap();
    for path in all_files(from) {
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    let findings = found_in(folder.path());
    assert!(findings.iter().all(|finding| finding.file.ends_with("/index")), "{findings:?}");
    assert_eq!(findings.len(), 1);
    let store = open(folder.path());
    assert_eq!(store.reindex(&["account".into()]).unwrap(), 2);
    assert!(store.reindex(&["nothing".into()]).is_err());
    assert_eq!(found(&store.snapshot(), "account", "code", Value::text("c42")), ["k042"]);
    store.close().unwrap();
    assert_eq!(found_in(folder.path()), []);
}
