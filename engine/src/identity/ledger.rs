//! Writing the system tables of identity: a few rows as one transaction, made again on the newest state while others were quicker.

use std::sync::Arc;

use quarry_storage::{CommitInfo, Key, Row, Snapshot, Store, TenantName, Value, World, WriteSet};

use crate::{
    error::{ErrorKind, Result},
    layout::key_of,
    system::table_name,
    work::keys_of,
};

/// Behind the tenant that a secret begins with. No other part of a secret has it.
pub(crate) const TENANT_END: char = '~';

/// How often it is tried again.
const RETRIES_MAX: u32 = 10;
/// Rows of one user in one table, at most: more can't be made.
const ROWS_MAX: usize = 10_000;

/// The system tables of a store.
pub(crate) struct Ledger {
    store: Arc<Store>,
    world: World,
    /// What its secrets begin with: the tenant, unless it is the main one.
    mark: String,
}

/// What is about to be written, over the state it was made on.
pub(crate) struct Draft {
    /// That state.
    pub snapshot: Snapshot,
    /// The instant of the transaction.
    pub now_micros: i64,
    writes: WriteSet,
}

impl Ledger {
    pub fn new(store: Arc<Store>, world: World) -> Self {
        Self { store, world, mark: String::new() }
    }

    /// From now on secrets tell that they are of this tenant, so that a door knows whom to ask.
    pub fn mark_with(&mut self, tenant: &TenantName) {
        self.mark =
            if *tenant == TenantName::main() { String::new() } else { format!("{tenant}{TENANT_END}") };
    }

    /// A secret as clients have it.
    pub fn marked(&self, secret: &str) -> String {
        format!("{}{secret}", self.mark)
    }

    /// A secret of this tenant as it is known here; none when it tells of another one.
    pub fn unmarked<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.strip_prefix(&self.mark).filter(|rest| !rest.contains(TENANT_END))
    }

    /// The newest state.
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Now.
    pub fn now(&self) -> i64 {
        self.world.clock.now_micros()
    }

    /// Writes what `make` drafts, as one transaction by `actor`; nothing when it fails. Blocks.
    ///
    /// # Errors
    ///
    /// Those of `make`; those of the store.
    pub fn write<T>(&self, actor: &str, mut make: impl FnMut(&mut Draft) -> Result<T>) -> Result<T> {
        let mut tried = 0;
        loop {
            let snapshot = self.store.snapshot();
            let now_micros = self.now();
            let mut draft = Draft { writes: snapshot.writes(), snapshot, now_micros };
            let made = make(&mut draft)?;
            if draft.writes.is_empty() {
                return Ok(made);
            }
            let info = CommitInfo {
                actor: actor.to_owned(),
                transaction: self.world.ids.ulid(),
                time_micros: now_micros,
                ..CommitInfo::default()
            };
            match self.store.commit(draft.writes, info).map_err(crate::Error::from) {
                Ok(_) => return Ok(made),
                Err(error) if error.kind == ErrorKind::Conflict && tried < RETRIES_MAX => tried += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Draft {
    /// A row, as it was drafted or as it is.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn row(&self, table: &str, key: &str) -> Result<Option<Row>> {
        match self.writes.get(table, &Key::from(key)) {
            Some(written) => Ok(written.cloned()),
            None => Ok(self.snapshot.table(table)?.get(key)?),
        }
    }

    /// A new row, or one in place of the old.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn put(&mut self, table: &str, row: Row) -> Result<()> {
        let name = table_name(table);
        match self.row(table, &key_of(&row))? {
            Some(old) => Ok(self.writes.update(&name, old, row)?),
            None => Ok(self.writes.insert(&name, row)?),
        }
    }

    /// No such row any more; whether there was one.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn remove(&mut self, table: &str, key: &str) -> Result<bool> {
        match self.row(table, key)? {
            Some(old) => {
                self.writes.delete(&table_name(table), old)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

/// The rows of a user in a table that has an index over `user_id`.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn rows_of_user(snapshot: &Snapshot, table: &str, user_id: &str) -> Result<Vec<Row>> {
    let table = snapshot.table(table)?;
    let rows = table.lookup("user_id", &[Value::Text(user_id.into())])?;
    let mut found = Vec::new();
    for key in keys_of(&table, rows, ROWS_MAX)? {
        found.extend(table.get(&key)?);
    }
    Ok(found)
}
