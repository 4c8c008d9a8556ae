//! INSERT, UPDATE and DELETE as changes.
//!
//! Every one of them is a question first (which records, which new values), asked over the session's views on the transaction's own state; its
//! rows become [`quarry_engine::Change`]s and go through the engine's pipeline. `RETURNING` is a question after it. A statement outside a
//! transaction is one by itself: question, changes and commit, done again when another commit came between.

mod ast;
mod cell;
mod conflict;
mod delete;
mod insert;
mod returning;
mod shape;
mod target;
mod update;
mod value;

use std::time::Duration;

use datafusion::{scalar::ScalarValue, sql::sqlparser::ast::Statement};
use quarry_engine::{Applied, Change, Error, Transaction};

pub use cell::evaluate;
pub use shape::{hints, question_of, returning_of};

use crate::{
    error::{PgError, Result},
    session::{Outcome, Session},
    sqlstate::SqlState,
};

/// How often a statement that is its own transaction is tried when commits of others come between.
const ATTEMPTS: u32 = 10;

/// Does a change. Its answer (rows of RETURNING, or the count) is told when it is durable, or part of the open transaction.
///
/// # Errors
///
/// Of every kind of the engine; `25006` in a read-only transaction.
pub async fn run(session: &mut Session, statement: &Statement, values: &[ScalarValue]) -> Result<Outcome> {
    let is_open = session.block.is_open();
    let read_only = if is_open { "transaction_read_only" } else { "default_transaction_read_only" };
    if session.settings.is_on(read_only) {
        let message = format!("cannot execute {} in a read-only transaction", word_of(statement));
        return Err(PgError::new(SqlState::READ_ONLY_TRANSACTION, message));
    }
    let done = if is_open {
        let mut transaction = session.block.take(&session.user);
        let done = change(session, &mut transaction, statement, values).await;
        session.block.put(transaction);
        done
    } else {
        alone(session, statement, values).await
    };
    session.tell_warnings();
    done
}

/// Does a change as a transaction of its own.
async fn alone(session: &mut Session, statement: &Statement, values: &[ScalarValue]) -> Result<Outcome> {
    let mut attempt = 1;
    loop {
        session.forget_warnings();
        let mut transaction = session.user.begin();
        let outcome = change(session, &mut transaction, statement, values).await?;
        // From here on it may be kept, and nothing ends it any more.
        session.guard.check()?;
        match transaction.commit().await.map_err(PgError::from) {
            Ok(_) => return Ok(outcome),
            Err(error) if attempt < ATTEMPTS && may_pass(statement, &error) => {
                tokio::time::sleep(Duration::from_millis(u64::from(attempt))).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether it may be done on a newer state: others changed the same records meanwhile, or took a value of which ON CONFLICT
/// says what to do when it is taken.
fn may_pass(statement: &Statement, error: &PgError) -> bool {
    let says_what_then = matches!(statement, Statement::Insert(insert) if insert.on.is_some());
    error.state == SqlState::SERIALIZATION_FAILURE
        || says_what_then && error.state == SqlState::UNIQUE_VIOLATION
}

async fn change(
    session: &mut Session,
    transaction: &mut Transaction,
    statement: &Statement,
    values: &[ScalarValue],
) -> Result<Outcome> {
    match statement {
        Statement::Insert(insert) => insert::run(session, transaction, insert, values).await,
        Statement::Update(update) => update::run(session, transaction, update, values).await,
        Statement::Delete(delete) => delete::run(session, transaction, delete, values).await,
        other => Err(crate::session::refuse(other)),
    }
}

fn word_of(statement: &Statement) -> &'static str {
    match statement {
        Statement::Insert(_) => "INSERT",
        Statement::Update(_) => "UPDATE",
        _ => "DELETE",
    }
}

/// Runs changes, and tells the records that they made, changed or deleted.
async fn apply(
    session: &mut Session,
    transaction: &mut Transaction,
    changes: Vec<Change>,
) -> Result<Vec<String>> {
    session.guard.check()?;
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let applied = applied(session, transaction, changes).await?;
    told(session, applied)
}

/// What comes of changes, unless the statement is ended from outside first: then nothing of them is done.
async fn applied(
    session: &mut Session,
    transaction: &mut Transaction,
    changes: Vec<Change>,
) -> Result<std::result::Result<Applied, Error>> {
    session.wait(async { Ok(transaction.apply(changes).await) }).await
}

/// What became of changes, beside what they met on the way.
fn told(session: &mut Session, applied: std::result::Result<Applied, Error>) -> Result<Vec<String>> {
    match applied {
        Ok(Applied { outcomes, warnings }) => {
            session.keep_warnings(warnings);
            Ok(outcomes.into_iter().flat_map(|outcome| outcome.ids).collect())
        }
        Err(mut error) => {
            session.keep_warnings(error.warnings.take().map(|warnings| *warnings).unwrap_or_default());
            Err(error.into())
        }
    }
}
