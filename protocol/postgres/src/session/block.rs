//! Transactions: BEGIN, COMMIT, ROLLBACK, savepoints, and the implicit one around several statements of one message or pipeline.

use datafusion::sql::sqlparser::ast::{Ident, TransactionMode};
use quarry_engine::{Transaction, transaction::Mark};

use super::{Outcome, Session};
use crate::{
    error::{PgError, Result},
    names::folded,
    settings::Scope,
    sqlstate::SqlState,
};

/// Savepoints that may be open at once.
const SAVEPOINTS_MAX: usize = 1_000;

/// Where the connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Block {
    /// Each statement is its own transaction.
    #[default]
    None,
    /// Several statements of one message or pipeline are one transaction.
    Implicit,
    /// Between BEGIN and its end.
    Explicit,
    /// As `Explicit`, after an error: nothing but its end is answered.
    Failed,
}

struct Savepoint {
    name: String,
    mark: Mark,
    settings: usize,
}

/// A connection's open transaction, if it has one. The snapshot is taken by the first statement that needs it.
#[derive(Default)]
pub struct Work {
    block: Block,
    transaction: Option<Transaction>,
    savepoints: Vec<Savepoint>,
}

impl Work {
    /// Where the connection stands.
    pub fn block(&self) -> Block {
        self.block
    }

    /// Whether a transaction is open, by BEGIN or around a pipeline.
    pub fn is_open(&self) -> bool {
        self.block != Block::None
    }

    /// Takes the transaction out to work on it; [`Self::put`] brings it back.
    pub fn take(&mut self, session: &quarry_engine::Session) -> Transaction {
        self.transaction.take().unwrap_or_else(|| session.begin())
    }

    /// A statement comes: the open transaction goes on with what its user may now.
    pub fn renew(&mut self, session: &quarry_engine::Session) {
        if let Some(transaction) = &mut self.transaction {
            transaction.renew(session);
        }
    }

    /// Brings it back.
    pub fn put(&mut self, transaction: Transaction) {
        self.transaction = Some(transaction);
    }

    /// An error happened: true when that ended the transaction, false when there is none or its end is still to come.
    pub fn fail(&mut self) -> bool {
        match self.block {
            Block::None | Block::Failed => false,
            Block::Implicit => {
                self.forget();
                true
            }
            Block::Explicit => {
                self.block = Block::Failed;
                false
            }
        }
    }

    /// Ends it without a trace.
    pub fn forget(&mut self) {
        *self = Work::default();
    }
}

impl Session {
    /// Refuses everything but the end of a failed transaction.
    pub(super) fn check_not_failed(&self) -> Result<()> {
        if self.block.block() == Block::Failed {
            let message = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(PgError::new(SqlState::FAILED_TRANSACTION, message));
        }
        Ok(())
    }

    /// Puts the statements that follow into one transaction, unless they are in one.
    pub(super) fn begin_implicit(&mut self) {
        if self.block.block() == Block::None {
            self.block.block = Block::Implicit;
            self.begin_settings();
        }
    }

    fn begin_settings(&mut self) {
        self.settings.begin();
        if self.settings.is_on("default_transaction_read_only") {
            // Known to be a setting that takes this value.
            if let Err(error) = self.settings.set("transaction_read_only", "on", Scope::Local) {
                tracing::error!(%error, "a transaction could not be made read-only");
            }
        }
    }

    /// `BEGIN`, `START TRANSACTION`.
    pub(super) fn do_begin(&mut self, modes: &[TransactionMode], tag: &str) -> Result<Outcome> {
        match self.block.block() {
            Block::Explicit | Block::Failed => {
                self.check_not_failed()?;
                self.warn(SqlState::ACTIVE_TRANSACTION, "there is already a transaction in progress");
            }
            Block::None | Block::Implicit => {
                let was = self.block.block();
                if was == Block::None {
                    self.begin_settings();
                }
                self.block.block = Block::Explicit;
                if let Err(error) = self.set_transaction(modes, false) {
                    self.block.block = was;
                    if was == Block::None {
                        self.settings.end(false);
                    }
                    return Err(error);
                }
            }
        }
        Ok(Outcome::done(tag))
    }

    /// `COMMIT`, `END`; of a failed transaction: `ROLLBACK`, as PostgreSQL.
    pub(super) async fn do_commit(&mut self, chain: bool) -> Result<Outcome> {
        match self.block.block() {
            Block::None => {
                self.warn(SqlState::NO_ACTIVE_TRANSACTION, "there is no transaction in progress");
                Ok(Outcome::done("COMMIT"))
            }
            Block::Failed => self.do_rollback(chain),
            Block::Implicit | Block::Explicit => {
                self.commit().await?;
                self.chain(chain);
                Ok(Outcome::done("COMMIT"))
            }
        }
    }

    /// Makes the open transaction durable. On an error nothing of it is kept, and it is over.
    pub(super) async fn commit(&mut self) -> Result<()> {
        let transaction = self.block.transaction.take();
        self.block.forget();
        self.drop_portals();
        let committed = match transaction {
            Some(transaction) => transaction.commit().await.map(|_| ()).map_err(PgError::from),
            None => Ok(()),
        };
        self.settings.end(committed.is_ok());
        committed
    }

    /// `ROLLBACK`, `ABORT`.
    pub(super) fn do_rollback(&mut self, chain: bool) -> Result<Outcome> {
        if self.block.block() == Block::None {
            self.warn(SqlState::NO_ACTIVE_TRANSACTION, "there is no transaction in progress");
            return Ok(Outcome::done("ROLLBACK"));
        }
        self.block.forget();
        self.drop_portals();
        self.settings.end(false);
        self.chain(chain);
        Ok(Outcome::done("ROLLBACK"))
    }

    fn chain(&mut self, chain: bool) {
        if chain {
            self.block.block = Block::Explicit;
            self.begin_settings();
        }
    }

    /// `SAVEPOINT name`.
    pub(super) fn do_savepoint(&mut self, name: &Ident) -> Result<Outcome> {
        self.need_explicit("SAVEPOINT")?;
        self.check_not_failed()?;
        if self.block.savepoints.len() >= SAVEPOINTS_MAX {
            let message = format!("a transaction may have {SAVEPOINTS_MAX} savepoints");
            return Err(PgError::new(SqlState::LIMIT_EXCEEDED, message));
        }
        let transaction = self.block.take(&self.user);
        let savepoint =
            Savepoint { name: folded(name), mark: transaction.mark(), settings: self.settings.mark() };
        self.block.put(transaction);
        self.block.savepoints.push(savepoint);
        Ok(Outcome::done("SAVEPOINT"))
    }

    /// `RELEASE name`: it and those after it are forgotten, what was done stays.
    pub(super) fn do_release(&mut self, name: &Ident) -> Result<Outcome> {
        self.need_explicit("RELEASE SAVEPOINT")?;
        self.check_not_failed()?;
        let at = self.find_savepoint(name)?;
        self.block.savepoints.truncate(at);
        Ok(Outcome::done("RELEASE"))
    }

    /// `ROLLBACK TO name`: also out of a failed transaction; the savepoint stays.
    pub(super) async fn do_rollback_to(&mut self, name: &Ident) -> Result<Outcome> {
        self.need_explicit("ROLLBACK TO SAVEPOINT")?;
        let at = self.find_savepoint(name)?;
        let mut transaction = self.block.take(&self.user);
        // The change that failed may have been ended half-way through a step.
        transaction.settled().await;
        if let Some(savepoint) = self.block.savepoints.get(at) {
            transaction.rollback_to(&savepoint.mark);
            self.settings.rollback_to(savepoint.settings);
        }
        self.block.put(transaction);
        self.block.savepoints.truncate(at + 1);
        self.block.block = Block::Explicit;
        Ok(Outcome::done("ROLLBACK"))
    }

    fn need_explicit(&self, what: &str) -> Result<()> {
        match self.block.block() {
            Block::Explicit | Block::Failed => Ok(()),
            _ => {
                let message = format!("{what} can only be used in transaction blocks");
                Err(PgError::new(SqlState::NO_ACTIVE_TRANSACTION, message))
            }
        }
    }

    fn find_savepoint(&self, name: &Ident) -> Result<usize> {
        let name = folded(name);
        let found = self.block.savepoints.iter().rposition(|s| s.name == name);
        found.ok_or_else(|| {
            PgError::new(SqlState::INVALID_SAVEPOINT, format!("savepoint \"{name}\" does not exist"))
        })
    }
}
