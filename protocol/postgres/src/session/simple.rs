//! The simple protocol: one text, any number of statements, each answered in full, then `ReadyForQuery`.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Statement;
use pgwire::messages::response::EmptyQueryResponse;

use super::{Block, Outcome, Session, statement};
use crate::{
    encode,
    error::{PgError, Result},
    parse,
    sqlstate::SqlState,
};

impl Session {
    /// Answers a `Query`. Only fatal errors come back.
    pub(super) async fn on_query(&mut self, text: &str) -> Result<()> {
        self.portals.remove("");
        self.prepared.remove("");
        self.begin_statement();
        if let Err(error) = self.run_script(text).await {
            if error.is_fatal() {
                return Err(error);
            }
            self.fail(&error);
        }
        self.tell_settings();
        if !self.block.is_open() {
            self.drop_portals();
        }
        self.ready();
        Ok(())
    }

    /// Several statements are one transaction, as in PostgreSQL: an error in one undoes those before it.
    async fn run_script(&mut self, text: &str) -> Result<()> {
        let statements = parse::parse(text, self.limits.statement_bytes_max)?;
        if statements.is_empty() {
            self.wire.put(&EmptyQueryResponse::new());
            return Ok(());
        }
        let is_script = statements.len() > 1;
        let count = statements.len();
        for (at, next) in statements.into_iter().enumerate() {
            if at > 0 {
                self.begin_statement();
            }
            if is_script && !statement::is_transaction_control(&next) {
                self.begin_implicit();
            }
            let is_last = at + 1 == count;
            self.run_statement(next, is_last).await?;
        }
        Ok(())
    }

    async fn run_statement(&mut self, next: Statement, is_last: bool) -> Result<()> {
        if !matches!(next, Statement::Prepare { .. }) && parse::count_parameters(&next)? > 0 {
            return Err(PgError::new(SqlState::UNDEFINED_PARAMETER, "there is no parameter $1"));
        }
        let tag = match self.execute(&Arc::new(next), &[]).await? {
            Outcome::Done(tag) => tag,
            Outcome::Rows(mut rows, tag) => {
                let columns = encode::columns_of(&rows.schema);
                self.send_columns(&columns);
                let sent = self.send_rows(&mut rows, &columns, 0).await?;
                tag.text(sent)
            }
            Outcome::Fetch { cursor, rows_max } => {
                let columns = self.cursor_columns(&cursor, &[]).await?;
                self.send_columns(&columns);
                self.send_fetched(&cursor, rows_max, &columns).await?
            }
        };
        // The last statement is told to be done when its transaction is durable, not before.
        if is_last && self.block.block() == Block::Implicit {
            self.commit().await?;
        }
        self.send_tag(tag);
        Ok(())
    }
}
