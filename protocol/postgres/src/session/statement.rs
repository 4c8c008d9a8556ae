//! What kind a statement is, and who answers it.

use std::sync::Arc;

use datafusion::{scalar::ScalarValue, sql::sqlparser::ast::Statement};

use super::{Outcome, Session, setting};
use crate::{
    dml,
    error::{PgError, Result},
};

/// The way to change what may be kept.
const PUBLISH: &str = "objects and fields come from packages: change the package and publish it";

/// Statements that begin or end a transaction themselves.
pub fn is_transaction_control(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { savepoint: None, .. }
    )
}

/// Statements that are answered in a failed transaction.
pub fn ends_transaction(statement: &Statement) -> bool {
    matches!(statement, Statement::Commit { .. } | Statement::Rollback { .. })
}

/// Statements that change records.
pub fn is_change(statement: &Statement) -> bool {
    matches!(statement, Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_))
}

/// Statements that only read, and whose rows may be begun before they are asked for.
pub fn is_query(statement: &Statement) -> bool {
    matches!(statement, Statement::Query(_))
}

impl Session {
    /// Does a statement. What it answers is still to be sent.
    ///
    /// # Errors
    ///
    /// Of every kind; what that does to the transaction is the caller's part.
    pub(super) async fn execute(
        &mut self,
        statement: &Arc<Statement>,
        values: &[ScalarValue],
    ) -> Result<Outcome> {
        if !ends_transaction(statement) {
            self.check_not_failed()?;
        }
        if !is_work(statement) {
            return self.do_statement(statement, values).await;
        }
        self.turn = Some(self.begin_request().await?);
        // A change holds much; what it holds need not lie on the stack of all that is above it.
        let done = Box::pin(self.do_statement(statement, values)).await;
        self.turn = None;
        done
    }

    async fn do_statement(&mut self, statement: &Arc<Statement>, values: &[ScalarValue]) -> Result<Outcome> {
        match statement.as_ref() {
            Statement::Query(_) => self.do_query(statement, values).await,
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                dml::run(self, statement, values).await
            }
            Statement::Explain { .. } => self.do_explain(statement, values).await,
            Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Savepoint { .. }
            | Statement::ReleaseSavepoint { .. } => self.do_transaction(statement).await,
            Statement::Execute { .. } => Box::pin(self.do_execute(statement)).await,
            _ => self.do_control(statement).await,
        }
    }

    async fn do_transaction(&mut self, statement: &Statement) -> Result<Outcome> {
        match statement {
            Statement::StartTransaction { modes, begin, .. } => {
                self.do_begin(modes, if *begin { "BEGIN" } else { "START TRANSACTION" })
            }
            Statement::Commit { chain, .. } => self.do_commit(*chain).await,
            Statement::Rollback { savepoint: Some(name), .. } => self.do_rollback_to(name).await,
            Statement::Rollback { chain, .. } => self.do_rollback(*chain),
            Statement::Savepoint { name } => self.do_savepoint(name),
            Statement::ReleaseSavepoint { name } => self.do_release(name),
            other => Err(refuse(other)),
        }
    }

    async fn do_control(&mut self, statement: &Statement) -> Result<Outcome> {
        match statement {
            Statement::Set(set) => self.do_set(set),
            Statement::Reset(reset) => self.do_reset(&reset.reset),
            Statement::ShowVariable { variable } => self.do_show(variable),
            Statement::Discard { object_type } => self.do_discard(*object_type),
            Statement::Prepare { name, data_types, statement } => {
                self.do_prepare(name, data_types, statement).await
            }
            Statement::Deallocate { name, .. } => self.do_deallocate(name),
            Statement::Declare { stmts } => self.do_declare(stmts).await,
            Statement::Fetch { name, direction, .. } => self.do_fetch(name, direction),
            Statement::Close { cursor } => self.do_close(cursor),
            Statement::UNLISTEN { .. } => Ok(Outcome::done("UNLISTEN")),
            // Records are kept compact, and what plans need to know is counted, by the store itself.
            Statement::Vacuum(_) => Ok(Outcome::done("VACUUM")),
            Statement::Analyze(_) => Ok(Outcome::done("ANALYZE")),
            other => Err(refuse(other)),
        }
    }
}

/// Why a statement is not done here, and the way to do it.
pub fn refuse(statement: &Statement) -> PgError {
    let text = statement.to_string();
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    let what = match statement {
        Statement::Call(_) => "CALL".to_owned(),
        _ => words.join(" ").to_ascii_uppercase(),
    };
    let hint = match statement {
        Statement::Truncate(_) => "use DELETE FROM: each record goes through its rules",
        Statement::Copy { .. } => "use INSERT, or `quarry import` and `quarry export`",
        Statement::LISTEN { .. } | Statement::NOTIFY { .. } => {
            "change events are not sent over this protocol yet"
        }
        Statement::Lock(_) | Statement::LockTables { .. } => {
            "nothing waits for a lock: a conflicting commit is refused with 40001, run it again"
        }
        Statement::Call(_) => {
            "actions are done over HTTP (POST /api/v1/objects/{object}/{id}/actions/{action}) or as GraphQL mutations"
        }
        Statement::Merge(_) => "use INSERT … ON CONFLICT (…) DO UPDATE",
        Statement::Grant(_)
        | Statement::Revoke(_)
        | Statement::CreateRole(_)
        | Statement::AlterRole { .. } => "users are made with `quarry user add`",
        _ => PUBLISH,
    };
    PgError::unsupported(format!("{what} is not supported"), hint)
}

/// What holds a turn while it is done. A query takes its own, and holds it until its last row is there; `EXECUTE` and
/// `DECLARE` run one of these. A version may have to be compiled.
fn is_work(statement: &Statement) -> bool {
    match statement {
        Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => true,
        Statement::Set(set) => setting::names_version(set),
        _ => false,
    }
}
