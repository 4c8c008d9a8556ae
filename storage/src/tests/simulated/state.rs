//! Names and contents, as the system shows them and as they would be found after the power went.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::files::FolderEntry;

/// Written as a whole or not at all.
const SECTOR_BYTES: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(u64),
}

type Names = BTreeMap<PathBuf, Node>;

/// Clones share what neither changes.
#[derive(Clone, Default)]
pub(super) struct State {
    names: Names,
    durable: Names,
    /// What was done to names and is not synced yet, in order. Of a rename, the new name comes first.
    pending: Vec<Vec<(PathBuf, Option<Node>)>>,
    files: HashMap<u64, Contents>,
    next: u64,
}

#[derive(Clone, Default)]
pub(super) struct Contents {
    pub now: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    /// Sectors written since the last sync.
    dirty: BTreeSet<usize>,
    /// Sectors whose sync failed: they are on the disk or not until they are written again.
    doubtful: BTreeSet<usize>,
}

impl State {
    pub fn contents(&mut self, number: u64) -> &mut Contents {
        self.files.entry(number).or_default()
    }

    pub fn file(&self, path: &Path) -> io::Result<u64> {
        match self.names.get(path) {
            Some(Node::File(number)) => Ok(*number),
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub fn is_folder(&self, path: &Path) -> bool {
        path.parent().is_none() || self.names.get(path) == Some(&Node::Folder)
    }

    pub fn list(&self, folder: &Path) -> Vec<FolderEntry> {
        let direct = self.names.iter().filter(|(path, _)| path.parent() == Some(folder));
        let entry = |(path, node): (&PathBuf, &Node)| FolderEntry {
            path: path.clone(),
            bytes: match node {
                Node::Folder => None,
                Node::File(number) => self.files.get(number).map(|file| file.now.len() as u64),
            },
        };
        direct.map(entry).collect()
    }

    /// The folder and all in it, from the top down.
    pub fn below(&self, folder: &Path) -> Vec<PathBuf> {
        self.names.keys().filter(|path| path.starts_with(folder)).cloned().collect()
    }

    pub fn name(&mut self, path: &Path, node: Node) -> io::Result<()> {
        self.change(vec![(path.to_path_buf(), Some(node))])
    }

    pub fn unname(&mut self, path: &Path) -> io::Result<()> {
        self.change(vec![(path.to_path_buf(), None)])
    }

    pub fn create(&mut self, path: &Path) -> io::Result<u64> {
        if let Ok(number) = self.file(path) {
            self.contents(number).empty();
            return Ok(number);
        }
        self.next += 1;
        self.files.insert(self.next, Contents::default());
        self.name(path, Node::File(self.next))?;
        Ok(self.next)
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let file = Node::File(self.file(from)?);
        self.change(vec![(to.to_path_buf(), Some(file)), (from.to_path_buf(), None)])
    }

    pub fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        if self.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = Node::File(self.file(from)?);
        self.name(to, file)
    }

    fn change(&mut self, changes: Vec<(PathBuf, Option<Node>)>) -> io::Result<()> {
        for (path, node) in &changes {
            if !path.parent().is_some_and(|folder| self.is_folder(folder)) {
                return Err(io::ErrorKind::NotFound.into());
            }
            set(&mut self.names, path, *node);
        }
        self.pending.push(changes);
        Ok(())
    }

    pub fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        if !self.is_folder(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        for changes in &mut self.pending {
            changes.retain(|(path, node)| {
                let is_in_it = path.parent() == Some(folder);
                if is_in_it {
                    set(&mut self.durable, path, *node);
                }
                !is_in_it
            });
        }
        self.pending.retain(|changes| !changes.is_empty());
        Ok(())
    }

    /// What is found after the power went; `keep` decides of each thing that was not synced.
    pub fn survivors(mut self, keep: &mut dyn FnMut() -> bool) -> State {
        let mut names = std::mem::take(&mut self.durable);
        for changes in &self.pending {
            // Of a rename, the old name does not go without the new one being there.
            for (path, node) in changes {
                if !keep() {
                    break;
                }
                set(&mut names, path, *node);
            }
        }
        let all = names.clone();
        let is_reached = |path: &PathBuf| {
            let mut above = path.ancestors().skip(1).filter(|above| above.parent().is_some());
            above.all(|above| all.get(above) == Some(&Node::Folder))
        };
        names.retain(|path, _| is_reached(path));
        let mut numbers: Vec<u64> = self.files.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            self.contents(number).lose(keep);
        }
        State { durable: names.clone(), names, pending: Vec::new(), ..self }
    }
}

fn set(names: &mut Names, path: &Path, node: Option<Node>) {
    match node {
        Some(node) => _ = names.insert(path.to_path_buf(), node),
        None => _ = names.remove(path),
    }
}

impl Contents {
    pub fn write(&mut self, bytes: &[u8], at: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = at + bytes.len();
        let now = Arc::make_mut(&mut self.now);
        now.resize(now.len().max(end), 0);
        now[at..end].copy_from_slice(bytes);
        for sector in at / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES {
            self.dirty.insert(sector);
            self.doubtful.remove(&sector);
        }
    }

    fn empty(&mut self) {
        let sectors = 0..self.now.len().div_ceil(SECTOR_BYTES);
        self.dirty.extend(sectors);
        self.doubtful.clear();
        self.now = Arc::default();
    }

    pub fn sync(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        if self.doubtful.is_empty() {
            self.durable = self.now.clone();
        } else {
            self.copy(dirty, self.now.len());
        }
    }

    pub fn fail_to_sync(&mut self) {
        self.doubtful.append(&mut self.dirty);
    }

    /// Makes these sectors, and the length, durable.
    fn copy(&mut self, sectors: BTreeSet<usize>, length: usize) {
        let durable = Arc::make_mut(&mut self.durable);
        durable.resize(length, 0);
        for sector in sectors {
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(length).min(self.now.len());
            if start < end {
                durable[start..end].copy_from_slice(&self.now[start..end]);
            }
        }
    }

    fn lose(&mut self, keep: &mut dyn FnMut() -> bool) {
        let mut unsynced = std::mem::take(&mut self.dirty);
        unsynced.append(&mut self.doubtful);
        if !unsynced.is_empty() || self.now.len() != self.durable.len() {
            let length = if keep() { self.now.len() } else { self.durable.len() };
            unsynced.retain(|_| keep());
            self.copy(unsynced, length);
        }
        self.now = self.durable.clone();
    }
}
