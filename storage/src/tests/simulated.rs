//! A disk in memory that keeps only what it must: unsynced bytes are lost or torn by sectors when the power goes, unsynced
//! names are lost, and any operation can be made to fail. It promises what [`Files`] says, and not a bit more.
//!
//! A test runs once with [`Disk::record`], which keeps an image of the disk before every operation that changes it: each
//! is what a crash at that instant leaves. [`Disk::after`] makes of it a disk on which to open a store again.

mod state;

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use rand::{SeedableRng, rngs::StdRng};

use self::state::{Node, State};
use crate::files::{self, Files, FolderEntry, FolderLock, OpenFile, OpenMode};

/// What a crash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process ends; what it wrote is there, and still not durable.
    Killed,
    /// The power goes; all that was not synced is lost.
    AllLost,
    /// The power goes; of what was not synced some is there, some not, by the seed.
    SomeLost,
}

/// What goes wrong. Operations are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This operation fails and does nothing.
    Before(u64),
    /// This operation fails and is done; a write in half.
    After(u64),
    /// From this operation on there is no room.
    Full(u64),
    /// From this operation on no sync succeeds.
    NoSync(u64),
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    TakesRoom,
    Syncs,
    OnlyNames,
}

/// The disk before an operation.
pub(crate) struct Image {
    /// The operation's number.
    pub operation: u64,
    /// What [`Disk::mark`] had said.
    pub mark: usize,
    state: State,
}

/// A disk. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    state: State,
    locked: HashSet<PathBuf>,
    operations: u64,
    fault: Option<Fault>,
    images: Option<Vec<Image>>,
    mark: usize,
    is_slow: bool,
}

impl Disk {
    /// Keeps an image before every operation from now on.
    pub fn record(&self) {
        self.0.lock().images = Some(Vec::new());
    }

    /// The images so far, and one of the disk as it is; no more are kept.
    pub fn images(&self) -> Vec<Image> {
        let mut inner = self.0.lock();
        let mut images = inner.images.take().unwrap_or_default();
        images.push(Image { operation: inner.operations + 1, mark: inner.mark, state: inner.state.clone() });
        images
    }

    /// Images taken from now on bear this number.
    pub fn mark(&self, mark: usize) {
        self.0.lock().mark = mark;
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// This goes wrong from now on, until it is `None`.
    pub fn fail(&self, fault: Option<Fault>) {
        self.0.lock().fault = fault;
    }

    /// Syncs take their time from now on: others come to work meanwhile.
    pub fn slow_down(&self) {
        self.0.lock().is_slow = true;
    }

    /// The disk that this one is after a crash now.
    pub fn crashed(&self, crash: Crash, seed: u64) -> Disk {
        Disk::over(self.0.lock().state.clone(), crash, seed)
    }

    /// The disk that a crash at that image leaves.
    pub fn after(image: &Image, crash: Crash, seed: u64) -> Disk {
        Disk::over(image.state.clone(), crash, seed)
    }

    fn over(state: State, crash: Crash, seed: u64) -> Disk {
        let mut random = StdRng::seed_from_u64(seed);
        let state = match crash {
            Crash::Killed => state,
            Crash::AllLost => state.survivors(&mut || false),
            Crash::SomeLost => state.survivors(&mut || rand::Rng::random(&mut random)),
        };
        Disk(Arc::new(Mutex::new(Inner { state, ..Inner::default() })))
    }

    /// The contents of a file.
    pub fn contents(&self, path: &Path) -> Vec<u8> {
        files::read(self, path).unwrap()
    }

    /// Makes a file hold this, durably.
    pub fn set_contents(&self, path: &Path, bytes: &[u8]) {
        self.make_folder(path.parent().unwrap()).unwrap();
        let file = self.open(path, OpenMode::Create).unwrap();
        file.write_at(bytes, 0).unwrap();
        file.sync_all().unwrap();
        path.ancestors().skip(1).for_each(|folder| self.sync_folder(folder).unwrap());
    }

    fn operate<T>(&self, does: Does, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let inner = &mut *self.0.lock();
        inner.operations += 1;
        let (operation, mark) = (inner.operations, inner.mark);
        if let Some(images) = &mut inner.images {
            images.push(Image { operation, mark, state: inner.state.clone() });
        }
        match inner.verdict(operation, does) {
            Verdict::Done => act(&mut inner.state),
            Verdict::Fails(error) => Err(error),
            Verdict::DoneAndFails(error) => act(&mut inner.state).and(Err(error)),
        }
    }
}

enum Verdict {
    Done,
    Fails(io::Error),
    DoneAndFails(io::Error),
}

impl Inner {
    fn verdict(&self, operation: u64, does: Does) -> Verdict {
        let injected = || io::Error::other("a fault was injected");
        match self.fault {
            Some(Fault::Before(at)) if at == operation => Verdict::Fails(injected()),
            Some(Fault::After(at)) if at == operation => Verdict::DoneAndFails(injected()),
            Some(Fault::Full(from)) if operation >= from && does == Does::TakesRoom => {
                Verdict::Fails(io::ErrorKind::StorageFull.into())
            }
            Some(Fault::NoSync(from)) if operation >= from && does == Does::Syncs => {
                Verdict::Fails(injected())
            }
            _ => Verdict::Done,
        }
    }
}

impl Files for Disk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn OpenFile>> {
        let number = match mode {
            OpenMode::Create => self.operate(Does::TakesRoom, |state| state.create(path))?,
            OpenMode::Read | OpenMode::Write => self.0.lock().state.file(path)?,
        };
        Ok(Arc::new(DiskFile { disk: self.clone(), number }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<FolderEntry>> {
        Ok(self.0.lock().state.list(folder))
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let mut missing: Vec<&Path> =
            folder.ancestors().take_while(|above| !self.0.lock().state.is_folder(above)).collect();
        while let Some(folder) = missing.pop() {
            self.operate(Does::TakesRoom, |state| state.name(folder, Node::Folder))?;
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate(Does::OnlyNames, |state| state.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate(Does::OnlyNames, |state| state.link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if self.0.lock().state.file(path).is_err() {
            return Ok(());
        }
        self.operate(Does::OnlyNames, |state| state.unname(path))
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let below = self.0.lock().state.below(folder);
        below.iter().rev().try_for_each(|path| self.operate(Does::OnlyNames, |state| state.unname(path)))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.operate(Does::Syncs, |state| state.sync_folder(folder))
    }

    fn lock(&self, folder: &Path) -> io::Result<FolderLock> {
        if !self.0.lock().locked.insert(folder.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Locked { disk: self.clone(), folder: folder.to_path_buf() }))
    }

    fn are_mappable(&self) -> bool {
        false
    }
}

struct Locked {
    disk: Disk,
    folder: PathBuf,
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.disk.0.lock().locked.remove(&self.folder);
    }
}

struct DiskFile {
    disk: Disk,
    number: u64,
}

impl DiskFile {
    /// A failing sync leaves it open what of the file is on the disk, and no later sync of the same bytes mends it.
    fn sync(&self) -> io::Result<()> {
        let turns = if self.disk.0.lock().is_slow { 20 } else { 0 };
        (0..turns).for_each(|_| std::thread::yield_now());
        let synced = self.disk.operate(Does::Syncs, |state| {
            state.contents(self.number).sync();
            Ok(())
        });
        if synced.is_err() {
            self.disk.0.lock().state.contents(self.number).fail_to_sync();
        }
        synced
    }
}

impl OpenFile for DiskFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.disk.0.lock().state.contents(self.number).now.len()).unwrap())
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let mut inner = self.disk.0.lock();
        let now = &inner.state.contents(self.number).now;
        let at = usize::try_from(at).unwrap();
        let found = now.get(at..at + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let at = usize::try_from(at).unwrap();
        // A write that fails may have written a part.
        let fails = {
            let inner = self.disk.0.lock();
            matches!(inner.fault, Some(Fault::After(number)) if number == inner.operations + 1)
        };
        let bytes = if fails { &bytes[..bytes.len() / 2] } else { bytes };
        self.disk.operate(Does::TakesRoom, |state| {
            state.contents(self.number).write(bytes, at);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }
}

impl std::fmt::Debug for DiskFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DiskFile({})", self.number)
    }
}

#[test]
fn it_forgets_what_was_not_synced() {
    let disk = Disk::default();
    let (kept, torn, lost) = (Path::new("/f/kept"), Path::new("/f/torn"), Path::new("/f/lost"));
    disk.set_contents(kept, b"kept");
    disk.set_contents(torn, &[1; 4096]);
    disk.open(torn, OpenMode::Write).unwrap().write_at(&[2; 4096], 0).unwrap();
    disk.open(lost, OpenMode::Create).unwrap().sync_all().unwrap();
    let after = |crash, seed| {
        let disk = disk.crashed(crash, seed);
        let names: Vec<_> = disk.list(Path::new("/f")).unwrap().into_iter().map(|entry| entry.path).collect();
        (names.contains(&lost.to_path_buf()), disk.contents(kept), disk.contents(torn))
    };
    assert_eq!(after(Crash::Killed, 0), (true, b"kept".to_vec(), vec![2; 4096]));
    assert_eq!(after(Crash::AllLost, 0), (false, b"kept".to_vec(), vec![1; 4096]));
    let some: Vec<_> = (0..20).map(|seed| after(Crash::SomeLost, seed)).collect();
    assert!(some.iter().any(|(is_there, ..)| *is_there) && some.iter().any(|(is_there, ..)| !*is_there));
    assert!(some.iter().all(|(_, kept, _)| kept == b"kept"));
    assert!(some.iter().any(|(.., torn)| torn.contains(&1) && torn.contains(&2)), "torn by sectors");
    assert!(
        some.iter().all(|(.., torn)| torn.chunks(512).all(|sector| sector.iter().all(|b| *b == sector[0])))
    );
}

#[test]
fn a_rename_that_was_not_synced_leaves_one_of_the_names() {
    let disk = Disk::default();
    let (from, to) = (Path::new("/f/from"), Path::new("/g/to"));
    disk.set_contents(from, b"contents");
    disk.set_contents(Path::new("/g/other"), b"");
    disk.rename(from, to).unwrap();
    for seed in 0..20 {
        let after = disk.crashed(Crash::SomeLost, seed);
        assert!([from, to].iter().any(|path| after.open(path, OpenMode::Read).is_ok()), "seed {seed}");
    }
    disk.sync_folder(Path::new("/g")).unwrap();
    assert_eq!(disk.crashed(Crash::AllLost, 0).contents(to), b"contents");
}

#[test]
fn a_failed_sync_is_not_mended_by_the_next() {
    let disk = Disk::default();
    let path = Path::new("/f/file");
    disk.set_contents(path, b"old");
    let file = disk.open(path, OpenMode::Write).unwrap();
    file.write_at(b"new", 0).unwrap();
    disk.fail(Some(Fault::NoSync(0)));
    file.sync_data().unwrap_err();
    disk.fail(None);
    file.sync_data().unwrap();
    assert_eq!(disk.crashed(Crash::AllLost, 0).contents(path), b"old");
    file.write_at(b"new", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(disk.crashed(Crash::AllLost, 0).contents(path), b"new");
}
