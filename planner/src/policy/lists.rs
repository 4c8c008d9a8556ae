//! Lists of users that policies ask about, remembered for as long as the tables that they come of stay as they were: finding who is
//! below somebody reads a row for each of them, for every question again.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use quarry_storage::{Mark, Snapshot, TableName};
use quick_cache::{Weighter, sync::Cache};

use super::{
    condition::{Compiled, Origin},
    ids::{IdList, IdSet},
    meaning::{self, Meaning, Number},
};
use crate::error::Result;

/// All lists of a process may be so large, about; the least asked goes first, whoever's it is.
const BYTES_MAX: u64 = 64 << 20;
/// One list may be so large; who has a larger one has it found for each question.
const LIST_BYTES_MAX: u64 = 8 << 20;
/// Bytes of an id in a list and in a set.
const ID_BYTES: usize = 96;
/// All conditions may be so large, about.
const CONDITIONS_BYTES_MAX: u64 = 128 << 20;
/// A larger one is made for each question.
const CONDITION_BYTES_MAX: usize = 1 << 20;
/// Lists for which there is room at first.
const LISTS_EXPECTED: usize = 1_024;

/// The lists of all registries of all tenants, so that their number costs no memory of its own.
static LISTS: LazyLock<Lists> = LazyLock::new(|| Cache::with_weighter(LISTS_EXPECTED, BYTES_MAX, Bytes));
static REGISTRIES: AtomicU64 = AtomicU64::new(0);

type Lists = Cache<Name, Known, Bytes>;

/// Conditions with users' values in them, by what they are made of.
static CONDITIONS: LazyLock<Conditions> =
    LazyLock::new(|| Cache::with_weighter(LISTS_EXPECTED, CONDITIONS_BYTES_MAX, Bytes));

type Conditions = Cache<(u64, Arc<Origin>), Arc<Compiled>, Bytes>;

/// Ids, and the user's own among them.
#[derive(Clone, Default)]
pub(super) struct List {
    pub(super) ids: IdList,
    /// With the user's own.
    pub(super) with_own: IdSet,
}

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Teams,
    Subordinates,
}

/// Whose a list is: the number of the registry, the user, and what it is of.
type Name = (u64, Arc<str>, Kind);

/// The lists of all users, as one registry has them: those under its number among the lists of the process.
pub struct UserLists {
    registry: u64,
    /// Something was put in.
    has_any: AtomicBool,
}

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
        LISTS.get(&(self.registry, Arc::clone(user), kind)).is_some_and(|known| known.mark == mark)
    }

    /// A condition: as it was made before, by whomever, where all that it is made of is the same.
    ///
    /// # Errors
    ///
    /// Those of making it.
    pub(super) fn compiled(
        &self,
        origin: Origin,
        make: impl FnOnce() -> Result<Compiled>,
    ) -> Result<Arc<Compiled>> {
        let origin = Arc::new(origin);
        let name = (self.registry, Arc::clone(&origin));
        if let Some(compiled) = CONDITIONS.get(&name) {
            return Ok(compiled);
        }
        let mut compiled = make()?;
        compiled.origin = Some(origin);
        let compiled = Arc::new(compiled);
        self.has_any.store(true, Ordering::Release);
        if compiled.bytes <= CONDITION_BYTES_MAX {
            CONDITIONS.insert(name, Arc::clone(&compiled));
        }
        Ok(compiled)
    }

    /// The number under which rows that this decides are remembered; none when it is asked for the first time.
    pub(super) fn number_of(&self, meaning: Meaning) -> Option<Number> {
        self.has_any.store(true, Ordering::Release);
        meaning::number_of(self.registry, meaning)
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
        let key = (self.registry, Arc::clone(user), kind);
        if let Some(known) = LISTS.get(&key).filter(|known| known.mark == mark) {
            return Ok(known.list);
        }
        let list = find()?;
        if weight(&list) <= LIST_BYTES_MAX {
            self.has_any.store(true, Ordering::Release);
            LISTS.insert(key, Known { mark, list: list.clone() });
        }
        Ok(list)
    }
}

impl Default for UserLists {
    fn default() -> Self {
        UserLists { registry: REGISTRIES.fetch_add(1, Ordering::Relaxed), has_any: AtomicBool::new(false) }
    }
}

impl Drop for UserLists {
    fn drop(&mut self) {
        // It looks at the lists of all, and nobody may read meanwhile.
        if *self.has_any.get_mut() {
            LISTS.retain(|(registry, _, _), _| *registry != self.registry);
            CONDITIONS.retain(|(registry, _), _| *registry != self.registry);
            meaning::forget(self.registry);
        }
    }
}

impl std::fmt::Debug for UserLists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UserLists").field(&self.registry).finish()
    }
}

impl Weighter<Name, Known> for Bytes {
    fn weight(&self, _: &Name, known: &Known) -> u64 {
        weight(&known.list)
    }
}

impl Weighter<(u64, Arc<Origin>), Arc<Compiled>> for Bytes {
    fn weight(&self, (_, origin): &(u64, Arc<Origin>), compiled: &Arc<Compiled>) -> u64 {
        u64::try_from(compiled.bytes + origin.bytes()).unwrap_or(u64::MAX)
    }
}

fn weight(list: &List) -> u64 {
    u64::try_from((list.ids.ids().len() + 2) * ID_BYTES).unwrap_or(u64::MAX)
}
