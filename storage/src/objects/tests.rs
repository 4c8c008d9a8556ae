//! Objects in a folder and elsewhere, and what drives their futures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::{
    fs,
    io::Write,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use object_store::memory::InMemory;

use super::{ObjectName, Objects, PART_BYTES, wait};
use crate::{Error, ObjectPlace, World};

/// In a folder, and in another store.
fn both(folder: &Path) -> [Objects; 2] {
    let here = World::real();
    let memory = Arc::new(InMemory::new());
    let elsewhere = ObjectPlace::Elsewhere(Arc::new(move |_| memory.clone()));
    let there = World { objects: elsewhere, ..World::real() };
    [here, there].map(|world| Objects::open(folder, &world, None).unwrap())
}

fn name(text: &str) -> ObjectName {
    ObjectName::from(text)
}

#[test]
fn what_is_put_is_read_listed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    for objects in both(folder.path()) {
        objects.put(&name("a/b/one"), b"first".to_vec()).unwrap();
        objects.put(&name("a/b/one"), b"second".to_vec()).unwrap();
        objects.put(&name("a/two"), b"".to_vec()).unwrap();
        objects.put(&name("b/three"), b"3".to_vec()).unwrap();
        assert_eq!(&objects.get(&name("a/b/one")).unwrap()[..], b"second");
        let reader = objects.reader(&name("a/b/one")).unwrap();
        assert_eq!((reader.bytes(), &reader.read(2..4).unwrap()[..]), (6, &b"co"[..]));
        assert!(reader.read(2..7).is_err(), "behind the end");
        assert_eq!(objects.list(&name("a")).unwrap(), [name("a/b/one"), name("a/two")]);
        assert_eq!(objects.list(&name("nowhere")).unwrap(), []);
        objects.delete(&name("a/two")).unwrap();
        objects.delete(&name("a/two")).unwrap();
        objects.delete_folder(&name("a")).unwrap();
        objects.delete_folder(&name("a")).unwrap();
        assert_eq!(objects.list(&name("a")).unwrap(), []);
        assert!(matches!(objects.get(&name("a/two")), Err(Error::Io { .. })));
        assert_eq!(objects.list(&name("b")).unwrap().len(), 1);
    }
}

#[test]
fn of_many_that_publish_one_name_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    for objects in both(folder.path()) {
        let publish = |number: u8| objects.put_if_absent(&name("manifest/1"), vec![number]);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..8).map(|number| scope.spawn(move || publish(number))).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        let won: Vec<_> = (0..8).filter(|number| outcomes[*number].is_ok()).collect();
        assert_eq!(won.len(), 1);
        assert!(
            outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(|error| {
                matches!(error, Error::Unavailable(what) if what.contains("another process"))
            })
        );
        assert_eq!(usize::from(objects.get(&name("manifest/1")).unwrap()[0]), won[0]);
    }
    assert_eq!(fs::read_dir(folder.path().join("staging")).unwrap().count(), 0);
}

#[test]
fn an_upload_is_there_when_it_is_finished_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    for objects in both(folder.path()) {
        for bytes in [0, 10, PART_BYTES, 2 * PART_BYTES + 3] {
            let (object, given_up) = (name(&format!("u/{bytes}")), name("u/given up"));
            let contents: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let mut upload = objects.upload(&object);
            upload.write_all(&contents).unwrap();
            objects.get(&object).unwrap_err();
            upload.finish().unwrap();
            assert!(objects.get(&object).unwrap() == contents, "{bytes} bytes");
            let mut upload = objects.upload(&given_up);
            upload.write_all(&contents).unwrap();
            drop(upload);
            objects.get(&given_up).unwrap_err();
        }
    }
    assert_eq!(fs::read_dir(folder.path().join("staging")).unwrap().count(), 0);
}

#[test]
fn what_an_interrupted_put_left_goes_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("staging")).unwrap();
    fs::write(folder.path().join("staging/7"), "half").unwrap();
    let [objects, _] = both(folder.path());
    assert_eq!(fs::read_dir(folder.path().join("staging")).unwrap().count(), 0);
    objects.put(&name("a"), b"whole".to_vec()).unwrap();
}

/// Is ready after it was woken by another thread so many times.
struct Slow(u32);

impl Future for Slow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        let waker = context.waker().clone();
        std::thread::spawn(move || waker.wake());
        Poll::Pending
    }
}

#[test]
fn a_wait_within_a_wait_takes_no_waking_of_the_outer_one() {
    for _ in 0..100 {
        wait(async {
            let outer = Slow(3);
            let inner = async { wait(Slow(3)) };
            futures::future::join(outer, inner).await
        });
    }
}
