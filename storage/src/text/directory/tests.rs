//! Files of an encrypted index, held whole and read through a window.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::*;
use crate::{World, encryption::StoreKeys, tests::support::with_masters};

#[test]
fn an_encrypted_file_is_read_as_it_was_put_whatever_is_read_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let world = with_masters(World::real(), &[1]);
    let keys = StoreKeys::open(folder.path(), &world).unwrap();
    let objects = Objects::open(folder.path(), &world, keys).unwrap();
    let window = usize::try_from(WINDOW_BYTES).unwrap();
    let large = usize::try_from(HELD_BYTES_MAX).unwrap() + 3 * window + 7;
    for (name, count) in [("small", 1_000), ("empty", 0), ("large", large)] {
        let bytes: Vec<u8> =
            (0..count).map(|at| u8::try_from((at * 7 + at / 1_000) % 251).unwrap()).collect();
        objects.put(&ObjectName::from("index").join(name), bytes.clone()).unwrap();
        let directory = ObjectDirectory::open(&objects, &"index".into()).unwrap();
        let file = directory.get_file_handle(Path::new(name)).unwrap();
        assert_eq!(file.len(), count);
        assert_eq!(directory.atomic_read(Path::new(name)).unwrap(), bytes);
        for start in [0, 1, 999, window - 1, window, window + 1, 5 * window - 3, count.saturating_sub(4)] {
            for length in [0, 1, 4, 1_000, window, 2 * window + 5] {
                let end = start + length;
                let read = file.read_bytes(start..end);
                match end <= count {
                    true => assert!(read.unwrap().as_slice() == &bytes[start..end], "{name} {start}..{end}"),
                    false => assert!(read.is_err() || length == 0, "{name} {start}..{end}"),
                }
            }
        }
    }
}
