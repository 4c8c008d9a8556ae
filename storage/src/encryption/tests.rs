//! Keys and blocks, broken and mixed up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::{fs, path::Path, sync::Arc};

use super::{
    blocks::{BLOCK_BYTES, BlockReader, HEAD_BYTES, seal},
    *,
};
use crate::{
    Error, ErrorKind, World,
    tests::support::{master, with_masters},
};

fn keys_of(folder: &Path, masters: &[u8]) -> crate::Result<Arc<StoreKeys>> {
    StoreKeys::open(folder, &with_masters(World::real(), masters)).map(Option::unwrap)
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| u8::try_from((at * 7 + at / BLOCK_BYTES) % 251).unwrap()).collect()
}

fn reader(keys: &StoreKeys, name: &str, stored: &[u8]) -> std::io::Result<BlockReader> {
    let head = &stored[..HEAD_BYTES.min(stored.len())];
    BlockReader::new(keys, name, head, u64::try_from(stored.len()).unwrap())
}

fn whole(keys: &StoreKeys, name: &str, stored: &[u8]) -> std::io::Result<Vec<u8>> {
    reader(keys, name, stored)?.open_all(stored)
}

#[test]
fn what_is_sealed_is_read_back_whole_and_by_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys_of(folder.path(), &[1]).unwrap();
    for count in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES, 3 * BLOCK_BYTES + 9] {
        let plain = bytes(count);
        let stored = seal(&keys, "a", &plain).unwrap();
        assert_ne!(stored, seal(&keys, "a", &plain).unwrap(), "a salt of its own");
        assert!(whole(&keys, "a", &stored).unwrap() == plain, "{count}");
        let reader = reader(&keys, "a", &stored).unwrap();
        assert_eq!(reader.bytes(), u64::try_from(count).unwrap());
        for start in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 5] {
            for length in [1, 10, BLOCK_BYTES, BLOCK_BYTES + 1] {
                let end = (start + length).min(count);
                if start >= end {
                    continue;
                }
                let range = u64::try_from(start).unwrap()..u64::try_from(end).unwrap();
                let part = reader.stored(&range);
                let part = &stored[usize::try_from(part.start).unwrap()..usize::try_from(part.end).unwrap()];
                assert!(
                    reader.open(&range, part.to_vec()).unwrap() == plain[start..end],
                    "{count} {range:?}"
                );
            }
        }
    }
}

#[test]
fn what_was_changed_cut_moved_or_renamed_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys_of(folder.path(), &[1]).unwrap();
    let small = seal(&keys, "a", b"a small object").unwrap();
    for at in 0..small.len() {
        for bit in 0..8 {
            let mut flipped = small.clone();
            flipped[at] ^= 1 << bit;
            assert!(whole(&keys, "a", &flipped).is_err(), "byte {at} bit {bit}");
        }
        assert!(whole(&keys, "a", &small[..at]).is_err(), "cut at {at}");
    }
    assert!(whole(&keys, "b", &small).is_err(), "of another name");
    let plain = bytes(3 * BLOCK_BYTES);
    let large = seal(&keys, "a", &plain).unwrap();
    let block = BLOCK_BYTES + TAG_BYTES;
    for cut in
        [HEAD_BYTES + block, HEAD_BYTES + 2 * block, large.len() - 1, large.len() - block + 3, HEAD_BYTES + 5]
    {
        assert!(whole(&keys, "a", &large[..cut]).is_err(), "cut at {cut}");
    }
    let mut swapped = large.clone();
    swapped[HEAD_BYTES..HEAD_BYTES + block]
        .copy_from_slice(&large[HEAD_BYTES + block..HEAD_BYTES + 2 * block]);
    assert!(whole(&keys, "a", &swapped).is_err(), "a block in another's place");
    let mut longer = large.clone();
    longer.extend_from_slice(&large[large.len() - block..]);
    assert!(whole(&keys, "a", &longer).is_err(), "a block too many");
    let mut mixed = seal(&keys, "a", &plain).unwrap();
    mixed[HEAD_BYTES..HEAD_BYTES + block].copy_from_slice(&large[HEAD_BYTES..HEAD_BYTES + block]);
    assert!(whole(&keys, "a", &mixed).is_err(), "a block of another version of it");
    assert!(whole(&keys, "a", &plain).is_err(), "bytes that were never sealed");
    let elsewhere = tempfile::tempdir().unwrap();
    let others = keys_of(elsewhere.path(), &[1]).unwrap();
    assert!(whole(&others, "a", &small).is_err(), "another store's keys under the same master key");
}

#[test]
fn a_store_is_opened_with_its_master_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(keys_of(folder.path(), &[1]).unwrap());
    let before = fs::read(folder.path().join("keys")).unwrap();
    assert!(!before.windows(32).any(|window| window == &**master(1)));
    let error = keys_of(folder.path(), &[2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("given are only"), "{error}");
    let error = StoreKeys::open(folder.path(), &World::real()).unwrap_err();
    assert!(error.to_string().contains("no master key is given"), "{error}");
    assert_eq!(fs::read(folder.path().join("keys")).unwrap(), before);
    for at in 0..before.len() {
        let mut flipped = before.clone();
        flipped[at] ^= 4;
        fs::write(folder.path().join("keys"), flipped).unwrap();
        assert!(keys_of(folder.path(), &[1]).is_err(), "byte {at}");
    }
}

#[test]
fn a_key_file_is_of_no_use_to_another_store() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keys = keys_of(one.path(), &[1]).unwrap();
    let stored = seal(&keys, "a", b"of one").unwrap();
    let world = with_masters(World::real(), &[1]);
    let provider = world.keys.clone().unwrap();
    let wrapped = provider.wrap_key(&DataKey::from_bytes(&[7; 32]).unwrap(), b"one").unwrap();
    assert_eq!(provider.unwrap_key(&wrapped, b"one").unwrap().bytes(), [7; 32]);
    assert!(provider.unwrap_key(&wrapped, b"two").is_err(), "the context is authenticated");
    let others = keys_of(two.path(), &[1]).unwrap();
    assert!(whole(&others, "a", &stored).is_err());
    assert_eq!(format!("{:?}", DataKey::from_bytes(&[7; 32]).unwrap()), "DataKey(…)");
}

#[test]
fn a_new_master_key_wraps_the_same_data_keys_and_the_old_one_can_go() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys_of(folder.path(), &[1]).unwrap();
    let stored = seal(&keys, "a", b"before").unwrap();
    let both = with_masters(World::real(), &[2, 1]);
    assert!(rotate_master_key(folder.path(), &both).unwrap());
    assert!(!rotate_master_key(folder.path(), &both).unwrap(), "it is done");
    assert!(keys_of(folder.path(), &[1]).is_err());
    let keys = keys_of(folder.path(), &[2]).unwrap();
    assert_eq!(whole(&keys, "a", &stored).unwrap(), b"before");

    rotate_data_key(folder.path(), &with_masters(World::real(), &[2])).unwrap();
    let keys = keys_of(folder.path(), &[2]).unwrap();
    let newer = seal(&keys, "a", b"after").unwrap();
    assert_ne!(newer[12..16], stored[12..16], "the number of the data key");
    assert_eq!(whole(&keys, "a", &stored).unwrap(), b"before");
    assert_eq!(whole(&keys, "a", &newer).unwrap(), b"after");
    let state = key_state(folder.path(), &World::real()).unwrap();
    assert!(matches!(state, KeyState::Encrypted { data_keys: 2, .. }), "{state:?}");
}

#[test]
fn erased_keys_are_gone_and_a_store_without_any_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::real();
    assert_eq!(erase_keys(folder.path(), &world).unwrap(), Erased::NoKeys);
    drop(keys_of(folder.path(), &[1]).unwrap());
    assert_eq!(erase_keys(folder.path(), &world).unwrap(), Erased::Keys);
    assert!(!folder.path().join("keys").exists());
    assert_eq!(key_state(folder.path(), &world).unwrap(), KeyState::Plain);
}

#[test]
fn master_keys_of_another_length_none_and_twins_are_refused() {
    let ids = World::real().ids;
    let short = zeroize::Zeroizing::new(vec![1; 31]);
    for keys in [vec![], vec![short], vec![master(1), master(1)]] {
        let error = MasterKeys::new(&keys, ids.clone()).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
    }
    let keys = MasterKeys::new(&[master(1)], ids).unwrap();
    assert!(!format!("{keys:?}").contains("01010101"));
}

#[test]
fn a_key_file_is_of_no_use_to_another_tenant() {
    let data = tempfile::tempdir().unwrap();
    let (one, other) = (data.path().join("one"), data.path().join("other"));
    drop(keys_of(&one, &[1]).unwrap());
    drop(keys_of(&other, &[1]).unwrap());
    let of_one = fs::read(one.join("keys")).unwrap();
    fs::write(other.join("keys"), &of_one).unwrap();
    let error = keys_of(&other, &[1]).unwrap_err().to_string();
    assert!(error.contains("other"), "{error}");
    // Nor is it with all else of its store.
    let moved = data.path().join("moved");
    fs::rename(&one, &moved).unwrap();
    keys_of(&moved, &[1]).unwrap_err();
    fs::rename(&moved, &one).unwrap();
    drop(keys_of(&one, &[1]).unwrap());
}

#[test]
fn a_key_file_of_before_is_bound_when_it_is_opened() {
    let data = tempfile::tempdir().unwrap();
    let (folder, other) = (data.path().join("one"), data.path().join("other"));
    let keys = keys_of(&folder, &[1]).unwrap();
    let stored = seal(&keys, "a", b"what was written before").unwrap();
    drop(keys);
    super::keys::tests::unbind(&folder, &with_masters(World::real(), &[1]));
    let before = fs::read(folder.join("keys")).unwrap();
    let keys = keys_of(&folder, &[1]).unwrap();
    assert_eq!(whole(&keys, "a", &stored).unwrap(), b"what was written before");
    drop(keys);
    let bound = fs::read(folder.join("keys")).unwrap();
    assert_ne!(bound, before);
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("keys"), &bound).unwrap();
    keys_of(&other, &[1]).unwrap_err();
    drop(keys_of(&folder, &[1]).unwrap());
    assert_eq!(fs::read(folder.join("keys")).unwrap(), bound, "once");
}
