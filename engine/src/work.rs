//! What a transaction has done so far: its writes over a pinned state, and how to look into both at once.

mod having;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow::array::AsArray;
use quarry_metadata::ObjectName;
use quarry_planner::{Stop, objectql::Query};
use quarry_storage::{
    Key, Row, RowSet, Savepoint, ScanRequest, Snapshot, TableName, TableSnapshot, Value, World, WriteSet,
};

use crate::{
    active::Active,
    error::{Error, Result},
    layout::{Layout, Once, key_of},
    pipeline::{days_of, micros_of},
    rights::Rights,
    summaries::Awaited,
};

/// Who acts, and when and where: fixed for the whole transaction.
#[derive(Clone)]
pub(crate) struct Actor {
    pub user_id: Key,
    /// The permission sets that he has, with those that they include.
    pub roles: Arc<[Arc<str>]>,
    pub time_zone: chrono_tz::Tz,
    /// For messages.
    pub locale: Arc<str>,
    pub now_micros: i64,
    /// What a client may do; the system itself may do everything.
    pub rights: Option<Arc<Rights>>,
}

impl Actor {
    /// Someone at an instant, who has no permission set, reads English and lives by UTC.
    pub fn of(user_id: Key, now_micros: i64) -> Actor {
        Actor {
            user_id,
            roles: Arc::default(),
            time_zone: chrono_tz::UTC,
            locale: "en".into(),
            now_micros,
            rights: None,
        }
    }

    /// What a client may not do everything of may do.
    pub fn limited(&self) -> Option<&Arc<Rights>> {
        self.rights.as_ref().filter(|rights| !rights.is_all())
    }

    /// The transaction's day where the user is: days since 1970-01-01.
    pub fn today(&self) -> i32 {
        days_of(self.local().date())
    }

    /// The transaction's time of day where the user is.
    pub fn time_of_day_micros(&self) -> i64 {
        micros_of(self.local().time())
    }

    fn local(&self) -> chrono::NaiveDateTime {
        let instant = chrono::DateTime::from_timestamp_micros(self.now_micros).unwrap_or_default();
        instant.with_timezone(&self.time_zone).naive_local()
    }
}

/// Records that are written together at most: they wait in memory for one another.
const TOGETHER_MAX: usize = 1_024;

/// A unique constraint with one combination of values.
type UniqueValues = (TableName, Arc<str>, String);

/// A transaction's state. Every access path sees its own writes.
pub(crate) struct Work {
    pub active: Arc<Active>,
    pub actor: Actor,
    pub world: World,
    base: Snapshot,
    writes: WriteSet,
    /// The writes laid over the base, until the next write.
    overlay: Option<Snapshot>,
    layouts: HashMap<ObjectName, Arc<Layout>>,
    /// Which keys this transaction has ever put with these unique values. A hint, checked against the writes when it
    /// is used: rolled back or changed rows stay in it.
    uniques: HashMap<UniqueValues, Vec<Key>>,
    /// The same for indexed columns that were asked for.
    put: having::Put,
    /// Records that triggers and actions have written.
    pub triggered: usize,
    /// Records that are written together at most.
    pub together_max: usize,
    /// Records known to be in the base.
    known: HashSet<(ObjectName, Key)>,
    /// Written records of which summaries are to be made before the running call ends.
    pub awaited: Awaited,
    /// The running call; still there when that call was dropped half-way.
    unfinished: Option<Unfinished>,
    calls: u64,
    /// Ends its steps when nobody waits for them any more.
    stop: Stop,
}

/// A call that is all or nothing, while it runs.
struct Unfinished {
    number: CallNumber,
    /// The state before it.
    begun: Savepoint,
    /// What triggers had written before it.
    triggered: usize,
}

/// One call of a transaction. Its steps wait for threads of their own: when the call is dropped, one of them may still
/// come, and must find that it is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallNumber(u64);

impl Work {
    /// Nothing done yet, on this state.
    pub fn new(active: Arc<Active>, base: Snapshot, actor: Actor, world: World) -> Self {
        let writes = base.writes();
        Self {
            active,
            actor,
            world,
            base,
            writes,
            overlay: None,
            layouts: HashMap::new(),
            uniques: HashMap::new(),
            put: having::Put::default(),
            triggered: 0,
            together_max: TOGETHER_MAX,
            known: HashSet::new(),
            awaited: Awaited::default(),
            unfinished: None,
            calls: 0,
            stop: Stop::default(),
        }
    }

    /// Begins a call that is all or nothing.
    pub fn begin_call(&mut self) -> CallNumber {
        self.settle();
        self.calls += 1;
        let number = CallNumber(self.calls);
        self.unfinished =
            Some(Unfinished { number, begun: self.writes.savepoint(), triggered: self.triggered });
        number
    }

    /// Refuses a step of a call that has ended meanwhile.
    ///
    /// # Errors
    ///
    /// `Internal`; nobody waits for it any more.
    pub fn must_run(&self, call: CallNumber) -> Result<()> {
        match &self.unfinished {
            Some(running) if running.number == call => Ok(()),
            _ => Err(Error::internal("a step of a call that has ended")),
        }
    }

    /// What follows is ended by this, between two of its steps.
    pub fn stop_by(&mut self, stop: Stop) {
        self.stop = stop;
    }

    /// Refuses the next step where nobody waits for it any more: who has left gets back what the work holds, and others their turn.
    ///
    /// # Errors
    ///
    /// `Internal`, told to nobody.
    pub fn must_go_on(&self) -> Result<()> {
        match self.stop.is_called() {
            true => Err(Error::internal("a step of a call that nobody waits for")),
            false => Ok(()),
        }
    }

    /// Ends it: keeps what it wrote.
    pub fn keep_call(&mut self) {
        self.unfinished = None;
    }

    /// Undoes a call that failed, or was dropped half-way.
    pub fn settle(&mut self) {
        if let Some(Unfinished { begun, triggered, .. }) = self.unfinished.take() {
            self.rollback_to(begun);
            self.triggered = triggered;
        }
    }

    /// A mark of the state now.
    pub fn savepoint(&self) -> Savepoint {
        match &self.unfinished {
            Some(running) => running.begun,
            None => self.writes.savepoint(),
        }
    }

    /// Forgets all that came after a mark.
    pub fn rollback_to(&mut self, mark: Savepoint) {
        self.writes.rollback_to(mark);
        self.overlay = None;
        self.awaited = Awaited::default();
    }

    /// The state beneath, without the writes.
    pub fn base(&self) -> Snapshot {
        self.base.clone()
    }

    /// The commit number of the state beneath.
    pub fn base_csn(&self) -> u64 {
        self.base.csn().0
    }

    /// The writes, to be committed.
    pub fn writes(&self) -> &WriteSet {
        &self.writes
    }

    /// The state with the writes over it.
    pub fn view(&mut self) -> Snapshot {
        if self.writes.is_empty() {
            return self.base.clone();
        }
        self.overlay.get_or_insert_with(|| self.base.with_writes(&self.writes)).clone()
    }

    /// An object beside its table.
    ///
    /// # Errors
    ///
    /// `Missing` with the nearest name.
    pub fn layout(&mut self, object: &str) -> Result<Arc<Layout>> {
        if let Some(layout) = self.layouts.get(object) {
            return Ok(layout.clone());
        }
        let layout = self.active.layout(object, &self.base)?;
        self.layouts.insert(layout.object.name.clone(), layout.clone());
        Ok(layout)
    }

    /// The row of a key.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn row(&self, table: &str, key: &Key) -> Result<Option<Row>> {
        match self.writes.get(table, key) {
            Some(written) => Ok(written.cloned()),
            None => Ok(self.base.table(table)?.get(key)?),
        }
    }

    /// Whether a record is there.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn exists(&mut self, object: &ObjectName, key: &Key) -> Result<bool> {
        let active = self.active.clone();
        let table = active.object(object.as_str())?.table();
        if let Some(written) = self.writes.get(table, key) {
            return Ok(written.is_some());
        }
        let name = (object.clone(), key.clone());
        if self.known.contains(&name) {
            return Ok(true);
        }
        let found = !self.base.table(table)?.keys(std::slice::from_ref(key))?.is_empty();
        if found {
            self.known.insert(name);
        }
        Ok(found)
    }

    /// A new row.
    ///
    /// # Errors
    ///
    /// `DuplicateKey` when this transaction has put that key already.
    pub fn insert(&mut self, layout: &Layout, row: Row) -> Result<()> {
        self.remember_uniques(layout, &row);
        self.put.note(&layout.table, &row);
        self.overlay = None;
        Ok(self.writes.insert(&layout.table, row)?)
    }

    /// A row in place of another.
    ///
    /// # Errors
    ///
    /// Those of the write set.
    pub fn update(&mut self, layout: &Layout, old: Row, new: Row) -> Result<()> {
        self.remember_uniques(layout, &new);
        self.put.note(&layout.table, &new);
        self.overlay = None;
        Ok(self.writes.update(&layout.table, old, new)?)
    }

    /// No such row any more.
    ///
    /// # Errors
    ///
    /// Those of the write set.
    pub fn delete(&mut self, table: &TableName, old: Row) -> Result<()> {
        self.overlay = None;
        Ok(self.writes.delete(table, old)?)
    }

    /// Puts a row of a system table.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn put_system(&mut self, table: &str, row: Row) -> Result<()> {
        let name = crate::system::table_name(table);
        self.overlay = None;
        match self.row(table, &key_of(&row))? {
            Some(old) => Ok(self.writes.update(&name, old, row)?),
            None => Ok(self.writes.insert(&name, row)?),
        }
    }

    /// The records that count and have these values.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn holders(&self, layout: &Layout, once: &Once, values: &[Value]) -> Result<Vec<Key>> {
        let mut holders = self.written_holders(layout, once, values);
        let table = self.base.table(&layout.table)?;
        let columns: Vec<&str> = once.fields.iter().filter_map(|field| layout.stored_name(field)).collect();
        let has_constraint = table.spec().unique.iter().any(|constraint| {
            constraint.name == once.name
                && constraint.columns.iter().map(|name| &**name).eq(columns.iter().copied())
        });
        let rows = match has_constraint {
            true => Some(table.lookup_unique(&once.name, values)?),
            false => rows_with(&table, &columns, values)?,
        };
        let Some(rows) = rows else { return Ok(holders) };
        for key in keys_of(&table, rows, HOLDERS_MAX)? {
            if self.writes.get(&layout.table, &key).is_some() {
                continue;
            }
            if has_constraint || self.row_has(layout, once, values, &key)? {
                holders.push(key);
            }
        }
        Ok(holders)
    }

    fn written_holders(&self, layout: &Layout, once: &Once, values: &[Value]) -> Vec<Key> {
        let Some(keys) = self.uniques.get(&unique_values(layout, once, values)) else { return Vec::new() };
        let still = |key: &&Key| match self.writes.get(&layout.table, key) {
            Some(Some(row)) => once.of_row(row).as_deref() == Some(values),
            _ => false,
        };
        keys.iter().filter(still).cloned().collect()
    }

    fn row_has(&self, layout: &Layout, once: &Once, values: &[Value], key: &Key) -> Result<bool> {
        let row = self.row(&layout.table, key)?;
        Ok(row.and_then(|row| once.of_row(&row)).as_deref() == Some(values))
    }

    fn remember_uniques(&mut self, layout: &Layout, row: &Row) {
        let key = key_of(row);
        for once in &layout.onces {
            let Some(values) = once.of_row(row) else { continue };
            let keys = self.uniques.entry(unique_values(layout, once, &values)).or_default();
            if !keys.contains(&key) {
                keys.push(key.clone());
            }
        }
    }
}

/// Rows looked at when several share one column of a composite unique index.
const HOLDERS_MAX: usize = 100_000;

fn unique_values(layout: &Layout, once: &Once, values: &[Value]) -> UniqueValues {
    (layout.table.clone(), once.name.clone(), format!("{values:?}"))
}

/// The rows that have these values, as far as indexes tell; none when no field has one (then the store alone decides,
/// at commit).
fn rows_with(table: &TableSnapshot, columns: &[&str], values: &[Value]) -> Result<Option<RowSet>> {
    let mut found: Option<RowSet> = None;
    for (column, value) in columns.iter().zip(values) {
        if !table.has_index(column) {
            continue;
        }
        let rows = table.lookup(column, std::slice::from_ref(value))?;
        found = Some(match found {
            Some(others) => others.and(&rows),
            None => rows,
        });
    }
    Ok(found)
}

/// The keys of a row set, in no order.
///
/// # Errors
///
/// `Limited` past `keys_max`; those of the store.
pub(crate) fn keys_of(table: &TableSnapshot, rows: RowSet, keys_max: usize) -> Result<Vec<Key>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let found = usize::try_from(rows.len()).unwrap_or(usize::MAX);
    if found > keys_max {
        return Err(Error::limited("records looked up for one change", found, keys_max));
    }
    let mut keys = Vec::with_capacity(found);
    for part in
        table.scan(ScanRequest { projection: Some(vec![0]), rows: Some(rows), ..ScanRequest::default() })?
    {
        for batch in part {
            keys_in(batch?.columns().first(), &mut keys)?;
        }
    }
    Ok(keys)
}

/// Appends the keys in a column of text.
///
/// # Errors
///
/// `Internal` when it is no column of text.
pub(crate) fn keys_in(column: Option<&arrow::array::ArrayRef>, keys: &mut Vec<Key>) -> Result<()> {
    let no_text = || Error::internal("a key column is not text");
    let column = column.ok_or_else(no_text)?;
    if let Some(texts) = column.as_string_view_opt() {
        keys.extend(texts.iter().flatten().map(Key::from));
    } else if let Some(texts) = column.as_string_opt::<i32>() {
        keys.extend(texts.iter().flatten().map(Key::from));
    } else {
        return Err(no_text());
    }
    Ok(())
}

/// The question for the ids of the records that match, one more than the limit so that its passing shows.
pub(crate) fn ids_query(object: &str, filter: quarry_planner::objectql::Filter, limit: usize) -> Query {
    let id = quarry_planner::objectql::Selection { path: "id".to_owned(), alias: None };
    Query {
        object: object.to_owned(),
        fields: vec![id],
        filter: Some(filter),
        limit: u64::try_from(limit).ok().and_then(|limit| limit.checked_add(1)),
        ..Query::default()
    }
}
