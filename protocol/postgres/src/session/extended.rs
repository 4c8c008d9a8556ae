//! The extended protocol: Parse, Bind, Describe, Execute, Close, Sync. After an error everything up to the next Sync is passed over.

use std::sync::Arc;

use pgwire::messages::{
    extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended},
    response::EmptyQueryResponse,
};

use super::{Block, HELD_MAX, Outcome, Portal, PortalState, Prepared, Session, Tag, statement};
use crate::{
    encode::{Format, OutColumn},
    error::{PgError, Result},
    parameter, parse,
    sqlstate::SqlState,
    wire::{Bind, Target},
};

impl Session {
    /// `Parse`: reads a statement and settles the types of its parameters.
    pub(super) async fn on_parse(&mut self, name: String, text: &str, types: &[u32]) -> Result<()> {
        self.begin_statement();
        if name.is_empty() {
            self.prepared.remove("");
        }
        let prepared = self.read(text, types).await?;
        self.keep_prepared(name, prepared)?;
        self.wire.put(&ParseComplete::new());
        Ok(())
    }

    async fn read(&mut self, text: &str, types: &[u32]) -> Result<Arc<Prepared>> {
        // A transaction takes its state with the first statement that needs it.
        let views = (!self.block.is_open()).then(|| self.user.context().views);
        if let Some(known) = views.as_ref().and_then(|views| self.known.find(text, types, views)) {
            return Ok(known);
        }
        let mut statements = parse::parse(text, self.limits.statement_bytes_max)?;
        if statements.len() > 1 {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(PgError::new(SqlState::SYNTAX, message));
        }
        let prepared = Arc::new(self.prepare(statements.pop(), types).await?);
        if let Some(views) = views {
            self.known.keep(text, types, &views, &prepared);
        }
        Ok(prepared)
    }

    /// Keeps a prepared statement under its name.
    pub(super) fn keep_prepared(&mut self, name: String, prepared: Arc<Prepared>) -> Result<()> {
        if !name.is_empty() && self.prepared.contains_key(&name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(PgError::new(SqlState::DUPLICATE_STATEMENT, message));
        }
        if self.prepared.len() >= HELD_MAX {
            let message = format!("a connection may hold {HELD_MAX} prepared statements: close some");
            return Err(PgError::new(SqlState::LIMIT_EXCEEDED, message));
        }
        self.prepared.insert(name, prepared);
        Ok(())
    }

    /// `Bind`: gives a statement its values.
    pub(super) fn on_bind(&mut self, bind: Bind) -> Result<()> {
        let prepared = self.find_prepared(&bind.statement)?;
        if let Some(statement) = &prepared.statement
            && !statement::ends_transaction(statement)
        {
            self.check_not_failed()?;
        }
        if !bind.portal.is_empty() && self.portals.contains_key(&bind.portal) {
            let message = format!("cursor \"{}\" already exists", bind.portal);
            return Err(PgError::new(SqlState::DUPLICATE_CURSOR, message));
        }
        let values = parameter::decode_all(&bind, &prepared.parameters, self.settings.time_zone())?;
        self.keep_portal(
            bind.portal,
            Portal {
                prepared,
                values,
                result_formats: bind.result_formats,
                state: PortalState::New,
                is_held: false,
            },
        )?;
        self.wire.put(&BindComplete::new());
        Ok(())
    }

    pub(super) fn keep_portal(&mut self, name: String, portal: Portal) -> Result<()> {
        if self.portals.len() >= HELD_MAX {
            let message = format!("a connection may hold {HELD_MAX} portals: close some");
            return Err(PgError::new(SqlState::LIMIT_EXCEEDED, message));
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    pub(super) fn find_prepared(&self, name: &str) -> Result<Arc<Prepared>> {
        self.prepared.get(name).cloned().ok_or_else(|| {
            let message = format!("prepared statement \"{name}\" does not exist");
            PgError::new(SqlState::INVALID_STATEMENT_NAME, message)
        })
    }

    /// `Execute`: runs a portal, or goes on with it, for at most `rows_max` rows (0: all).
    pub(super) async fn on_execute(&mut self, name: &str, rows_max: usize) -> Result<()> {
        self.begin_statement();
        let mut portal = self.take_portal(name)?;
        let done = match self.check_portal(name, &portal) {
            Ok(()) => self.run_portal(&mut portal, rows_max).await,
            Err(error) => Err(error),
        };
        if done.is_err() {
            portal.end();
        }
        // A statement that ended the transaction (COMMIT) has ended this portal too; it is finished, so nothing is lost.
        self.portals.insert(name.to_owned(), portal);
        done
    }

    fn take_portal(&mut self, name: &str) -> Result<Portal> {
        self.portals.remove(name).ok_or_else(|| {
            PgError::new(SqlState::INVALID_CURSOR_NAME, format!("portal \"{name}\" does not exist"))
        })
    }

    /// Refuses to open one more named portal than may be open.
    fn check_portal(&self, name: &str, portal: &Portal) -> Result<()> {
        let is_query = portal.prepared.statement.as_ref().is_some_and(|next| statement::is_query(next));
        match portal.state {
            PortalState::New if is_query && !name.is_empty() => self.check_cursors(),
            _ => Ok(()),
        }
    }

    async fn run_portal(&mut self, portal: &mut Portal, rows_max: usize) -> Result<()> {
        let prepared = portal.prepared.clone();
        let Some(next) = &prepared.statement else {
            self.wire.put(&EmptyQueryResponse::new());
            return Ok(());
        };
        if matches!(portal.state, PortalState::New) {
            // What follows in the same pipeline belongs to the same transaction; a lone statement is one by itself, and is retried.
            if statement::is_change(next) && !self.wire.sync_is_next() {
                self.begin_implicit();
            }
            match self.execute(next, &portal.values).await? {
                Outcome::Done(tag) => {
                    portal.state = PortalState::Finished { tag: Tag::Fixed(tag.clone()) };
                    self.send_tag(tag);
                    return Ok(());
                }
                Outcome::Fetch { cursor, rows_max } => {
                    let columns = self.cursor_columns(&cursor, &portal.result_formats).await?;
                    let tag = self.send_fetched(&cursor, rows_max, &columns).await?;
                    portal.state = PortalState::Finished { tag: Tag::Fetch };
                    self.send_tag(tag);
                    return Ok(());
                }
                Outcome::Rows(rows, tag) => {
                    let columns = prepared.columns(&rows.schema, &portal.result_formats)?;
                    portal.state = PortalState::Open { rows, columns, tag };
                }
            }
        }
        self.send_portal(portal, rows_max).await
    }

    async fn send_portal(&mut self, portal: &mut Portal, rows_max: usize) -> Result<()> {
        let (sent, tag) = match &mut portal.state {
            PortalState::Open { rows, columns, tag } => {
                let sent = self.send_rows(rows, columns, rows_max).await?;
                (sent, tag.clone())
            }
            PortalState::Finished { tag } => (0, tag.clone()),
            PortalState::New => (0, Tag::Select),
            PortalState::Revoked => return Err(revoked()),
        };
        if rows_max > 0 && sent == rows_max {
            self.wire.put(&PortalSuspended::new());
            return Ok(());
        }
        portal.state = PortalState::Finished { tag: tag.clone() };
        self.send_tag(tag.text(sent));
        Ok(())
    }

    /// Opens a portal whose rows are wanted, if it is not open: then its columns are those of the rows.
    pub(super) async fn open_portal(&mut self, name: &str) -> Result<()> {
        let mut portal = self.take_portal(name)?;
        let opened = match self.check_portal(name, &portal) {
            Ok(()) => self.open_query(&mut portal).await,
            Err(error) => Err(error),
        };
        self.portals.insert(name.to_owned(), portal);
        opened
    }

    async fn open_query(&mut self, portal: &mut Portal) -> Result<()> {
        let prepared = portal.prepared.clone();
        let (PortalState::New, Some(next)) = (&portal.state, &prepared.statement) else { return Ok(()) };
        if !statement::is_query(next) {
            return Ok(());
        }
        if let Outcome::Rows(rows, tag) = self.execute(next, &portal.values).await? {
            let columns = prepared.columns(&rows.schema, &portal.result_formats)?;
            portal.state = PortalState::Open { rows, columns, tag };
        }
        Ok(())
    }

    /// `Close`: no error when there is nothing of that name.
    pub(super) fn on_close(&mut self, target: Target, name: &str) {
        match target {
            Target::Statement => drop(self.prepared.remove(name)),
            Target::Portal => drop(self.portals.remove(name)),
        }
        self.wire.put(&CloseComplete::new());
    }

    /// `Sync`: ends the pipeline, and the transaction that was opened around it.
    pub(super) async fn on_sync(&mut self) -> Result<()> {
        self.is_skipping = false;
        if self.block.block() == Block::Implicit
            && let Err(error) = self.commit().await
        {
            self.wire.put(&error.to_message());
        }
        if !self.block.is_open() {
            self.drop_portals();
        }
        self.tell_settings();
        self.ready();
        Ok(())
    }
}

/// Its rows were begun under other rights.
pub(super) fn revoked() -> PgError {
    let message = "what you may do was changed while the cursor was open: open it again";
    PgError::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
}

/// The columns in the formats that were asked for.
pub(super) fn formatted(mut columns: Vec<OutColumn>, codes: &[i16]) -> Result<Vec<OutColumn>> {
    let formats = Format::spread(codes, columns.len())?;
    for (column, format) in columns.iter_mut().zip(formats) {
        column.format = format;
    }
    Ok(columns)
}
