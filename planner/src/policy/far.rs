//! Records at the far end of a lookup, read by their keys.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, StringViewArray, UInt32Array, new_empty_array},
    compute::{concat, filter, is_not_null, take},
};
use datafusion::{common::HashSet, execution::memory_pool::MemoryPool};
use parking_lot::Mutex;
use quarry_metadata::{ObjectName, expression::Expression, permissions::Act};
use quarry_storage::{Effort, Key, Predicate, RowSet, ScanRequest, Snapshot, TableSnapshot};

use super::{
    Policies, Seeing,
    keys::{Account, Keys},
    meaning::{Meaning, Number},
    test::Test,
};
use crate::{
    error::{Error, Result},
    view::Access,
};

/// Once so many keys were asked for, or a share of the table, all of it is looked at, and remembered: a record by its key takes
/// some microseconds, one among all of them some hundredths of one.
const ASKED_MIN: u64 = 512;
const ASKED_SHARE: u64 = 64;
/// A larger table is asked by keys however many they are.
const WHOLE_ROWS_MAX: u64 = 4_000_000;
/// What is remembered of a smaller table is not worth counting.
const COUNTED_ROWS_MIN: u64 = 10_000;
/// The table is read by an index where that leaves one row in so many.
const INDEX_SHARE: u64 = 16;
/// So few keys are looked up without asking whether all records count.
const FEW_KEYS: usize = 16;
/// Records that are not in segments are decided about, so many of them.
const DECIDED_OTHERS_MAX: u64 = 1 << 8;

/// A table over there, and which of its records count.
pub(super) struct Far {
    pub(super) table: TableSnapshot,
    /// Positions of the columns that the test reads.
    pub(super) reads: Vec<usize>,
    pub(super) test: Test,
    /// What was decided of records is remembered under it.
    number: Option<Number>,
    /// All of them count.
    all: OnceLock<bool>,
    asked: AtomicU64,
    /// What is remembered is counted here.
    pool: OnceLock<Arc<dyn MemoryPool>>,
    whole: OnceLock<Option<Keys>>,
    /// Held while all of the table is looked at: the others wait for what comes of it.
    looking: Mutex<()>,
}

impl Far {
    pub(super) fn new(seeing: &Seeing, table: TableSnapshot, reads: Vec<usize>, test: Test) -> Far {
        let meaning = || Meaning::of(&test, &reads, seeing.snapshot());
        let number = if matches!(test, Test::None) { None } else { seeing.viewer().number_of(meaning) };
        Far {
            table,
            reads,
            test,
            number,
            all: OnceLock::new(),
            asked: AtomicU64::new(0),
            pool: OnceLock::new(),
            whole: OnceLock::new(),
            looking: Mutex::new(()),
        }
    }

    /// Says where the memory is counted that it takes to remember all of a large table; before, such a table is asked by keys.
    pub(super) fn account(&self, pool: &Arc<dyn MemoryPool>) {
        if self.pool.get().is_none() {
            self.pool.get_or_init(|| Arc::clone(pool));
            self.test.account(pool);
        }
    }

    /// Those of the keys whose records are there and count. Blocks.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn among<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Result<HashSet<&'k str>> {
        let mut wanted: HashSet<&str> = keys.collect();
        if wanted.is_empty() || matches!(self.test, Test::None) {
            return Ok(HashSet::new());
        }
        let keys: Vec<Key> = wanted.iter().map(|key| Key::from(*key)).collect();
        if let Some(counts) = self
            .decided(None, |predicate, effort| self.table.holding_keys::<Error>(predicate, &keys, effort))?
        {
            let counted: HashSet<&str> =
                keys.iter().zip(counts).filter(|(_, counts)| *counts).map(|(key, _)| &**key).collect();
            wanted.retain(|key| counted.contains(key));
            return Ok(wanted);
        }
        let rows = self.table.keys(&keys)?;
        let mut counted: HashSet<Box<str>> = HashSet::new();
        self.read(Some(rows), |keys| {
            counted.extend(keys.iter().flatten().map(Box::from));
            true
        })?;
        wanted.retain(|key| counted.contains(*key));
        Ok(wanted)
    }

    /// All keys that count, once it is worth the while to look at all; none where there is no room for them.
    fn whole(&self, more: usize) -> Result<Option<&Keys>> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole.as_ref());
        }
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        let asked = self.asked.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        let rows = self.table.statistics().rows;
        let pool = self.pool.get();
        if asked < ASKED_MIN.max(rows / ASKED_SHARE)
            || rows > WHOLE_ROWS_MAX
            || (pool.is_none() && rows > COUNTED_ROWS_MIN)
        {
            return Ok(None);
        }
        let _turn = self.looking.lock();
        if self.whole.get().is_none() {
            let whole = self.look(Account::new(pool))?;
            self.whole.get_or_init(|| whole);
        }
        Ok(self.whole.get().and_then(Option::as_ref))
    }

    /// Whether all records are known to count.
    fn counts_all(&self) -> Result<bool> {
        if let Some(all) = self.all.get() {
            return Ok(*all);
        }
        let counted =
            self.decided(None, |predicate, effort| self.table.holding::<Error>(predicate, None, effort))?;
        let known = self.table.statistics();
        let all = counted.is_some_and(|rows| known.exact && rows.len() == known.rows);
        Ok(*self.all.get_or_init(|| all))
    }

    /// Whether the store keeps what a column of a table refers to among these: a lookup of a record that is there leads to one that is. In the
    /// bin lookups lead to what there was.
    pub(super) fn is_kept_by(&self, table: &TableSnapshot, position: usize) -> bool {
        let spec = table.spec();
        spec.references.iter().any(|reference| {
            reference.target == self.table.spec().name && spec.position(&reference.column) == Some(position)
        })
    }

    /// Decides about all records.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn decide_all(&self) -> Result<()> {
        let holding = |predicate: &Predicate<'_, Error>, effort| self.table.holding(predicate, None, effort);
        self.decided(Some(Effort::ALL), holding).map(drop)
    }

    /// What is known of records by what was decided before, where deciding the others is little, or no more than it may.
    fn decided<T>(
        &self,
        effort: Option<Effort>,
        ask: impl FnOnce(&Predicate<'_, Error>, Effort) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let Some(number) = &self.number else { return Ok(None) };
        let test = |columns: &[ArrayRef], rows: usize| self.test.of(columns, rows);
        let effort = effort.unwrap_or(Effort { segments: 0, others: DECIDED_OTHERS_MAX });
        ask(&Predicate { number: number.value, columns: &self.reads, test: &test }, effort)
    }

    /// All keys that count, where there is room for them.
    fn look(&self, account: Account) -> Result<Option<Keys>> {
        let mut keys = Keys::new(account);
        let mut fits = true;
        let decided = self.decided(Some(Effort::ALL), |predicate, effort| {
            self.table.holding::<Error>(predicate, None, effort)
        })?;
        if let Some(rows) = decided {
            let request =
                ScanRequest { projection: Some(vec![0]), rows: Some(rows), ..ScanRequest::default() };
            for batch in self.table.scan(request)?.into_iter().flatten() {
                let batch = batch?;
                fits = keys.add(batch.column(0).as_string_view_opt().ok_or_else(no_key)?.clone());
                if !fits {
                    break;
                }
            }
            return if fits { keys.indexed() } else { Ok(None) };
        }
        let rows = match self.test.predicate().and_then(|predicate| Access::of(&predicate, &self.table)) {
            Some(access)
                if access.estimate(&self.table)?.saturating_mul(INDEX_SHARE)
                    <= self.table.statistics().rows =>
            {
                Some(access.rows(&self.table)?)
            }
            _ => None,
        };
        self.read(rows, |more| {
            fits = keys.add(more);
            fits
        })?;
        if fits { keys.indexed() } else { Ok(None) }
    }

    /// The keys that count among some rows, or all; until no more of them are wanted.
    fn read(&self, rows: Option<RowSet>, mut counted: impl FnMut(StringViewArray) -> bool) -> Result<()> {
        let projection = [0].into_iter().chain(self.reads.iter().copied()).collect();
        let request = ScanRequest { projection: Some(projection), rows, ..ScanRequest::default() };
        for batch in self.table.scan(request)?.into_iter().flatten() {
            let batch = batch?;
            let (keys, columns) = batch.columns().split_first().ok_or_else(no_key)?;
            let counts = self.test.of(columns, batch.num_rows())?;
            let kept = filter(keys, &counts)?;
            if !counted(kept.as_string_view_opt().ok_or_else(no_key)?.clone()) {
                break;
            }
        }
        Ok(())
    }

    /// The keys without those whose records do not count: null in their place.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn only(&self, keys: &ArrayRef, is_kept: bool) -> Result<ArrayRef> {
        let counts = self.counts(keys, is_kept)?;
        if !counts.has_false() {
            return Ok(Arc::clone(keys));
        }
        Ok(arrow::compute::nullif(keys, &arrow::compute::not(&counts)?)?)
    }

    /// Which of the keys count; a null does not. The store may keep them: then each leads to a record that is there.
    ///
    /// # Errors
    ///
    /// Those of storage.
    pub(super) fn counts(&self, keys: &ArrayRef, is_kept: bool) -> Result<BooleanArray> {
        if is_kept && keys.len() > FEW_KEYS && self.counts_all()? {
            return Ok(is_not_null(keys)?);
        }
        if let Some(whole) = self.whole(keys.len())? {
            return whole.among(keys);
        }
        let keys = keys.as_string_view_opt().ok_or_else(no_key)?;
        let counted = self.among(keys.iter().flatten())?;
        Ok(keys.iter().map(|key| Some(key.is_some_and(|key| counted.contains(key)))).collect())
    }
}

/// What was asked about records of other objects, of one state by one set of policies: a rule and a reference that lead to the same
/// records look at them once.
#[derive(Default)]
pub(super) struct Ends(Mutex<Option<Known>>);

/// Which records.
#[derive(Clone, PartialEq)]
pub(super) enum Asked {
    /// Of this object those that an act may be done with. How deep it is asked decides where it ends.
    For(ObjectName, Act, usize),
    /// Of this object those for which a condition holds, which sees them at the end of so many lookups.
    When(ObjectName, Expression, usize),
}

struct Known {
    snapshot: Snapshot,
    policies: Arc<Policies>,
    /// How deep it is asked decides where it ends.
    /// Held by the guards that ask: what they remember goes with them.
    ends: Vec<(Asked, Weak<Far>)>,
}

impl Ends {
    /// What is known, or what is made now.
    ///
    /// # Errors
    ///
    /// Those of making it.
    pub(super) fn of(
        &self,
        (snapshot, policies): (&Snapshot, &Arc<Policies>),
        asked: Asked,
        make: impl FnOnce() -> Result<Arc<Far>>,
    ) -> Result<Arc<Far>> {
        let is_same =
            |known: &&mut Known| known.snapshot.is_same(snapshot) && Arc::ptr_eq(&known.policies, policies);
        let found = |known: &mut Known| known.ends.iter().find(|(known, _)| *known == asked)?.1.upgrade();
        if let Some(far) = self.0.lock().as_mut().filter(is_same).and_then(found) {
            return Ok(far);
        }
        let far = make()?;
        let mut known = self.0.lock();
        if known.as_mut().filter(is_same).is_none() {
            let (snapshot, policies) = (snapshot.clone(), Arc::clone(policies));
            *known = Some(Known { snapshot, policies, ends: Vec::new() });
        }
        if let Some(known) = known.as_mut() {
            known.ends.retain(|(_, far)| far.strong_count() > 0);
            known.ends.push((asked, Arc::downgrade(&far)));
        }
        Ok(far)
    }
}

/// A column of the records that keys lead to, one for each key; null where there is none. Blocks.
///
/// # Errors
///
/// Those of storage.
pub(super) fn followed(table: &TableSnapshot, keys: &ArrayRef, column: usize) -> Result<ArrayRef> {
    let keys = keys.as_string_view_opt().ok_or_else(no_key)?;
    let distinct: HashSet<&str> = keys.iter().flatten().collect();
    let rows = table.keys(&distinct.iter().map(|key| Key::from(*key)).collect::<Vec<_>>())?;
    let request =
        ScanRequest { projection: Some(vec![0, column]), rows: Some(rows), ..ScanRequest::default() };
    let (mut places, mut values, mut next) = (HashMap::<Box<str>, u32>::new(), Vec::new(), 0u32);
    for batch in table.scan(request)?.into_iter().flatten() {
        let batch = batch?;
        let [found, column] = batch.columns() else { return Err(no_key()) };
        for key in found.as_string_view_opt().ok_or_else(no_key)? {
            places.extend(key.map(|key| (Box::from(key), next)));
            next += 1;
        }
        values.push(Arc::clone(column));
    }
    let values = match values.is_empty() {
        true => new_empty_array(table.schema().field(column).data_type()),
        false => concat(&values.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?,
    };
    let places: UInt32Array = keys.iter().map(|key| places.get(key?).copied()).collect();
    Ok(take(&values, &places, None)?)
}

pub(super) fn no_key() -> Error {
    Error::internal("a key that is no text")
}
