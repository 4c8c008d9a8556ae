//! Very many new records, as one transaction of any size.
//!
//! 1. [`Bulk::add`] runs changes through the pipeline, as every change: all findings of all of them, or none. What they
//!    create is kept; what changes records that are there, or starts triggers that look at others, is for a transaction
//!    of its own.
//! 2. Rows wait in memory while they are few. Past [`BULK_ROWS_MIN`] they go into a bulk load of the store, which
//!    writes them where they are to be, while the next call goes through the pipeline.
//! 3. [`Bulk::commit`] makes all of them durable and visible at once, or none.
//!
//! Each call sees the newest state, and not what the calls before have added: no reference finds those. That a unique
//! value is taken by one of them is found here, by fingerprints of 16 bytes; a load that others made untrue meanwhile is
//! refused by the store as a whole.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use parking_lot::Mutex;
use quarry_storage::{BulkLoad, CommitInfo, Key, Row, Store, TableName};
use tokio::task::JoinHandle;

use crate::{
    change::{Applied, Change, Finding, Outcome},
    error::{Error, Result},
    session::Session,
    work::Work,
};

/// Fewer rows are one plain transaction: it is in memory, and its rows are in the log.
const BULK_ROWS_MIN: usize = 20_000;
/// Unique values and ids that one load remembers.
const TAKEN_MAX: usize = 50_000_000;

/// New records on their way. Dropping it leaves nothing.
pub struct Bulk {
    session: Session,
    /// What calls before have taken: ids and unique values.
    taken: HashSet<u128>,
    rows: Arc<Mutex<Rows>>,
    /// What takes the rows of the call before to where they are to be.
    taking: Option<JoinHandle<Result<()>>>,
    /// Why rows of a call before did not get there: nothing is added any more, and nothing committed.
    lost: Option<String>,
    /// Under which model the first of them were made.
    fills: u64,
}

struct Rows {
    store: Arc<Store>,
    waiting: Vec<(TableName, Row)>,
    load: Option<BulkLoad>,
    /// Nobody wants them any more.
    is_over: bool,
}

impl Drop for Bulk {
    /// What is on its way to where it is to be is stopped, so that nothing is left.
    fn drop(&mut self) {
        if self.taking.take().is_some() {
            let mut rows = self.rows.lock();
            rows.is_over = true;
            rows.waiting.clear();
            rows.load = None;
        }
    }
}

/// A value that one record only may have.
struct Claim {
    change: usize,
    object: String,
    id: String,
    field: Option<String>,
    constraint: String,
    fingerprint: u128,
}

impl Bulk {
    pub(crate) fn new(session: Session) -> Self {
        let store = session.engine().store().clone();
        let rows = Rows { store, waiting: Vec::new(), load: None, is_over: false };
        let fills = session.engine().active().fills();
        Self {
            session,
            taken: HashSet::new(),
            rows: Arc::new(Mutex::new(rows)),
            taking: None,
            lost: None,
            fills,
        }
    }

    /// Adds what these changes create; `None`, and nothing of it is added, when one of them does anything else, or when
    /// triggers follow it: they read and write what the calls before have added, which is nowhere yet.
    ///
    /// # Errors
    ///
    /// As [`crate::Transaction::apply`], and `Violated` by a record that was added before. Nothing of the call is added,
    /// and the next one may go on; but not after an error of writing what was added before, which every later call tells too.
    pub async fn add(&mut self, changes: Vec<Change>) -> Result<Option<Applied>> {
        let mut transaction = self.session.begin();
        let alone = |change: &Change| {
            transaction.look(|work| match work.active.object(&change.object) {
                Ok(object) => !work.active.rules.has_followers(object.name.as_str()),
                // The pipeline tells that there is none.
                Err(_) => true,
            })
        };
        if !changes.iter().all(alone) {
            return Ok(None);
        }
        let applied = transaction.apply(changes).await?;
        let Some(rows) = transaction.look(|work| work.writes().new_rows()) else { return Ok(None) };
        let claims = transaction.look(|work| claims(work, &applied.outcomes))?;
        let repeated: Vec<Finding> = claims
            .iter()
            .filter(|claim| self.taken.contains(&claim.fingerprint))
            .map(Claim::finding)
            .collect();
        if !repeated.is_empty() {
            return Err(Error::of_findings(repeated));
        }
        if self.taken.len() + claims.len() > TAKEN_MAX {
            return Err(Error::limited(
                "unique values of one load",
                self.taken.len() + claims.len(),
                TAKEN_MAX,
            ));
        }
        self.has_taken().await?;
        let all = self.rows.clone();
        self.taking = Some(tokio::task::spawn_blocking(move || all.lock().add(rows)));
        self.taken.extend(claims.iter().map(|claim| claim.fingerprint));
        Ok(Some(applied))
    }

    /// Waits until the rows of the call before are where they are to be.
    async fn has_taken(&mut self) -> Result<()> {
        // Without them the others would be but a part, and nobody was told.
        if let Some(why) = &self.lost {
            return Err(Error::internal(format!(
                "records that were added before could not be written: {why}"
            )));
        }
        let Some(taking) = &mut self.taking else { return Ok(()) };
        let taken = taking.await;
        self.taking = None;
        let taken = taken.map_err(Error::from).and_then(|taken| taken);
        if let Err(error) = &taken {
            self.lost = Some(error.message.clone());
        }
        taken
    }

    /// Makes them durable; returns the CSN.
    ///
    /// # Errors
    ///
    /// `Violated` or `Conflict` when others committed meanwhile what can't be beside it, `Unavailable`; nothing was kept.
    pub async fn commit(mut self) -> Result<u64> {
        self.has_taken().await?;
        let transaction = self.session.begin();
        let info = transaction.look(|work| CommitInfo {
            actor: work.actor.user_id.to_string(),
            transaction: work.world.ids.ulid(),
            time_micros: work.actor.now_micros,
            package_version: work.active.registry.version.clone(),
            origin: self.session.options().origin.to_commit(),
        });
        drop(transaction);
        let (rows, engine, fills) = (self.rows.clone(), self.session.engine().clone(), self.fills);
        let commit = move || {
            let _right = engine.may_commit(fills)?;
            rows.lock().commit(info)
        };
        tokio::task::spawn_blocking(commit).await?
    }
}

impl Rows {
    fn add(&mut self, rows: Vec<(TableName, Row)>) -> Result<()> {
        if self.is_over {
            return Ok(());
        }
        self.waiting.extend(rows);
        if self.load.is_none() && self.waiting.len() < BULK_ROWS_MIN {
            return Ok(());
        }
        let load = self.load.get_or_insert_with(|| self.store.bulk_load());
        for (table, row) in self.waiting.drain(..) {
            load.add(&table, row)?;
        }
        Ok(())
    }

    fn commit(&mut self, info: CommitInfo) -> Result<u64> {
        if let Some(load) = self.load.take() {
            return Ok(load.commit(info)?.csn.0);
        }
        let mut writes = self.store.snapshot().writes();
        for (table, row) in self.waiting.drain(..) {
            writes.insert(&table, row)?;
        }
        Ok(self.store.commit(writes, info)?.csn.0)
    }
}

/// The ids and unique values of new records.
fn claims(work: &mut Work, outcomes: &[Outcome]) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for (change, Outcome { object, ids, .. }) in outcomes.iter().enumerate() {
        let layout = work.layout(object)?;
        for id in ids {
            let Some(row) = work.row(&layout.table, &Key::from(id.as_str()))? else { continue };
            let mut claim = |constraint: String, field: Option<String>, values: &dyn std::fmt::Debug| {
                let fingerprint = fingerprint(&(object, &constraint, format!("{values:?}")));
                let (object, id) = (object.clone(), id.clone());
                claims.push(Claim { change, object, id, field, constraint, fingerprint });
            };
            claim(format!("{object}_pkey"), Some("id".to_owned()), id);
            for once in &layout.onces {
                let Some(values) = once.of_row(&row) else { continue };
                let only = once.fields.first().filter(|_| once.fields.len() == 1);
                claim(once.name.to_string(), only.map(ToString::to_string), &values);
            }
        }
    }
    Ok(claims)
}

impl Claim {
    fn finding(&self) -> Finding {
        Finding {
            change: self.change,
            object: self.object.clone(),
            id: Some(self.id.clone()),
            field: self.field.clone(),
            code: "unique".into(),
            message: format!("a {} that was added before has the same", self.object),
            constraint: Some(self.constraint.clone()),
        }
    }
}

/// Two SipHashes with different beginnings: among fifty million values the chance that any two share one is below 10⁻²².
pub(crate) fn fingerprint(claimed: &impl Hash) -> u128 {
    let half = |beginning: u64| {
        let mut hasher = DefaultHasher::new();
        (beginning, claimed).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    (half(0) << 64) | half(1)
}
