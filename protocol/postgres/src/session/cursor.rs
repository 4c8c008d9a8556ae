//! Cursors in SQL: DECLARE, FETCH, CLOSE. A cursor is a portal, so `Describe` and `Execute` of the protocol reach it too.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    CloseCursor, Declare, FetchDirection, Ident, Statement, Value, ValueWithSpan,
};

use super::{
    Outcome, Portal, PortalState, Prepared, Session, Tag,
    extended::{formatted, revoked},
};
use crate::{
    encode::{self, OutColumn},
    error::{PgError, Result},
    names::folded,
    sqlstate::SqlState,
};

impl Session {
    /// `DECLARE name CURSOR [WITH HOLD] FOR query`. The query begins at once; its rows wait.
    pub(super) async fn do_declare(&mut self, declared: &[Declare]) -> Result<Outcome> {
        let [Declare { names, binary, scroll, hold, for_query: Some(query), .. }] = declared else {
            return Err(PgError::new(SqlState::SYNTAX, "DECLARE takes one cursor with its query"));
        };
        let [name] = names.as_slice() else {
            return Err(PgError::new(SqlState::SYNTAX, "DECLARE takes one cursor"));
        };
        if *binary == Some(true) || *scroll == Some(true) {
            let hint = "declare a plain cursor: it reads forward, in text";
            return Err(PgError::unsupported("BINARY and SCROLL cursors are not supported", hint));
        }
        let is_held = *hold == Some(true);
        if !is_held && !self.block.is_open() {
            let message = "DECLARE CURSOR can only be used in transaction blocks";
            return Err(
                PgError::new(SqlState::NO_ACTIVE_TRANSACTION, message).with_hint("or declare it WITH HOLD")
            );
        }
        let name = folded(name);
        if self.portals.contains_key(&name) {
            let message = format!("cursor \"{name}\" already exists");
            return Err(PgError::new(SqlState::DUPLICATE_CURSOR, message));
        }
        self.check_cursors()?;
        let statement = Arc::new(Statement::Query(query.clone()));
        let Outcome::Rows(rows, _) = self.do_query(&statement, &[]).await? else {
            return Err(PgError::new(SqlState::SYNTAX, "a cursor takes a query"));
        };
        let columns = encode::columns_of(&rows.schema).into();
        let portal = Portal {
            prepared: Arc::new(Prepared::new(Some(statement), Vec::new())),
            values: Vec::new(),
            result_formats: Vec::new(),
            state: PortalState::Open { rows, columns, tag: Tag::Select },
            is_held,
        };
        self.keep_portal(name, portal)?;
        Ok(Outcome::done("DECLARE CURSOR"))
    }

    /// `FETCH n FROM name`, forward only.
    pub(super) fn do_fetch(&mut self, name: &Ident, direction: &FetchDirection) -> Result<Outcome> {
        let rows_max = match direction {
            FetchDirection::Next | FetchDirection::Forward { limit: None } => Some(1),
            FetchDirection::Count { limit } | FetchDirection::Forward { limit: Some(limit) } => {
                Some(count_of(limit)?)
            }
            FetchDirection::All | FetchDirection::ForwardAll => None,
            _ => return Err(PgError::new(SqlState::WRONG_OBJECT_TYPE, "cursor can only scan forward")),
        };
        let cursor = folded(name);
        self.find_cursor(&cursor)?;
        Ok(Outcome::Fetch { cursor, rows_max })
    }

    /// Refuses to open one more cursor or named portal than may be open. What an open one keeps (a snapshot, sorted rows)
    /// is kept until its client goes on, so their number is bounded. The unnamed portal is one at most.
    pub(super) fn check_cursors(&self) -> Result<()> {
        let open = |(name, portal): &(&String, &Portal)| {
            !name.is_empty() && matches!(&portal.state, PortalState::Open { rows, .. } if rows.is_open())
        };
        let max = self.limits.cursors_max;
        if self.portals.iter().filter(open).count() < max {
            return Ok(());
        }
        let message =
            format!("a connection may have {max} cursors open: close some, or read them to their end");
        Err(PgError::new(SqlState::LIMIT_EXCEEDED, message))
    }

    fn find_cursor(&self, name: &str) -> Result<&Portal> {
        self.portals.get(name).ok_or_else(|| {
            PgError::new(SqlState::INVALID_CURSOR_NAME, format!("cursor \"{name}\" does not exist"))
        })
    }

    /// The columns of a cursor, in the formats asked for.
    pub(super) async fn cursor_columns(&mut self, name: &str, codes: &[i16]) -> Result<Vec<OutColumn>> {
        self.find_cursor(name)?;
        self.open_portal(name).await?;
        match &self.find_cursor(name)?.state {
            PortalState::Open { columns, .. } => formatted(columns.to_vec(), codes),
            PortalState::Revoked => Err(revoked()),
            _ => Err(PgError::new(SqlState::INVALID_CURSOR_NAME, format!("cursor \"{name}\" holds no rows"))),
        }
    }

    /// Sends the next rows of a cursor.
    pub(super) async fn send_fetched(
        &mut self,
        name: &str,
        rows_max: Option<usize>,
        columns: &[OutColumn],
    ) -> Result<String> {
        let Some(mut portal) = self.portals.remove(name) else { return Ok(Tag::Fetch.text(0)) };
        let sent = match (&mut portal.state, rows_max) {
            (PortalState::Revoked, _) => Err(revoked()),
            (_, Some(0)) => Ok(0),
            (PortalState::Open { rows, .. }, limit) => {
                self.send_rows(rows, columns, limit.unwrap_or(0)).await
            }
            _ => Ok(0),
        };
        if sent.is_err() {
            portal.end();
        }
        self.portals.insert(name.to_owned(), portal);
        Ok(Tag::Fetch.text(sent?))
    }

    /// `CLOSE name`, `CLOSE ALL`.
    pub(super) fn do_close(&mut self, cursor: &CloseCursor) -> Result<Outcome> {
        match cursor {
            CloseCursor::All => {
                self.portals.clear();
                Ok(Outcome::done("CLOSE CURSOR ALL"))
            }
            CloseCursor::Specific { name } => {
                let name = folded(name);
                self.find_cursor(&name)?;
                self.portals.remove(&name);
                Ok(Outcome::done("CLOSE CURSOR"))
            }
        }
    }
}

impl Portal {
    /// Ends its query: an error has come between its rows.
    pub(super) fn end(&mut self) {
        if let PortalState::Open { tag, .. } = &self.state {
            self.state = PortalState::Finished { tag: tag.clone() };
        }
    }
}

fn count_of(limit: &ValueWithSpan) -> Result<usize> {
    match &limit.value {
        Value::Number(digits, _) => digits.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| PgError::new(SqlState::SYNTAX, "FETCH takes a number of rows"))
}
