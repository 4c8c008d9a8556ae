//! Lists of users that policies ask about, remembered for as long as the tables that they come of stay as they were: finding who is
//! below somebody reads a row for each of them, for every question again.

use std::{collections::HashSet, sync::Arc};

use quarry_storage::{Mark, Snapshot, TableName};
use quick_cache::{Weighter, sync::Cache};

use crate::error::Result;

/// All lists of a tenant may be so large, about; the least asked goes first.
const BYTES_MAX: u64 = 8 << 20;
/// Bytes of an id in a list and in a set.
const ID_BYTES: usize = 96;
/// Lists for which there is room at first.
const LISTS_EXPECTED: usize = 256;

/// Ids, and the user's own among them.
#[derive(Clone, Default)]
pub(super) struct List {
    pub(super) ids: Arc<[Arc<str>]>,
    /// With the user's own.
    pub(super) with_own: Arc<HashSet<Arc<str>>>,
}

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Teams,
    Subordinates,
}

/// The lists of all users, as one registry has them.
pub struct UserLists(Cache<(Arc<str>, Kind), Known, Bytes>);

#[derive(Clone)]
struct Known {
    mark: Mark,
    list: List,
}

#[derive(Clone)]
struct Bytes;

impl UserLists {
    /// Whether the list of a user in a state is remembered.
    pub(super) fn knows(
        &self,
        (user, kind): (&Arc<str>, Kind),
        (snapshot, tables): (&Snapshot, &[TableName]),
    ) -> bool {
        let Some(mark) = snapshot.mark(tables) else { return false };
        self.0.get(&(Arc::clone(user), kind)).is_some_and(|known| known.mark == mark)
    }

    /// The list of a user in a state: as it was, where the tables are as they were.
    ///
    /// # Errors
    ///
    /// Those of finding it.
    pub(super) fn of(
        &self,
        (user, kind): (&Arc<str>, Kind),
        (snapshot, tables): (&Snapshot, &[TableName]),
        find: impl FnOnce() -> Result<List>,
    ) -> Result<List> {
        let Some(mark) = snapshot.mark(tables) else { return find() };
        let key = (Arc::clone(user), kind);
        if let Some(known) = self.0.get(&key).filter(|known| known.mark == mark) {
            return Ok(known.list);
        }
        let list = find()?;
        self.0.insert(key, Known { mark, list: list.clone() });
        Ok(list)
    }
}

impl Default for UserLists {
    fn default() -> Self {
        UserLists(Cache::with_weighter(LISTS_EXPECTED, BYTES_MAX, Bytes))
    }
}

impl std::fmt::Debug for UserLists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserLists").finish_non_exhaustive()
    }
}

impl Weighter<(Arc<str>, Kind), Known> for Bytes {
    fn weight(&self, _: &(Arc<str>, Kind), known: &Known) -> u64 {
        u64::try_from((known.list.ids.len() + 2) * ID_BYTES).unwrap_or(u64::MAX)
    }
}
