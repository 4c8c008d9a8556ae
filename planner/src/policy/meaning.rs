//! What a test says, by which it is known again: who asks the same of the same rows gets what was decided before ([`quarry_storage::Predicate`]).
//!
//! A meaning holds all that a decision depends on: positions of columns, the values that they are compared with, of lists of ids the
//! [`Fingerprint`], as they may be long, and of other tables what they were like ([`Mark`]). What depends on the instant of the question has none. Rows are decided ahead when a test is asked for
//! the second time: one that never comes again would cost all of its table.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicU64, Ordering},
};

use quarry_storage::{Fingerprint, Mark, Snapshot, TableName, TableSnapshot};
use quick_cache::{Weighter, sync::Cache};

use super::{ahead::Asked, condition::Origin, far::Far, test::Test};

/// What all meanings of a process may take, about; the least asked goes first, whoever's it is.
const BYTES_MAX: u64 = 128 << 20;
/// One that takes more is not known again.
const MEANING_BYTES_MAX: usize = 1 << 20;
/// Bytes of each of the parts that a meaning is made of, conditions aside.
const PART_BYTES: usize = 96;
/// Meanings for which there is room at first.
const MEANINGS_EXPECTED: usize = 1_024;

static MEANINGS: LazyLock<Cache<(u64, Meaning), Known, Bytes>> =
    LazyLock::new(|| Cache::with_weighter(MEANINGS_EXPECTED, BYTES_MAX, Bytes));
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// What a test says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Meaning {
    All,
    None,
    /// The text of this column is one of these.
    Among(usize, Fingerprint),
    /// A condition over columns, and over those that some lead to.
    Condition(Arc<Origin>, Vec<Leading>),
    /// What this column leads to counts over there.
    Parent(usize, Box<There>),
    And(Vec<Meaning>),
    Or(Vec<Meaning>),
    Not(Box<Meaning>),
}

/// A column, and tables that are gone to by its key: what they were like, and the column there.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Leading {
    position: usize,
    hops: Vec<(TableName, Mark, usize)>,
}

/// A test over there.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct There {
    table: TableName,
    mark: Mark,
    meaning: Meaning,
}

impl Meaning {
    /// What a test says of rows, of which the columns at these positions are read; none where it can't be known again.
    pub(super) fn of(test: &Test, positions: &[usize], snapshot: &Snapshot) -> Option<Meaning> {
        let position = |at: &usize| positions.get(*at).copied();
        let each = |tests: &[Test]| -> Option<Vec<Meaning>> {
            tests.iter().map(|test| Meaning::of(test, positions, snapshot)).collect()
        };
        Some(match test {
            Test::All => Meaning::All,
            Test::None => Meaning::None,
            Test::Among { at, ids, .. } => Meaning::Among(position(at)?, ids.fingerprint()),
            Test::Condition(condition) => {
                let origin = condition.compiled.origin.as_ref()?;
                let leading = condition.inputs.iter().map(|input| {
                    let hops = input.hops.iter().map(|(table, column)| {
                        let (name, mark) = marked(table, snapshot)?;
                        Some((name, mark, *column))
                    });
                    Some(Leading { position: position(&input.at)?, hops: hops.collect::<Option<_>>()? })
                });
                Meaning::Condition(Arc::clone(origin), leading.collect::<Option<_>>()?)
            }
            Test::Parent { at, far, .. } => {
                Meaning::Parent(position(at)?, Box::new(There::of(far, snapshot)?))
            }
            Test::And(tests) => Meaning::And(each(tests)?),
            Test::Or(tests) => Meaning::Or(each(tests)?),
            Test::Not(test) => Meaning::Not(Box::new(Meaning::of(test, positions, snapshot)?)),
        })
    }

    fn bytes(&self) -> usize {
        PART_BYTES
            + match self {
                Meaning::All | Meaning::None | Meaning::Among(..) => 0,
                Meaning::Condition(origin, leading) => {
                    origin.bytes()
                        + leading.iter().map(|one| (1 + one.hops.len()) * PART_BYTES).sum::<usize>()
                }
                Meaning::Parent(_, there) => PART_BYTES + there.meaning.bytes(),
                Meaning::And(all) | Meaning::Or(all) => all.iter().map(Meaning::bytes).sum(),
                Meaning::Not(inner) => inner.bytes(),
            }
    }
}

impl There {
    fn of(far: &Far, snapshot: &Snapshot) -> Option<There> {
        let (table, mark) = marked(&far.table, snapshot)?;
        Some(There { table, mark, meaning: Meaning::of(&far.test, &far.reads, snapshot)? })
    }
}

fn marked(table: &TableSnapshot, snapshot: &Snapshot) -> Option<(TableName, Mark)> {
    let name = table.spec().name.clone();
    let mark = snapshot.mark(std::slice::from_ref(&name))?;
    Some((name, mark))
}

#[derive(Clone)]
struct Known {
    number: Number,
    bytes: u64,
}

/// What was asked before.
#[derive(Clone, Debug)]
pub(super) struct Number {
    /// What was decided of rows is remembered under it.
    pub(super) value: u64,
    /// Questions since that it could have answered.
    pub(super) asked: Asked,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<(u64, Meaning), Known> for Bytes {
    fn weight(&self, _: &(u64, Meaning), known: &Known) -> u64 {
        known.bytes
    }
}

/// The number of what a test says, if the same was asked before by anybody of this registry.
pub(super) fn number_of(registry: u64, meaning: Meaning) -> Option<Number> {
    let name = (registry, meaning);
    if let Some(known) = MEANINGS.get(&name) {
        return Some(known.number);
    }
    let bytes = name.1.bytes();
    if bytes <= MEANING_BYTES_MAX {
        let number = Number { value: NUMBERS.fetch_add(1, Ordering::Relaxed), asked: Asked::default() };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        MEANINGS.insert(name, Known { number, bytes });
    }
    None
}

/// A registry has gone.
pub(super) fn forget(registry: u64) {
    MEANINGS.retain(|(of, _), _| *of != registry);
}

#[cfg(test)]
mod tests;
