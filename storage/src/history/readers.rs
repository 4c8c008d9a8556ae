//! Who reads history now, and from which entry on: no file goes that somebody may still come to.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

/// How many read from an entry on.
#[derive(Clone, Default)]
pub(super) struct Readers(Arc<Mutex<BTreeMap<u64, usize>>>);

/// One who reads, until it is dropped.
pub(super) struct Reading {
    readers: Readers,
    from: u64,
}

impl Readers {
    /// From now on nothing goes that tells of this entry or a later one.
    pub fn read_from(&self, from: u64) -> Reading {
        *self.0.lock().entry(from).or_default() += 1;
        Reading { readers: self.clone(), from }
    }

    /// Removes a file that ends at this entry, unless somebody may come to it; whether it went. Who begins to read meanwhile waits until
    /// it has gone.
    pub fn unless_read<E>(&self, end: u64, remove: impl FnOnce() -> Result<(), E>) -> Result<bool, E> {
        let readers = self.0.lock();
        match readers.first_key_value() {
            Some((from, _)) if *from <= end => Ok(false),
            _ => remove().map(|()| true),
        }
    }
}

impl Reading {
    /// It is known that nothing before this entry is read.
    pub fn only_from(self, from: u64) -> Reading {
        self.readers.read_from(from)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut readers = self.readers.0.lock();
        if let Some(count) = readers.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.from);
            }
        }
    }
}
