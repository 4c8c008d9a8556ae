//! The log cut, broken, rolled and repaired.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{ChangeEntry, Entry, LogGround, LogStart, LogWriter, TableEntry, TransactionEntry, recover};
use crate::{
    catalog::TableId,
    encryption::StoreKeys,
    error::{Error, Result},
    files::Files,
    tests::{
        simulated::{Disk, Fault},
        support::{inline_resources, with_masters},
    },
    value::{Row, Value},
    world::World,
};

const START: LogStart = LogStart { csn: 0, hash: [0; 32], time_micros: i64::MIN };
const FILE_BYTES: u64 = 8 << 10;
const FOLDER: &str = "/log";

fn entry(number: u64) -> Entry {
    let row = Row([Value::text("x")].into()); // the last byte of the entry is not zero
    Entry::Transaction(TransactionEntry {
        actor: format!("actor {number}"),
        time_micros: 5,
        transaction: String::new(),
        package_version: "1".into(),
        tables: vec![TableEntry { table: TableId(0), changes: vec![ChangeEntry::Delete(row)] }],
        origin: None,
    })
}

/// What is read back, and a writer behind it.
fn read(disk: &Disk, file_bytes: u64) -> Result<(Vec<(u64, Entry)>, LogWriter)> {
    read_with(disk, file_bytes, None)
}

fn read_with(
    disk: &Disk,
    file_bytes: u64,
    keys: Option<Arc<StoreKeys>>,
) -> Result<(Vec<(u64, Entry)>, LogWriter)> {
    let mut found = Vec::new();
    let ground = LogGround {
        files: Arc::new(disk.clone()),
        folder: FOLDER.into(),
        resources: inline_resources(),
        file_bytes,
        keys,
    };
    let writer = recover(&ground, START, &mut |csn, entry| {
        found.push((csn, entry));
        Ok(())
    })?;
    Ok((found, writer))
}

fn append(writer: &mut LogWriter, numbers: &[u64]) -> Result<()> {
    let payloads: Vec<_> = numbers.iter().map(|number| entry(*number).encode().unwrap()).collect();
    writer.append(payloads.iter().map(Vec::as_slice))
}

fn numbered(count: u64) -> Vec<(u64, Entry)> {
    (1..=count).map(|number| (number, entry(number))).collect()
}

/// Without keys, and with some.
fn both() -> [Option<Arc<StoreKeys>>; 2] {
    let world = World { files: Arc::new(Disk::default()), ..World::seeded(3, 0) };
    [None, StoreKeys::open(Path::new("/keys"), &with_masters(world, &[1])).unwrap()]
}

/// A log of single commits, the bytes of its only file up to the last frame, and where each frame ends.
fn log_of(disk: &Disk, count: u64, keys: &Option<Arc<StoreKeys>>) -> (PathBuf, Vec<u8>, Vec<usize>) {
    let (_, mut writer) = read_with(disk, FILE_BYTES, keys.clone()).unwrap();
    let path = Path::new(FOLDER).join("00000000000000000001.log");
    let used = |path: &Path| disk.contents(path).iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut ends = vec![];
    for number in 1..=count {
        append(&mut writer, &[number]).unwrap();
        ends.push(used(&path));
    }
    drop(writer);
    let mut bytes = disk.contents(&path);
    bytes.truncate(*ends.last().unwrap());
    (path, bytes, ends)
}

#[test]
fn a_log_cut_at_any_byte_gives_the_whole_entries_before() {
    for keys in both() {
        let disk = Disk::default();
        let read = || read_with(&disk, FILE_BYTES, keys.clone());
        let (path, bytes, ends) = log_of(&disk, 5, &keys);
        for cut in 0..=bytes.len() {
            disk.set_contents(&path, &bytes[..cut]);
            let whole = u64::try_from(ends.iter().filter(|end| **end <= cut).count()).unwrap();
            let (found, mut writer) = read().unwrap();
            assert_eq!(found, numbered(whole), "cut at {cut}");
            append(&mut writer, &[whole + 1]).unwrap();
            drop(writer);
            assert_eq!(read().unwrap().0, numbered(whole + 1), "cut at {cut}");
        }
    }
}

#[test]
fn a_flipped_bit_is_damage_or_an_unacknowledged_end_and_never_data() {
    for keys in both() {
        no_flipped_bit_is_data(&keys);
    }
}

fn no_flipped_bit_is_data(keys: &Option<Arc<StoreKeys>>) {
    let disk = Disk::default();
    let (path, bytes, ends) = log_of(&disk, 4, keys);
    let last = ends[2];
    for bit in 0..bytes.len() * 8 {
        let at = bit / 8;
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (bit % 8);
        disk.set_contents(&path, &flipped);
        match read_with(&disk, FILE_BYTES, keys.clone()) {
            Ok((found, _)) => {
                assert!(at >= last, "bit {bit}");
                assert_eq!(found, numbered(3), "bit {bit}");
            }
            Err(Error::Damaged { offset, .. }) => {
                assert!(at < last, "bit {bit}");
                assert!(offset <= u64::try_from(at).unwrap(), "bit {bit} told as {offset}");
            }
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
}

#[test]
fn a_torn_batch_goes_as_a_whole() {
    let disk = Disk::default();
    let (_, mut writer) = read(&disk, FILE_BYTES).unwrap();
    append(&mut writer, &[1]).unwrap();
    append(&mut writer, &[2, 3, 4]).unwrap();
    drop(writer);
    let path = Path::new(FOLDER).join("00000000000000000001.log");
    let mut bytes = disk.contents(&path);
    // The first frame of the batch is broken, those behind it are sound.
    let second = bytes.windows(4).enumerate().filter(|(_, window)| window == b"QFR1").nth(1).unwrap().0;
    bytes[second + 20] ^= 1;
    disk.set_contents(&path, &bytes);
    assert_eq!(read(&disk, FILE_BYTES).unwrap().0, numbered(1));
    assert_eq!(read(&disk, FILE_BYTES).unwrap().0, numbered(1), "what was cut off must not come back");
}

#[test]
fn files_are_rolled_and_a_missing_one_is_told() {
    let disk = Disk::default();
    let (_, mut writer) = read(&disk, 300).unwrap();
    (1..=20).for_each(|number| append(&mut writer, &[number]).unwrap());
    drop(writer);
    let files = disk.list(Path::new(FOLDER)).unwrap();
    assert!(files.len() > 3, "{files:?}");
    assert_eq!(read(&disk, 300).unwrap().0, numbered(20));
    disk.remove(&files[1].path).unwrap();
    let error = read(&disk, 300).err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn a_failed_write_or_sync_leaves_nothing_and_is_repaired() {
    for fault in [Fault::Before(1), Fault::After(1), Fault::Before(2), Fault::After(2)] {
        let disk = Disk::default();
        let (_, mut writer) = read(&disk, FILE_BYTES).unwrap();
        append(&mut writer, &[1]).unwrap();
        let now = disk.operations();
        disk.fail(Some(match fault {
            Fault::Before(at) => Fault::Before(now + at),
            Fault::After(at) => Fault::After(now + at),
            other => other,
        }));
        let error = append(&mut writer, &[9, 9, 9]).unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{fault:?}: {error}");
        append(&mut writer, &[2]).unwrap();
        drop(writer);
        assert_eq!(read(&disk, FILE_BYTES).unwrap().0, numbered(2), "{fault:?}");
    }
}

#[test]
fn no_frame_of_a_file_has_a_nonce_that_another_had_also_where_its_tail_is_written_again() {
    let [_, keys] = both();
    let (path, disk) = (Path::new(FOLDER).join("00000000000000000001.log"), Disk::default());
    let mut nonces = std::collections::HashSet::new();
    let mut tails = std::collections::HashSet::new();
    for round in 0..20 {
        let (found, mut writer) = read_with(&disk, FILE_BYTES, keys.clone()).unwrap();
        assert_eq!(found.len(), usize::from(round > 0));
        append(&mut writer, if round > 0 { &[2] } else { &[1] }).unwrap();
        drop(writer);
        // The process dies before it acknowledges: what it wrote last is lost.
        let bytes = disk.contents(&path);
        let start = bytes.windows(4).enumerate().rfind(|(_, window)| window == b"QFE1").unwrap().0;
        assert!(nonces.insert(bytes[start + 8..start + 20].to_vec()), "round {round}");
        assert!(tails.insert(bytes[start + 20..start + 60].to_vec()), "round {round}");
        if round > 0 {
            disk.set_contents(&path, &bytes[..start]);
        }
    }
}

#[test]
fn a_log_of_one_kind_is_not_read_as_the_other() {
    let [plain, keys] = both();
    let disk = Disk::default();
    log_of(&disk, 2, &plain);
    let error = read_with(&disk, FILE_BYTES, keys.clone()).err().unwrap();
    assert!(matches!(&error, Error::Damaged { what, .. } if what.contains("not encrypted")), "{error}");
    let disk = Disk::default();
    log_of(&disk, 2, &keys);
    let error = read_with(&disk, FILE_BYTES, plain).err().unwrap();
    assert!(matches!(&error, Error::Invalid(told) if told.contains("no key file")), "{error}");
    let [_, other] = both();
    assert_eq!(read_with(&disk, FILE_BYTES, other).unwrap().0.len(), 2, "the seed makes the same keys");
}

#[test]
fn a_newer_format_is_refused_plainly() {
    let disk = Disk::default();
    let (path, mut bytes, _) = log_of(&disk, 1, &None);
    bytes[8] = 3;
    bytes[12..16].fill(0);
    let crc = crc32c::crc32c(&bytes[..64]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    disk.set_contents(&path, &bytes);
    let error = read(&disk, FILE_BYTES).err().unwrap();
    assert!(matches!(&error, Error::Invalid(told) if told.contains("format 3")), "{error}");
}
