//! Contents: they come back byte for byte or not at all, whenever the power goes and whatever the disk does.

use std::path::Path;

use super::{script::*, simulated::*, support::*};
use crate::{Content, Error, ErrorKind, Store};

/// Bytes that differ from block to block.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 7 + at / 65_536) as u8).collect()
}

fn put(store: &Store, key: &str, bytes: &[u8]) -> crate::Result<crate::Measure> {
    let mut content = store.new_content(key)?;
    bytes.chunks(50_000).try_for_each(|piece| content.write(piece))?;
    content.finish()
}

fn whole(content: &Content) -> Vec<u8> {
    content.read(0, usize::try_from(content.measure().bytes).unwrap()).unwrap().to_vec()
}

#[test]
fn it_comes_back_as_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for count in [0, 1, 65_535, 65_536, 65_537, 9 << 20] {
        let (key, given) = (format!("of_{count}"), bytes(count));
        let measure = put(&store, &key, &given).unwrap();
        assert_eq!(measure.hash, blake3::hash(&given).to_hex().to_string());
        let content = store.content(&key).unwrap();
        assert_eq!(content.measure(), measure);
        assert_eq!(whole(&content), given);
        for (start, length) in [(0, 10), (65_530, 12), (65_536, 65_536), (count as u64, 5), (1 << 40, 1)] {
            let from = usize::try_from(start).unwrap().min(count);
            let wanted = &given[from..count.min(from + length)];
            assert_eq!(content.read(start, length).unwrap(), wanted, "{key} {start} {length}");
        }
    }
    store.close().unwrap();
    assert_eq!(store.new_content("late").err().unwrap().kind(), ErrorKind::Unavailable);
    let store = open(folder.path());
    assert_eq!(whole(&store.content("of_65537").unwrap()), bytes(65_537), "after a restart");
    store.remove_content("of_65537").unwrap();
    store.remove_content("of_65537").unwrap();
    let error = store.content("of_65537").unwrap_err();
    assert!(matches!(&error, Error::Damaged { what, .. } if what.contains("missing")), "{error}");
    drop(put(&store, "given_up", &bytes(10)));
    drop(store.new_content("given_up_2").unwrap());
    assert!(store.content("given_up_2").is_err());
}

#[test]
fn no_key_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let long = "k".repeat(65);
    for key in ["", "..", "a/b", "../../log/x", "A", "a.b", "ä", &long] {
        assert_eq!(store.new_content(key).err().unwrap().kind(), ErrorKind::Invalid, "{key}");
        assert_eq!(store.content(key).unwrap_err().kind(), ErrorKind::Invalid, "{key}");
        assert_eq!(store.remove_content(key).unwrap_err().kind(), ErrorKind::Invalid, "{key}");
    }
}

#[test]
fn a_flipped_byte_is_named_and_never_given() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let given = bytes(200_000);
    put(&store, "c", &given).unwrap();
    let path = folder.path().join("content/c.bytes");
    let mut flipped = std::fs::read(&path).unwrap();
    flipped[70_000] ^= 1;
    std::fs::write(&path, &flipped).unwrap();
    let content = store.content("c").unwrap();
    assert_eq!(content.read(0, 65_536).unwrap(), given[..65_536], "what is sound is given");
    let error = content.read(65_000, 1_000).unwrap_err();
    assert!(matches!(&error, Error::Damaged { offset: 65_536, .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Internal);
    flipped.pop();
    std::fs::write(&path, &flipped).unwrap();
    let error = store.content("c").unwrap_err();
    assert!(error.to_string().contains("199999 bytes, not 200000"), "{error}");
}

#[test]
fn a_crash_at_any_instant_leaves_it_whole_or_leaves_none() {
    let (first, second) = (bytes(150_000), bytes(70_000));
    let disk = Disk::default();
    let store = open_world(world(&disk)).unwrap();
    disk.record();
    put(&store, "first", &first).unwrap();
    disk.mark(1);
    put(&store, "second", &second).unwrap();
    disk.mark(2);
    let images = disk.images();
    drop(store);
    assert!(images.len() > 10, "{}", images.len());
    for image in &images {
        for crash in [Crash::Killed, Crash::AllLost, Crash::SomeLost] {
            let context = format!("{crash:?} before operation {}", image.operation);
            let disk = Disk::after(image, crash, image.operation);
            let store = open_world(world(&disk)).unwrap_or_else(|error| panic!("{context}: {error}"));
            for (number, key, given) in [(1, "first", &first), (2, "second", &second)] {
                match store.content(key) {
                    Ok(content) => assert_eq!(whole(&content), *given, "{context}"),
                    Err(error) => assert!(image.mark < number, "{context}: {error}"),
                }
            }
            put(&store, "third", &second).unwrap();
            store.close().unwrap();
            drop(store);
            let report = verified(Path::new(FOLDER), &world(&disk));
            assert_eq!(report.findings, [], "{context}: what was given up is harmless");
        }
    }
}

#[test]
fn a_disk_that_fails_keeps_no_content_and_takes_the_next() {
    let clean = Disk::default();
    let store = open_world(world(&clean)).unwrap();
    let opening = clean.operations();
    put(&store, "c", &bytes(100_000)).unwrap();
    let operations = clean.operations();
    let kinds: [fn(u64) -> Fault; 4] = [Fault::Before, Fault::After, Fault::Full, Fault::NoSync];
    for kind in kinds {
        for at in opening + 1..=operations {
            let fault = kind(at);
            let disk = Disk::default();
            let store = open_world(world(&disk)).unwrap();
            disk.fail(Some(fault));
            let done = put(&store, "c", &bytes(100_000));
            disk.fail(None);
            match done {
                Ok(_) => assert_eq!(whole(&store.content("c").unwrap()), bytes(100_000), "{fault:?}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{fault:?}: {error}"),
            }
            store.remove_content("c").unwrap();
            put(&store, "d", &bytes(100_000)).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            let lost = disk.crashed(Crash::AllLost, at);
            let store = open_world(world(&lost)).unwrap();
            assert_eq!(whole(&store.content("d").unwrap()), bytes(100_000), "{fault:?}");
        }
    }
}
