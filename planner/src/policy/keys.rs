//! Very many keys to look others up among: the texts as they were read, and a table of their places by hash.

use std::{hash::BuildHasher, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, StringViewArray},
    buffer::BooleanBuffer,
    compute::concat,
};
use datafusion::{
    common::hash_utils::{RandomState, create_hashes},
    execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation},
};
use hashbrown::HashTable;

use super::far::no_key;
use crate::error::{Error, Result};

/// What a key takes in the table, with the room that the table leaves.
const PLACE_BYTES: usize = 32;

/// Where the memory is counted; where it is not, there is room.
pub(super) struct Account(Option<MemoryReservation>);

/// The keys.
pub(super) struct Keys {
    /// Those that were read, and behind [`Keys::indexed`] all of them as one.
    texts: Vec<StringViewArray>,
    table: HashTable<(u64, u32)>,
    hashing: RandomState,
    account: Account,
}

impl Account {
    pub(super) fn new(pool: Option<&Arc<dyn MemoryPool>>) -> Account {
        Account(pool.map(|pool| MemoryConsumer::new("permissions").register(pool)))
    }

    fn takes(&mut self, bytes: usize) -> bool {
        self.0.as_mut().is_none_or(|account| account.try_grow(bytes).is_ok())
    }
}

impl Keys {
    pub(super) fn new(account: Account) -> Keys {
        // Clients choose keys: how they are hashed must not be known to them.
        let seed = std::hash::RandomState::new().hash_one(0u8);
        Keys { texts: Vec::new(), table: HashTable::new(), hashing: RandomState::with_seed(seed), account }
    }

    /// More of them; false where there is no room.
    pub(super) fn add(&mut self, keys: StringViewArray) -> bool {
        if keys.is_empty() {
            return true;
        }
        // A few keys of a batch do not hold all of its texts.
        let keys = keys.gc();
        let bytes = keys.get_array_memory_size() + keys.len() * PLACE_BYTES;
        if !self.account.takes(bytes) {
            self.texts.clear();
            return false;
        }
        self.texts.push(keys);
        true
    }

    /// With the table by which they are found; none where there are too many of them.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(super) fn indexed(mut self) -> Result<Option<Keys>> {
        let parts = std::mem::take(&mut self.texts);
        let all = match parts.is_empty() {
            true => StringViewArray::new_null(0),
            false => {
                let parts: Vec<&dyn Array> = parts.iter().map(|part| part as &dyn Array).collect();
                concat(&parts)?.as_string_view_opt().ok_or_else(no_key)?.clone()
            }
        };
        let Ok(count) = u32::try_from(all.len()) else { return Ok(None) };
        let hashes = self.hashes(&(Arc::new(all.clone()) as ArrayRef))?;
        self.table.reserve(hashes.len(), |(hash, _)| *hash);
        for (place, hash) in (0..count).zip(hashes) {
            self.table.insert_unique(hash, (hash, place), |(hash, _)| *hash);
        }
        self.texts = vec![all];
        Ok(Some(self))
    }

    /// Which of some keys are among them; a null is not.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(super) fn among(&self, keys: &ArrayRef) -> Result<BooleanArray> {
        let texts = keys.as_string_view_opt().ok_or_else(no_key)?;
        let Some(own) = self.texts.first().filter(|own| !own.is_empty()) else {
            return Ok(BooleanArray::new(BooleanBuffer::new_unset(texts.len()), None));
        };
        let hashes = self.hashes(keys)?;
        let is_there = |(text, hash): (Option<&str>, u64)| {
            text.is_some_and(|text| {
                let is_it = |(own_hash, place): &(u64, u32)| {
                    *own_hash == hash && usize::try_from(*place).is_ok_and(|place| own.value(place) == text)
                };
                self.table.find(hash, is_it).is_some()
            })
        };
        Ok(BooleanArray::new(texts.iter().zip(hashes).map(is_there).collect::<BooleanBuffer>(), None))
    }

    fn hashes(&self, keys: &ArrayRef) -> Result<Vec<u64>> {
        let mut hashes = vec![0; keys.len()];
        create_hashes([keys], &self.hashing, &mut hashes).map_err(Error::from)?;
        Ok(hashes)
    }
}
